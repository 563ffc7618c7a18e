"""Write a consent's status change: its row, its mark on the visit, and the order for its own sealed PDF."""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction

from clinic.domain.flow import NotAllowed
from clinic.models import Actor, Visit
from consent.jobs.tasks import seal_after
from consent.models import Consent, ConsentStatusChange
from consent.status.consent_state import ACTION, MARK, state_of

Kind = ConsentStatusChange.Kind


def write(
    consent: Consent, kind: ConsentStatusChange.Kind, *, by: Actor, at: dt.datetime, **columns: object
) -> ConsentStatusChange:
    """Write the row and queue its PDF, or return the earlier row of that kind. Raise ``NotAllowed``."""
    if earlier := ConsentStatusChange.objects.filter(consent=consent, kind=kind).first():
        return earlier
    state = state_of(consent)
    if not state.stands and kind != Kind.IN_ERROR:  # even one that has ended may turn out to be an error
        raise NotAllowed(f"This consent does not stand any more: {state.words}.")
    try:
        with transaction.atomic():
            after = row(kind, consent=consent, by=by, at=at, **columns)
    except IntegrityError:  # two taps: the first counts
        return ConsentStatusChange.objects.get(consent=consent, kind=kind)
    mark(consent.visit, after, by)
    seal_after.enqueue(after.pk)
    return after


def row(kind: ConsentStatusChange.Kind, *, by: Actor, at: dt.datetime, **columns: object) -> ConsentStatusChange:
    """Write the row alone."""
    return ConsentStatusChange.objects.create(kind=kind.value, by=by.user, role=by.role or "", at=at, **columns)


def mark(visit: Visit, after: ConsentStatusChange, by: Actor) -> None:
    """Put it on the visit and into the journal: who said it and how, never why."""
    kind = Kind(after.kind)
    details = {"kind": after.who, "method": after.how} if kind is Kind.WITHDRAWN else {}
    if after.consent:
        details["digest"] = after.consent.sha256
    visit.mark(by=by, action=ACTION[kind], told=details, **{MARK[kind]: after.at})
