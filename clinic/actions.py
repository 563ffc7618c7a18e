"""The front desk's and the manager's verbs. Each is one short transaction with its journal row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from clinic import places, sessions
from clinic.flow import ON_TABLET, WITHDRAWABLE, NotAllowed, Stage
from clinic.inviting import end_invitation
from clinic.models import (
    Actor,
    Correction,
    Hold,
    Invitation,
    Journal,
    Merge,
    Patient,
    PolicyChange,
    Site,
    Tablet,
    User,
    Visit,
)
from clinic.models.sites import FIRST
from clinic.models.tablets import CODE_TRIES, digest, read_code
from clinic.places import check_here

MISSES_ALLOWED = 3
CORRECTABLE = ("name", "born", "phone", "email")


@transaction.atomic
def add_patient(*, name: str, born: dt.date, phone: str = "", email: str = "", by: Actor) -> Patient:
    """Add a patient, indexed for search."""
    patient = Patient.objects.create(
        name=name, born=born, phone=phone, email=email, created_by=by.staff, site_id=by.staff.site_id
    )
    patient.index()
    Journal.objects.record("patient added", by=by, patient=patient)
    return patient


def _check_readable(*patients: Patient) -> None:
    """Raise :class:`~clinic.flow.NotAllowed` if one of them was erased since it was read, or is about to be."""
    for patient in patients:
        if Patient.objects.select_for_update().get(pk=patient.pk).is_erased:
            raise NotAllowed("This record was erased. Add the patient anew.")


@transaction.atomic
def correct_patient(*, patient: Patient, by: Actor, **values: Any) -> list[str]:
    """Correct details; return the names of the fields that changed. What it was stays on record.

    Raise :class:`~clinic.flow.NotAllowed` for a record of another clinic, and for one that was erased.
    """
    check_here(by, patient.site_id)
    _check_readable(patient)
    changed = [field for field in CORRECTABLE if field in values and values[field] != getattr(patient, field)]
    for field in changed:
        Correction.objects.create(
            patient=patient, field=field, old=str(getattr(patient, field)), new=str(values[field]), by=by.staff
        )
        Journal.objects.record("patient corrected", by=by, patient=patient, field=field)
        setattr(patient, field, values[field])
    if changed:
        patient.save(update_fields=changed)
        patient.index()
    return changed


@transaction.atomic
def merge_patients(*, kept: Patient, gone: Patient, by: Actor) -> None:
    """Make two records of one person one: visits move to ``kept``, ``gone`` is found no more, both stay on record.

    What was merged into ``gone`` before is part of ``kept`` then. Raise :class:`~clinic.flow.NotAllowed` for one record
    twice, one that was merged or erased, or a visit that is on a tablet.
    """
    if kept.pk == gone.pk or kept.merged_into_id or gone.merged_into_id:
        raise NotAllowed("Choose two different records, neither of them merged before.")
    check_here(by, kept.site_id, gone.site_id)
    _check_readable(kept, gone)
    if Hold.objects.now().filter(visit__patient=gone).exists():
        raise NotAllowed("One of these patients has a tablet now. Take it back first.")
    for visit in Visit.objects.filter(patient=gone):
        Journal.objects.record("visit given another record", by=by, visit=visit, patient=kept)
    Visit.objects.filter(patient=gone).update(patient=kept)
    Patient.objects.filter(Q(pk=gone.pk) | Q(merged_into=gone)).update(merged_into=kept)
    gone.tokens.all().delete()
    Merge.objects.create(kept=kept, gone=gone, by=by.staff)
    for patient in (kept, gone):
        Journal.objects.record("patients merged", by=by, patient=patient)


@transaction.atomic
def add_visit(
    *,
    patient: Patient,
    day: dt.date,
    by: Actor,
    time: dt.time | None = None,
    practitioner: User | None = None,
    planned_regions: list[str] | None = None,
    returning: bool | None = None,
) -> Visit:
    """Put a patient on a day's board. ``returning`` unset: whether an earlier visit of this patient was sealed.

    Raise :class:`~clinic.flow.NotAllowed` for a record of another clinic, and for one that was erased.
    """
    check_here(by, patient.site_id)
    _check_readable(patient)
    before = Visit.objects.filter(patient=patient, stage=Stage.SEALED.value, in_error_at=None).exists()
    visit = Visit.objects.create(
        patient=patient,
        day=day,
        time=time,
        practitioner=practitioner,
        planned_regions=planned_regions or [],
        returning=before if returning is None else returning or before,
        created_by=by.staff,
    )
    Journal.objects.record("visit added", by=by, visit=visit)
    return visit


@transaction.atomic
def hand_over(*, visit: Visit, tablet: Tablet, by: Actor, purpose: Hold.Purpose = Hold.Purpose.VISIT) -> Hold:
    """Let a tablet show a visit, and end what it showed before. ``purpose``: go on with it, or take consent back.

    Raise :class:`~clinic.flow.NotAllowed` if the visit is parked, not the patient's turn, or the tablet is not paired.
    """
    visit = Visit.objects.select_related("patient").get(pk=visit.pk)
    check_here(by, visit.patient.site_id, tablet.site_id)
    if visit.parked_at:
        raise NotAllowed("This visit is parked. Check the birth date and reopen it first.")
    if visit.at not in (ON_TABLET if purpose == Hold.Purpose.VISIT else WITHDRAWABLE):
        raise NotAllowed(f"There is nothing for the patient to do now: “{visit.status}”.")
    if not Tablet.objects.known().filter(pk=tablet.pk).exists():
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
    """Keep how this visit's pages are to look; return whether that changed. An unknown value changes nothing."""
    known = text_size in Hold.TextSize.values and contrast in Hold.Contrast.values
    if not known or (text_size, contrast) == hold.look:
        return False
    changed = Hold.objects.now().filter(pk=hold.pk).update(text_size=text_size, contrast=contrast)
    if changed:
        Journal.objects.record("look chosen", by=by, visit=hold.visit, hold=hold.pk)
    return bool(changed)


@transaction.atomic
def confirm_birth_date(*, hold: Hold, born: dt.date, by: Actor, misses_seen: int | None = None) -> bool:
    """Compare the birth date typed on the tablet. Return whether it matched; the third miss parks the visit.

    If the tablet was taken back in the meantime, nothing is compared, and ``hold.ended_at`` tells. ``misses_seen``: how
    many misses there were when the form was made; one that was sent twice is compared, and counts, once.
    """
    visit = hold.visit
    hold.refresh_from_db(fields=["misses", "ended_at"])  # as it is inside the transaction: each miss counts
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


@transaction.atomic
def reopen_parked(*, visit: Visit, by: Actor) -> None:
    """Take the parked mark off, once staff have checked who the patient is."""
    if not visit.parked_at:
        raise NotAllowed("This visit is not parked.")
    visit.mark(by=by, action="parked visit reopened", parked_at=None)


@transaction.atomic
def take_urgent(*, visit: Visit, by: Actor) -> None:
    """Say that a staff member goes to a patient who needs help now. The first one counts."""
    taken = Visit.objects.filter(pk=visit.pk, urgent_at__isnull=False, urgent_taken_at=None)
    if not taken.update(urgent_taken_at=timezone.now(), urgent_taken_by=by.staff):
        raise NotAllowed("Somebody is with this patient already.")
    Journal.objects.record("urgent call taken", by=by, visit=visit)


@transaction.atomic
def did_not_come(*, visit: Visit, by: Actor) -> None:
    """Close a visit whose patient did not come. Only before anything was answered here; what was at home is kept."""
    if not visit.has_not_checked_in:
        raise NotAllowed("This patient has begun. A practitioner ends the visit from the review.")
    if visit.hold:
        take_back(hold=visit.hold, by=by, why="stopped")
    visit.move(Stage.STOPPED, by=by, why="did not come")


@transaction.atomic
def add_tablet(*, name: str, by: Actor) -> Tablet:
    """Add a tablet, not paired yet."""
    tablet = Tablet.objects.create(name=name, created_by=by.staff, site_id=by.staff.site_id)
    Journal.objects.record("tablet added", by=Actor(user=by.user, role=by.role, tablet=tablet))
    return tablet


@transaction.atomic
def offer_code(*, tablet: Tablet, by: Actor) -> str:
    """Return a new pairing code for this tablet; an earlier code dies."""
    code = tablet.new_code()
    Journal.objects.record("pairing code made", by=Actor(user=by.user, role=by.role, tablet=tablet))
    return code


@transaction.atomic
def pair(*, typed: str) -> tuple[Tablet, str] | None:
    """Pair the device that typed a code: return its tablet and the cookie's value, or nothing if no code fits.

    Every wrong code costs each open code one of its five tries, so that guessing ends soon whoever guesses.
    """
    waiting = Tablet.objects.exclude(code_sha256="").filter(
        code_expires_at__gt=timezone.now(), code_tries__lt=CODE_TRIES
    )
    wanted = digest(read_code(typed))
    for tablet in waiting:
        if tablet.code_sha256 == wanted:
            if hold := tablet.hold:  # another device from now on: it begins with nothing on its screen
                take_back(hold=hold, by=Actor(tablet=tablet))
            token = tablet.new_token()
            Journal.objects.record("tablet paired", by=Actor(tablet=tablet))
            return tablet, token
    for tablet in waiting:
        tablet.code_tries += 1
        tablet.save(update_fields=["code_tries"])
        Journal.objects.record("pairing code missed", by=Actor(tablet=tablet), count=tablet.code_tries)
    return None


@transaction.atomic
def revoke(*, tablet: Tablet, by: Actor) -> None:
    """Turn a tablet away from its next request on, and end its hold."""
    if hold := tablet.hold:
        take_back(hold=hold, by=by, why="returned")
    Tablet.objects.filter(pk=tablet.pk).update(
        token_sha256=None, code_sha256="", code_expires_at=None, revoked_at=timezone.now()
    )
    Journal.objects.record("tablet revoked", by=Actor(user=by.user, role=by.role, tablet=tablet))


@transaction.atomic
def save_staff(*, user: User, by: Actor, sites: Collection[int] = ()) -> None:
    """Save a staff member's account and put it on record; who may not sign in any more is out at once.

    ``sites``: the clinics in which they may work; somebody new works in the clinic of who adds them.
    """
    new = user.pk is None
    if not new and user.pk == by.staff.pk and not (user.is_manager and user.is_active):
        raise NotAllowed("You cannot take the manager's role from yourself.")
    if new and by.site:
        user.site_id = by.site
    user.save()
    if sites:
        places.set_sites(user, set(sites))
    Journal.objects.record("staff added" if new else "staff changed", by=by, staff=user.pk)
    if not user.is_active:
        sessions.end(user=user, by=by)


@transaction.atomic
def let_go(*, user: User, by: Actor) -> None:
    """Let somebody in no more, and sign them out everywhere, in every clinic."""
    user.is_active = False
    save_staff(user=user, by=by)


@transaction.atomic
def change_policy(*, by: Actor, **values: str | int | float) -> list[str]:
    """Change settings; return the names of those that changed. Raise ``ValueError`` naming what is not allowed."""
    now = PolicyChange.objects.policy()
    wanted = now.but(**values)
    changed = [name for name in values if getattr(wanted, name) != getattr(now, name)]
    for name in changed:
        PolicyChange.objects.create(name=name, value=getattr(wanted, name), by=by.staff)
        Journal.objects.record("setting changed", by=by, setting=name)
    if "clinic_name" in changed:  # under which the group's clinics are told apart
        Site.objects.filter(number=FIRST).update(name=wanted.clinic_name)
    return changed
