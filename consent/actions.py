"""The verbs of consent: give it, ask first, take time, say no; confirm it, or send it back.

Each is one short transaction with its journal row; what it refuses raises :class:`~clinic.flow.NotAllowed`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from clinic.flow import NotAllowed, Stage
from clinic.models import Actor, Hold, Journal, Role, StaleVisit, User, VersionSeen, Visit
from consent import record, snapshot
from consent.course import GO_AHEAD, Why
from consent.courses import course_for, held_to
from consent.ending import supersede
from consent.facts import Named, facts, same_plan, untold
from consent.guardians import other_guardian
from consent.models import Consent, Given, Signature, Voiding
from consent.statement import VERSION, Statement, acknowledgements, digest, statement
from consent.strokes import Signed
from consent.tasks import seal_consent
from screening.actions import assess, attest, note_lapse, reopen, save_plan
from screening.clearing import why_lapsed
from screening.models import Asked, Attestation, Screening
from screening.standing import Standing, standing
from screening.talk import not_able

Capacity = Signature.Capacity


class TextChanged(NotAllowed):
    """The text is no longer the one that was on the screen."""

    def __init__(self) -> None:
        super().__init__("The text changed after it was put on the screen. It must be read again.")


@dataclass(frozen=True)
class SentBack:
    """What was given no longer stands, and the visit is in review again. ``why`` is for the practitioner's screen."""

    why: str


def signers(now: Standing) -> tuple[str, ...]:
    """Return in which capacities this visit's consent must be signed."""
    alone = now.may_consent_alone and Attestation.Kind.CONSENTS_ALONE in now.attested
    if now.is_minor and not alone:
        return (Capacity.ASSENT.value, Capacity.GUARDIAN.value)
    return (Capacity.PATIENT.value,)


@transaction.atomic
def give(
    *, visit: Visit, hold: Hold, shown: str, signed: Sequence[Signed], choices: Mapping[str, bool], by: Actor
) -> Given:
    """Write that consent was given on a tablet, and by whom. ``shown``: the digest of the text that was on the screen.

    Raise :class:`TextChanged` if the text is another one now, :class:`~clinic.flow.NotAllowed` if something holds the
    signature or a signature that is needed is missing.
    """
    now = _ready(visit, hold)
    known = facts(now)
    text = statement(known)
    if text.sha256 != shown:
        raise TextChanged
    if seen_by := {each.witness for each in signed if each.method == Signature.Method.ASSISTED}:
        found = {
            user.pk for user in User.objects.filter(pk__in=[pk for pk in seen_by if pk], is_active=True) if user.roles
        }
        if found != seen_by:
            raise NotAllowed("A member of staff who works here must say what they saw.")
    if sorted(each.capacity for each in signed) != sorted(signers(now)):
        raise NotAllowed(f"To be signed by: {', '.join(Capacity(each).label for each in signers(now))}.")
    given = _given(
        now,
        hold,
        text,
        by,
        acknowledged=[{"name": each.name, "text": each.text} for each in acknowledgements(known)],
        choices=dict(choices),
        named=Named.of(now).to_json(),
    )
    for each in signed:
        _sign(given, each)
        if each.witness:
            Journal.objects.record("signature witnessed", by=by, visit=now.visit, staff=each.witness, method=each.did)
    _handed_in(given, by)
    return given


@transaction.atomic
def go_ahead(*, visit: Visit, hold: Hold, shown: str, by: Actor) -> Given:
    """Write that the patient said yes to one more session of a course. ``shown``: the digest of the text, as `give`.

    Raise :class:`TextChanged` if the text is another one now, :class:`~clinic.flow.NotAllowed` if something holds it or
    no course covers the visit.
    """
    now = _ready(visit, hold)
    within = course_for(now)
    if within is None or within.why:
        raise NotAllowed("The patient has to read and sign all of it this time.")
    text = statement(within.facts(now))
    if text.sha256 != shown:
        raise TextChanged
    given = _given(
        now,
        hold,
        text,
        by,
        acknowledged=[{"name": "go_ahead", "text": GO_AHEAD}],
        choices={},
        named=within.named(now).to_json(),
        course=within.first,
    )
    _sign(given, Signed(Capacity.PATIENT.value, now.visit.patient.name, Signature.Method.TAPPED.value))
    _handed_in(given, by)
    return given


def _ready(visit: Visit, hold: Hold) -> Standing:
    now = standing(_on_tablet(visit, hold))
    if now.signing_holds:
        raise NotAllowed(" ".join(now.signing_holds))
    if why_lapsed(now.visit):
        raise NotAllowed("The practitioner has to look at this again first.")
    return now


def _given(now: Standing, hold: Hold, text: Statement, by: Actor, **said: Any) -> Given:
    assert now.screening is not None  # nothing holds the signature, so the answers were sent
    for earlier in Given.objects.filter(visit=now.visit, voiding=None):
        _void(earlier, why="signed again", by=by)
    return Given.objects.create(
        visit=now.visit,
        screening=now.screening,
        plan=now.plan,
        hold=hold,
        statement=text.to_json(),
        statement_version=text.version,
        statement_sha256=text.sha256,
        **said,
    )


def _handed_in(given: Given, by: Actor) -> None:
    VersionSeen.objects.seen(VersionSeen.What.STATEMENT, VERSION, digest(), by=by)
    Journal.objects.record(
        "session agreed" if given.course_id else "consent given",
        by=by,
        visit=given.visit,
        hold=given.hold_id,
        digest=given.statement_sha256,
    )
    given.visit.move(Stage.SIGNED, by=by)
    given.hold.end("signed")


def _sign(given: Given, signed: Signed) -> None:
    Signature.objects.create(
        given=given,
        capacity=signed.capacity,
        name=signed.name,
        relationship=signed.relationship,
        method=signed.method,
        strokes=[[list(point) for point in stroke] for stroke in signed.strokes],
        did=signed.did,
        witness_id=signed.witness,
    )


def _on_tablet(visit: Visit, hold: Hold) -> Visit:
    """Return the visit as it is now. Raise if it is no longer the patient's turn, or no longer on this tablet."""
    fresh = Visit.objects.select_related("patient").get(pk=visit.pk)
    if fresh.at is not Stage.CONSENTING or not Hold.objects.now().filter(pk=hold.pk, visit=fresh).exists():
        raise StaleVisit
    return fresh


@transaction.atomic
def ask_to_talk(*, visit: Visit, hold: Hold, by: Actor, question: str = "") -> None:
    """The patient wants to talk first: the visit goes to the practitioner, with the question if there is one."""
    visit = _on_tablet(visit, hold)
    if question:
        Asked.objects.create(visit=visit, text=question)
    visit.mark(by=by, action="patient wants to talk", wants_talk_at=timezone.now())
    visit.move(Stage.IN_REVIEW, by=by)
    hold.end("waiting")


@transaction.atomic
def take_time(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient needs more time: the tablet goes back, and the visit waits where it is."""
    visit = _on_tablet(visit, hold)
    visit.mark(by=by, action="patient needs more time", needs_time_at=timezone.now())
    hold.end("time")


@transaction.atomic
def refuse(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient does not want this: nothing more is asked, and no reason either."""
    visit = _on_tablet(visit, hold)
    visit.move(Stage.STOPPED, by=by, why="the patient’s choice")
    hold.end("stopped")


@dataclass(frozen=True)
class PlanNow:
    """The plan as the practitioner confirms it: public names of regions, technique, current or not, how many visits."""

    regions: list[str]
    technique: str
    electro: bool
    sessions: int


def vouched(given: Given, by: Actor) -> tuple[str, ...]:
    """Return, as worded, what the practitioner vouches for with a confirmation of ``given``."""
    who = by.staff
    seen = "".join(
        f" {Capacity(each.capacity).label.capitalize()} {each.get_did_display()}, as {each.witness} saw. "
        "I asked again, and the answer is the same."
        for each in given.signatures.exclude(witness=None).select_related("witness")
    )
    if other := other_guardian(given):
        seen += f" {other.vouched}"
    talked = (
        "I asked how the patient has been since the last session, talked about what is new, and answered what they "
        "asked."
        if given.course_id
        else "I talked with the patient about the treatment, its risks and the other choices, and answered what they "
        "asked."
    )
    return (
        talked,
        f"The patient is still happy to go ahead with this plan today.{seen}",
        f"I sign as {who.full_name}, registration number {who.registration_number}.",
    )


@transaction.atomic
def confirm(
    *, visit: Visit, plan: PlanNow, teach_back: Mapping[str, str], by: Actor, replaces: Collection[Consent] = ()
) -> Consent | SentBack:
    """Confirm in the room what was given on the tablet: freeze the record and ask for its seal.

    ``replaces``: the patient's earlier consents that hold no longer once this one is confirmed.

    The plan goes through the rules again, under the present settings. A flag that nobody decided about, a plan or a
    risk beyond what the signed text told, somebody else who must sign (a birth date was corrected), or something the
    patient could not say back voids the signature and sends the visit back to review. Raise
    :class:`~clinic.flow.NotAllowed` if the visit is elsewhere, or something else is missing.
    """
    visit = Visit.objects.select_related("patient", "practitioner").get(pk=visit.pk)
    given = _to_confirm(visit, by)
    if given.course_id and replaces:
        raise NotAllowed("A session replaces no consent: it goes on with one.")
    same = same_plan(standing(visit).plan, **vars(plan))
    if same:
        assess(screening=given.screening, by=by)  # a setting or the birth date may have changed since
    else:
        save_plan(visit=visit, **vars(plan), by=by)
    now = standing(visit)
    if undecided := [each for each in now.flags if each.undecided]:
        what = ", ".join(dict.fromkeys(each.short for each in undecided))
        why = "the rules raised a flag" if same else "the plan raised a flag"
        return _send_back(given, why, f"{why.capitalize()}: {what}. Decide about it.", by)
    if beyond := _beyond(given, now, plan) or _beyond_course(given, now, by):
        return _send_back(given, *beyond, by)
    if lapsed := why_lapsed(visit):
        note_lapse(visit=visit, why=lapsed, by=by)
        says = f"What was cleared no longer counts: {', '.join(each.words for each in lapsed)}. Review it again."
        return _send_back(given, "the clearance lapsed", says, by)
    talk = attest(visit=visit, kind=Attestation.Kind.TALK, data={"teach_back": dict(teach_back)}, by=by)
    if failed := not_able(talk.data["teach_back"]):
        what = ", ".join(prompt.about.lower() for prompt in failed)
        return _send_back(
            given,
            "not understood",
            f"The patient could not say back: {what}. Consent needs more help first: an interpreter, simpler words, "
            "someone they trust, more time. If that does not help, do not treat today.",
            by,
        )
    now = standing(visit)
    if now.holds:
        raise NotAllowed(" ".join(now.holds))
    consent = _freeze(given, now, by)
    for earlier in replaces:
        supersede(consent=earlier, replaced_by=consent, by=by)
    return consent


def _to_confirm(visit: Visit, by: Actor) -> Given:
    if by.role is not Role.PRACTITIONER:
        raise NotAllowed("Only a practitioner confirms.")
    given = Given.of(visit)
    latest = Screening.of(visit)
    if visit.at is not Stage.SIGNED:
        raise StaleVisit
    if given is None or latest is None or given.screening_id != latest.pk:
        raise NotAllowed("The answers changed after the signature. The patient must sign again.")
    return given


def _beyond(given: Given, now: Standing, plan: PlanNow) -> tuple[str, str] | None:
    """Return what the signature does not cover, in words for the journal and for the screen, or nothing."""
    if added := Named.from_json(given.named).beyond(plan.regions, plan.technique, plan.electro):
        return "the plan goes further", f"The patient signed for another plan. New is {', '.join(added)}."
    if news := untold(Statement.from_json(given.statement), now):
        return "a new risk", f"The text that was signed does not say: {' '.join(news)}"
    if lacking := set(signers(now)) - {each.capacity for each in given.signatures.all()}:
        return "others must sign", f"Others must sign: {', '.join(sorted(Capacity(each).label for each in lacking))}."
    return None


def _beyond_course(given: Given, now: Standing, by: Actor) -> tuple[str, str] | None:
    """Return why a session is no part of its course any more, or nothing. Others may have changed since the "yes"."""
    if given.course is None:
        return None
    within = held_to(given.course, now, by=by.staff)
    why = within.why if within else (Why.ENDED,)
    if not why:
        return None
    return (
        "beyond the course",
        f"All of it has to be read and signed this time: {', '.join(each.words for each in why)}.",
    )


def _freeze(given: Given, now: Standing, by: Actor) -> Consent:
    at = timezone.now()
    frozen = snapshot.build(given=given, now=now, by=by.staff, at=at, statements=vouched(given, by))
    canonical = record.canonical(frozen)
    consent = Consent.objects.create(
        visit=now.visit,
        given=given,
        record=canonical,
        sha256=record.sha256(canonical),
        confirmed_by=by.staff,
        confirmed_at=at,
    )
    now.visit.move(Stage.CONFIRMED, by=by, digest=consent.sha256)
    # Inside the transaction on purpose: with the database backend the task is a row, so it is there if and only if the
    # confirmation is. With `on_commit` a crash in between would leave a consent that nothing ever seals.
    seal_consent.enqueue(consent.pk)
    return consent


def _void(given: Given, *, why: str, by: Actor) -> None:
    Voiding.objects.create(given=given, why=why, by=by.user)
    Journal.objects.record("consent voided", by=by, visit=given.visit, why=why)


def _send_back(given: Given, why: str, says: str, by: Actor) -> SentBack:
    _void(given, why=why, by=by)
    visit = Visit.objects.get(pk=given.visit_id)
    visit.move(Stage.IN_REVIEW, by=by, why=why)
    return SentBack(f"{says} The patient’s signature no longer counts; after the review they sign again.")


@transaction.atomic
def change_answers(*, visit: Visit, names: Collection[str], by: Actor) -> Screening:
    """The patient wants to change answers after signing: void the signature, and ask ``names`` again.

    Raise :class:`~clinic.flow.NotAllowed` if nothing was signed, ``ValueError`` for an unknown question.
    """
    visit = Visit.objects.select_related("patient").get(pk=visit.pk)
    given = _to_confirm(visit, by)
    _void(given, why="an answer changes", by=by)
    return reopen(visit=visit, by=by, why="an answer changes", names=names)


@transaction.atomic
def seal_again(*, consent: Consent, by: Actor) -> None:
    """Ask for the seal of a confirmed consent once more. Raise :class:`~clinic.flow.NotAllowed` if it is sealed."""
    if consent.visit.at is not Stage.CONFIRMED:
        raise NotAllowed("This consent is sealed already.")
    consent.visit.mark(by=by, action="sealing asked for again", sealing_failed_at=None)
    seal_consent.enqueue(consent.pk)
