"""A practitioner's review: who has it, what they vouch for, how it ended."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.domain.dates import moment_in_words
from clinic.models import Role, User, Visit
from clinic.storage.append_only import AppendOnly, FrozenWhenSet
from clinic.storage.encrypted_fields import EncryptedJSON, EncryptedText
from screening.models.plan import Plan
from screening.models.screening import Screening


class Attestation(AppendOnly):
    """Something a practitioner vouches for. The latest of a kind counts, within its screening if it has one."""

    class Kind(models.TextChoices):
        QUESTIONS_ANSWERED = "questions_answered", "The patient's questions were answered"
        INTERPRETER = "interpreter", "An interpreter takes part"
        CONSENTS_ALONE = "consents_alone", "The young person may consent alone"
        TALK = "talk", "The talk took place"
        GUARDIAN = "guardian", "A parent or guardian decides with the patient"
        CAPACITY = "capacity", "With help, the patient can decide"
        VITALS = "vitals", "Pulse and blood pressure"

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="attestations")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, null=True, related_name="attestations")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # By kind, what `screening.domain.attestations` asks for; of a talk: teach_back, {prompt: result}.
    data = EncryptedJSON(of="visit.patient", row=("visit", "kind"), default=dict)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.visit_id}"


class ReviewOutcome(AppendOnly):
    """How a review of a screening ended."""

    class Ending(models.TextChoices):
        CONSENT = "consent", "Go on to consent"
        BACK = "back", "Back to the patient"
        STOPPED = "stopped", "Not treated today"

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="closings")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="+")
    ending = models.CharField(max_length=10, choices=Ending.choices)
    reason = EncryptedText(of="screening.visit.patient", row=("screening",), blank=True)
    come_back = EncryptedText(
        "when to come back", of="screening.visit.patient", row=("screening",), max_length=200, blank=True
    )
    ask_again = models.JSONField(default=list)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(ending="stopped") | ~models.Q(reason=""), name="stopped_for_a_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.ending}: {self.screening_id}"


class Claim(FrozenWhenSet):
    """One practitioner alone reviews this visit, until the review ends, they let go, or a colleague takes over.

    Rows are kept as evidence of who reviewed what.
    """

    final = "ended_at"
    open_fields = ("ended_at", "ended_why")

    class End(models.TextChoices):
        CLOSED = "closed", "the review ended"
        RELEASED = "released", "let go"
        TAKEN = "taken", "taken over by a colleague"

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="claims")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=10, choices=End.choices, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["visit"], condition=models.Q(ended_at=None), name="one_claim_a_visit"),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, ended_why="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(ended_why="")),
                name="a_claim_ends_when_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by_id} has {self.visit_id}"

    @property
    def since(self) -> str:
        """The time, with the date if it was not today."""
        return moment_in_words(timezone.localtime(self.at), timezone.localdate())

    @classmethod
    def of(cls, visit: Visit) -> Claim | None:
        """Return the visit's open claim, or ``None``."""
        return cls.objects.filter(visit=visit, ended_at=None).select_related("by").first()
