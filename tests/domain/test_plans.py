"""No page that is opened many times a day reads more in a clinic that has grown.

SQLite plans by its rules alone, without figures of its tables, so an empty clinic shows what a large one will do.
``bench/`` measures the same in a clinic of a million screenings; this says in seconds when a page goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from clinic.models import Journal, Patient
from tests.pages.test_every_door import whole
from tests.support.full_clinic import OTHERS, WholeClinic, doors

__all__ = ["whole"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="reads SQLite's plans"),
]

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
# Pages that are about all there is. A manager opens them a few times a year.
ABOUT_ALL = {"retention": {"clinic_patient"}, "manage_versions": {"consent_signedconsent"}}


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


def test_no_page_reads_a_growing_table_from_end_to_end(whole: WholeClinic) -> None:
    found: dict[str, set[str]] = {}
    asked = 0
    for door in doors():
        for actor in (each for each in whole.clients if each not in OTHERS):
            with plans() as lines:
                whole.ask(actor, "GET", whole.address(door))
            asked += len(lines)
            if tables := read_whole(lines):
                found.setdefault(door.name, set()).update(tables)
    assert found == ABOUT_ALL
    assert asked > 1000


def test_the_looks_at_one_record_are_found_by_that_record(whole: WholeClinic) -> None:
    (door,) = (each for each in doors() if each.name == "looked")
    with plans() as lines:
        assert whole.ask("manager", "GET", whole.address(door)).status_code == 200
    assert any("clinic_journal_patient_id" in line for line in lines)
    assert not any("journal_action" in line for line in lines)


def test_the_control_what_reads_all_of_a_table_is_seen(whole: WholeClinic) -> None:
    with plans() as lines:
        list(Patient.objects.filter(site=1).order_by())
        list(Journal.objects.filter(role="manager").order_by())
    assert read_whole(lines) == {"clinic_patient", "clinic_journal"}
