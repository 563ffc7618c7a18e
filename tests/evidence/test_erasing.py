"""Records that need not be kept are erased: unreadable for ever, and everything that is checked goes on holding."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinic.domain.dates import day_in_words
from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.retention import PACKS, birthday, keep_until
from clinic.models import Journal, LegalHold, Patient, PatientToken, Role, Site, Tombstone, Visit
from clinic.models.sites import FIRST
from clinic.records import erasure, patients, visits
from clinic.records.patients import merge_patients
from clinic.records.staff import change_policy
from clinic.storage import patient_keys
from clinic.storage.patient_keys import Erased
from consent import actions
from consent.models import Consent, SealedFile
from operations.audit import audit
from tests.support.clock import put_forward, to_noon
from tests.support.consents import SPOKEN, confirmed
from tests.support.factories import (
    acting,
    hold,
    make_patient,
    make_tablet,
    make_user,
    make_visit,
    manager,
    practitioner,
    receptionist,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _anchors(settings, tmp_path) -> None:
    settings.ANCHORS_FILE = tmp_path / "anchors.jsonl"


LONG = 16  # years: longer than any rule asks of an adult
GoBy = Callable[[int], None]


@pytest.fixture(autouse=True)
def years(monkeypatch: pytest.MonkeyPatch) -> GoBy:
    """Let years go by, for all of the app."""
    passed = [to_noon()]
    put_forward(monkeypatch, lambda: passed[0])

    def go_by(count: int) -> None:
        passed[0] += dt.timedelta(days=366 * count)

    return go_by


def by():
    return acting(manager(), Role.MANAGER)


def treated(name: str = "Olga Oldest", **fields) -> Patient:
    """Somebody whose only visit is today."""
    patient = make_patient(name, **fields)
    make_visit(patient, stage=Stage.SEALED)
    return patient


def born(age: int) -> dt.date:
    return birthday(timezone.localdate(), -age)


@pytest.mark.parametrize(
    ("pack", "last", "born", "until"),
    [
        ("england", "2020-06-01", "1980-01-01", "2028-06-01"),
        ("england", "2020-06-01", "2010-01-01", "2035-01-01"),  # a child: until 25
        ("england", "2020-06-01", "2002-06-02", "2028-06-02"),  # the day before coming of age: until 26
        ("england", "2020-06-01", "2003-06-02", "2028-06-02"),  # not 17 yet: until 25
        ("australia", "2020-06-01", "2002-06-02", "2027-06-02"),
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


def test_the_list_has_what_is_due_and_nothing_else(years: GoBy):
    due, recent = treated(), treated("Ina Recent")
    treated("Cleo Child", born=born(5))
    held, inside, merged = treated("Hal Held"), treated("Ida Inside"), treated("Mia Merged")
    years(LONG)
    make_visit(recent)  # came again today
    for one in (held, inside):
        erasure.hold(patient=one, reason="A claim.", by=by())
    merge_patients(kept=treated("Ida Outside"), gone=inside, by=acting(receptionist(), Role.RECEPTION))
    merge_patients(kept=make_patient("Mia Merged"), gone=merged, by=acting(receptionist(), Role.RECEPTION))
    found = {one.patient.name for one in erasure.due(FIRST)}
    assert found == {due.name, "Mia Merged"}
    assert [one.patient.pk for one in erasure.due(FIRST) if one.patient.name == "Mia Merged"] != [merged.pk]
    page = staff_client(manager()).get("/manage/retention/").text
    assert f'value="{due.pk}"' in page
    assert due.name not in page


def test_another_country_is_a_setting(years: GoBy):
    patient = treated()
    years(7)
    assert erasure.due(FIRST) == []
    change_policy(by=by(), records_kept="scotland")
    assert [one.patient for one in erasure.due(FIRST)] == [patient]


def test_what_must_be_kept_is_not_erased_and_the_reason_is_said(years: GoBy):
    held, open_, shown = treated(), treated(), treated()
    make_visit(open_, stage=Stage.CONFIRMED)
    hold(make_visit(shown, stage=Stage.ANSWERING), make_tablet()[0])
    Visit.objects.filter(patient=shown).update(stage=Stage.SEALED.value)  # as while consent is taken back
    years(LONG)
    recent = treated()
    erasure.hold(patient=held, reason="A claim.", by=by())
    told = ((recent, "must be kept until"), (held, "held"), (open_, "not over"), (shown, "tablet"))
    for patient, why in told:
        with pytest.raises(NotAllowed, match=why):
            erasure.erase(patient=patient, by=by())
    assert not Tombstone.objects.exists()
    erasure.release(held=LegalHold.objects.get(), by=by())
    assert erasure.erase(patient=held, by=by()).patient == held
    with pytest.raises(NotAllowed, match="already"):
        erasure.erase(patient=held, by=by())


def test_what_was_done_later_counts_as_well(years: GoBy):
    patient = treated()
    years(6)
    patients.correct_patient(patient=patient, phone="01234 567890", by=acting(receptionist()))
    later = timezone.localdate()
    years(6)
    staff_client(practitioner()).get(f"/patients/{patient.pk}/")  # to look is no contact
    assert (erasure.kept(patient).last, erasure.due(FIRST)) == (later, [])
    years(3)
    assert [one.last for one in erasure.due(FIRST)] == [later]


def test_the_list_asks_the_same_number_of_queries_for_many(years: GoBy, django_assert_num_queries):
    treated()
    years(LONG)
    with CaptureQueriesContext(connection) as one:
        erasure.due(FIRST)
    for number in range(9):
        treated(f"Olga {number}")
    years(LONG)
    with django_assert_num_queries(len(one)):
        assert len(erasure.due(FIRST)) == 10


def test_all_that_became_one_record_is_erased_with_it(years: GoBy):
    desk = acting(receptionist(), Role.RECEPTION)
    first, second, last = treated("Ann One"), treated("Ann Two"), treated("Ann Three")
    merge_patients(kept=second, gone=first, by=desk)
    merge_patients(kept=last, gone=second, by=desk)
    years(LONG)
    erasure.erase(patient=last, by=by())
    assert not Patient.objects.exclude(wrapped_key=None).filter(pk__in=[first.pk, second.pk, last.pk]).exists()


def test_a_held_record_is_not_erased_within_another(years: GoBy):
    held, other = treated("Ann Held"), treated("Ann Other")
    erasure.hold(patient=held, reason="A claim.", by=by())
    merge_patients(kept=other, gone=held, by=acting(receptionist(), Role.RECEPTION))
    years(LONG)
    assert erasure.due(FIRST) == []
    with pytest.raises(NotAllowed, match="held"):
        erasure.erase(patient=other, by=by())
    assert Patient.objects.get(pk=held.pk).name == "Ann Held"


def test_an_erased_record_takes_nothing_more(years: GoBy):
    erased, living = treated(), treated("Liv Living")
    page_left_open = Patient.objects.get(pk=erased.pk)
    years(LONG)
    erasure.erase(patient=erased, by=by())
    desk = acting(receptionist(), Role.RECEPTION)
    for act in (
        lambda: visits.add_visit(patient=page_left_open, day=timezone.localdate(), by=desk),
        lambda: patients.correct_patient(patient=page_left_open, phone="01234", by=desk),
        lambda: merge_patients(kept=living, gone=page_left_open, by=desk),
        lambda: merge_patients(kept=page_left_open, gone=living, by=desk),
    ):
        with pytest.raises(NotAllowed, match="erased"):
            act()
    client = staff_client(receptionist())
    answer = client.post(f"/patients/{erased.pk}/visit/", {"day": str(timezone.localdate())}, follow=True)
    assert "erased" in answer.text
    assert client.get(f"/patients/{living.pk}/merge/", {"gone": erased.pk}).status_code == 422
    assert Visit.objects.filter(patient=erased).count() == 1


def test_a_record_is_erased_and_everything_that_is_checked_still_holds(
    seal_keys, years: GoBy, django_capture_on_commit_callbacks
):
    consent = confirmed()
    actions.withdraw(visit=consent.visit, **SPOKEN, reason="Changed my mind.", by=acting(practitioner()))
    other = confirmed()
    patient, then = consent.visit.patient, timezone.localdate()
    first = make_patient("Alex Earlier")
    years(LONG)
    merge_patients(kept=patient, gone=first, by=acting(receptionist(), Role.RECEPTION))
    name, desk = patient.name, staff_client(practitioner())
    with django_capture_on_commit_callbacks(execute=True):
        stone = erasure.erase(patient=patient, by=by())

    file = SealedFile.objects.get(consent=consent)
    assert {consent.sha256, file.sha256} <= set(stone.digests)
    assert (stone.source, stone.last_contact) == (PACKS["england"].source, then)
    assert stone.note == {"name": name, "born": patient.born.isoformat(), "first": str(then), "last": str(then)}
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
        f"/board/?day={then}",
        f"/patients/?name={name.split()[0]}",
        "/manage/figures/",
    ):
        answer = desk.get(address)
        assert answer.status_code in (200, 302, 404, 410), (address, answer.status_code)
        assert name not in answer.text.replace(other.visit.patient.name, "") or name == other.visit.patient.name
    erased_on = f"erased on {day_in_words(timezone.localdate())}"
    page = desk.get(f"/consents/{consent.visit_id}/pdf/?first=1")
    assert page.status_code == 410
    assert erased_on in page.text
    for address in (f"/patients/{patient.pk}/", f"/visits/{consent.visit_id}/"):
        assert erased_on in desk.get(address).text
    assert desk.post(f"/patients/{patient.pk}/export/").status_code == 410
    assert staff_client(manager()).get("/manage/retention/").status_code == 200
    call_command("rehearse", past=True, stdout=StringIO())


def test_a_key_that_went_without_a_tombstone_is_found(seal_keys):
    consent = confirmed()
    Patient.objects.filter(pk=consent.visit.patient_id).update(wrapped_key=None)
    patient_keys.forget()
    wrong = [each for each in audit() if not each.sound]
    assert wrong
    assert "no tombstone" in wrong[0].words


def test_erasing_by_the_page_asks_who_it_is_and_takes_what_was_ticked(years: GoBy):
    first, second = treated(), treated("Otto Other")
    years(LONG)
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


def test_a_hold_is_set_and_ended_on_the_page(years: GoBy):
    patient = treated()
    years(LONG)
    client = staff_client(manager())
    assert client.post("/manage/retention/hold/", {"record": patient.pk, "reason": ""}).status_code == 422
    client.post("/manage/retention/hold/", {"record": patient.pk, "reason": "A complaint of 3 March."})
    held = LegalHold.objects.get()
    assert "A complaint of 3 March." in client.get("/manage/retention/").text
    assert client.post("/manage/retention/hold/", {"record": patient.pk, "reason": "Again."}).status_code == 422
    client.post(f"/manage/retention/{held.pk}/release/")
    assert [one.patient for one in erasure.due(FIRST)] == [patient]


def test_no_row_is_deleted_and_none_is_changed_but_the_key_and_the_index(seal_keys, years: GoBy):
    patient = confirmed().visit.patient
    years(LONG)
    before = _rows()
    erasure.erase(patient=patient, by=by())
    changed = {table for table, rows in _rows().items() if before[table] - rows}
    assert changed == {"clinic_patient", "clinic_patienttoken"}


def _rows() -> dict[str, set[str]]:
    with connection.cursor() as cursor:
        found = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found[table] = {str(row) for row in cursor.fetchall()}
    return found


def test_another_clinics_manager_sees_and_erases_none_of_ours(years: GoBy):
    ours, claimed = treated(), treated("Hal Held")
    years(LONG)
    theirs = staff_client(make_user(Role.MANAGER, site=Site.objects.create(number=2, name="Riverside")))
    held = erasure.hold(patient=claimed, reason="A claim.", by=by())
    page = theirs.get("/manage/retention/").text
    assert f'value="{ours.pk}"' not in page
    assert "A claim." not in page
    theirs.post("/manage/retention/erase/", {"record": [ours.pk]})
    assert not Tombstone.objects.exists()
    assert theirs.post(f"/manage/retention/{held.pk}/release/").status_code == 404
    assert theirs.post("/manage/retention/hold/", {"record": ours.pk, "reason": "Mine."}).status_code == 422
