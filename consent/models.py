"""What was agreed. Every row is written once; what comes after is another row."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import Hold, User, Visit, WrittenOnce
from clinic.models.encrypted import EncryptedBytes, EncryptedJSON, EncryptedText
from screening.models import Plan, Screening


class Given(WrittenOnce):
    """Consent as given on the tablet: what was on the screen, what was acknowledged, on which tablet."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="given")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="given")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="given")
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="given")
    statement = EncryptedJSON(
        of="visit.patient", row=("visit", "hold")
    )  # the text in full, as `statement.Statement.to_json` writes it
    statement_version = models.CharField(max_length=40)
    statement_sha256 = models.CharField(max_length=64)
    acknowledged = EncryptedJSON(
        of="visit.patient", row=("visit", "hold")
    )  # [{"name": …, "text": …}]: what was ticked, as worded
    choices = EncryptedJSON(of="visit.patient", row=("visit", "hold"))  # {"students": false, "observers": false}
    named = EncryptedJSON(
        of="visit.patient", row=("visit", "hold"), default=dict
    )  # of the plan, what the text named: regions, technique, electro
    # The consent that this only goes on with: a session of its course. Nothing for a consent in full.
    course = models.ForeignKey("Consent", on_delete=models.PROTECT, null=True, related_name="sessions")
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
        ASSISTED = "assisted", "with a member of staff’s help"
        TAPPED = "tapped", "said yes with a tap"  # at a session: nothing was drawn or typed

    class Did(models.TextChoices):
        SPOKE = "spoke", "said yes"
        NODDED = "nodded", "nodded or made a sign"
        MARKED = "marked", "made a mark"

    given = models.ForeignKey(Given, on_delete=models.PROTECT, related_name="signatures")
    capacity = models.CharField(max_length=10, choices=Capacity.choices)
    name = EncryptedText(of="given.visit.patient", row=("given", "capacity"), max_length=200)
    relationship = EncryptedText(
        of="given.visit.patient", row=("given", "capacity"), max_length=100, blank=True
    )  # of a guardian
    method = models.CharField(max_length=10, choices=Method.choices)
    strokes = EncryptedJSON(
        of="given.visit.patient", row=("given", "capacity"), default=list
    )  # of a drawing: [[[x, y, ms], …], …] in the fixed box
    # Of an assisted one: what the person did, and who saw it. The witness typed their own password for it.
    did = models.CharField(max_length=6, choices=Did.choices, blank=True)
    witness = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["given", "capacity"], name="one_signature_a_capacity"),
            models.CheckConstraint(
                condition=models.Q(method="assisted", witness__isnull=False) & ~models.Q(did="")
                | ~models.Q(method="assisted") & models.Q(witness=None, did=""),
                name="an_assisted_signature_has_a_witness",
            ),
        ]

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
    record = EncryptedBytes(of="visit.patient", row=("visit",))  # canonical bytes (RFC 8785)
    sha256 = models.CharField(max_length=64, unique=True)  # of `record`, in hex
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"consent {self.pk}"


class SealedFile(WrittenOnce):
    """The sealed PDF of a consent, opened again and checked before this row was written."""

    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="sealed")
    pdf = EncryptedBytes(of="consent.visit.patient", row=("consent",))
    sha256 = models.CharField(max_length=64, unique=True)  # of `pdf`, in hex
    certificate_sha256 = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"sealed {self.consent_id}"


class After(WrittenOnce):
    """What became of a consent: taken back, superseded, or entered in error. Its first file stays as it is.

    One taken back before it was confirmed has no file: its signature is voided, and this row says how and by whom.
    """

    class Kind(models.TextChoices):
        WITHDRAWN = "withdrawn", "Withdrawn"
        SUPERSEDED = "superseded", "Superseded"
        IN_ERROR = "in_error", "Entered in error"

    class Who(models.TextChoices):
        PATIENT = "patient", "the patient"
        GUARDIAN = "guardian", "a parent or guardian"
        REPRESENTATIVE = "representative", "a representative"

    class How(models.TextChoices):
        SPOKEN = "spoken", "in words"
        GESTURE = "gesture", "by a gesture"
        WRITTEN = "written", "in writing"
        TABLET = "tablet", "on the tablet"

    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, null=True, related_name="after")
    voiding = models.OneToOneField(Voiding, on_delete=models.PROTECT, null=True, related_name="after")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    who = models.CharField(max_length=14, choices=Who.choices, blank=True)
    name = EncryptedText(
        of="visit.patient", row=("consent", "voiding", "kind"), max_length=200, blank=True
    )  # of a guardian or representative
    how = models.CharField(max_length=7, choices=How.choices, blank=True)
    reason = EncryptedText(of="visit.patient", row=("consent", "voiding", "kind"), blank=True)
    replaced_by = models.ForeignKey(Consent, on_delete=models.PROTECT, null=True, related_name="replaces")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    role = models.CharField(max_length=20, blank=True)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()  # when it was said; the journal and `written_at` say when it was noted
    written_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "after"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["consent", "kind"], name="each_kind_comes_after_a_consent_once"),
            models.CheckConstraint(
                condition=models.Q(consent__isnull=False, voiding=None)
                | models.Q(consent=None, voiding__isnull=False, kind="withdrawn"),
                name="after_a_consent_or_a_voiding",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="withdrawn") & ~models.Q(who="") & ~models.Q(how="")
                | ~models.Q(kind="withdrawn") & models.Q(who="", how="", name=""),
                name="a_withdrawal_says_who_and_how",
            ),
            models.CheckConstraint(
                condition=models.Q(who__in=["", "patient"], name="")
                | ~models.Q(who__in=["", "patient"]) & ~models.Q(name=""),
                name="who_withdraws_for_another_is_named",
            ),
            models.CheckConstraint(
                condition=models.Q(how="tablet", hold__isnull=False, by=None, role="")
                | ~models.Q(how="tablet") & models.Q(hold=None, by__isnull=False) & ~models.Q(role=""),
                name="after_by_staff_or_on_a_tablet",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="withdrawn", replaced_by=None)
                | models.Q(kind="superseded", replaced_by__isnull=False)
                | ~models.Q(kind="withdrawn") & models.Q(replaced_by=None) & ~models.Q(reason=""),
                name="after_says_why",
            ),
            models.CheckConstraint(
                condition=models.Q(replaced_by=None) | ~models.Q(replaced_by=models.F("consent")),
                name="no_consent_replaces_itself",
            ),
        ]

    @property
    def visit(self) -> Visit:
        """The visit whose consent it was."""
        given = self.consent or (self.voiding.given if self.voiding else None)
        if given is None:
            raise ValueError("It comes after a consent, or the voiding of one.")
        return given.visit

    def __str__(self) -> str:
        return f"{self.kind}: {self.consent_id or self.voiding_id}"


class SealedAfter(WrittenOnce):
    """The sealed PDF of what came after, with the record it shows; opened again and checked before it was written."""

    after = models.OneToOneField(After, on_delete=models.PROTECT, related_name="sealed")
    record = EncryptedBytes(of="after.visit.patient", row=("after",))  # canonical bytes (RFC 8785)
    record_sha256 = models.CharField(max_length=64, unique=True)  # of `record`, in hex
    pdf = EncryptedBytes(of="after.visit.patient", row=("after",))
    sha256 = models.CharField(max_length=64, unique=True)  # of `pdf`, in hex
    certificate_sha256 = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"sealed {self.after_id}"


class Timestamp(WrittenOnce):
    """A timestamp of one sealed file, by another authority's clock: inside its seal, or the token kept here."""

    file_sha256 = models.CharField(max_length=64, unique=True)  # of the sealed PDF, in hex
    inside = models.BooleanField(default=False)
    token = models.BinaryField(null=True)  # RFC 3161, over the SHA-256; nothing when it is inside the seal
    at = models.DateTimeField()  # as the authority says
    authority = models.CharField(max_length=300)
    kept_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(inside=True, token=None) | models.Q(inside=False, token__isnull=False),
                name="a_token_is_inside_or_here",
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_sha256[:12]} at {self.at:%Y-%m-%d %H:%M}"


class Asked(models.Model):
    """How often one address asked the public page in one minute. Old rows go; no address is kept as such."""

    who = models.CharField(max_length=64)  # a keyed hash of the address
    minute = models.BigIntegerField()  # since 1970
    count = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["who", "minute"], name="one_count_a_minute")]
        verbose_name_plural = "asked"

    def __str__(self) -> str:
        return f"{self.count} in minute {self.minute}"


class Heartbeat(models.Model):
    """One row that `/readyz` writes, to know that the database can be written."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
