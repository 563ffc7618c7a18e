"""The patient answers the questions, and sends the answers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from django.db import transaction
from django.utils import timezone

from clinic.domain.digests import sha256
from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.policy import AFTER_TALK
from clinic.models import Actor, Journal, PolicyChange, VersionSeen, Visit
from screening.answering import carry_over
from screening.assessment import preconditions
from screening.assessment.assess import assess
from screening.assessment.clear import clear
from screening.assessment.clearance_state import stale_answers
from screening.assessment.review_state import short
from screening.domain import questionnaire, rules
from screening.domain.questionnaire import QUESTIONS, Value
from screening.models import Assessment, Screening

What = VersionSeen.What
MAY_REOPEN = (Stage.IN_REVIEW, Stage.CONSENTING, Stage.SIGNED)


class ChangedElsewhere(NotAllowed):
    """The page's answers changed elsewhere after it was shown, and what was sent differs from them.

    ``answers``: the page's answers as they stand.
    """

    def __init__(self, answers: Mapping[str, Value]) -> None:
        super().__init__("These answers were changed on another screen.")
        self.answers = answers


def version(answers: Mapping[str, Value], names: Collection[str]) -> str:
    """Return a digest of the questions ``names`` and their answers, by which a stale form is noticed."""
    page = questionnaire.dump({name: value for name, value in answers.items() if name in names})
    asked = {name: page.get(name) for name in names}
    return sha256(json.dumps(asked, sort_keys=True))[:32]


@transaction.atomic(savepoint=False)  # inside `answer`, an error here rolls back both
def draft(*, visit: Visit, by: Actor) -> Screening:
    """Return the visit's latest screening; begin one if there is none.

    A form begun on another version of the questionnaire stays on record, and a new one begins: the same answer may
    mean something else under another wording. The same goes for one begun at home, or on an earlier day; from it, the
    answers that do not change by the day are taken over (``screening.answering.carry_over``).
    """
    latest = Screening.of(visit)
    if latest and (latest.submitted_at or (latest.is_current and carry_over.counts_here_and_now(latest, visit))):
        return latest
    kept, ask = carry_over.taken_over(latest) if latest and latest.is_current else ({}, [])
    screening = Screening.objects.create(
        visit=visit,
        number=latest.number + 1 if latest else 1,
        questionnaire_version=questionnaire.VERSION,
        questionnaire_sha256=questionnaire.digest(),
        answers=questionnaire.dump(kept),
        ask_again=ask,
        given_at=_times(latest, kept),
        confirmed={name: day for name, day in latest.confirmed.items() if name in kept} if latest else {},
        at_home=visit.at_home_at is not None,
    )
    _questionnaire_seen(by)
    Journal.objects.record("screening begun", by=by, visit=visit, screening=screening.pk, number=screening.number)
    return screening


def _times(earlier: Screening | None, kept: Collection[str]) -> dict[str, str]:
    return {name: earlier.answered_at(name).isoformat() for name in kept} if earlier else {}


def _questionnaire_seen(by: Actor) -> None:
    VersionSeen.objects.seen(What.QUESTIONNAIRE, questionnaire.VERSION, questionnaire.digest(), by=by)


@transaction.atomic
def answer(
    *,
    visit: Visit,
    given: Mapping[str, Value],
    by: Actor,
    names: Collection[str] | None = None,
    section: str = "",
    seen: str | None = None,
) -> Screening:
    """Save the answers of one page, and drop answers to follow-ups that are no longer asked.

    ``names``: the questions on the page (by default those of ``given``); one that is not in ``given`` was left empty.
    ``seen``: the ``version`` of the page's answers when it was shown; a page that is sent twice is saved once. An
    urgent symptom alerts staff in the same transaction, and is never refused as late.

    Raise ``ValueError`` naming a value that is not allowed, ``ChangedElsewhere`` if the page's answers have changed
    since, ``NotAllowed`` if it is not the patient's turn.
    """
    preconditions.fresh(visit, Stage.ANSWERING)
    screening = draft(visit=visit, by=by)
    if screening.submitted_at:
        raise NotAllowed("These answers were sent. They change in a new version only.")
    page = set(given if names is None else names)
    before = questionnaire.load(screening.answers)
    kept = {name: value for name, value in before.items() if name not in page}
    typed = {name: questionnaire.check_value(QUESTIONS[name], value) for name, value in given.items()}
    if seen not in (None, version(before, page)):
        if version(typed, page) == version(before, page):
            return screening
        if not typed.get("urgent_symptoms"):
            raise ChangedElsewhere({name: value for name, value in before.items() if name in page})
    after = questionnaire.prune({**kept, **typed}, returning=visit.returning)
    screening.answers, screening.saved_at = questionnaire.dump(after), timezone.now()
    given_now = dict.fromkeys(page, screening.saved_at.isoformat())
    screening.given_at = {name: when for name, when in {**screening.given_at, **given_now}.items() if name in after}
    screening.confirmed = {name: day for name, day in screening.confirmed.items() if name in after and name not in page}
    screening.save(update_fields=["answers", "given_at", "confirmed", "saved_at"])
    Journal.objects.record(
        "answers saved", by=by, visit=visit, screening=screening.pk, kind=section, count=len(page & set(after))
    )
    _alarm(visit, before=before, after=after, by=by)
    return screening


def _alarm(visit: Visit, *, before: Mapping[str, Value], after: Mapping[str, Value], by: Actor) -> None:
    """Call staff for a symptom that was not reported before; a call that was answered already does not ring again."""
    symptoms = _listed(after, "urgent_symptoms")
    if symptoms - _listed(before, "urgent_symptoms") or (symptoms and visit.urgent_at is None):
        visit.mark(by=by, action="urgent", urgent_at=timezone.now(), urgent_taken_at=None, urgent_taken_by=None)


def _listed(answers: Mapping[str, Value], name: str) -> set[str]:
    answer = answers.get(name)
    return set(answer) if isinstance(answer, list) else set()


@transaction.atomic
def submit(*, visit: Visit, by: Actor) -> Stage:
    """Freeze the answers, run the rules, and send the visit on: to review if anything needs a practitioner, else to
    consent. Return the stage it went to. Sending twice does no harm.

    Raise ``NotAllowed`` if a question was left out, or it is not the patient's turn.
    """
    visit.refresh_from_db(fields=preconditions.CHANGES)
    screening = Screening.of(visit)
    if screening is not None and screening.submitted_at is not None:
        return visit.at
    preconditions.fresh(visit, Stage.ANSWERING)
    if screening is None:
        raise NotAllowed("Nothing was answered yet.")
    if not screening.is_current:
        raise NotAllowed("The questions changed since this was begun. It starts again.")
    if screening.at_home or not carry_over.counts_here_and_now(screening, visit):
        raise NotAllowed("What changes by the day is asked at check-in, and then everything is sent.")
    answers = questionnaire.prune(questionnaire.load(screening.answers), returning=visit.returning)
    # What is empty on paper cannot be asked for on the screen: it is sent as not given, and the rules take it so.
    left = [] if screening.paper_id else questionnaire.missing(answers, returning=visit.returning)
    if left:
        raise NotAllowed(f"Not answered yet: {', '.join(short(name) for name in left)}.")
    screening.answers, screening.submitted_at = questionnaire.dump(answers), timezone.now()
    screening.save(update_fields=["answers", "submitted_at"])
    Journal.objects.record("answers sent", by=by, visit=visit, screening=screening.pk, number=screening.number)
    _alarm(visit, before={}, after=answers if visit.urgent_at is None else {}, by=by)
    run = assess(screening=screening, by=by)
    if not _needs_practitioner(visit, screening, run, answers):
        clear(visit)
        visit.move(Stage.CONSENTING, by=by)
        return Stage.CONSENTING
    visit.move(Stage.IN_REVIEW, by=by)
    if hold := visit.hold:
        hold.end("waiting")
    return Stage.IN_REVIEW


def _needs_practitioner(visit: Visit, screening: Screening, run: Assessment, answers: Mapping[str, Value]) -> bool:
    return (
        any(rules.needs_decision(rules.Severity(flag.severity)) for flag in run.flags.all())
        or bool(rules.open_questions(answers) or visit.asked.exists() or visit.wants_talk_at)
        or bool(questionnaire.in_private(answers))
        or rules.needs_interpreter(answers)
        or rules.is_minor(visit.patient.born, timezone.localdate())
        or PolicyChange.objects.policy().sign_when == AFTER_TALK
        # Answers that were changed are looked at again, whatever they are now.
        or Screening.objects.filter(visit=visit, number__lt=screening.number).exclude(submitted_at=None).exists()
        or carry_over.no_longer_flagged(visit, run)
        # Begun on a screen and then answered on paper: somebody compares the two.
        or (screening.paper_id is not None and screening.number > 1)
    )


@transaction.atomic
def reopen(*, visit: Visit, by: Actor, why: str, names: Collection[str] = ()) -> Screening:
    """Begin a new version of the answers, and give the visit back to the patient.

    ``names``: questions whose answers are dropped and asked again; if empty, every answer is kept, for the patient to
    change. Answers of the day that are too old are always asked again, and all answers if the questionnaire has
    changed. ``why``: a word or two for the journal ("sent back"). Raise ``ValueError`` naming an unknown question.
    """
    preconditions.fresh(visit, *MAY_REOPEN)
    if unknown := set(names) - set(QUESTIONS):
        raise ValueError(f"ask_again: {', '.join(sorted(unknown))}; allowed: {', '.join(QUESTIONS)}")
    old = preconditions.sent(visit)
    answers = questionnaire.load(old.answers) if old.is_current else {}
    stale = stale_answers(old, PolicyChange.objects.policy().clearance_hours)
    dropped = {*names, *stale}
    kept = questionnaire.prune(
        {name: value for name, value in answers.items() if name not in dropped}, returning=visit.returning
    )
    new = Screening.objects.create(
        visit=visit,
        number=old.number + 1,
        questionnaire_version=questionnaire.VERSION,
        questionnaire_sha256=questionnaire.digest(),
        answers=questionnaire.dump(kept),
        given_at=_times(old, kept),
        confirmed={name: day for name, day in old.confirmed.items() if name in kept},
        ask_again=[*names, *(name for name in stale if name not in names)] if old.is_current and names else [],
    )
    _questionnaire_seen(by)
    Journal.objects.record("answers reopened", by=by, visit=visit, screening=new.pk, number=new.number, why=why)
    visit.move(Stage.ANSWERING, by=by, why=why)
    return new
