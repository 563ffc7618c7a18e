"""Everything that is kept about one patient, in one ZIP: documents, data, who looked, and how to check the PDFs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.db import models

from clinic.domain.csv_export import as_csv
from clinic.models import EmergencyAccess, Hold, Invitation, Journal, LegalHold, Patient, User
from clinic.models.patients import Correction, Merge
from clinic.records.record_access import SHEET, sheet
from consent.models import (
    Consent,
    ConsentStatusChange,
    SealedFile,
    SealedStatusChange,
    Signature,
    SignedConsent,
    VoidedSignature,
)
from consent.seal import installation_trust
from consent.seal.keys import roots
from consent.seal.verifier_zip import verifier
from consent.status.build_record import number
from consent.status.build_status_record import number as number_of_after
from screening import models as screening

# The rows about a visit, with the path from a row to its visit. Bytes (records, PDFs) are files of their own.
OF_A_VISIT: Mapping[str, tuple[type[models.Model], *tuple[str, ...]]] = {
    "tablets": (Hold, "visit"),
    "screenings": (screening.Screening, "visit"),
    "plans": (screening.Plan, "visit"),
    "assessments": (screening.Assessment, "screening__visit"),
    "flags": (screening.Flag, "screening__visit"),
    "decisions": (screening.Decision, "flag__screening__visit"),
    "attestations": (screening.Attestation, "visit"),
    "asked": (screening.PatientQuestion, "visit"),
    "clearances": (screening.Clearance, "screening__visit"),
    "lapses": (screening.ClearanceLapse, "visit"),
    "closings": (screening.ReviewOutcome, "screening__visit"),
    "claims": (screening.Claim, "visit"),
    "sessions": (screening.Session, "visit"),
    "paper_forms": (screening.PaperForm, "visit"),
    "adverse_events": (screening.AdverseEvent, "visit"),
    "event_notes": (screening.EventNote, "event__visit"),
    "given": (SignedConsent, "visit"),
    "signatures": (Signature, "given__visit"),
    "voidings": (VoidedSignature, "given__visit"),
    "consents": (Consent, "visit"),
    "sealed": (SealedFile, "consent__visit"),
    "after": (ConsentStatusChange, "consent__visit", "voiding__given__visit"),
    "sealed_after": (SealedStatusChange, "after__consent__visit"),
}
# who-looked.csv tells what the journal holds; an invitation's link is a secret.
LEFT_OUT = (Journal, Invitation)
READ_ME = """Everything that {clinic} keeps about the patient with record number {patient}.

record.json      who the patient is, every visit, answer, flag, decision, signature, treatment and event
documents/       the sealed PDFs, and beside each the record that it was made from
who-looked.csv   who opened what, and when
verifier.zip     a program that checks the PDFs without us; root.cer is the certificate it needs

Made on {at}. It is confidential: keep it where nobody else reads it.
"""


def archive(patient: Patient, *, clinic: str, at: dt.datetime) -> bytes:
    """Return the ZIP of one patient. ``clinic`` is the clinic's name, ``at`` is aware and goes into the read-me."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as files:
        files.writestr("README.txt", READ_ME.format(clinic=clinic, patient=patient.pk, at=at.isoformat()))
        files.writestr("record.json", json.dumps(record(patient), indent=2, ensure_ascii=False))
        files.writestr("who-looked.csv", as_csv(SHEET, sheet(patient)))
        for name, data in _documents(patient):
            files.writestr(f"documents/{name}", data)
        files.writestr("verifier.zip", verifier())
        if installation_trust.root_sha256():
            files.writestr("root.cer", roots(settings.KEYS_DIR)[0].public_bytes(Encoding.DER))
    return buffer.getvalue()


def record(patient: Patient) -> dict[str, Any]:
    """Return all rows about a patient as JSON values: staff by name, other rows by number, times in ISO 8601."""
    return {
        "patient": _values(patient),
        "corrections": _all(Correction.objects.filter(patient=patient)),
        "emergencies": _all(EmergencyAccess.objects.filter(patient=patient)),
        "legal_holds": _all(LegalHold.objects.filter(patient=patient)),
        "merges": _all(Merge.objects.filter(kept=patient)),
        "visits": _all(patient.visits.order_by("id")),
        **{
            name: _all(model._default_manager.filter(_about(patient, *paths)).order_by("pk"))
            for name, (model, *paths) in OF_A_VISIT.items()
        },
    }


def _about(patient: Patient, *paths: str) -> models.Q:
    """Return the condition that a row's visit, found by one of ``paths``, is the patient's."""
    return models.Q(*((f"{path}__patient", patient) for path in paths), _connector=models.Q.OR)


def _all(rows: models.QuerySet[Any]) -> list[dict[str, Any]]:
    staff = [field.name for field in rows.model._meta.concrete_fields if field.related_model is User]
    return [_values(row) for row in (rows.select_related(*staff) if staff else rows)]


def _values(row: models.Model) -> dict[str, Any]:
    values = {
        field.name: _value(row, field)
        for field in row._meta.concrete_fields
        if not isinstance(field, models.BinaryField)
    }
    many = {field.name: [other.pk for other in getattr(row, field.name).all()] for field in row._meta.many_to_many}
    return {**values, **many}


def _value(row: models.Model, field: models.Field[Any, Any]) -> Any:
    value = getattr(row, field.attname)
    if field.related_model is User and value is not None:
        return str(getattr(row, field.name))
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def _documents(patient: Patient) -> Iterator[tuple[str, bytes]]:
    for consent in Consent.objects.filter(visit__patient=patient).select_related("visit"):
        yield f"consent-{number(consent.visit)}.json", bytes(consent.record)
    for file in SealedFile.objects.filter(consent__visit__patient=patient).select_related("consent__visit"):
        yield f"consent-{number(file.consent.visit)}.pdf", bytes(file.pdf)
    changes = SealedStatusChange.objects.filter(after__consent__visit__patient=patient)
    for change in changes.select_related("after__consent__visit"):
        yield f"consent-{number_of_after(change.after)}.json", bytes(change.record)
        yield f"consent-{number_of_after(change.after)}.pdf", bytes(change.pdf)
