"""What a signature covers, held against the plan and the patient as they are when it is confirmed."""

from __future__ import annotations

from clinic.models import Actor
from consent.actions.signing import signers
from consent.domain.course import FullConsentReason
from consent.domain.statement import Statement
from consent.models import Signature, SignedConsent
from consent.status.course_state import held_to
from consent.status.statement_input import untold
from screening.assessment.review_state import ReviewState
from screening.domain.scope import Scope


def beyond(given: SignedConsent, state: ReviewState, plan: Scope) -> tuple[str, str] | None:
    """Return what the signature does not cover, in words for the journal and for the screen, or nothing."""
    if added := Scope.from_json(given.scope).beyond_in_words(plan):
        return "the plan goes further", f"The patient signed for another plan. New is {', '.join(added)}."
    if news := untold(Statement.from_json(given.statement), state):
        return "a new risk", f"The text that was signed does not say: {' '.join(news)}"
    if lacking := set(signers(state)) - {each.capacity for each in given.signatures.all()}:
        who = ", ".join(sorted(Signature.Capacity(each).label for each in lacking))
        return "others must sign", f"Others must sign: {who}."
    return None


def beyond_course(given: SignedConsent, state: ReviewState, by: Actor) -> tuple[str, str] | None:
    """Return why a session is no part of its course any more, or nothing. Others may have changed since the "yes"."""
    if given.course is None:
        return None
    within = held_to(given.course, state, by=by.staff)
    why = within.why if within else (FullConsentReason.ENDED,)
    if not why:
        return None
    return (
        "beyond the course",
        f"All of it has to be read and signed this time: {', '.join(each.words for each in why)}.",
    )
