"""What a patient may do from any page: ask something, or stop. They need not say why."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Hold, Journal, StaleVisit, Visit
from screening.assessment import preconditions
from screening.models import PatientQuestion

READING_OR_ANSWERING = (Stage.ANSWERING, Stage.CONSENTING)


@transaction.atomic
def ask(*, visit: Visit, text: str, by: Actor) -> None:
    """Keep the patient's question: nothing is signed until a practitioner has answered it.

    The same words twice are one question. Raise ``NotAllowed`` if it is not the patient's turn.
    """
    preconditions.fresh(visit, *READING_OR_ANSWERING)
    if not text.strip():
        raise NotAllowed("Write your question first, or go back.")
    if text.strip() not in [question.text for question in PatientQuestion.objects.filter(visit=visit)]:
        PatientQuestion.objects.create(visit=visit, text=text.strip())
        Journal.objects.record("question asked", by=by, visit=visit)


@transaction.atomic
def talk_before_going_on(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient wants to talk before going on: the tablet goes back, and a practitioner is told."""
    _answering_on(visit, hold)
    now = timezone.now()
    visit.mark(by=by, action="patient wants to talk", wants_talk_at=now, needs_time_at=now)
    if not visit.at_home_at:  # at home there is nothing to give back: the same phone goes on later
        hold.end("waiting")


@transaction.atomic
def stop_for_now(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient needs more time: the tablet goes back, and the answers wait where they are."""
    _answering_on(visit, hold)
    visit.mark(by=by, action="patient needs more time", needs_time_at=timezone.now())
    if not visit.at_home_at:
        hold.end("time")


@transaction.atomic
def refuse(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient does not want the treatment: nothing more is asked, and no reason either."""
    _answering_on(visit, hold)
    visit.move(Stage.STOPPED, by=by, why="the patient’s choice")
    hold.end("stopped")


def _answering_on(visit: Visit, hold: Hold) -> None:
    preconditions.fresh(visit, Stage.ANSWERING)
    if not Hold.objects.now().filter(pk=hold.pk, visit=visit).exists():
        raise StaleVisit
