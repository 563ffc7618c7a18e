"""Records that need not be kept are erased: unreadable for ever, and everything that is checked goes on holding."""

from __future__ import annotations

import datetime as dt
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from clinic import erasing, vault
from clinic.actions import change_policy, merge_patients
from clinic.flow import NotAllowed, Stage
from clinic.models import Journal, LegalHold, Patient, PatientToken, Role, Site, Tombstone, Visit
from clinic.models.sites import FIRST
from clinic.retention import PACKS, keep_until
from clinic.vault import Erased
from consent import actions
from consent.audit import audit
from consent.models import Consent, SealedFile
from tests.factories import (
    acting,
    make_patient,
    make_user,
    make_visit,
    manager,
    practitioner,
    receptionist,
    staff_client,
)
from tests.test_withdrawing import SPOKEN, confirmed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _anchors(settings, tmp_path) -> None:
    settings.ANCHORS_FILE = tmp_path / "anchors.jsonl"


LONG_AGO = dt.date(2010, 3, 5)


def by():
    return acting(manager(), Role.MANAGER)


def of_long_ago(patient: Patient) -> Patient:
    Visit.objects.filter(patient=patient).update(day=LONG_AGO)
    return patient


def old(name: str = "Olga Oldest", **fields) -> Patient:
    patient = make_patient(name, **fields)
    make_visit(patient, stage=Stage.SEALED, day=LONG_AGO)
    return patient


@pytest.mark.parametrize(
    ("pack", "last", "born", "until"),
    [
        ("england", "2020-06-01", "1980-01-01", "2028-06-01"),
        ("england", "2020-06-01", "2010-01-01", "2035-01-01"),  # a child: until 25
        ("england", "2020-06-01", "2002-06-02", "2028-06-01"),  # the day before coming of age: 25 comes sooner
        ("england", "2020-06-01", "2002-06-01", "2028-06-01"),
        ("australia", "2020-02-29", "1980-01-01", "2027-03-01"),
        ("california", "2020-06-01", "2019-01-01", "2038-01-01"),
        ("india", "2020-06-01", "2015-01-01", "2036-01-01"),
        ("scotland", "2020-06-01", "1980-01-01", "2026-06-01"),
    ],
)
def test_how_long_is_told_by_the_country_the_last_contact_and_the_age_then(pack, last, born, until):
    found = keep_until(PACKS[pack], last=dt.date.fromisoformat(last), born=dt.date.fromisoformat(born))
    assert found == dt.date.fromisoformat(until)


def test_the_list_has_what_is_due_and_nothing_else():
    due = old()
    make_visit(old("Ina Recent"))  # came again today
    old("Cleo Child", born=dt.date(2009, 1, 1))
    held = old("Hal Held")
    erasing.hold(patient=held, reason="A claim.", by=by())
    merged = old("Mia Merged")
    merge_patients(kept=make_patient("Mia Merged"), gone=merged, by=acting(receptionist(), Role.RECEPTION))
    found = {one.patient.name for one in erasing.due(FIRST)}
    assert found == {due.name, "Mia Merged"}
    assert [one.patient.pk for one in erasing.due(FIRST) if one.patient.name == "Mia Merged"] != [merged.pk]
    page = staff_client(manager()).get("/manage/retention/").text
    assert f'value="{due.pk}"' in page
    assert due.name not in page


def test_another_country_is_a_setting():
    patient = old()
    Visit.objects.filter(patient=patient).update(day=timezone.localdate() - dt.timedelta(days=7 * 366))
    assert erasing.due(FIRST) == []
    change_policy(by=by(), records_kept="scotland")
    assert [one.patient for one in erasing.due(FIRST)] == [patient]


def test_what_must_be_kept_is_not_erased_and_the_reason_is_said():
    recent, held, open_ = make_patient(), old(), old()
    make_visit(recent)
    erasing.hold(patient=held, reason="A claim.", by=by())
    make_visit(open_, stage=Stage.CONFIRMED, day=LONG_AGO)
    for patient, why in ((recent, "must be kept until"), (held, "held"), (open_, "not over")):
        with pytest.raises(NotAllowed, match=why):
            erasing.erase(patient=patient, by=by())
    assert not Tombstone.objects.exists()
    erasing.release(held=LegalHold.objects.get(), by=by())
    assert erasing.erase(patient=held, by=by()).patient == held
    with pytest.raises(NotAllowed, match="already"):
        erasing.erase(patient=held, by=by())


def test_a_record_is_erased_and_everything_that_is_checked_still_holds(seal_keys, django_capture_on_commit_callbacks):
    consent = confirmed()
    actions.withdraw(visit=consent.visit, **SPOKEN, reason="Changed my mind.", by=acting(practitioner()))
    other = confirmed()
    patient = of_long_ago(consent.visit.patient)
    first = make_patient("Alex Earlier")
    merge_patients(kept=patient, gone=first, by=acting(receptionist(), Role.RECEPTION))
    name, desk = patient.name, staff_client(practitioner())
    with django_capture_on_commit_callbacks(execute=True):
        stone = erasing.erase(patient=patient, by=by())

    file = SealedFile.objects.get(consent=consent)
    assert {consent.sha256, file.sha256} <= set(stone.digests)
    assert (stone.source, stone.last_contact) == (PACKS["england"].source, LONG_AGO)
    assert stone.note == {"name": name, "born": patient.born.isoformat(), "first": str(LONG_AGO), "last": str(LONG_AGO)}
    assert not PatientToken.objects.filter(patient__in=[patient, first]).exists()
    for row, column in (
        (Patient.objects.get(pk=patient.pk), "born"),
        (file, "pdf"),
        (Consent.objects.first(), "record"),
    ):
        with pytest.raises(Erased):
            getattr(row, column)
    assert str(Patient.objects.get(pk=first.pk)) == str(Patient.objects.get(pk=patient.pk)) == "Erased record"
    assert bytes(other.sealed.pdf).startswith(b"%PDF")

    found = {each.part: each for each in audit()}
    assert [each for each in found.values() if not each.sound] == []
    assert "1 erased, each with its tombstone" in found["records"].words or "2 erased" in found["records"].words
    assert Journal.objects.filter(action="record erased", patient=patient).exists()

    for address in (
        f"/patients/{patient.pk}/",
        f"/visits/{consent.visit_id}/",
        f"/patients/{patient.pk}/correct/",
        f"/consents/{consent.visit_id}/pdf/",
        f"/consents/{consent.visit_id}/send/",
        f"/consents/{consent.visit_id}/withdraw/",
        f"/visits/{consent.visit_id}/aftercare/",
        f"/review/{consent.visit_id}/",
        f"/board/?day={LONG_AGO}",
        f"/patients/?name={name.split()[0]}",
        "/manage/figures/",
    ):
        answer = desk.get(address)
        assert answer.status_code in (200, 302, 404, 410), (address, answer.status_code)
        assert name not in answer.text.replace(other.visit.patient.name, "") or name == other.visit.patient.name
    erased_on = f"erased on {timezone.localdate():%d.%m.%Y}"
    page = desk.get(f"/consents/{consent.visit_id}/pdf/?first=1")
    assert page.status_code == 410
    assert erased_on in page.text
    for address in (f"/patients/{patient.pk}/", f"/visits/{consent.visit_id}/"):
        print(address, desk.get(address).status_code)
        assert erased_on in desk.get(address).text
    assert desk.post(f"/patients/{patient.pk}/export/").status_code == 410
    assert staff_client(manager()).get("/manage/retention/").status_code == 200
    call_command("rehearse", past=True, stdout=StringIO())


def test_a_key_that_went_without_a_tombstone_is_found(seal_keys):
    consent = confirmed()
    Patient.objects.filter(pk=consent.visit.patient_id).update(wrapped_key=None)
    vault.forget()
    wrong = [each for each in audit() if not each.sound]
    assert wrong
    assert "no tombstone" in wrong[0].words


def test_erasing_by_the_page_asks_who_it_is_and_takes_what_was_ticked():
    first, second = old(), old("Otto Other")
    client = staff_client(manager())
    client.post("/manage/retention/erase/", {"record": [first.pk]})
    assert [each.patient for each in Tombstone.objects.all()] == [first]
    assert client.post("/manage/retention/erase/", {"record": ["x", "9" * 30]}).status_code == 302
    assert Patient.objects.get(pk=second.pk).name == "Otto Other"
    assert staff_client(practitioner()).post("/manage/retention/erase/", {"record": [second.pk]}).status_code == 404
    session = client.session
    session["account_authentication_methods"] = [
        {**each, "at": each["at"] - 600} for each in session["account_authentication_methods"]
    ]
    session.save()
    assert client.post("/manage/retention/erase/", {"record": [second.pk]}).url.startswith("/account/again/")
    assert Tombstone.objects.count() == 1


def test_a_hold_is_set_and_ended_on_the_page():
    patient, client = old(), staff_client(manager())
    assert client.post("/manage/retention/hold/", {"record": patient.pk, "reason": ""}).status_code == 422
    client.post("/manage/retention/hold/", {"record": patient.pk, "reason": "A complaint of 3 March."})
    held = LegalHold.objects.get()
    assert "A complaint of 3 March." in client.get("/manage/retention/").text
    assert client.post("/manage/retention/hold/", {"record": patient.pk, "reason": "Again."}).status_code == 422
    client.post(f"/manage/retention/{held.pk}/release/")
    assert [one.patient for one in erasing.due(FIRST)] == [patient]


def test_no_row_is_deleted_and_none_is_changed_but_the_key_and_the_index(seal_keys):
    patient = of_long_ago(confirmed().visit.patient)
    before = _rows()
    erasing.erase(patient=patient, by=by())
    changed = {table for table, rows in _rows().items() if before[table] - rows}
    assert changed == {"clinic_patient", "clinic_patienttoken"}


def _rows() -> dict[str, set[str]]:
    with connection.cursor() as cursor:
        found = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found[table] = {str(row) for row in cursor.fetchall()}
    return found


def test_another_clinics_manager_sees_and_erases_none_of_ours():
    ours, theirs = old(), staff_client(make_user(Role.MANAGER, site=Site.objects.create(number=2, name="Riverside")))
    held = erasing.hold(patient=old("Hal Held"), reason="A claim.", by=by())
    page = theirs.get("/manage/retention/").text
    assert f'value="{ours.pk}"' not in page
    assert "A claim." not in page
    theirs.post("/manage/retention/erase/", {"record": [ours.pk]})
    assert not Tombstone.objects.exists()
    assert theirs.post(f"/manage/retention/{held.pk}/release/").status_code == 404
    assert theirs.post("/manage/retention/hold/", {"record": ours.pk, "reason": "Mine."}).status_code == 422
