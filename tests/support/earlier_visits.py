"""What a patient has behind them: visits, treatments, and what went wrong."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Actor, Patient, Role, Visit
from consent.status.blank_statement import blank_text
from screening import actions
from screening.models import AdverseEvent, PaperForm, Session
from tests.support.factories import (
    acting,
    hold,
    make_patient,
    make_plan,
    make_screening,
    make_tablet,
    make_visit,
    practitioner,
    receptionist,
    rules_ran,
)

FAINTED: dict[str, Any] = {"kind": "faint", "harm": "minor", "what": "Went pale and fell.", "done": "Lay down."}


def treated(patient: Patient | None = None, **changes: Any) -> Visit:
    """Make a visit that was screened and treated, as far as its rows tell."""
    visit = make_visit(patient, stage=Stage.SEALED)
    make_plan(visit)
    rules_ran(make_screening(visit, **changes))
    return visit


def happened(visit: Visit, **changes: Any) -> AdverseEvent:
    said = {**FAINTED, "began_on": timezone.localdate(), **changes}
    return actions.record_event(visit=visit, by=acting(practitioner()), **said)


def comes_back(patient: Patient, **changes: Any) -> Visit:
    """Make the patient's next visit, answered and sent at a tablet."""
    visit = make_visit(patient, stage=Stage.ANSWERING, returning=True)
    tablet, _ = make_tablet()
    hold(visit, tablet)
    make_screening(visit, submitted=False, **changes)
    actions.submit(visit=visit, by=Actor(tablet=tablet))
    visit.refresh_from_db()
    return visit


DONE: dict[str, Any] = {
    "regions": ["left_calf"],
    "electro": False,
    "needles_in": 4,
    "needles_out": 4,
    "reaction": "none",
}


def record(visit: Visit, **changes: Any) -> Session:
    said = {**DONE, "treated_at": timezone.now(), **changes}
    return actions.record_session(visit=visit, by=acting(practitioner()), **said)


EARLIER = {"diabetes": "yes", "diabetes_unstable": "no", "skin_condition": "unsure", "vascular": "prefer_not"}


def came_before(days: int = 92, **said: Any) -> Patient:
    """A patient who was needled here so many days ago."""
    patient = make_patient()
    day = timezone.localdate() - dt.timedelta(days=days)
    visit = make_visit(patient, Stage.SEALED, day=day)
    earlier = make_screening(visit, submitted=False, **{**EARLIER, **said})
    earlier.submitted_at = timezone.make_aware(dt.datetime.combine(day, dt.time(12)))
    earlier.save()
    return patient


def printed(visit, **changes):
    text = blank_text()
    made = actions.print_blank(
        visit=visit,
        statement_version=text.version,
        statement_sha256=text.sha256,
        by=acting(receptionist(), Role.RECEPTION),
    )
    if not changes:
        return made
    kept = {field.name: getattr(made, field.name) for field in PaperForm._meta.concrete_fields if field.name != "id"}
    return PaperForm.objects.create(**{**kept, "code": f"{made.code}X", **changes})
