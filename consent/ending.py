"""The verbs of what comes after a consent: take it back, replace it, or say that it was entered in error.

Each writes a row and asks for its own sealed PDF; the consent, its record and its file stay as they are.
"""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.flow import WITHDRAWABLE, NotAllowed, Stage
from clinic.models import Actor, Hold, Journal, Role, Visit
from consent.after import state_of
from consent.models import After, Consent, Given, Voiding
from consent.tasks import seal_after

Kind, Who, How = After.Kind, After.Who, After.How

MARK = {Kind.WITHDRAWN: "withdrawn_at", Kind.SUPERSEDED: "superseded_at", Kind.IN_ERROR: "in_error_at"}
ACTION = {
    Kind.WITHDRAWN: "consent withdrawn",
    Kind.SUPERSEDED: "consent superseded",
    Kind.IN_ERROR: "consent entered in error",
}


@transaction.atomic
def withdraw(
    *,
    visit: Visit,
    who: str,
    how: str,
    by: Actor,
    name: str = "",
    reason: str = "",
    at: dt.datetime | None = None,
    hold: Hold | None = None,
) -> After:
    """Take back the consent given at ``visit``: before or after it was confirmed, sealed, or treatment began.

    ``who`` and ``how`` are of ``After.Who`` and ``After.How``; ``name`` is a guardian's or representative's; ``at``
    when it was said, now if unset; ``hold`` the tablet's, where it was done there. Said twice, it counts once.
    Taken back at a session, the consent of the course ends with it; taken back itself, so does today's session.

    Raise :class:`~clinic.flow.NotAllowed` if there is no consent that stands, or something needed is missing.
    """
    visit = Visit.objects.select_related("patient").get(pk=visit.pk)
    said = {"who": Who(who).value, "how": How(how).value, "name": name.strip(), "reason": reason.strip(), "hold": hold}
    if (who == Who.PATIENT) == bool(said["name"]):
        raise NotAllowed("Name the guardian or representative. For the patient, leave the name empty.")
    consent = Consent.objects.select_related("visit").filter(visit=visit).first()
    if earlier := _withdrawn_before(visit):
        return earlier
    at = _checked(at, visit)
    if consent is not None:
        after = _write(consent, Kind.WITHDRAWN, by=by, at=at, **said)
    else:
        after = _withdraw_signature(visit, by=by, at=at, **said)
    for other in _going_with(visit):
        _write(other, Kind.WITHDRAWN, by=by, at=at, **said)
    for each in Hold.objects.now().filter(visit=visit):
        each.end("withdrawn")
    return after


@transaction.atomic
def talk_first(*, visit: Visit, hold: Hold, by: Actor) -> None:
    """The patient wants to talk before taking a consent back: it stands as it is, and the tablet goes back to staff."""
    Journal.objects.record("patient wants to talk", by=by, visit=visit)
    hold.end("waiting")


def _going_with(visit: Visit) -> list[Consent]:
    """Return what else is taken back with the consent of a visit: a session's course, and the sessions of today."""
    given = Given.objects.filter(visit=visit).select_related("course__visit").last()
    first = given.course if given and given.course else Consent.objects.filter(visit=visit).first()
    if first is None:
        return []
    today = Consent.objects.filter(given__course=first, visit__day=timezone.localdate()).select_related("visit")
    others = [each for each in (first, *today) if each.visit_id != visit.pk]
    return [each for each in others if state_of(each).stands]


def _withdrawn_before(visit: Visit) -> After | None:
    rows = After.objects.filter(kind=Kind.WITHDRAWN)
    return (rows.filter(consent__visit=visit) | rows.filter(voiding__given__visit=visit)).first()


def _checked(at: dt.datetime | None, visit: Visit) -> dt.datetime:
    """Return when it was said. Raise if that is to come, or before there was a consent."""
    now = timezone.now()
    given = Given.objects.filter(visit=visit).last()
    if visit.at not in WITHDRAWABLE or given is None:
        raise NotAllowed(f"There is no consent to take back: “{visit.status}”.")
    if at is not None and not given.at.replace(second=0, microsecond=0) <= at <= now:
        raise NotAllowed(f"The time must lie between the signature, {timezone.localtime(given.at):%H:%M}, and now.")
    return at or now


def _withdraw_signature(visit: Visit, *, by: Actor, at: dt.datetime, **said: object) -> After:
    """Void what was signed and not confirmed; the visit ends."""
    given = Given.of(visit)
    if given is None:
        raise NotAllowed("There is no signature that counts.")
    visit.move(Stage.STOPPED, by=by, why="consent withdrawn")
    voiding = Voiding.objects.create(given=given, why="withdrawn", by=by.user)
    after = _row(Kind.WITHDRAWN, voiding=voiding, by=by, at=at, **said)
    _mark(visit, after, by)
    return after


@transaction.atomic
def supersede(*, consent: Consent, by: Actor, replaced_by: Consent | None = None, reason: str = "") -> After:
    """Say that a consent no longer holds: a newer one replaces it, or the answers or the plan changed.

    Raise :class:`~clinic.flow.NotAllowed` if it does not stand, is not older than its replacement or of another
    patient, or if there is neither a replacement nor a reason.
    """
    _practitioner(by)
    if replaced_by is None and not reason.strip():
        raise NotAllowed("Say what changed.")
    if replaced_by is not None:
        if replaced_by.visit.patient_id != consent.visit.patient_id:
            raise NotAllowed("A consent can only be replaced by one of the same patient.")
        if replaced_by.confirmed_at <= consent.confirmed_at:
            raise NotAllowed("A consent can only be replaced by a newer one.")
        if not state_of(replaced_by).stands:
            raise NotAllowed("The newer consent does not stand any more.")
    return _write(consent, Kind.SUPERSEDED, by=by, at=timezone.now(), reason=reason.strip(), replaced_by=replaced_by)


@transaction.atomic
def enter_in_error(*, consent: Consent, reason: str, by: Actor) -> After:
    """Say that a consent should not be on record: the wrong patient, the wrong visit. It stays, and no longer counts.

    Raise :class:`~clinic.flow.NotAllowed` without a reason.
    """
    _practitioner(by)
    if not reason.strip():
        raise NotAllowed("Say what is wrong with it.")
    return _write(consent, Kind.IN_ERROR, by=by, at=timezone.now(), reason=reason.strip())


def _practitioner(by: Actor) -> None:
    if by.role is not Role.PRACTITIONER:
        raise NotAllowed("Only a practitioner does this.")


def _write(consent: Consent, kind: After.Kind, *, by: Actor, at: dt.datetime, **said: object) -> After:
    """Write the row and ask for its PDF. One of a kind is enough: the first counts."""
    if earlier := After.objects.filter(consent=consent, kind=kind).first():
        return earlier
    state = state_of(consent)
    if not state.stands and kind != Kind.IN_ERROR:  # whatever became of it may still turn out to be an error
        raise NotAllowed(f"This consent does not stand any more: {state.words}.")
    try:
        with transaction.atomic():
            after = _row(kind, consent=consent, by=by, at=at, **said)
    except IntegrityError:  # two taps: the first counts
        return After.objects.get(consent=consent, kind=kind)
    _mark(consent.visit, after, by)
    seal_after.enqueue(after.pk)
    return after


def _row(kind: After.Kind, *, by: Actor, at: dt.datetime, **said: object) -> After:
    return After.objects.create(kind=kind.value, by=by.user, role=by.role or "", at=at, **said)


def _mark(visit: Visit, after: After, by: Actor) -> None:
    kind = Kind(after.kind)
    told = {"kind": after.who, "method": after.how} if kind is Kind.WITHDRAWN else {}
    if after.consent:
        told["digest"] = after.consent.sha256
    visit.mark(by=by, action=ACTION[kind], told=told, **{MARK[kind]: after.at})


@transaction.atomic
def seal_after_again(*, after: After, by: Actor) -> None:
    """Ask for the PDF of what came after a consent once more."""
    assert after.consent is not None
    Journal.objects.record("sealing asked for again", by=by, visit=after.consent.visit, kind=after.kind)
    seal_after.enqueue(after.pk)
