"""The practitioner confirms in the room what was given on the tablet, or what was given stops counting."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone

from clinic.domain.digests import sha256
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Visit
from consent.actions.replacement import supersede
from consent.actions.signed_scope import beyond, beyond_course
from consent.actions.voiding import to_confirm, void
from consent.domain import record
from consent.jobs.tasks import seal_consent
from consent.models import Consent, Signature, SignedConsent
from consent.status import build_record
from consent.status.guardian_check import other_guardian
from screening.actions import assess, attest, note_lapse, save_plan
from screening.assessment.clearance_state import why_lapsed
from screening.assessment.review_state import ReviewState, review_state
from screening.domain.scope import Scope
from screening.domain.talk import not_able
from screening.models import Attestation, Plan


@dataclass(frozen=True)
class SentBack:
    """What was given no longer stands, and the visit is in review again. ``why`` is for the practitioner's screen."""

    why: str


def vouched(given: SignedConsent, by: Actor) -> tuple[str, ...]:
    """Return, as worded, what the practitioner vouches for with a confirmation of ``given``."""
    who = by.staff
    seen = "".join(
        f" {Signature.Capacity(each.capacity).label.capitalize()} {each.get_did_display()}, as {each.witness} saw. "
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
    *, visit: Visit, plan: Scope, teach_back: Mapping[str, str], by: Actor, replaces: Collection[Consent] = ()
) -> Consent | SentBack:
    """Confirm in the room what was given on the tablet: freeze the record and ask for its seal.

    ``replaces``: the patient's earlier consents that hold no longer once this one is confirmed.

    The plan goes through the rules again, under the present settings. A flag that nobody decided about, a plan or a
    risk beyond what the signed text told, somebody else who must sign (a birth date was corrected), or something the
    patient could not say back voids the signature and sends the visit back to review. Raise
    ``NotAllowed`` if the visit is elsewhere, or something else is missing.
    """
    visit = Visit.objects.select_related("patient", "practitioner").get(pk=visit.pk)
    given = to_confirm(visit, by)
    if given.course_id and replaces:
        raise NotAllowed("A session replaces no consent: it goes on with one.")
    last = Plan.of(visit)
    same = last is not None and replace(last.scope, practitioner=None) == plan
    if same:
        assess(screening=given.screening, by=by)  # a setting or the birth date may have changed since
    else:
        save_plan(visit=visit, scope=plan, by=by)
    state = review_state(visit)
    if undecided := [each for each in state.flags if each.undecided]:
        what = ", ".join(dict.fromkeys(each.short for each in undecided))
        why = "the rules raised a flag" if same else "the plan raised a flag"
        return _send_back(given, why, f"{why.capitalize()}: {what}. Decide about it.", by)
    if more := beyond(given, state, plan) or beyond_course(given, state, by):
        return _send_back(given, *more, by)
    if lapsed := why_lapsed(state):
        note_lapse(visit=visit, why=lapsed, by=by)
        says = f"What was cleared no longer counts: {', '.join(each.words for each in lapsed)}. Review it again."
        return _send_back(given, "the clearance lapsed", says, by)
    said_back, whole = {"teach_back": dict(teach_back)}, given.course_id is None
    talk = attest(visit=visit, kind=Attestation.Kind.TALK, data=said_back, by=by, whole=whole, state=state)
    if failed := not_able(talk.data["teach_back"]):
        what = ", ".join(prompt.about.lower() for prompt in failed)
        return _send_back(
            given,
            "not understood",
            f"The patient could not say back: {what}. Consent needs more help first: an interpreter, simpler words, "
            "someone they trust, more time. If that does not help, do not treat today.",
            by,
        )
    state = state.also(talk)
    if state.holds:
        raise NotAllowed(" ".join(state.holds))
    consent = _freeze(given, state, by)
    for earlier in replaces:
        supersede(consent=earlier, replaced_by=consent, by=by)
    return consent


def _freeze(given: SignedConsent, state: ReviewState, by: Actor) -> Consent:
    at = timezone.now()
    frozen = build_record.build(given=given, state=state, by=by.staff, at=at, statements=vouched(given, by))
    canonical = record.canonical(frozen)
    consent = Consent.objects.create(
        visit=state.visit,
        given=given,
        record=canonical,
        sha256=sha256(canonical),
        confirmed_by=by.staff,
        confirmed_at=at,
    )
    state.visit.move(Stage.CONFIRMED, by=by, digest=consent.sha256)
    # Inside the transaction on purpose: with the database backend the task is a row, so it is there if and only if the
    # confirmation is. With `on_commit` a crash in between would leave a consent that nothing ever seals.
    seal_consent.enqueue(consent.pk)
    return consent


def _send_back(given: SignedConsent, why: str, says: str, by: Actor) -> SentBack:
    void(given, why=why, by=by)
    visit = Visit.objects.get(pk=given.visit_id)
    visit.move(Stage.IN_REVIEW, by=by, why=why)
    return SentBack(f"{says} The patient’s signature no longer counts; after the review they sign again.")
