"""What one page of the queue shows: lines with their patients and reasons, in the same few queries for any page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch
from django.utils import timezone

from clinic.domain.dates import moment_in_words
from clinic.domain.policy import AFTER_TALK, Policy
from clinic.models import PolicyChange, User, Visit
from screening.assessment.review_state import short
from screening.domain import questionnaire, review_deadline, rules
from screening.domain.review_deadline import Due
from screening.domain.rules import Severity
from screening.models import Assessment, Attestation, Claim, Decision, Flag, PatientQuestion, Screening
from screening.review.queue import QueueLine, QueuePart

WHYS = 4  # reasons in a row; the others are counted


@dataclass(frozen=True)
class QueueReason:
    """One reason to look at a visit: a flag's severity and subject, or words alone."""

    words: str
    severity: str = ""


@dataclass(frozen=True)
class Signs:
    """The parts of a row that change while it is on a screen: its age, its deadline and who has it."""

    waited: str
    due: str  # in words, with the time
    due_kind: str  # of ``Due``, or "urgent", or "gone"
    who: str
    is_mine: bool = False


@dataclass(frozen=True)
class Waiting:
    """One visit that waits for a practitioner, as a row."""

    line: QueueLine
    visit: Visit
    whys: tuple[QueueReason, ...]
    signs: Signs

    @property
    def shown(self) -> tuple[QueueReason, ...]:
        """The first reasons; a single one left over is shown rather than counted as "1 more"."""
        return self.whys if len(self.whys) <= WHYS + 1 else self.whys[:WHYS]

    @property
    def more(self) -> int:
        """How many reasons are not shown."""
        return len(self.whys) - len(self.shown)


def rows(wanted: Sequence[QueueLine], *, user: User, now: dt.datetime) -> list[Waiting]:
    """Return a row for each line, in their order, as ``user`` sees it; visits that are gone are left out."""
    policy = PolicyChange.objects.policy()
    visits = _visits(line.pk for line in wanted)
    latest = {row.visit_id: row for row in Screening.objects.filter(visit__in=visits).order_by("number")}
    runs = _latest_runs(list(latest.values()))
    seen = signs(wanted, user=user, now=now)
    waiting = []
    for line in wanted:
        if visit := visits.get(line.pk):
            screening = latest.get(visit.pk)
            run = runs.get(screening.pk) if screening else None
            whys = tuple(_whys(line, visit, screening, run, policy)) if line.part is QueuePart.REVIEW else ()
            waiting.append(Waiting(line=line, visit=visit, whys=whys, signs=seen[line.pk]))
    return waiting


def signs(wanted: Iterable[QueueLine], *, user: User, now: dt.datetime) -> dict[int, Signs]:
    """Return what each line's row shows now, by visit."""
    lines = {line.pk: line for line in wanted}
    who = _went(line.pk for line in lines.values() if line.is_calling)
    for claim in Claim.objects.filter(visit__in=lines, ended_at=None).select_related("by"):
        who[claim.visit_id] = f"{'You' if claim.by_id == user.pk else claim.by}, since {_time(claim.at, now)}"
    return {pk: _signs(line, who.get(pk, "Nobody yet"), user, now) for pk, line in lines.items()}


def _went(calling: Iterable[int]) -> dict[int, str]:
    """Return who went to the patients who called for help and are still answering."""
    taken = Visit.objects.filter(pk__in=list(calling)).exclude(urgent_taken_at=None)
    return {pk: f"{name} went to them" for pk, name in taken.values_list("pk", "urgent_taken_by__full_name")}


def _signs(line: QueueLine, who: str, user: User, now: dt.datetime) -> Signs:
    waited = review_deadline.waited(int((now - line.since).total_seconds() // 60))
    kind = "urgent" if line.is_urgent else line.due.value
    return Signs(waited, _due_words(line, now), kind, who, is_mine=line.claimed_by == user.pk)


GONE = Signs(waited="–", due="Waits no longer", due_kind="gone", who="–")
DUE_WORDS = {Due.LATER: "Due {}", Due.SOON: "Due soon: {}", Due.OVERDUE: "Overdue since {}"}


def _due_words(line: QueueLine, now: dt.datetime) -> str:
    return "Go now" if line.is_urgent else DUE_WORDS[line.due].format(_time(line.due_at, now))


def _time(at: dt.datetime, now: dt.datetime) -> str:
    return moment_in_words(timezone.localtime(at), timezone.localdate(now))


def _visits(pks: Iterable[int]) -> dict[int, Visit]:
    visits = Visit.objects.select_related("patient", "practitioner")
    asked = Prefetch("asked", queryset=PatientQuestion.objects.order_by("id"))
    return visits.prefetch_related(asked, "attestations").in_bulk(list(pks))


def _latest_runs(screenings: list[Screening]) -> dict[int, Assessment]:
    flags = Flag.objects.annotate(decided=Exists(Decision.objects.filter(flag=OuterRef("pk"))))
    runs = Assessment.objects.filter(screening__in=screenings).prefetch_related(Prefetch("flags", queryset=flags))
    return {run.screening_id: run for run in runs.order_by("id")}


def _whys(
    line: QueueLine, visit: Visit, screening: Screening | None, run: Assessment | None, policy: Policy
) -> Iterable[QueueReason]:
    if line.is_calling:
        yield QueueReason("Needs help now; still answering", Severity.URGENT.value)
        return
    flags = sorted(run.flags.all(), key=lambda flag: Severity(flag.severity).rank) if run else []
    grave = [flag for flag in flags if rules.needs_decision(Severity(flag.severity))]
    # Flags that are decided are only counted, though the gravest may still set the place in the queue.
    undecided = [flag for flag in grave if not flag.decided]  # type: ignore[attr-defined]
    yield from [QueueReason(short(flag.question), flag.severity) for flag in undecided]
    if decided := len(grave) - len(undecided):
        yield QueueReason(f"{decided} decided")
    yield from _other_whys(visit, screening, policy)


def _other_whys(visit: Visit, screening: Screening | None, policy: Policy) -> Iterable[QueueReason]:
    answers = screening.answers if screening else {}  # as stored: only texts and choices are looked at below
    if visit.wants_talk_at:
        yield QueueReason("Wants to talk first")
    if _has_question(visit, screening, bool(rules.open_questions(answers))):
        yield QueueReason("Has a question")
    if questionnaire.in_private(answers):
        yield QueueReason("Wants to say something in private")
    if rules.needs_interpreter(answers):
        yield QueueReason("Needs an interpreter")
    if policy.sign_when == AFTER_TALK:
        yield QueueReason("Signs after the talk")
    if screening and screening.number > 1:
        yield QueueReason("Changed answers")


def _has_question(visit: Visit, screening: Screening | None, own: bool) -> bool:
    """Whether something was asked, on the questionnaire or before signing, and is not marked as answered."""
    answered = [
        row.at
        for row in visit.attestations.all()
        if row.kind == Attestation.Kind.QUESTIONS_ANSWERED and screening and row.screening_id == screening.pk
    ]
    settled = max(answered, default=None)
    return (own and settled is None) or any(settled is None or asked.at > settled for asked in visit.asked.all())
