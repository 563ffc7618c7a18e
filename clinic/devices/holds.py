"""Handing a tablet to a patient and taking it back; what the patient does on it before the questions."""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.accounts.sites import check_here
from clinic.devices.invitations import end_invitation
from clinic.domain.flow import ON_TABLET, WITHDRAWABLE, NotAllowed, Stage
from clinic.models import (
    Actor,
    Hold,
    Invitation,
    Journal,
    Tablet,
    Visit,
)

MISSES_ALLOWED = 3


@transaction.atomic
def hand_over(*, visit: Visit, tablet: Tablet, by: Actor, purpose: Hold.Purpose = Hold.Purpose.VISIT) -> Hold:
    """Let a tablet show a visit, and end what it showed before. ``purpose``: go on with it, or take consent back.

    Raise ``NotAllowed`` if the visit is parked, it is not the patient's turn, or the tablet is not paired.
    """
    visit = Visit.objects.select_related("patient").get(pk=visit.pk)
    check_here(by, visit.patient.site_id, tablet.site_id)
    if visit.parked_at:
        raise NotAllowed("This visit is parked. Check the birth date and reopen it first.")
    if visit.at not in (ON_TABLET if purpose == Hold.Purpose.VISIT else WITHDRAWABLE):
        raise NotAllowed(f"There is nothing for the patient to do now: “{visit.status}”.")
    if not Tablet.objects.active().filter(pk=tablet.pk).exists():
        raise NotAllowed(f"{tablet} is not paired.")
    for hold in Hold.objects.now().filter(tablet=tablet) | Hold.objects.now().filter(visit=visit):
        hold.end("moved")
        Journal.objects.record("tablet taken back", by=by, visit=hold.visit, hold=hold.pk, why="moved")
    for link in Invitation.objects.now().filter(visit=visit):
        end_invitation(invitation=link, why=Invitation.Why.MOVED, by=by)
    try:
        with transaction.atomic():
            hold = Hold.objects.create(
                tablet=tablet, visit=visit, handed_by=by.staff, handed_at=timezone.now(), purpose=purpose.value
            )
    except IntegrityError as error:
        raise NotAllowed("Somebody else handed over this tablet or this visit just now. Look again.") from error
    visit.mark(by=by, action="tablet handed over", needs_time_at=None, at_home_at=None)
    return hold


@transaction.atomic
def take_back(*, hold: Hold, by: Actor, why: str = "returned") -> None:
    """End a tablet's hold. The answers stay on the server."""
    hold.end(why)
    Journal.objects.record("tablet taken back", by=by, visit=hold.visit, hold=hold.pk, why=why)


@transaction.atomic
def choose_look(*, hold: Hold, text_size: str, contrast: str, by: Actor) -> bool:
    """Save how this visit's pages look; return whether that changed. An unknown value changes nothing."""
    valid = text_size in Hold.TextSize.values and contrast in Hold.Contrast.values
    if not valid or (text_size, contrast) == hold.look:
        return False
    changed = Hold.objects.now().filter(pk=hold.pk).update(text_size=text_size, contrast=contrast)
    if changed:
        Journal.objects.record("look chosen", by=by, visit=hold.visit, hold=hold.pk)
    return bool(changed)


@transaction.atomic
def confirm_birth_date(*, hold: Hold, born: dt.date, by: Actor, misses_seen: int | None = None) -> bool:
    """Compare the birth date typed on the tablet. Return whether it matched; the third miss parks the visit.

    If the tablet was taken back in the meantime, nothing is compared and ``hold.ended_at`` is set. ``misses_seen``: how
    many misses there were when the form was made, so that a form that is sent twice counts once.
    """
    visit = hold.visit
    hold.refresh_from_db(fields=["misses", "ended_at"])  # read inside the transaction, so that each miss counts
    if hold.ended_at or misses_seen not in (None, hold.misses):
        return False
    if born == visit.patient.born:
        hold.identified_at = timezone.now()
        hold.save(update_fields=["identified_at"])
        Journal.objects.record("birth date confirmed", by=by, visit=visit, hold=hold.pk)
        if visit.at is Stage.EXPECTED:
            visit.move(Stage.ANSWERING, by=by)
        return True
    hold.misses += 1
    hold.save(update_fields=["misses"])
    Journal.objects.record("birth date missed", by=by, visit=visit, hold=hold.pk, count=hold.misses)
    if hold.misses >= MISSES_ALLOWED:
        visit.mark(by=by, action="visit parked", parked_at=timezone.now())
        hold.end("parked")
    return False
