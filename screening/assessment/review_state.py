"""Where a review stands: what was answered, raised, planned, decided and vouched for, and what still holds it up.

A handful of queries, however many flags there are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.db.models import Prefetch
from django.utils import timezone

from clinic.domain.dates import day_in_words
from clinic.domain.policy import AFTER_TALK, Policy
from clinic.models import PolicyChange, Visit
from screening.assessment.rule_input import planned_scope
from screening.domain import attestations as vouching
from screening.domain import questionnaire, rules, talk
from screening.domain.questionnaire import QUESTIONS, Value
from screening.domain.rules import Severity
from screening.models import Assessment, Attestation, Decision, Flag, PatientQuestion, Plan, Screening

Kind = Attestation.Kind


@dataclass(frozen=True)
class FlagState:
    """One flag that stands, with what was decided about it last."""

    flag: Flag
    decision: Decision | None = None
    earlier: Decision | None = None  # about the same rule, in an earlier version of the answers
    said: tuple[tuple[str, str], ...] = ()  # the question and its follow-ups: short name, answer in words

    @property
    def severity(self) -> Severity:
        return Severity(self.flag.severity)

    @property
    def short(self) -> str:
        """The staff's name of what the flag is about."""
        return short(self.flag.question)

    @property
    def needs_decision(self) -> bool:
        return rules.needs_decision(self.severity)

    @property
    def is_stop(self) -> bool:
        """Whether going ahead means overriding a stop, or something graver."""
        return self.severity.rank <= Severity.STOP.rank

    @property
    def undecided(self) -> bool:
        return self.needs_decision and self.decision is None

    @property
    def stops_now(self) -> bool:
        """Whether it keeps the patient from being treated today, as it stands."""
        not_today = self.decision is not None and not self.decision.goes_ahead
        return not_today or self.flag.never_cleared or (self.is_stop and self.decision is None)


@dataclass(frozen=True)
class ToDo:
    """One thing left to do before consent: where on the review page, and what."""

    place: str
    says: str


@dataclass(frozen=True)
class ReviewState:
    """One visit's review as it stands now."""

    visit: Visit
    policy: Policy
    screening: Screening | None = None
    answers: Mapping[str, Value] = field(default_factory=dict)
    plan: Plan | None = None
    assessment: Assessment | None = None
    flags: tuple[FlagState, ...] = ()  # worst first
    attested: Mapping[str, Attestation] = field(default_factory=dict)  # the latest of each kind that counts now
    talks: tuple[Attestation, ...] = ()  # about these answers, in order
    asked: tuple[PatientQuestion, ...] = ()  # asked before signing, and not answered yet

    @property
    def undecided(self) -> tuple[FlagState, ...]:
        """The flags that need a decision and have none."""
        return tuple(flag for flag in self.flags if flag.undecided)

    @property
    def decided(self) -> tuple[FlagState, ...]:
        """The flags with a decision."""
        return tuple(flag for flag in self.flags if flag.decision)

    @property
    def precautions(self) -> tuple[str, ...]:
        """The precautions that were decided, in the order of the flags."""
        return tuple(flag.decision.precaution for flag in self.flags if flag.decision and flag.decision.precaution)

    @property
    def own_words(self) -> str:
        """What the patient asked on the questionnaire, answered or not; "" for nothing."""
        return rules.open_questions(self.answers)

    @property
    def questions_open(self) -> bool:
        """Whether the patient asked something that is not marked as answered."""
        return bool(self.asked) or bool(self.own_words and Kind.QUESTIONS_ANSWERED not in self.attested)

    @property
    def in_private(self) -> tuple[str, ...]:
        """What the patient would rather say in private, by the questions' short names."""
        return tuple(question.short for question in questionnaire.in_private(self.answers))

    @property
    def needs_interpreter(self) -> bool:
        return rules.needs_interpreter(self.answers)

    @property
    def is_minor(self) -> bool:
        return rules.is_minor(self.visit.patient.born, timezone.localdate())

    @property
    def may_consent_alone(self) -> bool:
        """Whether the clinic's country lets a practitioner record that this young person consents alone."""
        return self.is_minor and self.visit.patient.age_on(timezone.localdate()) >= self.policy.consent_alone_from

    @property
    def near_lung(self) -> bool:
        return planned_scope(self.visit, self.plan).near_lung

    @property
    def teach_back(self) -> Mapping[str, str]:
        """What the latest talk found, by prompt; empty if there was none."""
        last = self.attested.get(Kind.TALK)
        return last.data.get("teach_back", {}) if last else {}

    @property
    def needs_guardian(self) -> bool:
        """Whether a parent or guardian has to sign beside the patient."""
        return self.is_minor and not (self.may_consent_alone and Kind.CONSENTS_ALONE in self.attested)

    @property
    def failed_talks(self) -> tuple[Attestation, ...]:
        """The talks about these answers after which the patient could not say something back."""
        return tuple(row for row in self.talks if talk.not_able(row.data.get("teach_back", {})))

    @property
    def needs_help(self) -> bool:
        """Whether another talk alone is not enough, because too many failed, and no help was recorded since."""
        if len(self.failed_talks) < talk.TRIES:
            return False
        since = self.failed_talks[talk.TRIES - 1].at
        helps = [self.attested.get(kind) for kind in (Kind.INTERPRETER, Kind.CAPACITY)]
        return not any(row and row.at > since for row in helps)

    @property
    def vitals_high(self) -> bool:
        """Whether the blood pressure that was taken reaches the clinic's limits."""
        taken, policy = self.attested.get(Kind.VITALS), self.policy
        limits = {"systolic": policy.systolic_high, "diastolic": policy.diastolic_high}
        return taken is not None and vouching.is_high(taken.data, **limits)

    @property
    def to_do(self) -> list[ToDo]:
        """What is left to do before consent, in the order in which it is best done."""
        return self._to_do([*self._plan_first(), *self._guardian_first()])

    @property
    def holds(self) -> list[str]:
        """Why this cannot go on to consent, in sentences for the practitioner; empty if it can."""
        return [task.says for task in self.to_do]

    @property
    def signing_holds(self) -> list[str]:
        """Why the patient cannot sign now. A patient without flags may sign at check-in, before there is a plan."""
        plan = self._plan_first() if self.policy.sign_when == AFTER_TALK else []
        return [task.says for task in self._to_do(plan)]

    def _to_do(self, first: list[ToDo]) -> list[ToDo]:
        if self.screening is None or self.screening.submitted_at is None:
            return [ToDo("flags", "The patient has not sent the answers yet.")]
        if not self.screening.is_current:
            says = "The questions changed since the patient answered. Send them back: all of them are asked again."
            return [ToDo("back", says)]
        left = [*self._call_first(), *self._old_first(), *first, *self._decide_first()]
        return [*left, *self._talk_first(), *self._vitals_first()]

    @property
    def stale(self) -> list[str]:
        """The names of answers that change by the day and were given too long ago to be relied on."""
        longest = dt.timedelta(hours=self.policy.clearance_hours)
        return self.screening.stale(timezone.now() - longest) if self.screening else []

    def also(self, attestation: Attestation) -> ReviewState:
        """Return a copy with an attestation that was written since, without reading everything again.

        Not for ``QUESTIONS_ANSWERED``, which settles what was asked as well.
        """
        more = (attestation,) if attestation.kind == Kind.TALK else ()
        return replace(self, attested={**self.attested, attestation.kind: attestation}, talks=(*self.talks, *more))

    def origin(self, name: str) -> str:
        """Return in words when an answer that was only confirmed was first given; "" for one given at this visit."""
        day = self.screening.confirmed.get(name, "") if self.screening else ""
        return f"told on {day_in_words(dt.date.fromisoformat(day))}, confirmed at this visit" if day else ""

    def _old_first(self) -> list[ToDo]:
        if not self.stale:
            return []
        what = ", ".join(short(name) for name in self.stale[:3]) + (" and others" if len(self.stale) > 3 else "")
        return [ToDo("back", f"Told too long ago to count today: {what}. Send them back to be asked again.")]

    def _call_first(self) -> list[ToDo]:
        if self.visit.urgent_at is None or self.visit.urgent_taken_at:
            return []
        says = "The patient said they need help now. Go to them first, and say so at the top of the page."
        return [ToDo("main", says)]

    def _plan_first(self) -> list[ToDo]:
        return [] if self.plan else [ToDo("plan", "Save the plan: the rules look at where the needles go.")]

    def _guardian_first(self) -> list[ToDo]:
        if not self.needs_guardian or Kind.GUARDIAN in self.attested:
            return []
        return [ToDo("guardian", "The patient is under 18. Record the parent or guardian who decides with them.")]

    def _decide_first(self) -> list[ToDo]:
        left = []
        for about in self.flags:
            place = f"flag-{about.flag.pk}"
            if about.flag.never_cleared and about.needs_decision:
                says = f"{about.short}: only the patient can change this. Explain, then send it back to them."
                left.append(ToDo(place, says))
            elif about.undecided:
                left.append(ToDo(place, f"{about.short}: decide about this flag."))
            elif about.needs_decision and about.decision and not about.decision.goes_ahead:
                left.append(ToDo(place, f"{about.short}: you decided “not today”."))
        return left

    def _talk_first(self) -> list[ToDo]:
        left = []
        if self.questions_open:
            left.append(ToDo("words", "The patient asked something. Answer it, then mark it as answered."))
        if self.needs_interpreter and Kind.INTERPRETER not in self.attested:
            left.append(ToDo("interpreter", "The patient asked for an interpreter. Record who interprets."))
        last = self.attested.get(Kind.TALK)
        if self.policy.sign_when == AFTER_TALK and last is None:
            left.append(ToDo("talk", "Record the talk: in this clinic patients sign after it."))
        elif self.visit.wants_talk_at and (last is None or last.at < self.visit.wants_talk_at):
            left.append(ToDo("talk", "The patient asked to talk before signing. Record the talk."))
        if self.needs_help:
            says = "The patient could not say it back in two talks. Record an interpreter or what helps them decide."
            left.append(ToDo("help", says))
        for prompt in talk.not_able(self.teach_back):
            says = f"{prompt.about}: the patient could not say it back. Explain with help; record the talk again."
            left.append(ToDo("talk", says))
        return left

    def _vitals_first(self) -> list[ToDo]:
        taken = self.attested.get(Kind.VITALS)
        if taken is None or not self.vitals_high or taken.data.get("note"):
            return []
        says = f"{vouching.vitals_words(taken.data)} is very high. Measure again, or say why you go on."
        return [ToDo("vitals", says)]


def short(name: str) -> str:
    """Return a question's short name for staff; flags about the patient's age have no question."""
    return QUESTIONS[name].short if name in QUESTIONS else name.replace("_", " ").capitalize()


def review_state(visit: Visit) -> ReviewState:
    """Return where the review of ``visit`` stands."""
    policy = PolicyChange.objects.policy(visit.patient.site_id)
    screening = Screening.of(visit)
    attestations = list(Attestation.objects.filter(visit=visit).select_related("by"))
    settled = max((row.at for row in attestations if row.kind == Kind.QUESTIONS_ANSWERED), default=None)
    asked = tuple(row for row in PatientQuestion.objects.filter(visit=visit) if settled is None or row.at > settled)
    plan = Plan.of(visit)
    if screening is None:
        return ReviewState(visit=visit, policy=policy, plan=plan, asked=asked)
    answers = questionnaire.load(screening.answers)
    assessment = _latest_assessment(screening)
    return ReviewState(
        visit=visit,
        policy=policy,
        screening=screening,
        answers=answers,
        plan=plan,
        assessment=assessment,
        flags=_flags(visit, screening, assessment, answers) if assessment else (),
        # A talk is about the answers, so a new version of them needs a new talk.
        attested={row.kind: row for row in attestations if row.screening_id in (None, screening.pk)},
        talks=tuple(row for row in attestations if row.kind == Kind.TALK and row.screening_id == screening.pk),
        asked=asked,
    )


def _latest_assessment(screening: Screening) -> Assessment | None:
    decisions = Decision.objects.order_by("id").select_related("by")
    flags = Flag.objects.order_by("id").prefetch_related(Prefetch("decisions", queryset=decisions))
    return screening.assessments.select_related("plan").prefetch_related(Prefetch("flags", queryset=flags)).last()


def _flags(
    visit: Visit, screening: Screening, assessment: Assessment, answers: Mapping[str, Value]
) -> tuple[FlagState, ...]:
    before = Decision.objects.filter(flag__screening__visit=visit, flag__screening__number__lt=screening.number)
    before = before.select_related("flag", "by").order_by("id")
    earlier = {decision.flag.key: decision for decision in before} if screening.number > 1 else {}
    states = [
        FlagState(
            flag=flag,
            decision=max(flag.decisions.all(), key=lambda decision: decision.pk, default=None),
            earlier=earlier.get(flag.key),
            said=_in_words(flag.question, answers, returning=visit.returning),
        )
        for flag in assessment.flags.all()
    ]
    return tuple(sorted(states, key=lambda about: about.severity.rank))


def _in_words(name: str, answers: Mapping[str, Value], *, returning: bool) -> tuple[tuple[str, str], ...]:
    """Return the answers to a question and to the follow-ups that it called for, each after its short name."""
    family = {name}
    rows = []
    for question in QUESTIONS.values():  # follow-ups come after what calls for them
        if question.name == name or (question.parent and questionnaire.caller(question, answers) in family):
            family.add(question.name)
            if questionnaire.asked(question, answers, returning=returning):
                rows.append((question.short, questionnaire.in_words(question, answers.get(question.name))))
    return tuple(rows)
