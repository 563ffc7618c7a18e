"""How SQLite goes about each question, and which tables it reads whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

GROWING = {
    *("clinic_patient", "clinic_patienttoken", "clinic_visit", "clinic_hold", "clinic_journal"),
    *("screening_screening", "screening_assessment", "screening_flag", "screening_decision", "screening_plan"),
    *(
        "consent_signedconsent",
        "consent_signature",
        "consent_consent",
        "consent_sealedfile",
        "consent_consentstatuschange",
    ),
}


@contextmanager
def plans() -> Iterator[list[str]]:
    """Give the lines of how SQLite goes about each question that is asked meanwhile."""
    lines: list[str] = []

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            # With the parameters apart, as it is asked: a plan for their values would be another one.
            asked = f"EXPLAIN QUERY PLAN {sql.replace('%s', '?').replace('%%', '%')}"
            lines.extend(row[3] for row in connection.connection.execute(asked, params or ()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield lines


def read_whole(lines: list[str]) -> set[str]:
    """Return the growing tables that are read from end to end.

    What is read by an index in its order ("USING") ends with the page.
    """
    scans = [line.split() for line in lines if line.startswith("SCAN ")]
    return {words[1] for words in scans if words[1] in GROWING and "USING" not in words}
