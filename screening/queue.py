"""Who waits for a practitioner, worst first. The same few queries, however many wait."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from django.db.models import Prefetch, Q
from django.utils import timezone

from clinic.flow import OPEN, Stage
from clinic.models import PolicyChange, Visit
from clinic.policy import AFTER_TALK, Policy
from screening import questions, rules
from screening.models import Asked, Assessment, Attestation, Decision, Flag, Screening
from screening.rules import Severity
from screening.standing import short

LAST = len(Severity)  # after everything that has a flag


@dataclass(frozen=True)
class Why:
    """One reason to look at a visit: a flag's gravity and what it is about, or words alone."""

    words: str
    severity: str = ""


@dataclass(frozen=True)
class Waiting:
    """One visit that waits for a practitioner."""

    visit: Visit
    whys: tuple[Why, ...]
    minutes: int
    rank: int

    @property
    def is_urgent(self) -> bool:
        """Whether the patient needs help now and nobody has gone yet."""
        return self.visit.urgent_at is not None and self.visit.urgent_taken_at is None


def waiting() -> list[Waiting]:
    """Return the visits to review, and those whose patient called for help, worst first, then longest."""
    visits = _open(Q(stage=Stage.IN_REVIEW.value) | Q(urgent_at__isnull=False, stage=Stage.ANSWERING.value))
    policy = PolicyChange.objects.policy()
    latest = {each.visit_id: each for each in Screening.objects.filter(visit__in=visits).order_by("number")}
    runs = _latest_runs(list(latest.values()))
    rows = [_row(visit, latest.get(visit.pk), runs, policy) for visit in visits]
    return sorted(rows, key=lambda row: (not row.is_urgent, row.rank, -row.minutes, row.visit.pk))


def to_confirm() -> list[Waiting]:
    """Return the visits that were signed and are to be confirmed in the room, longest waiting first."""
    rows = [_plain(visit) for visit in _open(Q(stage=Stage.SIGNED.value))]
    return sorted(rows, key=lambda row: (-row.minutes, row.visit.pk))


def state(rows: list[Waiting], signed: list[Waiting]) -> str:
    """Return a short digest of who waits and why, so that a page can tell that it has changed."""
    seen = [(row.visit.pk, row.visit.stage, row.is_urgent, [why.words for why in row.whys]) for row in [*rows, *signed]]
    return sha256(repr(seen).encode()).hexdigest()[:16]


def _open(which: Q) -> list[Visit]:
    stages = [stage.value for stage in OPEN]
    flags = Visit.objects.filter(which, stage__in=stages).select_related("patient", "practitioner")
    return list(flags.prefetch_related(Prefetch("asked", queryset=Asked.objects.order_by("id")), "attestations"))


def _latest_runs(screenings: list[Screening]) -> dict[int, Assessment]:
    decided = Decision.objects.order_by("id")
    flags = Flag.objects.prefetch_related(Prefetch("decisions", queryset=decided))
    runs = Assessment.objects.filter(screening__in=screenings).prefetch_related(Prefetch("flags", queryset=flags))
    return {each.screening_id: each for each in runs.order_by("id")}


def _minutes(visit: Visit) -> int:
    since = visit.urgent_at if visit.urgent_at and not visit.urgent_taken_at else visit.stage_since
    return int((timezone.now() - since).total_seconds() // 60)


def _plain(visit: Visit) -> Waiting:
    return Waiting(visit=visit, whys=(), minutes=_minutes(visit), rank=LAST)


def _row(visit: Visit, screening: Screening | None, runs: dict[int, Assessment], policy: Policy) -> Waiting:
    run = runs.get(screening.pk) if screening else None
    flags = sorted(run.flags.all(), key=lambda flag: Severity(flag.severity).rank) if run else []
    grave = [flag for flag in flags if rules.needs_decision(Severity(flag.severity))]
    # What was decided already waits for nobody; if everything was, the gravest still names the row.
    open_flags = [flag for flag in grave if not flag.decisions.all()]
    whys = [Why(short(flag.question), flag.severity) for flag in open_flags]
    decided = len(grave) - len(open_flags)
    whys += _other_reasons(visit, screening, policy, decided)
    if visit.at is Stage.ANSWERING:
        whys = [Why("Needs help now; still answering", Severity.URGENT.value)]
    ranks = [Severity(flag.severity).rank for flag in open_flags or grave]
    rank = 0 if visit.at is Stage.ANSWERING else min(ranks, default=LAST)
    return Waiting(visit=visit, whys=tuple(whys), minutes=_minutes(visit), rank=rank)


def _other_reasons(visit: Visit, screening: Screening | None, policy: Policy, decided: int) -> list[Why]:
    found = []
    if decided:
        found.append(Why(f"{decided} decided"))
    if visit.wants_talk_at:
        found.append(Why("Wants to talk first"))
    answers = questions.load(screening.answers) if screening else {}
    kinds = [
        each
        for each in visit.attestations.all()
        if each.kind == Attestation.Kind.QUESTIONS_ANSWERED and screening and each.screening_id == screening.pk
    ]
    settled = max((each.at for each in kinds), default=None)
    own = rules.open_questions(answers) and settled is None
    if own or any(settled is None or each.at > settled for each in visit.asked.all()):
        found.append(Why("Has a question"))
    if questions.in_private(answers):
        found.append(Why("Wants to say something in private"))
    if rules.needs_interpreter(answers):
        found.append(Why("Needs an interpreter"))
    if policy.sign_when == AFTER_TALK:
        found.append(Why("Signs after the talk"))
    if screening and screening.number > 1:
        found.append(Why("Changed answers"))
    return found
