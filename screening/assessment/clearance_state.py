"""Does a visit's clearance still hold? Reads only; the verbs are in `screening.assessment.clear`."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.domain.policy import Policy
from clinic.models import PolicyChange, Visit
from screening.assessment.adverse_history import on_record
from screening.assessment.review_state import Standing, flag_key, needling
from screening.domain import questionnaire, rules
from screening.domain.clearance import Covered, Why, answers_digest, lapsed
from screening.models import Clearance, Lapse, Plan, Screening

CLEARED = (Stage.CONSENTING, Stage.SIGNED)


def clearance_of(visit: Visit) -> Clearance:
    """Return what the visit was cleared on last."""
    return Clearance.objects.filter(screening__visit=visit).select_related("screening").latest("id")


def lapse_of(visit: Visit) -> Lapse | None:
    """Return why the visit is back in review, if that is because its clearance lapsed, and it was not cleared since."""
    lapse = Lapse.objects.filter(visit=visit).last()
    again = lapse and Clearance.objects.filter(screening__visit=visit, at__gt=lapse.at).exists()
    return None if again or not visit.is_open else lapse


def why_lapsed(visit: Visit, stands: Standing | None = None) -> tuple[Why, ...]:
    """Return why the visit's clearance no longer holds, as things are now; () if it holds, or none is relied on.

    ``stands``: where its review stands, if that was read in this transaction already.
    """
    if visit.at not in CLEARED:
        return ()
    screening = stands.screening if stands else Screening.of(visit)
    if screening is None or screening.submitted_at is None:
        return ()
    policy = stands.policy if stands else PolicyChange.objects.policy()
    now = covered_now(visit, screening, stands.plan if stands else Plan.of(visit), policy)
    return lapsed(_covered(clearance_of(visit)), now, hours=policy.clearance_hours)


def covered_now(visit: Visit, screening: Screening, plan: Plan | None, policy: Policy) -> Covered:
    """Return what a clearance given now would cover. The rules run anew, and write nothing."""
    planned = needling(visit, plan)
    said = rules.assess(
        questionnaire.load(screening.answers),
        born=visit.patient.born,
        today=timezone.localdate(),
        needling=planned,
        returning=visit.returning,
        policy=policy,
        on_record=on_record(visit),
    )
    return Covered(
        answers=answers_digest(screening.answers),
        rules_version=rules.VERSION,
        flags=frozenset(flag_key(each) for each in said.flags if rules.needs_decision(each.severity)),
        regions=frozenset(planned.regions),
        electro=plan.electro if plan else None,
        at=timezone.now(),
        answered_at=screening.oldest_of_the_day,
    )


def _covered(clearance: Clearance) -> Covered:
    return Covered(
        answers=clearance.answers_sha256,
        rules_version=clearance.rules_version,
        flags=frozenset(clearance.flags),
        regions=frozenset(clearance.regions),
        electro=clearance.electro,
        at=clearance.at,
        answered_at=clearance.screening.oldest_of_the_day,
    )


def stale_answers(screening: Screening, hours: int) -> list[str]:
    """Return the names of answers that hold for their day only and are too old to be cleared on."""
    return screening.stale(timezone.now() - dt.timedelta(hours=hours))
