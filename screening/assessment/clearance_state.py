"""Does a visit's clearance still hold? Reads only; the verbs are in `screening.assessment.clear`."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Visit
from screening.assessment.review_state import ReviewState
from screening.assessment.rule_input import rule_input
from screening.domain import rules
from screening.domain.clearance import Covered, LapseReason, answers_digest, lapsed
from screening.domain.scope import Scope
from screening.models import Clearance, ClearanceLapse, Screening

CLEARED = (Stage.CONSENTING, Stage.SIGNED)


def clearance_of(visit: Visit) -> Clearance | None:
    """Return what the visit was cleared on last, or ``None``."""
    return Clearance.objects.filter(screening__visit=visit).select_related("screening").last()


def lapse_of(visit: Visit) -> ClearanceLapse | None:
    """Return the lapse for which the visit is back in review; ``None`` if there is none, or it was cleared since."""
    lapse = ClearanceLapse.objects.filter(visit=visit).last()
    again = lapse and Clearance.objects.filter(screening__visit=visit, at__gt=lapse.at).exists()
    return None if again or not visit.is_open else lapse


def why_lapsed(state: ReviewState, *, run_rules: bool = False) -> tuple[LapseReason, ...]:
    """Return why the visit's clearance no longer holds; () if it holds, or none is relied on at this stage.

    ``run_rules``: run them in any case; otherwise they run only if something that they look at has changed.
    """
    screening = state.screening
    if state.visit.at not in CLEARED or screening is None or screening.submitted_at is None:
        return ()
    clearance = clearance_of(state.visit)
    if clearance is None:
        return (LapseReason.NOT_CLEARED,)
    covered = Covered(
        answers=clearance.answers_sha256,
        rules_version=clearance.rules_version,
        flags=frozenset(clearance.flags),
        scope=Scope.from_json(clearance.scope),
        at=clearance.at,
        answered_at=clearance.screening.oldest_of_the_day,
    )
    return lapsed(covered, covered_now(state, screening, run_rules=run_rules), hours=state.policy.clearance_hours)


def covered_now(state: ReviewState, screening: Screening, *, run_rules: bool = False) -> Covered:
    """Return what a clearance given now would cover."""
    seen = rule_input(state.visit, screening, state.plan, state.policy)
    last = state.assessment
    if run_rules or last is None or last.input_sha256 != seen.digest():
        flags = {flag.key for flag in rules.run(seen).flags if rules.needs_decision(flag.severity)}
    else:
        flags = {about.flag.key for about in state.flags if about.needs_decision}
    return Covered(
        answers=answers_digest(screening.answers),
        rules_version=rules.VERSION,
        flags=frozenset(flags),
        scope=seen.scope,
        at=timezone.now(),
        answered_at=screening.oldest_of_the_day,
    )


def stale_answers(screening: Screening, hours: int) -> list[str]:
    """Return the names of answers that change by the day and are older than ``hours``."""
    return screening.stale(timezone.now() - dt.timedelta(hours=hours))
