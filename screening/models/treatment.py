"""What was done with needles, and what went wrong. Rows are written once; a correction is another row."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import Role, User, Visit
from clinic.storage.append_only import AppendOnly
from clinic.storage.encrypted_fields import EncryptedText
from screening.domain.adverse_events import HARM_WORDS, REACTION_WORDS, WORDS, EventKind, Harm, Reaction


class Session(AppendOnly):
    """One treatment of a visit. The latest of a visit counts."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="sessions")
    number = models.PositiveSmallIntegerField(default=1)
    plan = models.ForeignKey("screening.Plan", on_delete=models.PROTECT, related_name="+")
    regions = models.JSONField()  # public names with sides, none beyond the plan's: ["left_calf"]
    technique = models.CharField(max_length=20)  # the plan's
    electro = models.BooleanField("electrical stimulation")
    needles_in = models.PositiveSmallIntegerField()
    needles_out = models.PositiveSmallIntegerField()
    missing = EncryptedText(
        "what was done about a needle that was not found", of="visit.patient", row=("visit", "number"), blank=True
    )
    reaction = models.CharField(
        max_length=10, choices=[(reaction.value, REACTION_WORDS[reaction]) for reaction in Reaction]
    )
    reaction_text = EncryptedText(of="visit.patient", row=("visit", "number"), blank=True)
    treated_at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["visit", "number"], name="sessions_are_numbered"),
            models.CheckConstraint(
                condition=models.Q(needles_out=models.F("needles_in"), missing="")
                | (models.Q(needles_out__lt=models.F("needles_in")) & ~models.Q(missing="")),
                name="every_needle_is_accounted_for",
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.number} of {self.visit_id}"

    @classmethod
    def of(cls, visit: Visit) -> Session | None:
        """Return the latest record of a visit's treatment, or ``None``."""
        return cls.objects.filter(visit=visit).select_related("by").order_by("number").last()

    @property
    def not_found(self) -> int:
        """How many needles went in and did not come out."""
        return self.needles_in - self.needles_out


class AdverseEventQuerySet(models.QuerySet["AdverseEvent"]):
    def that_count(self) -> AdverseEventQuerySet:
        """Leave out events that were recorded in error."""
        return self.exclude(notes__kind=EventNote.Kind.IN_ERROR.value)


class AdverseEvent(AppendOnly):
    """Something that went wrong with a treatment, or after it."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="adverse_events")
    session = models.ForeignKey(Session, on_delete=models.PROTECT, null=True, related_name="adverse_events")
    kind = models.CharField(max_length=15, choices=[(kind.value, WORDS[kind]) for kind in EventKind])
    harm = models.CharField(max_length=10, choices=[(harm.value, HARM_WORDS[harm]) for harm in Harm])
    began_on = models.DateField()
    what = EncryptedText("what happened", of="visit.patient", row=("visit", "kind"))
    done = EncryptedText("what was done", of="visit.patient", row=("visit", "kind"), blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    objects = AdverseEventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=~models.Q(what=""), name="an_event_says_what_happened")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.visit_id}"

    @property
    def in_error(self) -> bool:
        """Whether it was recorded in error; then it stays on record but does not count."""
        return any(note.kind == EventNote.Kind.IN_ERROR for note in self.notes.all())


class EventNote(AppendOnly):
    """A note on an adverse event: how it went on, or that it was recorded in error."""

    class Kind(models.TextChoices):
        FOLLOW_UP = "follow_up", "How it goes on"
        IN_ERROR = "in_error", "Recorded in error"

    event = models.ForeignKey(AdverseEvent, on_delete=models.PROTECT, related_name="notes")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = EncryptedText(of="event.visit.patient", row=("event",))
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, default=Role.PRACTITIONER.value)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=~models.Q(text=""), name="a_note_says_something")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.event_id}"
