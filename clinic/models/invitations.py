"""An invitation to answer on one's own phone: a secret link to one visit, used once, and the device that used it."""

from __future__ import annotations

import datetime as dt
import secrets

from django.db import models
from django.utils import timezone

from clinic.domain.digests import sha256
from clinic.models.staff import User
from clinic.models.tablets import Tablet
from clinic.storage.append_only import FrozenWhenSet

DESK_LIFE = dt.timedelta(minutes=15)  # long enough to take out a phone, short enough for a picture of the screen
TRIES = 3


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def now(self) -> InvitationQuerySet:
        """Invitations that have not ended."""
        return self.filter(ended_at=None)

    def with_token(self, token: str) -> Invitation | None:
        """Return the invitation that this link opens now; ``None`` if it is unknown, used, ended or expired.

        Its row is locked, so that two devices cannot open it: call it inside a transaction.
        """
        waiting = self.now().filter(opened_at=None, expires_at__gt=timezone.now())
        rows = waiting.filter(token_sha256=sha256(token)).select_related("visit__patient")
        return rows.select_for_update(of=("self",)).first() if token else None


class Invitation(FrozenWhenSet):
    """One link to one visit. Who made it and how it travelled are evidence; the link itself is never kept."""

    final = "ended_at"
    open_fields = ("tries", "opened_at", "answered_at", "tablet", "ended_at", "ended_why")

    class How(models.TextChoices):
        DESK = "desk", "shown at the desk"
        EMAIL = "email", "sent by e-mail"

    class Why(models.TextChoices):
        TRIES = "tries", "three wrong dates of birth"
        REVOKED = "revoked", "taken back by staff"
        REPLACED = "replaced", "a newer link was made"
        MOVED = "moved", "a tablet was handed over"
        UNSENT = "unsent", "the e-mail could not be sent"

    visit = models.ForeignKey("clinic.Visit", on_delete=models.PROTECT, related_name="invitations")
    how = models.CharField(max_length=5, choices=How.choices)
    token_sha256 = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()  # until then it can be opened; what was opened lasts as long as the visit
    tries = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)
    tablet = models.OneToOneField(Tablet, on_delete=models.PROTECT, null=True, related_name="invitation")
    answered_at = models.DateTimeField(null=True)  # every question, away from the clinic
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=8, choices=Why.choices, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["visit"], condition=models.Q(ended_at=None), name="one_invitation_a_visit"),
            models.CheckConstraint(
                condition=models.Q(opened_at=None, tablet=None)
                | models.Q(opened_at__isnull=False, tablet__isnull=False),
                name="an_invitation_is_opened_on_a_device",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, ended_why="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(ended_why="")),
                name="invitation_ends_when_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.visit_id}"

    @staticmethod
    def new_token() -> str:
        """Return a new secret of 256 bits, fit for an address."""
        return secrets.token_urlsafe(32)

    @property
    def has_expired(self) -> bool:
        """Whether nobody opened it in time."""
        return self.opened_at is None and self.expires_at <= timezone.now()

    @property
    def is_over(self) -> bool:
        """Whether the device that opened it is turned away: it ended, or its visit did."""
        return self.ended_at is not None or not self.visit.is_open

    @property
    def is_by_email(self) -> bool:
        """Whether it is read away from the clinic."""
        return self.how == self.How.EMAIL
