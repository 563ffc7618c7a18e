"""One row of any table, with the rows that it stands on: for tests that go through every table there is."""

from __future__ import annotations

import itertools
from typing import Any

from django.db import models
from django.utils import timezone

from clinic.models import EmergencyAccess, Hold, Invitation, Journal, LegalHold, Patient, Tablet, User, Visit
from consent.models import Consent, ConsentStatusChange, Timestamp
from screening.models import Claim, Clearance, ClearanceLapse, ReviewOutcome, Screening, Session
from tests.support.factories import hold, make_patient, make_screening, make_tablet, make_visit, practitioner

_numbers = itertools.count(101)  # the first ones are the clinics' that tests have anyway


def _final_hold() -> Hold:
    made = hold(make_visit(), make_tablet()[0])
    made.end("returned")
    return made


def _final_claim() -> Claim:
    now = timezone.now()
    return Claim.objects.create(visit=make_visit(), by=practitioner(), ended_at=now, ended_why=Claim.End.CLOSED)


# Rows that only fit together in a certain way; every other is filled from its columns.
MADE: dict[type[models.Model], Any] = {
    User: practitioner,
    Patient: make_patient,
    Visit: make_visit,
    Tablet: lambda: make_tablet()[0],
    Hold: _final_hold,
    Claim: _final_claim,
    Screening: lambda: make_screening(make_visit()),
}
FITTING: dict[type[models.Model], Any] = {
    Journal: lambda: {"user": practitioner()},
    ConsentStatusChange: lambda: {
        "consent": make_row(Consent),
        "kind": "withdrawn",
        "who": "patient",
        "how": "spoken",
        "by": practitioner(),
        "role": "practitioner",
    },
    EmergencyAccess: lambda: {"seen_at": timezone.now()},
    LegalHold: lambda: {"ended_at": timezone.now(), "ended_by": practitioner()},
    Invitation: lambda: {"ended_at": timezone.now(), "ended_why": "revoked"},
    Timestamp: lambda: {"token": b"token"},
    Clearance: lambda: {"closing": make_row(ReviewOutcome)},
    ClearanceLapse: lambda: {"clearance": make_row(Clearance)},
    Session: lambda: {"needles_in": 4, "needles_out": 4},
}


def make_row(model: type[models.Model]) -> Any:
    """Write one row of ``model``; of those that freeze at some moment, a frozen one."""
    if model in MADE:
        return MADE[model]()
    values = FITTING[model]() if model in FITTING else {}
    for field in model._meta.concrete_fields:
        if field.name not in values and not _fills_itself(field):
            values[field.name] = _value(field)
    return model._default_manager.create(**values)


def _fills_itself(field: Any) -> bool:
    return field.null or field.blank or field.has_default() or isinstance(field, models.AutoField)


def _value(field: Any) -> Any:
    if field.is_relation:
        return make_row(field.related_model)
    if field.choices:
        return field.choices[0][0]
    match field:
        case models.JSONField():
            return {}
        case models.BinaryField():
            return b"bytes"
        case models.DateTimeField():
            return timezone.now()
        case models.DateField():
            return timezone.localdate()
        case models.IntegerField():
            return next(_numbers)
        case models.BooleanField():
            return False
        case _:
            return f"{next(_numbers)}"
