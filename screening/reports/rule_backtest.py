"""The present rules run over every screening that was ever sent, to see what a change of rules would change.

Nothing is written. A clinical lead reads the list before the change goes live.
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
    """One screening under the present rules. ``raised`` and ``settled`` are flags in words, such as "Diabetes: stop".

    ``lapses``: its visit waits to sign or to be confirmed, and must be reviewed again; ``why``: in words.
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
        """Whether there is anything to report."""
        return bool(self.then != self.now or self.raised or self.settled or self.lapses or self.unreadable)


def judged() -> Iterator[Judged]:
    """Yield every screening that was sent and judged, oldest first, under the present rules and settings."""
    policy, lapsing = PolicyChange.objects.policy(), _lapsing()
    for screening in _sent().iterator(chunk_size=PIECE):
        last = max(screening.assessments.all(), key=lambda run: run.pk, default=None)
        if last is not None:
            yield _judge(screening, last, policy, lapsing.get(screening.pk, ()))


def _lapsing() -> dict[int, tuple[str, ...]]:
    """Return why open clearances lapse, by screening; not those that are merely too old."""
    lapsing: dict[int, tuple[str, ...]] = {}
    for visit in Visit.objects.filter(stage__in=CLEARED).select_related("patient"):
        screening = Screening.of(visit)
        why = _why(visit)
        if screening and set(why) - {LapseReason.TIME.words}:
            lapsing[screening.pk] = why
    return lapsing


def _why(visit: Visit) -> tuple[str, ...]:
    try:
        return tuple(reason.words for reason in why_lapsed(review_state(visit), run_rules=True))
    except ValueError:
        return ("the answers can no longer be read",)


def _sent() -> QuerySet[Screening]:
    runs = Assessment.objects.select_related("plan").prefetch_related(Prefetch("flags", queryset=Flag.objects.all()))
    sent = Screening.objects.exclude(submitted_at=None).filter(visit__patient__tombstone=None)
    sent = sent.select_related("visit__patient").order_by("pk")
    return sent.prefetch_related(Prefetch("assessments", queryset=runs))


def _judge(screening: Screening, last: Assessment, policy: Policy, why: tuple[str, ...]) -> Judged:
    visit, plan = screening.visit, last.plan
    fixed: dict[str, Any] = {"visit": visit.pk, "number": screening.number, "then": last.outcome}
    fixed |= {"lapses": bool(why), "why": why}
    try:
        result = _run(screening, last, plan, policy)
    except ValueError as problem:  # an earlier questionnaire, with names or answers that are no longer known
        return Judged(**fixed, now="", unreadable=str(problem))
    before = {flag.key: f"{short(flag.question)}: {flag.severity}" for flag in last.flags.all()}
    after = {flag.key: flag for flag in result.flags}
    fresh = [flag for key, flag in after.items() if key not in before]
    return Judged(
        **fixed,
        now=result.outcome,
        raised=tuple(f"{short(flag.question)}: {flag.severity}" for flag in fresh),
        settled=tuple(words for key, words in before.items() if key not in after),
    )


def _run(screening: Screening, last: Assessment, plan: Plan | None, policy: Policy) -> rules.RuleResult:
    """Run the present rules as of the day of the last run, so that only the rules differ."""
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
