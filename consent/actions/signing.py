"""The patient gives consent on the tablet, or says yes to one more session of a course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Hold, Journal, User, VersionSeen, Visit
from consent.actions.patient_requests import on_tablet
from consent.actions.voiding import void
from consent.domain.course import GO_AHEAD
from consent.domain.signature_strokes import Signed
from consent.domain.statement import VERSION, Statement, acknowledgements, digest, statement
from consent.models import Signature, SignedConsent
from consent.status.course_state import course_for
from consent.status.statement_input import facts
from screening.assessment.clearance_state import why_lapsed
from screening.assessment.review_state import ReviewState, review_state
from screening.assessment.rule_input import planned_scope
from screening.models import Attestation

Capacity = Signature.Capacity


class TextChanged(NotAllowed):
    """The text is no longer the one that was on the screen."""

    def __init__(self) -> None:
        super().__init__("The text changed after it was put on the screen. It must be read again.")


def signers(state: ReviewState) -> tuple[str, ...]:
    """Return in which capacities this visit's consent must be signed."""
    alone = state.may_consent_alone and Attestation.Kind.CONSENTS_ALONE in state.attested
    if state.is_minor and not alone:
        return (Capacity.ASSENT.value, Capacity.GUARDIAN.value)
    return (Capacity.PATIENT.value,)


@transaction.atomic
def give(
    *, visit: Visit, hold: Hold, shown: str, signed: Sequence[Signed], choices: Mapping[str, bool], by: Actor
) -> SignedConsent:
    """Write that consent was given on a tablet, and by whom. ``shown``: the digest of the text that was on the screen.

    Raise ``TextChanged`` if the text is another one now, ``NotAllowed`` if something holds the
    signature or a signature that is needed is missing.
    """
    state = _ready(visit, hold)
    known = facts(state)
    text = statement(known)
    if text.sha256 != shown:
        raise TextChanged
    if seen_by := {each.witness for each in signed if each.method == Signature.Method.ASSISTED}:
        found = {
            user.pk for user in User.objects.filter(pk__in=[pk for pk in seen_by if pk], is_active=True) if user.roles
        }
        if found != seen_by:
            raise NotAllowed("A member of staff who works here must say what they saw.")
    if sorted(each.capacity for each in signed) != sorted(signers(state)):
        raise NotAllowed(f"To be signed by: {', '.join(Capacity(each).label for each in signers(state))}.")
    given = _given(
        state,
        hold,
        text,
        by,
        acknowledged=[{"name": each.name, "text": each.text} for each in acknowledgements(known)],
        choices=dict(choices),
        scope=planned_scope(state.visit, state.plan).to_json(),
    )
    for each in signed:
        _sign(given, each)
        if each.witness:
            Journal.objects.record("signature witnessed", by=by, visit=state.visit, staff=each.witness, method=each.did)
    _handed_in(given, by)
    return given


@transaction.atomic
def go_ahead(*, visit: Visit, hold: Hold, shown: str, by: Actor) -> SignedConsent:
    """Write that the patient said yes to one more session of a course. ``shown``: the digest of the text, as `give`.

    Raise ``TextChanged`` if the text is another one now, ``NotAllowed`` if something holds it or
    no course covers the visit.
    """
    state = _ready(visit, hold)
    within = course_for(state)
    if within is None or within.why:
        raise NotAllowed("The patient has to read and sign all of it this time.")
    text = statement(within.facts(state))
    if text.sha256 != shown:
        raise TextChanged
    given = _given(
        state,
        hold,
        text,
        by,
        acknowledged=[{"name": "go_ahead", "text": GO_AHEAD}],
        choices={},
        scope=within.scope(state).to_json(),
        course=within.first,
    )
    _sign(given, Signed(Capacity.PATIENT.value, state.visit.patient.name, Signature.Method.TAPPED.value))
    _handed_in(given, by)
    return given


def _ready(visit: Visit, hold: Hold) -> ReviewState:
    state = review_state(on_tablet(visit, hold))
    if state.signing_holds:
        raise NotAllowed(" ".join(state.signing_holds))
    if why_lapsed(state, run_rules=True):
        raise NotAllowed("The practitioner has to look at this again first.")
    return state


def _given(state: ReviewState, hold: Hold, text: Statement, by: Actor, **said: Any) -> SignedConsent:
    assert state.screening is not None  # nothing holds the signature, so the answers were sent
    for earlier in SignedConsent.objects.filter(visit=state.visit, voiding=None):
        void(earlier, why="signed again", by=by)
    return SignedConsent.objects.create(
        visit=state.visit,
        screening=state.screening,
        plan=state.plan,
        hold=hold,
        statement=text.to_json(),
        statement_version=text.version,
        statement_sha256=text.sha256,
        **said,
    )


def _handed_in(given: SignedConsent, by: Actor) -> None:
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


def _sign(given: SignedConsent, signed: Signed) -> None:
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
