"""Clearing a visit for consent, with a record of what that rests on; and a clearance that lapses."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from clinic.domain.flow import Stage
from clinic.models import Actor, Journal, Visit
from screening.assessment import preconditions
from screening.assessment.clearance_state import clearance_of, covered_now, why_lapsed
from screening.assessment.review_state import ReviewState, review_state
from screening.domain.clearance import LapseReason
from screening.models import Clearance, ClearanceLapse, ReviewOutcome


def clear(visit: Visit, closing: ReviewOutcome | None = None) -> Clearance:
    """Record what the visit is cleared on. Call it in the transaction that ran the rules and moves the visit."""
    state = review_state(visit)
    assert state.screening is not None
    covers = covered_now(state, state.screening)
    return Clearance.objects.create(
        screening=state.screening,
        closing=closing,
        answers_sha256=covers.answers,
        rules_version=covers.rules_version,
        flags=sorted(covers.flags),
        scope=covers.scope.to_json(),
        at=covers.at,
    )


def lapse_if_due(state: ReviewState, *, by: Actor) -> tuple[LapseReason, ...]:
    """Take a visit whose clearance no longer holds back to the review; return why, () if it holds.

    Only before the patient signs: after that the signature must be voided as well, which is up to the consent room.
    It waits for its turn to write, and looks again, only where a lapse is due.
    """
    return _lapse(state.visit, by) if why_lapsed(state) else ()


@transaction.atomic
def _lapse(visit: Visit, by: Actor) -> tuple[LapseReason, ...]:
    visit.refresh_from_db(fields=preconditions.CHANGES)
    if visit.at is not Stage.CONSENTING or not (why := why_lapsed(review_state(visit))):
        return ()
    note_lapse(visit=visit, why=why, by=by)
    visit.move(Stage.IN_REVIEW, by=by, why="the clearance lapsed")
    if hold := visit.hold:
        hold.end("waiting")
    return why


def note_lapse(*, visit: Visit, why: Sequence[LapseReason], by: Actor) -> ClearanceLapse:
    """Record that a clearance lapsed, and why. Call it in the transaction that takes the visit back to review."""
    lapse = ClearanceLapse.objects.create(
        visit=visit, clearance=clearance_of(visit), why=[reason.value for reason in why]
    )
    Journal.objects.record("clearance lapsed", by=by, visit=visit, why=", ".join(reason.words for reason in why))
    return lapse
