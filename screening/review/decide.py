"""A practitioner decides about flags, and vouches for what no rule can see."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from clinic.accounts.reauthentication import Rechecked
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Role, Visit
from screening.assessment import preconditions
from screening.assessment.review_state import ReviewState, review_state
from screening.domain import attestations, talk
from screening.models import Attestation, Decision, Flag

Kind, Outcome = Attestation.Kind, Decision.Outcome

# These are about the answers; the others are about the person.
ABOUT_ANSWERS = (Kind.TALK, Kind.QUESTIONS_ANSWERED)


@transaction.atomic
def decide(
    *,
    flag: Flag,
    outcome: str,
    reason: str,
    precaution: str = "",
    until: str = "",
    rechecked: Rechecked | None = None,
    by: Actor,
) -> Decision:
    """Record what a practitioner decided about one flag, and why. The latest decision on a flag counts.

    ``rechecked``: proof of who decides, needed to go ahead against a stop. Raise ``NotAllowed`` for a flag that no
    longer stands, one that only the patient can change, a stop without ``rechecked``, or missing words.
    """
    preconditions.practitioner(by)
    visit = flag.screening.visit
    preconditions.fresh(visit, Stage.IN_REVIEW)
    preconditions.reviewing(visit, by)
    about = next((state for state in review_state(visit).flags if state.flag.pk == flag.pk), None)
    if about is None:
        raise NotAllowed("This flag no longer stands: the answers or the plan changed. Look at the review again.")
    if about.flag.never_cleared and outcome != Outcome.NOT_TODAY:
        raise NotAllowed(
            f"{about.short}: nobody can clear this for the patient. Explain, then send the question back to them, "
            "or do not treat today."
        )
    against = about.is_stop and outcome != Outcome.NOT_TODAY
    if against and (rechecked is None or rechecked.user != by.staff.pk):
        raise NotAllowed(f"{about.short}: to go ahead against a stop, type your password again.")
    if not reason.strip():
        raise NotAllowed(f"{about.short}: say why you decided this.")
    if outcome == Outcome.PRECAUTION and not precaution.strip():
        raise NotAllowed(f"{about.short}: write the precaution. It goes into the consent.")
    if outcome == Outcome.NOT_TODAY and not until.strip():
        raise NotAllowed(f"{about.short}: say what must be true first.")
    decision = Decision.objects.create(
        flag=flag,
        outcome=Outcome(outcome),
        reason=reason,
        precaution=precaution if outcome == Outcome.PRECAUTION else "",
        until=until if outcome == Outcome.NOT_TODAY else "",
        identity_checked_at=rechecked.at if against and rechecked else None,
        by=by.staff,
        role=Role.PRACTITIONER.value,
    )
    Journal.objects.record("flag decided", by=by, visit=visit, flag=flag.pk, outcome=outcome)
    return decision


@transaction.atomic
def attest(
    *,
    visit: Visit,
    kind: str,
    by: Actor,
    data: Mapping[str, object] | None = None,
    whole: bool = True,
    state: ReviewState | None = None,
) -> Attestation:
    """Record what a practitioner vouches for. The latest of a kind counts.

    ``data``: for a talk ``teach_back`` (by prompt name, see ``screening.domain.talk``); for all others what
    ``screening.domain.attestations`` asks for. ``whole``: a talk for a consent in full, not for a later session of a
    course. ``state``: the review's, if this transaction has read it. Raise ``NotAllowed`` if something is missing.
    """
    preconditions.practitioner(by)
    visit.refresh_from_db(fields=preconditions.CHANGES)
    if not visit.is_open:
        raise NotAllowed("This visit is over.")
    preconditions.reviewing(visit, by)
    state = state or review_state(visit)
    checked = _vouched(Kind(kind), dict(data or {}), state, whole)
    attestation = Attestation.objects.create(
        visit=visit,
        screening=state.screening if kind in ABOUT_ANSWERS else None,
        kind=kind,
        data=checked,
        by=by.staff,
        role=Role.PRACTITIONER.value,
    )
    Journal.objects.record("vouched for", by=by, visit=visit, kind=kind)
    return attestation


def _vouched(kind: Attestation.Kind, data: dict[str, object], state: ReviewState, whole: bool) -> dict[str, object]:
    """Return the data of this kind. Raise ``NotAllowed`` if something is missing, or this visit has no use for it."""
    if kind in ABOUT_ANSWERS and (state.screening is None or state.screening.submitted_at is None):
        raise NotAllowed("The patient has not sent the answers yet.")
    try:
        return _checked(kind, data, state, whole)
    except ValueError as error:
        raise NotAllowed(str(error)) from error


def _checked(kind: Attestation.Kind, data: dict[str, object], state: ReviewState, whole: bool) -> dict[str, object]:
    if kind == Kind.TALK:
        teach_back = data.get("teach_back") or {}
        assert isinstance(teach_back, Mapping)
        return {"teach_back": talk.check(teach_back, near_lung=state.near_lung, whole=whole)}
    if kind == Kind.VITALS:
        return attestations.vitals(data)
    if kind == Kind.CONSENTS_ALONE and not state.may_consent_alone:
        raise ValueError("By this clinic’s settings, this patient cannot consent alone.")
    if kind == Kind.GUARDIAN and not state.is_minor:
        raise ValueError("This patient is of age, and decides without a guardian.")
    return attestations.texts(kind, data) if kind in attestations.FORMS else {}
