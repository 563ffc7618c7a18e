"""What the rules raised, and what was decided about it. Rows are written once; the latest counts."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import Role, User
from clinic.storage.append_only import AppendOnly
from clinic.storage.encrypted_fields import EncryptedJSON, EncryptedText
from screening.models.plan import Plan
from screening.models.screening import Screening


class Flag(AppendOnly):
    """One raised rule with all its words at that time, because the rules may change."""

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="flags")
    key = models.CharField(max_length=600)  # `rules.Raised.key`
    question = models.CharField(max_length=40)
    severity = models.CharField(max_length=10)
    reason = EncryptedText(of="screening.visit.patient", row=("screening", "question"))
    source = models.JSONField()  # {"title": …, "edition": …, "link": …}
    regions = models.JSONField(default=list)
    never_cleared = models.BooleanField(default=False)  # only the patient can change it, by another answer
    precautions = models.JSONField(default=list)  # suggested, in words fit for the patient's text
    ask = models.JSONField(default=list)  # what the practitioner should find out next
    raised_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["screening", "key"], name="a_flag_is_raised_once")]

    def __str__(self) -> str:
        return f"{self.severity}: {self.question}"


class Assessment(AppendOnly):
    """One run of the rules over a screening and a plan: which flags stand from here on."""

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="assessments")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="assessments")
    rules_version = models.CharField(max_length=40)
    input_sha256 = models.CharField(max_length=64)  # `rules.RuleInput.digest`: what the rules looked at
    policy = models.JSONField()  # the settings that the rules used, by name
    on_record = EncryptedJSON(
        of="screening.visit.patient", row=("screening",), default=list
    )  # adverse events that the rules were given: event, day (ISO), what in words
    outcome = models.CharField(max_length=10)
    flags = models.ManyToManyField(Flag, related_name="assessments")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.outcome} of {self.screening_id}"


class Decision(AppendOnly):
    """What a practitioner decided about one flag, and why. The latest of a flag counts."""

    class Outcome(models.TextChoices):
        CLEARED = "cleared", "Cleared"
        PRECAUTION = "precaution", "Clear with a precaution"
        NOT_TODAY = "not_today", "Not today"

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    reason = EncryptedText(of="flag.screening.visit.patient", row=("flag",))
    precaution = EncryptedText(
        of="flag.screening.visit.patient", row=("flag",), blank=True
    )  # goes into the consent text and the PDF
    until = EncryptedText("what must be true first", of="flag.screening.visit.patient", row=("flag",), blank=True)
    # Going ahead against a stop asks for the password again; `None` for every other decision.
    identity_checked_at = models.DateTimeField(null=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(reason=""), name="a_decision_has_a_reason"),
            models.CheckConstraint(
                condition=models.Q(outcome="precaution") & ~models.Q(precaution="")
                | ~models.Q(outcome="precaution") & models.Q(precaution=""),
                name="a_precaution_is_worded",
            ),
            models.CheckConstraint(
                condition=models.Q(outcome="not_today") & ~models.Q(until="") | ~models.Q(outcome="not_today"),
                name="not_today_says_until_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.flag_id}"

    @property
    def goes_ahead(self) -> bool:
        """Whether it lets the treatment go on."""
        return self.outcome != self.Outcome.NOT_TODAY
