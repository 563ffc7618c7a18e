"""Does a consent stand, or what became of it? Reads only; the verbs are in `consent.actions`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from clinic.domain.dates import day_in_words
from clinic.domain.flow import Stage
from clinic.models import Patient, Visit
from consent.models import Consent, ConsentStatusChange, SignedConsent

CURRENT = "current"
MARK = {  # the visit's column for each kind
    ConsentStatusChange.Kind.WITHDRAWN: "withdrawn_at",
    ConsentStatusChange.Kind.SUPERSEDED: "superseded_at",
    ConsentStatusChange.Kind.IN_ERROR: "in_error_at",
}
ACTION = {  # the journal's action for each kind
    ConsentStatusChange.Kind.WITHDRAWN: "consent withdrawn",
    ConsentStatusChange.Kind.SUPERSEDED: "consent superseded",
    ConsentStatusChange.Kind.IN_ERROR: "consent entered in error",
}
GRAVEST_FIRST = [
    kind.value
    for kind in (
        ConsentStatusChange.Kind.IN_ERROR,
        ConsentStatusChange.Kind.WITHDRAWN,
        ConsentStatusChange.Kind.SUPERSEDED,
    )
]


@dataclass(frozen=True)
class State:
    """Where a consent stands. ``kind`` is ``current`` or that of a ``ConsentStatusChange``; ``at`` since when.

    ``after`` is the row that says so. ``words`` name nobody, so a public page may show them.
    """

    kind: str = CURRENT
    at: dt.datetime | None = None
    after: ConsentStatusChange | None = None

    @property
    def stands(self) -> bool:
        return self.kind == CURRENT

    @property
    def words(self) -> str:
        """ "Current", or what became of it and when: "Withdrawn at 14:05 on 3 May 2026"."""
        if self.at is None:
            return "Current"
        local = timezone.localtime(self.at)
        return f"{ConsentStatusChange.Kind(self.kind).label} at {local:%H:%M} on {day_in_words(local)}"


def state_of(consent: Consent) -> State:
    """Return where a confirmed consent stands. An error outweighs a withdrawal, and that a newer consent.

    One query, none if ``after`` was prefetched.
    """
    return _state(consent.after.all())


def _state(rows: Iterable[ConsentStatusChange]) -> State:
    gravest = min(rows, key=lambda row: GRAVEST_FIRST.index(row.kind), default=None)
    return State(gravest.kind, gravest.at, gravest) if gravest else State()


@dataclass(frozen=True)
class Entry:
    """One consent of a patient, as the desk sees it. ``consent`` is ``None`` until it is confirmed."""

    visit: Visit
    state: State
    at: dt.datetime
    consent: Consent | None = None
    after: tuple[ConsentStatusChange, ...] = ()  # all status changes, oldest first, each with its file if there is one
    first: Consent | None = None  # for a session: the consent of its course

    @property
    def words(self) -> str:
        if self.consent or not self.state.stands:
            return self.state.words
        return "Signed, not confirmed yet"


def _afters() -> Prefetch[str, QuerySet[ConsentStatusChange], str]:
    rows = ConsentStatusChange.objects.select_related("by", "hold__tablet", "replaced_by", "sealed").defer(
        "sealed__pdf", "sealed__record", "replaced_by__record"
    )
    return Prefetch("after", queryset=rows.order_by("id"))


def _entries(visits: Collection[int]) -> list[Entry]:
    """Return the consents of the visits with these ids, the newest first.

    Ids, not a query: PostgreSQL reorders joins of at most eight tables, and with one more would read all consents.
    """
    confirmed = (
        Consent.objects.filter(visit__in=visits)
        .select_related("visit__patient", "confirmed_by", "sealed", "given__course__visit")
        .defer("record", "sealed__pdf", "given__statement", "given__course__record")
        .prefetch_related(_afters())
    )
    entries = [
        Entry(row.visit, state_of(row), row.confirmed_at, row, tuple(row.after.all()), row.given.course)
        for row in confirmed
    ]
    given = SignedConsent.objects.filter(visit__in=visits, consent=None)
    given = given.select_related("visit__patient", "voiding__after__by", "course__visit").defer("course__record")
    for signed in given:
        voiding = getattr(signed, "voiding", None)
        withdrawal = getattr(voiding, "after", None)
        if withdrawal:
            state = _state([withdrawal])
            entries.append(Entry(signed.visit, state, signed.at, after=(withdrawal,), first=signed.course))
        elif voiding is None and signed.visit.at is Stage.SIGNED:
            entries.append(Entry(signed.visit, State(), signed.at, first=signed.course))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def consents_of(patient: Patient) -> list[Entry]:
    """Return a patient's consents, the newest first: confirmed, waiting to be confirmed, and taken back."""
    return _entries(list(Visit.objects.filter(patient=patient).values_list("pk", flat=True)))


def consent_of(visit: Visit) -> Entry | None:
    """Return the last consent given at a visit, or ``None``."""
    return next(iter(_entries([visit.pk])), None)


def others_that_stand(visit: Visit) -> list[Consent]:
    """Return the patient's full consents of other visits that still stand, the newest first.

    Sessions are left out: each is for one visit, and ends with it.
    """
    rows = Consent.objects.filter(visit__patient=visit.patient_id, after=None, given__course=None).exclude(visit=visit)
    return list(rows.select_related("visit").defer("record").order_by("-confirmed_at"))


def newer_that_stand(consent: Consent) -> list[Consent]:
    """Return the patient's other consents that stand and were confirmed later, the newest first."""
    return [other for other in others_that_stand(consent.visit) if other.confirmed_at > consent.confirmed_at]
