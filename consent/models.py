"""What was agreed. Every row is written once; what comes after is another row."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import Hold, User, Visit, WrittenOnce
from screening.models import Plan, Screening


class Given(WrittenOnce):
    """Consent as given on the tablet: what was on the screen, what was acknowledged, on which tablet."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="given")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="given")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="given")
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="given")
    statement = models.JSONField()  # the text in full, as `statement.Statement.to_json` writes it
    statement_version = models.CharField(max_length=40)
    statement_sha256 = models.CharField(max_length=64)
    acknowledged = models.JSONField()  # [{"name": …, "text": …}]: what was ticked, as worded
    choices = models.JSONField()  # {"students": false, "observers": false}
    named = models.JSONField(default=dict)  # of the plan, what the text named: regions, technique, electro
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "given"

    def __str__(self) -> str:
        return f"given for {self.visit_id}"

    @classmethod
    def of(cls, visit: Visit) -> Given | None:
        """Return the visit's consent that was given and not voided since, or nothing."""
        return cls.objects.filter(visit=visit, voiding=None).order_by("id").last()


class Signature(WrittenOnce):
    """One signature under what was given."""

    class Capacity(models.TextChoices):
        PATIENT = "patient", "the patient"
        GUARDIAN = "guardian", "the guardian"
        ASSENT = "assent", "the young person's own assent"

    class Method(models.TextChoices):
        DRAWN = "drawn", "drawn"
        TYPED = "typed", "typed"

    given = models.ForeignKey(Given, on_delete=models.PROTECT, related_name="signatures")
    capacity = models.CharField(max_length=10, choices=Capacity.choices)
    name = models.CharField(max_length=200)
    relationship = models.CharField(max_length=100, blank=True)  # of a guardian
    method = models.CharField(max_length=10, choices=Method.choices)
    strokes = models.JSONField(default=list)  # of a drawing: [[[x, y, ms], …], …] in the fixed box
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["given", "capacity"], name="one_signature_a_capacity")]

    def __str__(self) -> str:
        return f"{self.capacity} under {self.given_id}"


class Voiding(WrittenOnce):
    """A consent that was given and no longer stands: an answer or the plan changed."""

    given = models.OneToOneField(Given, on_delete=models.PROTECT, related_name="voiding")
    why = models.CharField(max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.given_id} voided"


class Consent(WrittenOnce):
    """Consent confirmed in the room: the record, frozen, with its digest. The file is another row."""

    visit = models.OneToOneField(Visit, on_delete=models.PROTECT, related_name="consent")
    given = models.OneToOneField(Given, on_delete=models.PROTECT, related_name="consent")
    record = models.BinaryField()  # canonical bytes (RFC 8785)
    sha256 = models.CharField(max_length=64, unique=True)  # of `record`, in hex
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"consent {self.pk}"


class SealedFile(WrittenOnce):
    """The sealed PDF of a consent, opened again and checked before this row was written."""

    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="sealed")
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64, unique=True)  # of `pdf`, in hex
    certificate_sha256 = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"sealed {self.consent_id}"
