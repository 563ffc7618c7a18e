"""A course that stands on record: rows, without the acts that write them."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from clinic.domain.digests import sha256
from clinic.domain.flow import Stage
from clinic.models import Patient, User, Visit
from consent.domain.statement import statement
from consent.models import Consent, SealedFile, SignedConsent
from consent.status.statement_input import facts
from screening.assessment.review_state import review_state
from tests.support.factories import hold, make_plan, make_screening, make_tablet, make_visit, rules_ran


def course_on_record(patient: Patient, physio: User, *, sessions: int = 1) -> Consent:
    """Write a consent in full for the left calf, and further sessions under it; return the first."""
    first = _on_record(patient, physio, None)
    for _ in range(sessions - 1):
        _on_record(patient, physio, first)
    return first


def _on_record(patient: Patient, physio: User, first: Consent | None) -> Consent:
    visit = make_visit(patient, Stage.SEALED, day=timezone.localdate() - dt.timedelta(days=1), returning=False)
    screening, plan = make_screening(visit), make_plan(visit, "left_calf", by=physio)
    rules_ran(screening)
    state = review_state(visit)
    text = statement(facts(state))
    held = hold(visit, make_tablet()[0])
    held.end("signed")
    given = SignedConsent.objects.create(
        visit=visit,
        screening=screening,
        plan=plan,
        hold=held,
        statement=text.to_json(),
        statement_version=text.version,
        statement_sha256=text.sha256,
        acknowledged=[],
        choices={},
        scope=plan.scope.to_json(),
        course=first,
    )
    record = f"record of {visit.pk}".encode()
    consent = Consent.objects.create(
        visit=visit,
        given=given,
        record=record,
        sha256=sha256(record),
        confirmed_by=physio,
        confirmed_at=timezone.now(),
    )
    _seal(consent, visit)
    return consent


def _seal(consent: Consent, visit: Visit) -> None:
    pdf = f"file of {visit.pk}".encode()
    SealedFile.objects.create(consent=consent, pdf=pdf, sha256=sha256(pdf), certificate_sha256=sha256(b"certificate"))
