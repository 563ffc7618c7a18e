"""Running the rules over the answers that were sent, and again over each plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction

from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.policy import RULE_SETTINGS
from clinic.models import Actor, Journal, PolicyChange, VersionSeen, Visit
from screening.assessment import preconditions
from screening.assessment.rule_input import dump, rule_input
from screening.domain import rules
from screening.domain.scope import Scope
from screening.models import Assessment, Flag, Plan, Screening

MAY_PLAN = (Stage.IN_REVIEW, Stage.SIGNED)
MOST_SESSIONS = 12


@dataclass(frozen=True)
class Planned:
    """A plan that was saved, and what it did to the flags."""

    plan: Plan
    raised: tuple[Flag, ...]  # newly
    settled: tuple[Flag, ...]  # no longer


@transaction.atomic
def assess(*, screening: Screening, by: Actor) -> Assessment:
    """Run the rules over a screening, with the visit's plan and the clinic's present settings, and record the result.

    A flag that was there before keeps its row, and so its decisions.
    """
    visit, plan, policy = screening.visit, Plan.of(screening.visit), PolicyChange.objects.policy()
    seen = rule_input(visit, screening, plan, policy)
    result = rules.run(seen)
    run = Assessment.objects.create(
        screening=screening,
        plan=plan,
        rules_version=rules.VERSION,
        input_sha256=seen.digest(),
        policy={name: getattr(policy, name) for name in RULE_SETTINGS},
        on_record=dump(seen.on_record),
        outcome=result.outcome,
    )
    VersionSeen.objects.seen(VersionSeen.What.RULES, rules.VERSION, rules.digest(), by=by)
    run.flags.set([_flag(screening, raised) for raised in result.flags])
    Journal.objects.record(
        "rules run", by=by, visit=visit, screening=screening.pk, outcome=result.outcome, count=len(result.flags)
    )
    return run


def _flag(screening: Screening, raised: rules.Raised) -> Flag:
    flag, _ = Flag.objects.get_or_create(
        screening=screening,
        key=raised.key,
        defaults={
            "question": raised.question,
            "severity": raised.severity.value,
            "reason": raised.reason,
            "source": asdict(raised.source),
            "regions": list(raised.regions),
            "never_cleared": raised.never_cleared,
            "precautions": list(raised.precautions),
            "ask": list(raised.ask),
        },
    )
    return flag


@transaction.atomic
def save_plan(*, visit: Visit, scope: Scope, by: Actor) -> Planned:
    """Save the plan, run the rules again, and return which flags that raised and which it settled.

    Raise ``NotAllowed`` at another stage, without a region or for a colleague's visit, ``ValueError`` for too many
    visits or none.
    """
    preconditions.practitioner(by)
    preconditions.fresh(visit, *MAY_PLAN)
    preconditions.reviewing(visit, by)
    if not scope.regions:
        raise NotAllowed("Name at least one region.")
    if scope.visits is None or not 1 <= scope.visits <= MOST_SESSIONS:
        raise ValueError(f"visits: {scope.visits}; allowed: 1 to {MOST_SESSIONS}")
    screening = preconditions.sent(visit)
    last = screening.assessments.last()
    before = {flag.pk: flag for flag in last.flags.all()} if last else {}
    previous = Plan.of(visit)
    plan = Plan.objects.create(
        visit=visit,
        number=previous.number + 1 if previous else 1,
        regions=list(scope.places),
        technique=scope.technique,
        electro=bool(scope.electro),
        sessions=scope.visits,
        by=by.staff,
    )
    Journal.objects.record("plan saved", by=by, visit=visit, plan=plan.pk, number=plan.number)
    after = {flag.pk: flag for flag in assess(screening=screening, by=by).flags.all()}
    return Planned(
        plan=plan,
        raised=tuple(flag for pk, flag in after.items() if pk not in before),
        settled=tuple(flag for pk, flag in before.items() if pk not in after),
    )
