"""Tablets, and the hold of a tablet on one visit."""

from __future__ import annotations

import base64
import datetime as dt
import secrets

from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from clinic.domain.digests import sha256
from clinic.domain.policy import Policy
from clinic.models.sites import FIRST, Site
from clinic.models.staff import User
from clinic.storage.append_only import FrozenWhenSet

CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
CODE_LIFE = dt.timedelta(minutes=10)
CODE_TRIES = 5
TOKEN_LIFE = dt.timedelta(days=1)
TOKEN_GRACE = dt.timedelta(minutes=5)  # for requests that were on their way when the token was renewed
LATE = dt.timedelta(seconds=15)  # the tablet counts from when it got the page, the server from the request
TOUCH_EVERY = dt.timedelta(seconds=5)


def next_token(token: str) -> str:
    """Return the token that follows this one (256 bits).

    It is the same each time, so that a renewal whose response was lost, or that two requests asked for, can be
    repeated. The database alone is not enough to work it out.
    """
    mac = salted_hmac("clinic.tablet.token", token, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def read_code(typed: str) -> str:
    """Return a typed pairing code in its canonical form: no spaces or dashes, look-alikes folded."""
    letters = typed.upper().replace("-", "").replace(" ", "")
    return letters.translate(str.maketrans("ILOU", "110V"))


class TabletQuerySet(models.QuerySet["Tablet"]):
    def of(self, site: int | None) -> TabletQuerySet:
        """The devices of one clinic."""
        return self.filter(site=site)

    def of_the_clinic(self) -> TabletQuerySet:
        """The clinic's own tablets: not a staff member's device that was lent once, not a patient's phone."""
        return self.filter(kind=Tablet.Kind.CLINIC.value)

    def active(self) -> TabletQuerySet:
        """Devices of any kind that carry a cookie of ours and were not turned away."""
        return self.filter(revoked_at=None, token_sha256__isnull=False)

    def paired(self) -> TabletQuerySet:
        """Tablets of the clinic that may be handed over."""
        return self.of_the_clinic().active()

    def with_token(self, token: str) -> Tablet | None:
        """Return the device that holds this cookie, or ``None``."""
        return self.active().filter(token_sha256=sha256(token)).first() if token else None


class Tablet(models.Model):
    """A device that may show a visit. Its cookie names it and nothing else; the server knows what it shows."""

    class Kind(models.TextChoices):
        CLINIC = "clinic", "the clinic's tablet"
        LENT = "lent", "a staff member's own device, lent for one visit"
        PHONE = "phone", "the patient's own phone"

    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.CLINIC.value, editable=False)
    name = models.CharField(max_length=60, unique=True)
    token_sha256 = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001 (unique)
    code_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    code_expires_at = models.DateTimeField(null=True, editable=False)
    code_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    token_at = models.DateTimeField(null=True, editable=False)
    token_seen_at = models.DateTimeField(null=True, editable=False)  # when the token first came back
    paired_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    replayed_at = models.DateTimeField(null=True, editable=False)  # when a token came back that was long renewed
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, default=FIRST, related_name="+", editable=False)

    objects = TabletQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def hold(self) -> Hold | None:
        """The current hold of this tablet, with its visit, but not its patient, whom most pages do not need."""
        return self.holds.filter(ended_at=None).select_related("visit").first()

    @property
    def is_due(self) -> bool:
        """Whether its token is a day old, or from before the end of a hold."""
        old = self.token_at is None or self.token_at <= timezone.now() - TOKEN_LIFE
        return old or self.holds.filter(ended_at__gt=self.token_at).exists()

    def new_code(self) -> str:
        """Make a pairing code (8 letters, ten minutes, five tries, one use), keep its hash and return it."""
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
        self.code_sha256, self.code_tries = sha256(code), 0
        self.code_expires_at = timezone.now() + CODE_LIFE
        self.save(update_fields=["code_sha256", "code_tries", "code_expires_at"])
        return code

    def new_token(self) -> str:
        """Make this tablet's cookie (256 bits), keep its hash and return it. The pairing code is used up."""
        token = secrets.token_urlsafe(32)
        self.spent_tokens.all().delete()  # of the device that it was before: they are no replay
        self.token_sha256, self.code_sha256, self.code_expires_at = sha256(token), "", None
        self.paired_at = self.token_at = timezone.now()
        self.revoked_at = self.replayed_at = self.token_seen_at = None
        self.save()
        return token

    def renew_token(self, token: str) -> str:
        """Replace ``token``, the one in force, by the next one, and return that."""
        fresh, now = next_token(token), timezone.now()
        renewed = Tablet.objects.filter(pk=self.pk, token_sha256=sha256(token))
        if renewed.update(token_sha256=sha256(fresh), token_at=now, token_seen_at=None):
            SpentToken.objects.create(tablet=self, token_sha256=sha256(token), spent_at=now)
        return fresh


class SpentToken(models.Model):
    """A token that was renewed. If it comes back later, somebody has a copy."""

    tablet = models.ForeignKey(Tablet, on_delete=models.CASCADE, related_name="spent_tokens")
    token_sha256 = models.CharField(max_length=64, unique=True)
    spent_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"an old token of {self.tablet_id}"


class HoldQuerySet(models.QuerySet["Hold"]):
    def now(self) -> HoldQuerySet:
        """Holds that have not ended."""
        return self.filter(ended_at=None)


class Hold(FrozenWhenSet):
    """One tablet showing one visit, from hand-over to return. Who handed it over is evidence, so rows stay."""

    final = "ended_at"
    open_fields = ("identified_at", "misses", "seen_at", "text_size", "contrast", "ended_at", "ended_why")

    class Purpose(models.TextChoices):
        VISIT = "visit", "to answer, read and sign"
        WITHDRAW = "withdraw", "to take consent back"

    class TextSize(models.TextChoices):
        NORMAL = "normal", "Normal"
        LARGE = "large", "Large"
        VERY_LARGE = "very_large", "Very large"

    class Contrast(models.TextChoices):
        NORMAL = "normal", "Normal"
        HIGH = "high", "High contrast"

    tablet = models.ForeignKey(Tablet, on_delete=models.PROTECT, related_name="holds")
    visit = models.ForeignKey("clinic.Visit", on_delete=models.PROTECT, related_name="holds")
    handed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    handed_at = models.DateTimeField(default=timezone.now)
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.VISIT.value)
    identified_at = models.DateTimeField(null=True)
    misses = models.PositiveSmallIntegerField(default=0)
    seen_at = models.DateTimeField(null=True)  # the patient's last act; polling is none
    # How the patient wants the pages to look; both are "" until chosen on this hold.
    text_size = models.CharField(max_length=10, choices=TextSize.choices, blank=True)
    contrast = models.CharField(max_length=10, choices=Contrast.choices, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=20, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tablet"], condition=models.Q(ended_at=None), name="one_visit_a_tablet"),
            models.UniqueConstraint(fields=["visit"], condition=models.Q(ended_at=None), name="one_tablet_a_visit"),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, ended_why="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(ended_why="")),
                name="hold_ends_when_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tablet} holds {self.visit_id}"

    @property
    def look(self) -> tuple[str, str]:
        """The text size and contrast last chosen in this visit, on whatever device; ``("", "")`` if none ever was."""
        if self.text_size and self.ended_at is None:  # a visit has one hold at a time, so nothing was chosen since
            return self.text_size, self.contrast
        chosen = Hold.objects.filter(visit=self.visit_id).exclude(text_size="").order_by("-handed_at", "-pk")
        return chosen.values_list("text_size", "contrast").first() or ("", "")

    def touch(self) -> None:
        """Note that the patient did something just now."""
        now = timezone.now()
        if self.seen_at is None or now - self.seen_at > TOUCH_EVERY:
            self.seen_at = now
            Hold.objects.now().filter(pk=self.pk).update(seen_at=now)

    def quiet_for(self) -> dt.timedelta:
        """Return how long the patient has done nothing; zero while they wait for help."""
        visit = self.visit
        if visit.urgent_at and not visit.urgent_taken_at:
            return dt.timedelta()
        acts = (self.handed_at, self.identified_at, self.seen_at, visit.urgent_taken_at)
        return timezone.now() - max(act for act in acts if act)

    def is_away(self, policy: Policy) -> bool:
        """Whether it locked, or must lock, because the patient did nothing until the countdown was over.

        A patient's own phone is not passed round, so it does not lock.
        """
        if self.ended_at or self.tablet.kind == Tablet.Kind.PHONE:
            return self.ended_why == "away"
        return self.quiet_for() > dt.timedelta(seconds=policy.locks_after) + LATE

    def end(self, why: str) -> None:
        """End this hold; ``why`` is one word.

        waiting, signed, stopped, time (wants more), away, returned, parked, moved, withdrawn or kept.
        """
        self.ended_at, self.ended_why = timezone.now(), why
        Hold.objects.filter(pk=self.pk, ended_at=None).update(ended_at=self.ended_at, ended_why=why)
