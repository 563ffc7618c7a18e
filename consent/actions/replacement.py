"""A practitioner says that a consent no longer holds, or should never have been on record."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import NotAllowed
from clinic.models import Actor, Role
from consent.actions.status_rows import write
from consent.models import Consent, ConsentStatusChange
from consent.status.consent_state import state_of

Kind = ConsentStatusChange.Kind


@transaction.atomic
def supersede(
    *, consent: Consent, by: Actor, replaced_by: Consent | None = None, reason: str = ""
) -> ConsentStatusChange:
    """Say that a consent no longer holds: a newer one replaces it, or the answers or the plan changed.

    Raise ``NotAllowed`` if it does not stand, if its replacement is older, of another patient or does not stand, or
    without a replacement or a reason.
    """
    only_practitioner(by)
    if replaced_by is None and not reason.strip():
        raise NotAllowed("Say what changed.")
    if replaced_by is not None:
        if replaced_by.visit.patient_id != consent.visit.patient_id:
            raise NotAllowed("A consent can only be replaced by one of the same patient.")
        if replaced_by.confirmed_at <= consent.confirmed_at:
            raise NotAllowed("A consent can only be replaced by a newer one.")
        if not state_of(replaced_by).stands:
            raise NotAllowed("The newer consent does not stand any more.")
    return write(consent, Kind.SUPERSEDED, by=by, at=timezone.now(), reason=reason.strip(), replaced_by=replaced_by)


@transaction.atomic
def enter_in_error(*, consent: Consent, reason: str, by: Actor) -> ConsentStatusChange:
    """Say that a consent should not be on record: the wrong patient, the wrong visit. It stays, and no longer counts.

    Raise ``NotAllowed`` without a reason.
    """
    only_practitioner(by)
    if not reason.strip():
        raise NotAllowed("Say what is wrong with it.")
    return write(consent, Kind.IN_ERROR, by=by, at=timezone.now(), reason=reason.strip())


def only_practitioner(by: Actor) -> None:
    if by.role is not Role.PRACTITIONER:
        raise NotAllowed("Only a practitioner does this.")
