"""At home and at check-in: which answers count where, and what becomes of those that change by the day.

One rule: an answer that changes by the day (`questionnaire.ON_THE_DAY`) counts only where and when it was given. A form
begun at home, or on an earlier day, stays on record, and the next one takes over its other answers alone.
"""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Invitation, Journal, PolicyChange, Visit
from screening.assessment import preconditions
from screening.assessment.review_state import short
from screening.assessment.rule_input import rule_input
from screening.domain import questionnaire, rules
from screening.domain.questionnaire import ON_THE_DAY, QUESTIONS, Value
from screening.models import Assessment, Plan, Screening


def counts_here_and_now(screening: Screening, visit: Visit) -> bool:
    """Whether every answer of this form still counts: at home it may take days, in the clinic it must be from today."""
    at_home = visit.at_home_at is not None
    if screening.at_home or at_home:
        return screening.at_home == at_home
    return timezone.localtime(screening.started_at).date() == timezone.localdate()


def taken_over(screening: Screening) -> tuple[dict[str, Value], list[str]]:
    """Return the answers that still count, and the names of the questions to ask: all others ([] asks all)."""
    visit, answers = screening.visit, questionnaire.load(screening.answers)
    lasting = {name: value for name, value in answers.items() if name not in {*ON_THE_DAY, *screening.ask_again}}
    kept = questionnaire.prune(lasting, returning=visit.returning)
    return kept, [name for name in QUESTIONS if name not in kept] if kept else []


def said_at_home(visit: Visit) -> Screening | None:
    """Return the last form that was filled in at home, on today's questionnaire, or ``None``."""
    last = Screening.objects.filter(visit=visit, at_home=True).order_by("number").last()
    return last if last and last.is_current else None


def no_longer_flagged(visit: Visit, run: Assessment) -> bool:
    """Whether an answer at home needed a practitioner, and the answer to the same question here does not.

    What changes by the hour is left aside: a patient who had not eaten two days ago may have eaten now.
    """
    home = said_at_home(visit)
    if home is None:
        return False
    then = _flagged_then(visit, home)
    now = {flag.question for flag in run.flags.all() if rules.needs_decision(rules.Severity(flag.severity))}
    return bool(then - now)


def _flagged_then(visit: Visit, home: Screening) -> set[str]:
    seen = rule_input(visit, home, Plan.of(visit), PolicyChange.objects.policy())
    about = (ON_THE_DAY & set(questionnaire.load(home.answers))) - questionnaire.BY_THE_HOUR
    return {
        flag.question for flag in rules.run(replace(seen, on_record=())).flags if rules.needs_decision(flag.severity)
    } & about


@transaction.atomic
def finish_at_home(*, visit: Visit, by: Actor) -> None:
    """Note that every question that is asked at home was answered. Nothing is sent before check-in.

    Raise ``NotAllowed`` if a question was left out, or the patient is not at home.
    """
    preconditions.fresh(visit, Stage.ANSWERING)
    screening = Screening.of(visit)
    if screening is None or not (screening.at_home and visit.at_home_at):
        raise NotAllowed("This visit is not answered at home.")
    answers = questionnaire.load(screening.answers)
    if left := [name for name in questionnaire.missing(answers, returning=visit.returning) if asked_at_home(name)]:
        raise NotAllowed(f"Not answered yet: {', '.join(short(name) for name in left)}.")
    Invitation.objects.now().filter(visit=visit).update(answered_at=timezone.now())
    Journal.objects.record("answered at home", by=by, visit=visit, screening=screening.pk, number=screening.number)


def asked_at_home(name: str) -> bool:
    """Whether a question makes sense days before: what was eaten in the last hours does not."""
    return name not in questionnaire.BY_THE_HOUR
