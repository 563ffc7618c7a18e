"""From the rows of a visit to what the rules look at. Reads only."""

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
    """Return the adverse events of the patient's other visits that count at this one, the newest first.

    One counts until the patient was treated again by somebody who was told of it, as it stood then: what was noted
    since makes it count anew. An emergency counts at every visit. One query where nothing is on record.
    """
    events = AdverseEvent.objects.that_count().filter(visit__patient=visit.patient_id).exclude(visit=visit)
    found = list(events.prefetch_related("notes").order_by("-began_on", "-id"))
    known = _known(visit) if found else {}
    return tuple(_fact(each) for each in found if each.harm == Harm.EMERGENCY or _is_news(each, known))


def _known(visit: Visit) -> dict[int, dt.datetime]:
    """Return, by event, when the rules were told of it last at another visit that went on to treatment."""
    runs = Assessment.objects.filter(screening__visit__patient=visit.patient_id, screening__visit__stage__in=TREATED)
    told = runs.exclude(screening__visit=visit).order_by("at")
    return {each["event"]: run.at for run in told for each in run.on_record}


def _is_news(event: AdverseEvent, known: dict[int, dt.datetime]) -> bool:
    last_word = max([event.at, *(note.at for note in event.notes.all())])
    return event.pk not in known or known[event.pk] < last_word


def _fact(event: AdverseEvent) -> OnRecord:
    return OnRecord(event.pk, event.began_on, in_words(event.kind, event.harm))


def dump(facts: Iterable[OnRecord]) -> list[dict[str, Any]]:
    """Return facts as an assessment keeps them."""
    return [{"event": each.event, "day": each.day.isoformat(), "what": each.what} for each in facts]


def load(kept: Iterable[dict[str, Any]]) -> tuple[OnRecord, ...]:
    """Return what ``dump`` wrote."""
    return tuple(OnRecord(each["event"], dt.date.fromisoformat(each["day"]), each["what"]) for each in kept)
