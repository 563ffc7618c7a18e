"""Build the record of a consent's status change from the rows."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings

from clinic.models import PolicyChange, Role
from consent.domain import status_record
from consent.domain.record import Clinic, Moment, moment, read
from consent.models import Consent, ConsentStatusChange, SealedFile
from consent.status.build_record import number as number_of_first
from consent.status.build_record import proof

LETTER = {
    ConsentStatusChange.Kind.WITHDRAWN: "W",
    ConsentStatusChange.Kind.SUPERSEDED: "S",
    ConsentStatusChange.Kind.IN_ERROR: "E",
}


def number(after: ConsentStatusChange) -> str:
    """Return the printed number of a status change: C-000012-W. Raise ``ValueError`` if it has no document."""
    if after.consent is None:
        raise ValueError("What was taken back before it was confirmed has no document.")
    return f"{number_of_first(after.consent.visit)}-{LETTER[ConsentStatusChange.Kind(after.kind)]}"


def build(*, after: ConsentStatusChange, first: SealedFile) -> status_record.StatusRecord:
    """Return the record of ``after``, which cites ``first``, the sealed file of the consent."""
    policy = PolicyChange.objects.policy(first.consent.visit.patient.site_id)
    agreed = read(bytes(first.consent.record))
    return status_record.StatusRecord(
        number=number(after),
        kind=after.kind,
        kind_words=after.get_kind_display(),
        clinic=Clinic(policy.clinic_name, policy.clinic_address, policy.clinic_phone, policy.emergency_number),
        patient=status_record.PatientNamed(agreed.patient.name, agreed.patient.born),
        first=status_record.First(
            number=agreed.number,
            confirmed_at=agreed.confirmation.at,
            confirmed_by=agreed.confirmation.by,
            sealed_at=_at(first.sealed_at),
            file_sha256=first.sha256,
            record_sha256=first.consent.sha256,
        ),
        withdrawal=_withdrawal(after),
        replaced_by=_replacement(after.replaced_by) if after.replaced_by else None,
        reason=after.reason,
        by=_by(after),
        at=_at(after.at),
        written_at=_at(after.written_at),
        proof=proof(),
    )


def _at(when: dt.datetime) -> Moment:
    return moment(when, ZoneInfo(settings.TIME_ZONE))


def _withdrawal(after: ConsentStatusChange) -> status_record.Withdrawal | None:
    if after.kind != ConsentStatusChange.Kind.WITHDRAWN:
        return None
    return status_record.Withdrawal(after.who, after.get_who_display(), after.name, after.how, after.get_how_display())


def _replacement(consent: Consent) -> status_record.Replacement:
    return status_record.Replacement(number_of_first(consent.visit), _at(consent.confirmed_at), consent.sha256)


def _by(after: ConsentStatusChange) -> status_record.By:
    if after.hold:
        identified = _at(after.hold.identified_at) if after.hold.identified_at else None
        return status_record.By(after.hold.handed_by.full_name, "", "", after.hold.tablet.name, identified)
    assert after.by is not None  # a constraint of the table
    registered = after.by.registration_number if after.role == Role.PRACTITIONER else ""
    return status_record.By(after.by.full_name, after.role, registered, "", None)
