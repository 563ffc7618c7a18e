"""What the rules look at, read from the rows of a visit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from clinic.domain.flow import TREATED
from clinic.domain.policy import Policy
from clinic.models import Visit
from screening.domain import questionnaire
from screening.domain.adverse_events import Harm, in_words
from screening.domain.rules import OnRecord, RuleInput
from screening.domain.scope import Scope
from screening.models import AdverseEvent, Assessment, Plan, Screening


def rule_input(visit: Visit, screening: Screening, plan: Plan | None, policy: Policy) -> RuleInput:
    """Return what the rules would look at today. Raise ``ValueError`` for answers that can no longer be read."""
    return RuleInput(
        questionnaire.load(screening.answers),
        born=visit.patient.born,
        today=timezone.localdate(),
        scope=planned_scope(visit, plan),
        returning=visit.returning,
        policy=policy,
        on_record=on_record(visit),
    )


def planned_scope(visit: Visit, plan: Plan | None) -> Scope:
    """Return what is planned, or what the front desk noted before there was a plan."""
    return plan.scope if plan else Scope.of(visit.planned_regions)


def on_record(visit: Visit) -> tuple[OnRecord, ...]:
    """Return the adverse events of the patient's other visits that count at this one, newest first.

    An event counts until the rules have named it at a visit that went on to treatment; a later note makes it count
    again. An emergency counts at every visit. One query if nothing is on record.
    """
    rows = AdverseEvent.objects.that_count().filter(visit__patient=visit.patient_id).exclude(visit=visit)
    events = list(rows.prefetch_related("notes").order_by("-began_on", "-id"))
    considered = _considered(visit) if events else {}
    return tuple(_fact(event) for event in events if event.harm == Harm.EMERGENCY or _is_news(event, considered))


def _considered(visit: Visit) -> dict[int, dt.datetime]:
    """Return, by event, when the rules last named it at another visit that went on to treatment."""
    runs = Assessment.objects.filter(screening__visit__patient=visit.patient_id, screening__visit__stage__in=TREATED)
    runs = runs.exclude(screening__visit=visit).order_by("at")
    return {fact["event"]: run.at for run in runs for fact in run.on_record}


def _is_news(event: AdverseEvent, considered: dict[int, dt.datetime]) -> bool:
    last_word = max([event.at, *(note.at for note in event.notes.all())])
    return event.pk not in considered or considered[event.pk] < last_word


def _fact(event: AdverseEvent) -> OnRecord:
    return OnRecord(event.pk, event.began_on, in_words(event.kind, event.harm))


def dump(facts: Iterable[OnRecord]) -> list[dict[str, Any]]:
    """Return facts as an assessment keeps them."""
    return [{"event": fact.event, "day": fact.day.isoformat(), "what": fact.what} for fact in facts]


def load(kept: Iterable[dict[str, Any]]) -> tuple[OnRecord, ...]:
    """Return what ``dump`` wrote."""
    return tuple(OnRecord(fact["event"], dt.date.fromisoformat(fact["day"]), fact["what"]) for fact in kept)
