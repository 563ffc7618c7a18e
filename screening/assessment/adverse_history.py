"""Adverse events of a patient, as the rules of a later visit need them. Reads only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from clinic.domain.flow import Stage
from clinic.models import Visit
from screening.domain.adverse_events import Harm, in_words
from screening.domain.rules import OnRecord
from screening.models import AdverseEvent, Assessment

TREATED = (Stage.CONFIRMED, Stage.SEALED)


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
