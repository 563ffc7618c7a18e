"""The patient wants to talk, needs more time, or says no: the tablet goes back to staff."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Actor, Hold, Journal, StaleVisit, Visit
from screening.models import PatientQuestion


def on_tablet(visit: Visit, hold: Hold) -> Visit:
    """Return the visit, read anew. Raise ``StaleVisit`` if it is no longer the patient's turn on this tablet."""
    fresh = Visit.objects.select_related("patient", "practitioner").get(pk=visit.pk)
    if fresh.at is not Stage.CONSENTING or not Hold.objects.now().filter(pk=hold.pk, visit=fresh).exists():
        raise StaleVisit
    return fresh


@transaction.atomic
def ask_to_talk(*, visit: Visit, hold: Hold, by: Actor, question: str = "") -> None:
    """The patient wants to talk first: the visit goes to the practitioner, with the question if there is one."""
    visit = on_tablet(visit, hold)
    if question:
        PatientQuestion.objects.create(visit=visit, text=question)
    visit.mark(by=by, action="patient wants to talk", wants_talk_at=timezone.now())
    visit.move(Stage.IN_REVIEW, by=by)
    hold.end("waiting")


@transaction.atomic
def take_time(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient needs more time: the tablet goes back, and the visit waits where it is."""
    visit = on_tablet(visit, hold)
    visit.mark(by=by, action="patient needs more time", needs_time_at=timezone.now())
    hold.end("time")


@transaction.atomic
def refuse(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient does not want this: nothing more is asked, and no reason either."""
    visit = on_tablet(visit, hold)
    visit.move(Stage.STOPPED, by=by, why="the patient’s choice")
    hold.end("stopped")


@transaction.atomic
def talk_first(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient wants to talk before taking a consent back: it still stands, and the tablet goes back to staff."""
    Journal.objects.record("patient wants to talk", by=by, visit=visit)
    hold.end("waiting")
