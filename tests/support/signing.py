"""The last page of a consent, filled in as a patient would."""

from __future__ import annotations

import json
from typing import Any

from clinic.domain.flow import Stage
from clinic.models import Visit
from consent.domain.statement import statement
from consent.status.statement_input import facts
from screening.assessment.review_state import review_state
from tests.support.factories import (
    make_screening,
    make_visit,
    rules_ran,
)

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
