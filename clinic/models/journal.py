"""The journal: who did what, when, under which role. Rows are written once, in the transaction that they tell of.

They form a chain (``clinic.domain.hash_chain``), so that a row that is changed or taken out later shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Protocol

from django.db import models, transaction
from django.utils import timezone

from clinic.domain import hash_chain, journal_wording
from clinic.models.actors import Actor
from clinic.models.patients import Patient
from clinic.models.staff import User
from clinic.models.tablets import Tablet
from clinic.storage.append_only import AppendOnly

# No names, no answers, no reasons in words: the journal outlives the erasure of what it speaks of.
# A flag is named by its number, because which question raised it would say what was answered.
ALLOWED_FIELDS = frozenset(
    {
        "certificate",
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
        "role",
        "route",
        "screening",
        "setting",
        "stage",
        "staff",
        "to",
        "why",
    }
)


class OfAPatient(Protocol):
    """What a row keeps of a visit; ``clinic.models.visits`` itself writes here, so it cannot be imported."""

    @property
    def pk(self) -> int: ...
    @property
    def patient_id(self) -> int: ...


class _Row(Protocol):
    pk: Any


class _OfPatient(_Row, Protocol):
    patient_id: int


class JournalQuerySet(models.QuerySet["Journal"]):
    def record(
        self, action: str, *, by: Actor, visit: OfAPatient | None = None, patient: Patient | None = None, **data: Any
    ) -> Journal:
        """Write one row about a visit or a patient at the end of the chain, in the open transaction or one of its own.

        One transaction writes at a time (``transaction_mode`` on SQLite, ``clinic.storage.postgresql`` elsewhere), so
        that two rows cannot follow the same one. ``data`` takes the allow-listed fields only, with whole numbers and
        short texts; raise ``ValueError`` naming any other.
        """
        if unknown := set(data) - ALLOWED_FIELDS:
            raise ValueError(f"The journal does not take {', '.join(sorted(unknown))}.")
        plain = hash_chain.plain(data)
        subject = patient.pk if patient else visit.patient_id if visit else None
        with transaction.atomic(using=self.db, savepoint=False):
            last = self.head()
            row = hash_chain.ChainRow(
                seq=last.seq + 1,
                at=timezone.now(),
                action=action,
                actor_kind=by.kind,
                user=by.user.pk if by.user else None,
                role=str(by.role or ""),
                tablet=by.tablet.pk if by.tablet else None,
                visit=visit.pk if visit else None,
                patient=subject,
                data=plain,
                prev_hash=last.hash,
            )
            return self.create(
                seq=row.seq,
                at=row.at,
                action=row.action,
                actor_kind=row.actor_kind,
                user_id=row.user,
                role=row.role,
                tablet_id=row.tablet,
                visit_id=row.visit,
                patient_id=row.patient,
                data=row.data,
                prev_hash=row.prev_hash,
                hash=row.digest(),
            )

    def head(self) -> hash_chain.Link:
        """Return the end of the chain."""
        last = self.order_by("-seq").values_list("seq", "hash").first()
        return hash_chain.Link(*last) if last else hash_chain.START

    def rows(self) -> Iterator[hash_chain.ChainRow]:
        """Yield the rows as the chain knows them, in order, read in pieces."""
        for values in self.order_by("seq").values_list(*COLUMNS).iterator(chunk_size=2000):
            yield hash_chain.ChainRow(*values)


COLUMNS = tuple(field.name for field in fields(hash_chain.ChainRow))


class Journal(AppendOnly):
    """One thing that happened. Every column is under the row's hash."""

    seq = models.BigIntegerField("number", primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=10)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    role = models.CharField(max_length=20, blank=True)
    tablet = models.ForeignKey(Tablet, on_delete=models.PROTECT, null=True, related_name="+")
    visit = models.ForeignKey("clinic.Visit", on_delete=models.PROTECT, null=True, related_name="journal")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True, related_name="journal")
    data = models.JSONField(default=dict)
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = JournalQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "journal"
        ordering = ["seq"]
        indexes = [
            models.Index(fields=["at"], name="journal_at"),
            models.Index(fields=["action", "seq"], name="journal_action"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action}"

    @property
    def words(self) -> str:
        """What happened, in a plain sentence. A staff account is given by number: the row has no name of it."""
        staff = {"staff": f"number {self.data['staff']}"} if "staff" in self.data else {}
        return self.sentence(**staff)

    def sentence(self, **words: str) -> str:
        """Return the same, with words for what the row names by number (see ``journal_wording``)."""
        tablet = {"tablet": self.tablet.name} if self.tablet else {}
        return journal_wording.sentence(self.action, self.data, **tablet, **words)
