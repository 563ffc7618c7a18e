"""Visits on their way to a sealed consent: signed, confirmed and sealed by the verbs that the pages use."""

from __future__ import annotations

import json
from typing import Any

from clinic.domain.flow import Stage
from clinic.models import Actor, Role, User, Visit
from consent import actions
from consent.domain.signature_strokes import Signed, decode
from consent.domain.statement import statement
from consent.models import (
    Consent,
)
from consent.status.statement_input import facts
from screening.assessment.review_state import review_state
from screening.domain.scope import Scope
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

INK = decode(json.dumps([[[20 + 9 * i, 100 + (i % 5) * 12, 16 * i] for i in range(40)]]))

WELL = {f"prompt_{number}": "correct" for number in range(1, 7)}

PLAN = Scope.of(["left_calf"], technique="superficial", electro=False, visits=3)


def signed(*planned: str, plan: tuple[str, ...] = (), **changes: Any) -> Visit:
    """Make a visit that was signed on a tablet. ``planned``: noted at the front desk; ``plan``: the practitioner's."""
    visit = make_visit(make_patient(email="alex@example.org"), Stage.CONSENTING, planned_regions=list(planned))
    screening = make_screening(visit, **changes)
    if plan:
        make_plan(visit, *plan)
    rules_ran(screening)
    tablet, _ = make_tablet()
    at_tablet = hold(visit, tablet)
    actions.give(
        visit=visit,
        hold=at_tablet,
        shown=statement(facts(review_state(visit))).sha256,
        signed=[Signed("patient", visit.patient.name, "drawn", INK)],
        choices={"students": False, "observers": False},
        by=Actor(tablet=tablet),
    )
    visit.refresh_from_db()
    return visit


def form(**changes: Any) -> dict[str, Any]:
    data = {
        "regions": ["left_calf"],
        "technique": "superficial",
        "electro": "no",
        "sessions": "3",
        **WELL,
        "talk_took_place": "on",
        "still_happy": "on",
        "sign": "on",
        **changes,
    }
    return {name: value for name, value in data.items() if value is not None}


SPOKEN: dict[str, Any] = {"who": "patient", "how": "spoken"}


def confirmed(visit: Visit | None = None, by: User | None = None) -> Consent:
    """Make a consent that was confirmed and, as the tasks run at once, sealed."""
    done = actions.confirm(visit=visit or signed(), plan=PLAN, teach_back=WELL, by=acting(by or practitioner()))
    assert isinstance(done, Consent)
    return done


def reception() -> Actor:
    return acting(receptionist(), Role.RECEPTION)


def fresh(visit: Visit) -> Visit:
    return Visit.objects.get(pk=visit.pk)


def again_for(consent: Consent) -> Consent:
    """Make a later consent of the same patient."""
    visit = signed()
    Visit.objects.filter(pk=visit.pk).update(patient=consent.visit.patient)
    return confirmed(fresh(visit))


DRAWN = json.dumps([[[20 + 9 * i, 100 + (i % 5) * 12, 16 * i] for i in range(40)]])

SIGN = "/tablet/consent/sign/"


def ready(visit: Visit | None = None, **changes: Any) -> Visit:
    """Make a visit whose patient reads and signs next."""
    visit = visit or make_visit(stage=Stage.CONSENTING)
    rules_ran(make_screening(visit, **changes))
    return visit


def shown(visit: Visit) -> str:
    return statement(facts(review_state(visit))).sha256


def filled(visit: Visit, **changes: Any) -> dict[str, Any]:
    """Return the last page filled in and agreed to; ``None`` leaves a control out."""
    data = {
        "act": "agree",
        "statement": shown(visit),
        "students": "no",
        "observers": "yes",
        "lung": "on",
        "read": "on",
        "agree": "on",
        "method": "drawn",
        "strokes": DRAWN,
        "typed_name": "",
        "question": "",
        **changes,
    }
    return {name: value for name, value in data.items() if value is not None}
