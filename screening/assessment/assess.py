"""The rules run: over what was sent, and over each plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from clinic.domain import body_regions
from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.policy import RULE_SETTINGS
from clinic.models import Actor, Journal, PolicyChange, VersionSeen, Visit
from screening.assessment import preconditions
from screening.assessment.adverse_history import dump, on_record
from screening.assessment.review_state import current_needling, flag_key
from screening.domain import questionnaire, rules
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
    """Run the rules over a screening, with the visit's plan and the clinic's present settings, and write what they say.

    A flag that stood before keeps its row, and with it what was decided about it.
    """
    visit, plan = screening.visit, Plan.of(screening.visit)
    policy, recorded = PolicyChange.objects.policy(), on_record(visit)
    said = rules.assess(
        questionnaire.load(screening.answers),
        born=visit.patient.born,
        today=timezone.localdate(),
        needling=current_needling(visit),
        returning=visit.returning,
        policy=policy,
        on_record=recorded,
    )
    run = Assessment.objects.create(
        screening=screening,
        plan=plan,
        rules_version=rules.VERSION,
        policy={name: getattr(policy, name) for name in RULE_SETTINGS},
        on_record=dump(recorded),
        outcome=said.outcome,
    )
    VersionSeen.objects.seen(VersionSeen.What.RULES, rules.VERSION, rules.digest(), by=by)
    run.flags.set([_flag(screening, raised) for raised in said.flags])
    Journal.objects.record(
        "rules run", by=by, visit=visit, screening=screening.pk, outcome=said.outcome, count=len(said.flags)
    )
    return run


def _flag(screening: Screening, raised: rules.Raised) -> Flag:
    flag, _ = Flag.objects.get_or_create(
        screening=screening,
        key=flag_key(raised),
        defaults={
            "question": raised.question,
            "severity": raised.severity.value,
            "reason": raised.reason,
            "source": asdict(raised.source),
            "regions": list(raised.regions),
        },
    )
    return flag


@transaction.atomic
def save_plan(*, visit: Visit, regions: list[str], technique: str, electro: bool, sessions: int, by: Actor) -> Planned:
    """Write what is to be done, run the rules again, and return which flags that raised and which it settled."""
    preconditions.practitioner(by)
    preconditions.fresh(visit, *MAY_PLAN)
    preconditions.reviewing(visit, by)
    if not regions:
        raise NotAllowed("Name at least one region.")
    if unknown := set(regions) - set(body_regions.REGIONS):
        raise ValueError(f"regions: {', '.join(sorted(unknown))}; allowed: {', '.join(body_regions.REGIONS)}")
    if not 1 <= sessions <= MOST_SESSIONS:
        raise ValueError(f"sessions: {sessions}; allowed: 1 to {MOST_SESSIONS}")
    screening = preconditions.sent(visit)
    last = screening.assessments.last()
    before = {flag.pk: flag for flag in last.flags.all()} if last else {}
    previous = Plan.of(visit)
    plan = Plan.objects.create(
        visit=visit,
        number=previous.number + 1 if previous else 1,
        regions=regions,
        technique=technique,
        electro=electro,
        sessions=sessions,
        by=by.staff,
    )
    Journal.objects.record("plan saved", by=by, visit=visit, plan=plan.pk, number=plan.number)
    after = {flag.pk: flag for flag in assess(screening=screening, by=by).flags.all()}
    return Planned(
        plan=plan,
        raised=tuple(flag for pk, flag in after.items() if pk not in before),
        settled=tuple(flag for pk, flag in before.items() if pk not in after),
    )
