"""The review ends: on to consent, back to the patient, or not today."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Role, Visit
from screening.answering.answer import draft, reopen
from screening.assessment import preconditions
from screening.assessment.assess import assess
from screening.assessment.clear import clear
from screening.assessment.review_state import review_state
from screening.models import Plan, ReviewOutcome, Screening
from screening.review.claim import close_claim

Ending = ReviewOutcome.Ending

MAY_STOP = (Stage.ANSWERING, Stage.IN_REVIEW, Stage.CONSENTING, Stage.SIGNED)


def close_review(
    *,
    visit: Visit,
    ending: str,
    by: Actor,
    reason: str = "",
    come_back: str = "",
    ask_again: Collection[str] = (),
) -> ReviewOutcome:
    """End the review: on to consent, back to the patient with named questions, or not treated today.

    Before consent the rules run again under the clinic's present settings, and ``ReviewState.holds`` must be empty.
    Raise ``NotAllowed`` with what is left to do.
    """
    preconditions.practitioner(by)
    if ending == Ending.CONSENT:
        with transaction.atomic():
            preconditions.fresh(visit, Stage.IN_REVIEW)
            preconditions.reviewing(visit, by)
            # Kept even if the review does not end, so that a new flag can be seen and decided.
            assess(screening=preconditions.sent(visit), by=by)
        return _go_on(visit, by)
    if ending == Ending.BACK:
        return _send_back(visit, by, list(ask_again), reason)
    return _stop(visit, by, reason, come_back)


@transaction.atomic
def _go_on(visit: Visit, by: Actor) -> ReviewOutcome:
    preconditions.fresh(visit, Stage.IN_REVIEW)
    preconditions.reviewing(visit, by)
    if holds := review_state(visit).holds:
        raise NotAllowed(" ".join(holds))
    closing = _close(visit, Ending.CONSENT, by)
    clear(visit, closing)
    if visit.wants_talk_at:
        visit.mark(by=by, action="talk given", wants_talk_at=None)
    visit.move(Stage.CONSENTING, by=by, ending=Ending.CONSENT.value)
    return closing


@transaction.atomic
def _send_back(visit: Visit, by: Actor, names: list[str], reason: str) -> ReviewOutcome:
    preconditions.fresh(visit, Stage.IN_REVIEW)
    preconditions.reviewing(visit, by)
    if not names:
        raise NotAllowed("Choose at least one question to ask again.")
    closing = _close(visit, Ending.BACK, by, ask_again=names, reason=reason)
    reopen(visit=visit, by=by, why="sent back", names=names)
    return closing


@transaction.atomic
def _stop(visit: Visit, by: Actor, reason: str, come_back: str) -> ReviewOutcome:
    preconditions.fresh(visit, *MAY_STOP)
    preconditions.reviewing(visit, by)
    if not reason.strip():
        raise NotAllowed("Say why the patient is not treated today.")
    if Screening.of(visit) is None:
        draft(visit=visit, by=by)
    closing = _close(visit, Ending.STOPPED, by, reason=reason, come_back=come_back)
    visit.move(Stage.STOPPED, by=by, ending=Ending.STOPPED.value)
    if hold := visit.hold:
        hold.end("stopped")
    return closing


def _close(
    visit: Visit,
    ending: ReviewOutcome.Ending,
    by: Actor,
    *,
    reason: str = "",
    come_back: str = "",
    ask_again: list[str] | None = None,
) -> ReviewOutcome:
    screening = Screening.of(visit)
    assert screening is not None
    closing = ReviewOutcome.objects.create(
        screening=screening,
        plan=Plan.of(visit),
        ending=ending,
        reason=reason,
        come_back=come_back,
        ask_again=ask_again or [],
        by=by.staff,
        role=Role.PRACTITIONER.value,
    )
    close_claim(visit)
    Journal.objects.record("review closed", by=by, visit=visit, ending=ending.value, screening=screening.pk)
    return closing
