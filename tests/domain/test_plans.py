"""No page that is opened many times a day reads more in a clinic that has grown.

SQLite plans by its rules alone, without figures of its tables, so an empty clinic shows what a large one will do.
``bench/`` measures the same in a clinic of a million screenings; this says in seconds when a page goes wrong.
"""

from __future__ import annotations

import pytest
from django.db import connection

from clinic.models import Journal, Patient
from tests.support.full_clinic import OTHERS, WholeClinic, doors
from tests.support.query_plans import plans, read_whole

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans"),
]

# Pages that are about all there is. A manager opens them a few times a year.
ABOUT_ALL = {"retention": {"clinic_patient"}, "manage_versions": {"consent_signedconsent"}}


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
