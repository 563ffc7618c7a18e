"""On paper: a blank form is printed for one visit, and a practitioner types in what the patient wrote on it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, VersionSeen, Visit
from clinic.models.tablets import CODE_LETTERS
from screening.answering.answer import submit
from screening.assessment import preconditions
from screening.domain import paper_form, questionnaire, rules
from screening.domain.questionnaire import QUESTIONS, Value
from screening.models import PaperForm, Screening

AT = (Stage.EXPECTED, Stage.ANSWERING)
PRINT_ANEW = "Print a new form and have the patient look through it again."


@transaction.atomic
def print_blank(*, visit: Visit, statement_version: str, statement_sha256: str, by: Actor) -> PaperForm:
    """Record that a blank form is printed, and with which versions; ``statement_…``: of the consent text on it.

    Raise ``NotAllowed`` unless the visit is today's and the patient has yet to answer.
    """
    _check_turn(visit)
    if visit.day != timezone.localdate():
        raise NotAllowed("Print it on the day of the visit: the questions may change until then.")
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
    printed = PaperForm.objects.create(
        visit=visit,
        code=f"P-{visit.pk}-{letters}",
        questionnaire_version=questionnaire.VERSION,
        questionnaire_sha256=questionnaire.digest(),
        rules_version=rules.VERSION,
        statement_version=statement_version,
        statement_sha256=statement_sha256,
        printed_by=by.staff,
    )
    Journal.objects.record("paper form printed", by=by, visit=visit, number=printed.pk)
    return printed


def _check_turn(visit: Visit) -> None:
    preconditions.fresh(visit, *AT)
    if visit.parked_at:
        raise NotAllowed("This visit is parked. Check the birth date and reopen it first.")


def check_counts(printed: PaperForm, *, statement_sha256: str) -> None:
    """Raise ``NotAllowed`` if what is on this form no longer counts."""
    live = (questionnaire.VERSION, questionnaire.digest(), rules.VERSION, statement_sha256)
    on_it = (
        *(printed.questionnaire_version, printed.questionnaire_sha256),
        *(printed.rules_version, printed.statement_sha256),
    )
    if on_it != live:
        raise NotAllowed(f"The questions or the text changed since this form was printed. {PRINT_ANEW}")
    if timezone.localdate(printed.at) != timezone.localdate():
        raise NotAllowed(f"This form was printed on another day. {PRINT_ANEW}")
    if Screening.objects.filter(paper=printed).exists():
        raise NotAllowed(f"This form was recorded before. {PRINT_ANEW}")


def check_recordable(visit: Visit) -> None:
    """Raise ``NotAllowed``, saying what to do first, if a paper form of this visit may not be typed in now."""
    _check_turn(visit)
    if hold := visit.hold:
        raise NotAllowed(f"The visit is on {hold.tablet} now. Take it back first, so that there is one set of answers.")


@transaction.atomic
def transcribe(*, printed: PaperForm, given: Mapping[str, Value], statement_sha256: str, by: Actor) -> Stage:
    """Save what is on a paper form as the visit's answers, and send them; return the stage the visit went to.

    ``given`` holds what is on the paper and nothing else: what is empty there counts as not given. Answers count from
    when the form was printed, because nobody knows when they were ticked. What was begun on a screen before stays on
    record. Raise ``ValueError`` naming a value that is not allowed, ``NotAllowed`` if the form no longer counts or the
    visit is elsewhere.
    """
    preconditions.practitioner(by)
    visit = printed.visit
    check_recordable(visit)
    check_counts(printed, statement_sha256=statement_sha256)
    typed = {name: questionnaire.check_value(QUESTIONS[name], value) for name, value in given.items()}
    if wrong := paper_form.misplaced(typed, returning=visit.returning):
        raise NotAllowed(f"Filled in, though nothing calls for it: {', '.join(wrong)}.")
    latest = Screening.of(visit)
    answers = questionnaire.prune(typed, returning=visit.returning)
    Screening.objects.create(
        visit=visit,
        number=latest.number + 1 if latest else 1,
        questionnaire_version=questionnaire.VERSION,
        questionnaire_sha256=questionnaire.digest(),
        answers=questionnaire.dump(answers),
        given_at=dict.fromkeys(answers, printed.at.isoformat()),
        paper=printed,
        transcribed_by=by.staff,
    )
    VersionSeen.objects.seen(VersionSeen.What.QUESTIONNAIRE, questionnaire.VERSION, questionnaire.digest(), by=by)
    told = {"number": printed.pk}
    visit.mark(by=by, action="paper form recorded", told=told, needs_time_at=None, at_home_at=None)
    if visit.at is Stage.EXPECTED:
        visit.move(Stage.ANSWERING, by=by)
    return submit(visit=visit, by=by)
