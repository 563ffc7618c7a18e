"""The journal: who did what, when, under which role. Rows are written once, in the transaction of what they tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from clinic.models.staff import Role, User
from clinic.models.written import WrittenOnce

if TYPE_CHECKING:
    from clinic.models.patients import Patient
    from clinic.models.tablets import Tablet
    from clinic.models.visits import Visit

# No names, no answers, no reasons in words: the journal outlives the erasure of what it speaks of.
ALLOWED_FIELDS = frozenset(
    {
        "count",
        "digest",
        "ending",
        "field",
        "flag",
        "from",
        "hold",
        "kind",
        "method",
        "number",
        "outcome",
        "plan",
        "question",
        "role",
        "screening",
        "setting",
        "stage",
        "staff",
        "to",
        "why",
    }
)


@dataclass(frozen=True)
class Actor:
    """Who acts: a staff member under one role, a tablet (whoever holds it), or the system itself."""

    user: User | None = None
    role: Role | None = None
    tablet: Tablet | None = None

    @property
    def kind(self) -> str:
        """``staff``, ``tablet`` or ``system``."""
        return "staff" if self.user else "tablet" if self.tablet else "system"

    @property
    def staff(self) -> User:
        """The staff member. Raise ``ValueError`` if someone else acts."""
        if self.user is None:
            raise ValueError(f"This act needs a staff member, not {self.kind}.")
        return self.user


SYSTEM = Actor()


class JournalQuerySet(models.QuerySet["Journal"]):
    def record(
        self, action: str, *, by: Actor, visit: Visit | None = None, patient: Patient | None = None, **data: Any
    ) -> Journal:
        """Write one row. ``data`` takes the allow-listed fields only; raise ``ValueError`` naming any other."""
        if unknown := set(data) - ALLOWED_FIELDS:
            raise ValueError(f"The journal does not take {', '.join(sorted(unknown))}.")
        return self.create(
            action=action,
            actor_kind=by.kind,
            user=by.user,
            role=by.role or "",
            tablet=by.tablet,
            visit=visit,
            patient=patient or (visit.patient if visit else None),
            data=data,
        )


class Journal(WrittenOnce):
    """One thing that happened."""

    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=10)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    role = models.CharField(max_length=20, blank=True)
    tablet = models.ForeignKey("clinic.Tablet", on_delete=models.PROTECT, null=True, related_name="+")
    visit = models.ForeignKey("clinic.Visit", on_delete=models.PROTECT, null=True, related_name="journal")
    patient = models.ForeignKey("clinic.Patient", on_delete=models.PROTECT, null=True, related_name="journal")
    data = models.JSONField(default=dict)

    objects = JournalQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "journal"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action}"
