"""From the rows of a visit to its record: everything that was agreed, in words, as it stands at the confirmation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from django.conf import settings

from clinic.domain import body_regions
from clinic.domain.flow import WORDS, Stage
from clinic.models import Journal, User, Visit
from consent.domain import record as r
from consent.domain.statement import CHOICES, Statement
from consent.models import Signature, SignedConsent
from consent.seal import installation_trust
from consent.status.course_state import held_to
from screening.assessment.review_state import FlagState, ReviewState
from screening.domain import attestations, questionnaire
from screening.domain.questionnaire import QUESTIONS, SECTIONS, Question
from screening.domain.talk import RESULTS, not_able, prompt
from screening.models import Attestation, Decision, PatientQuestion, Screening

Kind = Attestation.Kind

STEPS = {
    "tablet handed over": "Tablet handed to the patient",
    "birth date confirmed": "Date of birth confirmed on the tablet",
    "urgent": "Tablet called for help: the patient ticked an urgent symptom",
    "urgent call taken": "Went to the patient who called for help",
    "paper form printed": "Blank paper form printed",
    "paper form recorded": "Date of birth on the paper compared, answers typed in",
}


def number(visit: Visit) -> str:
    """Return the printed number of a visit's consent: one visit has one consent."""
    return f"C-{visit.pk:06d}"


def proof() -> r.Proof:
    """Return what a record that is written now can be held against: where the journal stands, and our root."""
    head = Journal.objects.head()
    return r.Proof(head.seq, head.hash, installation_trust.root_sha256())


def _at(when: dt.datetime) -> r.Moment:
    return r.moment(when, ZoneInfo(settings.TIME_ZONE))


def build(
    *, given: SignedConsent, state: ReviewState, by: User, at: dt.datetime, statements: tuple[str, ...]
) -> r.Record:
    """Return the record of what ``given`` and ``state`` hold, confirmed by ``by`` at ``at`` with ``statements``.

    Raise ``ValueError`` where something is missing without which nothing can be agreed.
    """
    visit, policy = state.visit, state.policy
    if given.hold.identified_at is None:
        raise ValueError("The patient was not identified on the tablet.")
    return r.Record(
        app_version=settings.VERSION,
        number=number(visit),
        clinic=r.Clinic(policy.clinic_name, policy.clinic_address, policy.clinic_phone, policy.emergency_number),
        patient=r.RecordedPatient(
            name=visit.patient.name,
            born=visit.patient.born.isoformat(),
            identified="date of birth confirmed on the tablet",
            identified_at=_at(given.hold.identified_at),
        ),
        visit=r.RecordedVisit(
            number=f"V-{visit.pk:06d}",
            day=visit.day.isoformat(),
            appointment=visit.time.strftime("%H:%M") if visit.time else "",
        ),
        screening=_screening(state),
        flags=tuple(_flag(each) for each in state.flags),
        plan=_plan(state),
        talk=_talk(state),
        interpreter=_interpreter(state),
        guardian=_guardian(state),
        capacity=_capacity(state),
        vitals=_vitals(state),
        consents_alone=_consents_alone(state),
        statement=Statement.from_json(given.statement),
        acknowledged=tuple(r.Acknowledged(each["name"], each["text"]) for each in given.acknowledged),
        choices=tuple(r.ChoiceMade(CHOICES[name], "Yes" if yes else "No") for name, yes in given.choices.items()),
        signatures=tuple(_signatures(given)),
        confirmation=r.Confirmation(by.full_name, by.registration_number, _at(at), statements),
        events=(*_events(visit), r.Event(_at(at), "Confirmed in the room", by.full_name)),
        proof=proof(),
        course=_course(given, state),
    )


def _course(given: SignedConsent, state: ReviewState) -> r.RecordedCourse | None:
    if given.course is None:
        return None
    within = held_to(given.course, state)
    if within is None:
        raise ValueError("The consent of the course has no plan or no file.")
    first = within.first
    return r.RecordedCourse(
        number=number(first.visit),
        confirmed_at=_at(first.confirmed_at),
        file_sha256=first.sealed.sha256,
        record_sha256=first.sha256,
        session=within.number,
        most=within.most,
        last_day=within.last_day.isoformat(),
        news=tuple(within.news(state)),
    )


def _screening(state: ReviewState) -> r.RecordedScreening:
    if state.screening is None or state.screening.submitted_at is None or state.assessment is None:
        raise ValueError("The answers were not sent.")
    return r.RecordedScreening(
        questionnaire_version=state.screening.questionnaire_version,
        questionnaire_sha256=questionnaire.digest(),
        rules_version=state.assessment.rules_version,
        number=state.screening.number,
        submitted_at=_at(state.screening.submitted_at),
        filled_in_by=questionnaire.in_words(QUESTIONS["filled_in_by"], state.answers.get("filled_in_by")),
        answers=tuple(_answers(state)),
        on_paper=_on_paper(state.screening),
    )


def _on_paper(screening: Screening) -> r.OnPaper | None:
    if screening.paper is None or screening.transcribed_by is None:
        return None
    who = screening.transcribed_by
    return r.OnPaper(screening.paper.code, _at(screening.paper.at), who.full_name, who.registration_number)


def _answers(state: ReviewState) -> Iterator[r.Answer]:
    written = questionnaire.dump(state.answers)
    headings = {name: section.heading for section in SECTIONS for name in section.questions}
    for question in QUESTIONS.values():
        if question.parent:
            headings.setdefault(question.name, headings[question.parent])
        if not questionnaire.asked(question, state.answers, returning=state.visit.returning):
            continue
        value = written.get(question.name)
        yield r.Answer(
            section=headings[question.name],
            question=question.name,
            wording=question.wording,
            value=tuple(value) if isinstance(value, list) else value,
            words=_in_words(state, question),
        )


def _in_words(state: ReviewState, question: Question) -> str:
    words = questionnaire.in_words(question, state.answers.get(question.name))
    return f"{words} ({origin})" if (origin := state.origin(question.name)) else words


def _flag(about: FlagState) -> r.RecordedFlag:
    flag, decision = about.flag, about.decision
    return r.RecordedFlag(
        question=flag.question,
        short=about.short,
        severity=flag.severity,
        reason=flag.reason,
        source=r.RecordedSource(
            title=flag.source.get("title", ""), edition=flag.source.get("edition", ""), link=flag.source.get("link", "")
        ),
        regions=tuple(body_regions.region_words(name) for name in flag.regions),
        decision=_decision(decision) if decision else None,
    )


def _decision(decision: Decision) -> r.RecordedDecision:
    return r.RecordedDecision(
        outcome=decision.outcome,
        outcome_words=decision.get_outcome_display(),
        reason=decision.reason,
        precaution=decision.precaution,
        until=decision.until,
        by=decision.by.full_name,
        registration_number=decision.by.registration_number,
        at=_at(decision.at),
        identity_checked_at=_at(decision.identity_checked_at) if decision.identity_checked_at else None,
    )


def _plan(state: ReviewState) -> r.RecordedPlan:
    if state.plan is None:
        raise ValueError("There is no plan.")
    return r.RecordedPlan(
        regions=tuple(body_regions.region_words(name) for name in state.plan.regions),
        technique=state.plan.get_technique_display(),
        electro=state.plan.electro,
        sessions=state.plan.sessions,
        by=state.plan.by.full_name,
        at=_at(state.plan.at),
    )


def _talk(state: ReviewState) -> r.Talk:
    talk = state.attested.get(Kind.TALK)
    if talk is None:
        raise ValueError("The talk was not recorded.")
    answered = state.attested.get(Kind.QUESTIONS_ANSWERED)
    asked = [state.own_words, *(each.text for each in PatientQuestion.objects.filter(visit=state.visit))]
    return r.Talk(
        took_place_at=_at(talk.at),
        by=talk.by.full_name,
        teach_back=tuple(r.TeachBack(prompt(name).asks, RESULTS[result]) for name, result in state.teach_back.items()),
        questions="\n".join(filter(None, asked)),
        questions_answered_by=answered.by.full_name if answered else "",
        questions_answered_at=_at(answered.at) if answered else None,
        not_said_back=tuple(
            r.NotSaidBack(
                _at(each.at), each.by.full_name, tuple(one.about for one in not_able(each.data["teach_back"]))
            )
            for each in state.failed_talks
        ),
    )


def _interpreter(state: ReviewState) -> r.Interpreter | None:
    found = state.attested.get(Kind.INTERPRETER)
    if found is None:
        return None
    told = {name: str(found.data.get(name, "")) for name in ("name", "number", "language")}
    mode = str(found.data.get("mode", ""))
    spoken = attestations.MODES.get(mode, mode).lower()
    return r.Interpreter(**told, mode=spoken, recorded_by=found.by.full_name, at=_at(found.at))


def _guardian(state: ReviewState) -> r.Guardian | None:
    found = state.attested.get(Kind.GUARDIAN)
    if found is None or not state.needs_guardian:
        return None
    told = {name: str(found.data.get(name, "")) for name in ("name", "relationship", "authority")}
    return r.Guardian(**told, recorded_by=found.by.full_name, at=_at(found.at))


def _capacity(state: ReviewState) -> r.RecordedCapacity | None:
    found = state.attested.get(Kind.CAPACITY)
    if found is None:
        return None
    told = {name: str(found.data.get(name, "")) for name in ("helped", "reason")}
    return r.RecordedCapacity(**told, by=found.by.full_name, at=_at(found.at))


def _vitals(state: ReviewState) -> r.Vitals | None:
    found = state.attested.get(Kind.VITALS)
    if found is None:
        return None
    measured, note = attestations.vitals_words(found.data), str(found.data.get("note", ""))
    return r.Vitals(measured, note, found.by.full_name, _at(found.at))


def _consents_alone(state: ReviewState) -> r.ConsentsAlone | None:
    found = state.attested.get(Kind.CONSENTS_ALONE)
    if found is None:
        return None
    return r.ConsentsAlone(by=found.by.full_name, reason=str(found.data.get("reason", "")), at=_at(found.at))


def _signatures(given: SignedConsent) -> Iterator[r.RecordedSignature]:
    for each in given.signatures.select_related("witness"):
        yield r.RecordedSignature(
            capacity=each.capacity,
            capacity_words=each.get_capacity_display(),
            name=each.name,
            relationship=each.relationship,
            method=each.method,
            strokes=tuple(tuple((x, y, ms) for x, y, ms in stroke) for stroke in each.strokes),
            at=_at(each.at),
            tablet=given.hold.tablet.name,
            handed_by=given.hold.handed_by.full_name,
            witness=_witness(each),
        )


def _witness(signature: Signature) -> r.Witness | None:
    if signature.witness is None:
        return None
    return r.Witness(
        name=signature.witness.full_name,
        registration_number=signature.witness.registration_number,
        did=signature.get_did_display(),
        identified="user name and password typed on the tablet for this signature",
    )


def _events(visit: Visit) -> Iterator[r.Event]:
    rows = Journal.objects.filter(visit=visit, action__in=["visit moved", *STEPS]).select_related("user", "tablet")
    for row in rows.order_by("seq"):
        what = WORDS[Stage(row.data["to"])] if row.action == "visit moved" else STEPS[row.action]
        who = row.user.full_name if row.user else row.tablet.name if row.tablet else "the system"
        yield r.Event(_at(row.at), what, who)
