"""Consent is taken back: before or after it was confirmed, from the tablet or the desk."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import WITHDRAWABLE, NotAllowed, Stage
from clinic.models import Actor, Hold, Visit
from consent.actions.status_rows import mark, row, write
from consent.models import Consent, ConsentStatusChange, SignedConsent, VoidedSignature
from consent.status.consent_state import state_of

Kind, Who, How = ConsentStatusChange.Kind, ConsentStatusChange.Who, ConsentStatusChange.How


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
) -> ConsentStatusChange:
    """Take back the consent given at ``visit``: before or after it was confirmed, sealed, or treatment began.

    ``who`` and ``how`` are values of ``Who`` and ``How``; ``name`` is the guardian's or representative's; ``at`` is
    when it was said, now if ``None``; ``hold`` is the tablet's, if it was done there. A second withdrawal returns the
    first. A session takes the consent of its course with it, and that consent takes today's sessions.

    Raise ``NotAllowed`` if there is no consent that stands, or something needed is missing.
    """
    visit = Visit.objects.select_related("patient").get(pk=visit.pk)
    columns = {
        "who": Who(who).value,
        "how": How(how).value,
        "name": name.strip(),
        "reason": reason.strip(),
        "hold": hold,
    }
    if (who == Who.PATIENT) == bool(columns["name"]):
        raise NotAllowed("Name the guardian or representative. For the patient, leave the name empty.")
    consent = Consent.objects.select_related("visit").filter(visit=visit).first()
    if earlier := _withdrawn_before(visit):
        return earlier
    at = _checked(at, visit)
    if consent is not None:
        after = write(consent, Kind.WITHDRAWN, by=by, at=at, **columns)
    else:
        after = _withdraw_signature(visit, by=by, at=at, **columns)
    for other in _also_withdrawn(visit):
        write(other, Kind.WITHDRAWN, by=by, at=at, **columns)
    for current in Hold.objects.now().filter(visit=visit):
        current.end("withdrawn")
    return after


def _also_withdrawn(visit: Visit) -> list[Consent]:
    """Return the consents that are taken back with that of a visit: its course's, and those of today's sessions."""
    given = SignedConsent.objects.filter(visit=visit).select_related("course__visit").last()
    first = given.course if given and given.course else Consent.objects.filter(visit=visit).first()
    if first is None:
        return []
    today = Consent.objects.filter(given__course=first, visit__day=timezone.localdate()).select_related("visit")
    return [other for other in (first, *today) if other.visit_id != visit.pk and state_of(other).stands]


def _withdrawn_before(visit: Visit) -> ConsentStatusChange | None:
    rows = ConsentStatusChange.objects.filter(kind=Kind.WITHDRAWN)
    return (rows.filter(consent__visit=visit) | rows.filter(voiding__given__visit=visit)).first()


def _checked(at: dt.datetime | None, visit: Visit) -> dt.datetime:
    """Return when it was said. Raise ``NotAllowed`` if that is in the future, or before there was a consent."""
    now = timezone.now()
    given = SignedConsent.objects.filter(visit=visit).last()
    if visit.at not in WITHDRAWABLE or given is None:
        raise NotAllowed(f"There is no consent to take back: “{visit.status}”.")
    if at is not None and not given.at.replace(second=0, microsecond=0) <= at <= now:
        raise NotAllowed(f"The time must lie between the signature, {timezone.localtime(given.at):%H:%M}, and now.")
    return at or now


def _withdraw_signature(visit: Visit, *, by: Actor, at: dt.datetime, **columns: object) -> ConsentStatusChange:
    """Void a signature that is not confirmed yet; the visit ends."""
    given = SignedConsent.of(visit)
    if given is None:
        raise NotAllowed("There is no signature that counts.")
    visit.move(Stage.STOPPED, by=by, why="consent withdrawn")
    voiding = VoidedSignature.objects.create(given=given, why="withdrawn", by=by.user)
    after = row(Kind.WITHDRAWN, voiding=voiding, by=by, at=at, **columns)
    mark(visit, after, by)
    return after
