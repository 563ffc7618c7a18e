"""What became of a consent: does it stand, or what came after it? Reads only; the verbs are in `consent.actions`."""

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
MARK = {  # the visit's own mark of each kind
    ConsentStatusChange.Kind.WITHDRAWN: "withdrawn_at",
    ConsentStatusChange.Kind.SUPERSEDED: "superseded_at",
    ConsentStatusChange.Kind.IN_ERROR: "in_error_at",
}
ACTION = {  # and the journal's word for it
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

    ``after`` is the row that says so. ``words`` name nobody, so that they may stand on a public page.
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
    """Return where a confirmed consent stands. An error outdoes a withdrawal, and that a newer consent.

    One query, none if ``after`` was prefetched.
    """
    return _state(consent.after.all())


def _state(rows: Iterable[ConsentStatusChange]) -> State:
    gravest = min(rows, key=lambda row: GRAVEST_FIRST.index(row.kind), default=None)
    return State(gravest.kind, gravest.at, gravest) if gravest else State()


@dataclass(frozen=True)
class Entry:
    """One consent of a patient, as the desk sees it. ``consent`` is nothing while it waits to be confirmed."""

    visit: Visit
    state: State
    at: dt.datetime
    consent: Consent | None = None
    after: tuple[
        ConsentStatusChange, ...
    ] = ()  # all that came after, oldest first; each with its file if that was made
    first: Consent | None = None  # of a session: the consent of its course

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
    """Return the consents of the visits with these numbers, the newest first.

    Numbers and no query: PostgreSQL joins at most eight tables in the order it likes, and would read all consents.
    """
    confirmed = (
        Consent.objects.filter(visit__in=visits)
        .select_related("visit__patient", "confirmed_by", "sealed", "given__course__visit")
        .defer("record", "sealed__pdf", "given__statement", "given__course__record")
        .prefetch_related(_afters())
    )
    entries = [
        Entry(each.visit, state_of(each), each.confirmed_at, each, tuple(each.after.all()), each.given.course)
        for each in confirmed
    ]
    given = SignedConsent.objects.filter(visit__in=visits, consent=None)
    given = given.select_related("visit__patient", "voiding__after__by", "course__visit").defer("course__record")
    for each in given:
        voiding = getattr(each, "voiding", None)
        row = getattr(voiding, "after", None)
        if row:
            entries.append(Entry(each.visit, _state([row]), each.at, after=(row,), first=each.course))
        elif voiding is None and each.visit.at is Stage.SIGNED:
            entries.append(Entry(each.visit, State(), each.at, first=each.course))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def consents_of(patient: Patient) -> list[Entry]:
    """Return a patient's consents, the newest first: confirmed ones, one that waits for it, and those taken back."""
    return _entries(list(Visit.objects.filter(patient=patient).values_list("pk", flat=True)))


def consent_of(visit: Visit) -> Entry | None:
    """Return what was given at this visit last, or nothing."""
    return next(iter(_entries([visit.pk])), None)


def others_that_stand(visit: Visit) -> list[Consent]:
    """Return the patient's full consents of other visits that still stand, the newest first.

    A session is left out: it is one visit's, and ends with it.
    """
    rows = Consent.objects.filter(visit__patient=visit.patient_id, after=None, given__course=None).exclude(visit=visit)
    return list(rows.select_related("visit").defer("record").order_by("-confirmed_at"))


def newer_that_stand(consent: Consent) -> list[Consent]:
    """Return those of the patient's other consents that stand and were confirmed later, the newest first."""
    return [each for each in others_that_stand(consent.visit) if each.confirmed_at > consent.confirmed_at]
