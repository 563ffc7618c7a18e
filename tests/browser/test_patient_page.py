"""One page about one patient: what was done, what came of it, what is open, who looked; and all of it to take along."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from zipfile import ZipFile

import pytest
from django.apps import apps

from clinic.domain.flow import Stage
from clinic.models import (
    Correction,
    EmergencyAccess,
    Journal,
    LegalHold,
    Merge,
    Patient,
    PatientToken,
    Tombstone,
    Visit,
)
from consent import actions
from consent.document.subject_export import LEFT_OUT, OF_A_VISIT
from consent.document.subject_export import record as export_record
from consent.models import SealedFile, SealedStatusChange
from tests.support.consents import SPOKEN, confirmed
from tests.support.earlier_visits import comes_back, happened, record, treated
from tests.support.factories import acting, make_patient, make_visit, manager, practitioner, receptionist, staff_client
from tests.support.pdf_text import plain

pytestmark = pytest.mark.django_db


def page(patient: Any, user: Any) -> str:
    return plain(staff_client(user).get(f"/patients/{patient.pk}/").content.decode())


def test_a_practitioner_sees_treatments_events_and_open_flags():
    event = happened(treated(needle_fear=6))
    record(event.visit, needles_in=7, needles_out=7)
    comes_back(event.visit.patient, diabetes="yes", diabetes_unstable="yes")
    html = page(event.visit.patient, practitioner())
    for shown in ("7 in, 7 out", "Left calf", "Fainted, or nearly", "Open flags", "on our record", "Not yet", "Review"):
        assert shown in html
    assert "Some people faint" in html  # the line of the text that named the risk


def test_reception_sees_visits_and_no_flag_treatment_or_event():
    event = happened(treated(needle_fear=6))
    record(event.visit)
    comes_back(event.visit.patient)
    html = page(event.visit.patient, receptionist())
    assert "Visits" in html
    for hidden in ("Treatments", "4 in, 4 out", "Adverse event", "Open flags", "Fainted", "Who looked", "Export"):
        assert hidden not in html


def test_withdraw_correct_print_and_export_are_one_step_away(seal_keys):
    consent = confirmed()
    html = page(consent.visit.patient, practitioner())
    for path in (
        f"/consents/{consent.visit_id}/withdraw/",
        f"/consents/{consent.visit_id}/end/",
        f"/consents/{consent.visit_id}/pdf/?view=1",
        f"/patients/{consent.visit.patient_id}/correct/",
        f"/patients/{consent.visit.patient_id}/export/",
        f"/patients/{consent.visit.patient_id}/looked/",
        f"/visits/{consent.visit_id}/session/",
        f"/visits/{consent.visit_id}/event/",
    ):
        assert f'"{path}"' in html, path
    assert "data-print" in html


# --- who looked ----------------------------------------------------------------------------------------------------


def test_who_looked_names_each_of_them():
    patient, curious = make_patient(), practitioner("Curious Colleague")
    visit = make_visit(patient)
    staff_client(curious).get(f"/visits/{visit.pk}/")
    Journal.objects.record("answers sent", by=acting(curious), visit=visit)
    html = plain(staff_client(manager()).get(f"/patients/{patient.pk}/looked/").content.decode())
    assert "Curious Colleague" in html
    assert "Opened the visit’s page" in html
    assert "Sent the answers" not in html
    assert patient.name not in html
    assert Journal.objects.filter(action="looks opened", patient=patient).count() == 1
    assert "Curious Colleague" in page(patient, practitioner())


def test_who_looked_at_a_record_that_was_merged_is_told_too():
    kept, gone = make_patient(), make_patient()
    staff_client(practitioner("Earlier Colleague")).get(f"/patients/{gone.pk}/")
    type(gone).objects.filter(pk=gone.pk).update(merged_into=kept)
    html = staff_client(manager()).get(f"/patients/{kept.pk}/looked/").content.decode()
    assert "Earlier Colleague" in html


def test_reception_does_not_see_who_looked():
    assert staff_client(receptionist()).get(f"/patients/{make_patient().pk}/looked/").status_code == 404


# --- export --------------------------------------------------------------------------------------------------------


def exported(patient: Any, user: Any) -> ZipFile:
    answer = staff_client(user).post(f"/patients/{patient.pk}/export/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    return ZipFile(io.BytesIO(answer.content))


def test_the_export_holds_every_document_every_row_and_who_looked(seal_keys):
    consent = confirmed()
    visit = consent.visit
    record(visit, reaction="faint", reaction_text="Went pale.", harm="minor")
    by = practitioner("Who Withdrew")
    actions.withdraw(visit=visit, **SPOKEN, reason="Changed my mind.", by=acting(by))
    someone = confirmed()
    files = exported(visit.patient, manager())
    assert files.testzip() is None
    number = f"C-{visit.pk:06d}"
    assert files.read(f"documents/consent-{number}.pdf") == bytes(SealedFile.objects.get(consent=consent).pdf)
    assert files.read(f"documents/consent-{number}.json") == bytes(consent.record)
    assert files.read(f"documents/consent-{number}-W.pdf") == bytes(SealedStatusChange.objects.get().pdf)
    assert {"README.txt", "root.cer", "verifier.zip"} <= set(files.namelist())
    assert not [name for name in files.namelist() if f"{someone.visit_id:06d}" in name]

    told = json.loads(files.read("record.json"))
    assert told["patient"]["name"] == visit.patient.name
    assert [each["id"] for each in told["visits"]] == [visit.pk]
    assert told["screenings"][0]["answers"]["wants_treatment"] == "yes"
    assert told["sessions"][0]["needles_in"] == 4
    assert told["adverse_events"][0]["what"] == "Went pale."
    assert told["after"][0]["by"] == "Who Withdrew"
    rows = list(csv.reader(io.StringIO(files.read("who-looked.csv").decode("utf-8-sig"))))
    assert rows[0] == ["When", "Who", "Role", "What", "Visit"]
    assert any("Exported everything" in row[3] for row in rows)
    assert Journal.objects.filter(action="record exported", patient=visit.patient).count() == 1


def test_what_was_taken_back_before_it_was_confirmed_is_in_it(seal_keys):
    from tests.support.consents import signed

    visit = signed()
    actions.withdraw(visit=visit, **SPOKEN, reason="No.", by=acting(practitioner()))
    told = json.loads(exported(visit.patient, practitioner()).read("record.json"))
    assert [each["reason"] for each in told["after"]] == ["No."]
    assert len(told["voidings"]) == 1


def test_every_table_that_hangs_on_a_visit_is_exported():
    exported_models = {model for model, *_ in OF_A_VISIT.values()}
    hangs_on = {Visit, *exported_models}
    found = {
        model
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model in hangs_on and model is not Visit
    }
    assert found == exported_models | set(LEFT_OUT)


def test_every_table_that_hangs_on_a_patient_is_exported():
    hang = {
        model
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Patient and model is not Patient
    }
    # What is no record of anybody: the journal is in who-looked.csv, and of whom is erased there is nothing to export.
    assert hang - {Journal, PatientToken, Tombstone} == {Correction, EmergencyAccess, LegalHold, Merge, Visit}
    assert {"corrections", "emergencies", "legal_holds", "merges", "visits"} <= set(export_record(make_patient()))


def test_reception_does_not_export_and_nobody_exports_by_a_link():
    patient = make_patient()
    assert staff_client(receptionist()).post(f"/patients/{patient.pk}/export/").status_code == 404
    assert staff_client(practitioner()).get(f"/patients/{patient.pk}/export/").status_code == 405


def test_nothing_of_a_treatment_stands_where_there_was_none():
    patient = make_visit(stage=Stage.STOPPED).patient
    html = page(patient, practitioner())
    assert "Treatments" not in html
    assert "Adverse events" not in html
