"""The present rules run over every screening that was ever sent: what a change of rules would have changed.

Nothing is written. A clinical lead reads the list before the change goes live, and the clinic the day after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from clinic.domain.policy import Policy
from clinic.models import PolicyChange, Visit
from screening.assessment.clearance_state import CLEARED, why_lapsed
from screening.assessment.review_state import review_state, short
from screening.assessment.rule_input import load, planned_scope
from screening.domain import questionnaire, rules
from screening.domain.clearance import LapseReason
from screening.domain.rules import RuleInput
from screening.models import Assessment, Flag, Plan, Screening

PIECE = 500


@dataclass(frozen=True)
class Judged:
    """One screening under the present rules. ``raised`` and ``settled`` tell flags in words, such as "Diabetes: stop".

    ``lapses``: its visit waits to sign or to be confirmed, and has to be looked at again; ``why`` in words, as the
    clearance itself says it.
    """

    visit: int
    number: int
    then: str
    now: str
    raised: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    lapses: bool = False
    why: tuple[str, ...] = ()
    unreadable: str = ""

    @property
    def differs(self) -> bool:
        """Whether there is something to tell."""
        return bool(self.then != self.now or self.raised or self.settled or self.lapses or self.unreadable)


def judged() -> Iterator[Judged]:
    """Yield every screening that was sent and judged, oldest first, under the present rules and settings."""
    policy, lapsing = PolicyChange.objects.policy(), _lapsing()
    for screening in _sent().iterator(chunk_size=PIECE):
        last = max(screening.assessments.all(), key=lambda run: run.pk, default=None)
        if last is not None:
            yield _judge(screening, last, policy, lapsing.get(screening.pk, ()))


def _lapsing() -> dict[int, tuple[str, ...]]:
    """Return why open clearances lapse, by the screening that each rests on.

    One that is merely too old is left out: time is no change of rules, and says nothing about it.
    """
    found: dict[int, tuple[str, ...]] = {}
    for visit in Visit.objects.filter(stage__in=CLEARED).select_related("patient"):
        screening = Screening.of(visit)
        why = _why(visit)
        if screening and set(why) - {LapseReason.TIME.words}:
            found[screening.pk] = why
    return found


def _why(visit: Visit) -> tuple[str, ...]:
    try:
        return tuple(each.words for each in why_lapsed(review_state(visit), run_rules=True))
    except ValueError:
        return ("the answers can no longer be read",)


def _sent() -> QuerySet[Screening]:
    runs = Assessment.objects.select_related("plan").prefetch_related(Prefetch("flags", queryset=Flag.objects.all()))
    sent = Screening.objects.exclude(submitted_at=None).filter(visit__patient__tombstone=None)
    sent = sent.select_related("visit__patient").order_by("pk")
    return sent.prefetch_related(Prefetch("assessments", queryset=runs))


def _judge(screening: Screening, last: Assessment, policy: Policy, why: tuple[str, ...]) -> Judged:
    visit, plan = screening.visit, last.plan
    known: dict[str, Any] = {"visit": visit.pk, "number": screening.number, "then": last.outcome}
    known |= {"lapses": bool(why), "why": why}
    try:
        said = _run(screening, last, plan, policy)
    except ValueError as problem:  # a questionnaire of before, whose names or answers are no longer known
        return Judged(**known, now="", unreadable=str(problem))
    before = {flag.key: f"{short(flag.question)}: {flag.severity}" for flag in last.flags.all()}
    after = {each.key: each for each in said.flags}
    fresh = [each for key, each in after.items() if key not in before]
    return Judged(
        **known,
        now=said.outcome,
        raised=tuple(f"{short(each.question)}: {each.severity}" for each in fresh),
        settled=tuple(words for key, words in before.items() if key not in after),
    )


def _run(screening: Screening, last: Assessment, plan: Plan | None, policy: Policy) -> rules.RuleResult:
    """Run the present rules as of the day of the last run: an age or "six weeks ago" must not change by itself."""
    visit = screening.visit
    return rules.run(
        RuleInput(
            questionnaire.load(screening.answers),
            born=visit.patient.born,
            today=timezone.localtime(last.at).date(),
            scope=planned_scope(visit, plan),
            returning=visit.returning,
            policy=policy,
            on_record=load(last.on_record),
        )
    )
