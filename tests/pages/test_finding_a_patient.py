"""Search by birth date or by the first letters of a name, through hashes that hold neither."""

import base64
import datetime as dt

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.domain.flow import NotAllowed
from clinic.models import Journal, Patient, PatientToken
from clinic.pages.desk.views.patients import MOST_FOUND
from clinic.records import patients
from tests.support.factories import hold, make_patient, make_tablet, make_visit, receptionist, staff_client

pytestmark = pytest.mark.django_db
BORN = dt.date(1990, 5, 1)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Zoë Müller", "zoe"),
        ("Zoë Müller", "mul"),
        ("Zoë Müller", "MÜLL zo"),
        ("Seán O’Brien", "obrien"),
        ("Anne-Marie Smith", "marie"),
        ("Łukasz Straße", "lukasz strasse"),
        ("Bartholomew-Featherstonehaugh", "featherstonehaugh"),
        ("Li Wu", "li wu"),
    ],
)
def test_a_name_is_found_by_its_first_letters_case_and_accents_folded(name, typed):
    found = make_patient(name)
    make_patient("Somebody Else")
    if typed == "MÜLL zo":  # two letters are too few, unless that is the whole word
        typed = "MÜLL zoe"
    assert list(Patient.objects.named(typed)) == [found]


@pytest.mark.parametrize("typed", ["", "ler", "zoa", "...", "zoe smith"])
def test_other_letters_find_nobody(typed):
    make_patient("Zoë Müller")
    assert not Patient.objects.named(typed).exists()


def test_the_newest_of_many_are_shown_by_name_and_that_there_are_more():
    for number in range(MOST_FOUND + 2):
        make_patient(f"Ana {chr(ord('Z') - number)}ilva", born=BORN)
    make_patient("Ben Silva", born=BORN)
    page = staff_client(receptionist()).post("/patients/", {"name": "ana"}, follow=True)
    names = [each.name for each in page.context["found"]]
    assert len(names) == MOST_FOUND
    assert names == sorted(names)
    assert not {"Ana Zilva", "Ana Yilva"} & set(names)  # the oldest
    assert "There are more." in page.text


@pytest.mark.parametrize(
    ("name", "born", "found"),
    [
        ("ana", None, {"Ana Silva", "Ana Costa"}),
        ("sil ana", None, {"Ana Silva"}),
        ("ana", BORN, {"Ana Costa"}),
        ("", BORN, {"Ana Costa", "Ben Silva"}),
        ("ana ben", None, set()),
        ("", None, set()),
    ],
)
def test_all_that_is_typed_must_fit_and_merged_records_are_left_out(name, born, found):
    make_patient("Ana Silva", born=dt.date(1980, 1, 2))
    kept = make_patient("Ana Costa", born=BORN)
    make_patient("Ana Costa", born=BORN, merged_into=kept)
    make_patient("Ben Silva", born=BORN)
    assert {each.name for each in PatientToken.objects.newest_patients(9, name=name, born=born)} == found
    assert len(PatientToken.objects.newest_patients(9, name=name, born=born)) == len(found)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan")
def test_a_search_is_read_off_the_index_and_nothing_is_collected_or_sorted():
    with CaptureQueriesContext(connection) as asked:
        PatientToken.objects.newest_patients(9, name="ana silva", born=BORN)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]['sql']}")
        plan = [row[3] for row in cursor.fetchall()]
    assert len(asked) == 1
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step or "LIST SUBQUERY" in step], plan


def test_the_index_holds_neither_names_nor_dates():
    make_patient("Zoë Müller")
    stored = " ".join(PatientToken.objects.values_list("token", flat=True))
    assert PatientToken.objects.count() == len({"zoe", "mul", "mull", "mulle", "muller"}) + 1
    assert "zoe" not in stored
    assert "1990" not in stored


def test_the_search_page_finds_by_birth_date_and_by_name():
    make_patient("Zoë Müller", born=BORN)
    make_patient("Ana Silva", born=dt.date(1980, 1, 2))
    client = staff_client(receptionist())
    by_date = client.post(
        "/patients/", {"born_day": "1", "born_month": "5", "born_year": "1990", "name": ""}, follow=True
    )
    assert "Zoë Müller" in by_date.text
    assert "Ana Silva" not in by_date.text
    assert "Ana Silva" in client.post("/patients/", {"name": "sil"}, follow=True).text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"name": "zo"}, "at least 3 letters"),
        ({"name": ""}, "Type a name, a date of birth, or both"),
        ({"name": "", "born_day": "31", "born_month": "2", "born_year": "1990"}, "There is no day 31"),
        ({"name": "", "born_day": "1", "born_month": "13", "born_year": "1990"}, "The month is not right"),
        ({"name": "", "born_day": "1", "born_month": "1", "born_year": "90"}, "1900 or later, with 4 digits"),
        ({"name": "", "born_day": "1", "born_month": "1", "born_year": "2999"}, "still to come"),
    ],
)
def test_a_search_that_cannot_work_says_why_and_keeps_what_was_typed(query, message):
    answer = staff_client(receptionist()).post("/patients/", query)
    assert answer.status_code == 422
    assert message in answer.text
    if query["name"]:
        assert f'value="{query["name"]}"' in answer.text


def test_a_known_name_and_birth_date_asks_whether_it_is_the_same_person():
    known = make_patient("Zoë Müller", born=BORN)
    client = staff_client(receptionist())
    form = {"name": "zoe muller", "born_day": "1", "born_month": "5", "born_year": "1990"}
    asked = client.post("/patients/add/", form)
    assert "The same person?" in asked.text
    assert f"record {known.pk}" in asked.text
    assert Patient.objects.count() == 1
    client.post("/patients/add/", {**form, "another": "yes"})
    assert Patient.objects.count() == 2


def test_a_correction_keeps_what_it_was_and_is_found_by_the_new_date(desk):
    patient = make_patient("Zoë Müller", born=BORN)
    changed = patients.correct_patient(patient=patient, by=desk, born=dt.date(1990, 1, 5), name="Zoë Müller")
    assert changed == ["born"]
    kept = patient.corrections.get()
    assert (kept.field, kept.old, kept.new) == ("born", "1990-05-01", "1990-01-05")
    assert not Patient.objects.born_on(BORN).exists()
    assert Patient.objects.born_on(dt.date(1990, 1, 5)).get() == patient
    assert Journal.objects.get(action="patient corrected").data == {"field": "born"}


def test_two_records_of_one_person_become_one_and_both_stay_on_record(desk):
    kept, gone = make_patient("Ana Silva"), make_patient("Anna Silva")
    visit = make_visit(gone)
    patients.merge_patients(kept=kept, gone=gone, by=desk)
    visit.refresh_from_db()
    assert visit.patient == kept
    assert list(Patient.objects.current().named("sil")) == [kept]
    assert kept.merges.get().gone == gone
    assert Journal.objects.filter(action="patients merged").count() == 2
    page = staff_client(receptionist()).get(f"/patients/{gone.pk}/")
    assert page.url == f"/patients/{kept.pk}/"


def test_a_record_is_not_merged_twice_or_while_a_tablet_shows_it(desk):
    kept, gone = make_patient("Ana Silva"), make_patient("Anna Silva")
    with pytest.raises(NotAllowed):
        patients.merge_patients(kept=kept, gone=kept, by=desk)
    hold(make_visit(gone), make_tablet()[0])
    with pytest.raises(NotAllowed, match="tablet"):
        patients.merge_patients(kept=kept, gone=gone, by=desk)


def test_merging_asks_before_it_does_it():
    kept, gone = make_patient("Ana Silva"), make_patient("Anna Silva")
    client = staff_client(receptionist())
    asked = client.get(f"/patients/{kept.pk}/merge/", {"gone": gone.pk})
    assert "Anna Silva" in asked.text
    assert Patient.objects.current().count() == 2
    client.post(f"/patients/{kept.pk}/merge/", {"gone": gone.pk, "merge": "yes"})
    assert Patient.objects.current().count() == 1
    assert client.get(f"/patients/{kept.pk}/merge/", {"gone": 999}).status_code == 422


def test_no_name_that_is_looked_for_stands_in_an_address_or_in_clear_in_the_database():
    make_patient("Zoë Müller", born=BORN)
    client = staff_client(receptionist())
    typed = {"name": "Müller", "born_day": str(BORN.day), "born_month": str(BORN.month), "born_year": str(BORN.year)}
    sent = client.post("/patients/", typed)
    assert sent.headers["Location"] == "/patients/?found"
    found = client.get("/patients/?found")
    assert [each.name for each in found.context["found"]] == ["Zoë Müller"]
    assert client.get("/patients/?found").text.count("Zoë Müller") == found.text.count("Zoë Müller")
    assert client.get("/patients/?name=Müller").context["found"] == []
    kept = base64.b64decode(Session.objects.get(session_key=client.session.session_key).session_data)
    assert b"ller" not in kept
    assert str(BORN.year).encode() not in kept
    assert Journal.objects.filter(action="patients searched").count() == 2


def test_after_a_change_of_the_index_key_a_command_lets_everybody_be_found_again(settings, capsys):
    patient, erased = make_patient("Ann One"), make_patient("Bob Two")
    Patient.objects.filter(pk=erased.pk).update(wrapped_key=None)
    PatientToken.objects.filter(patient=erased).delete()
    settings.INDEX_KEY = "another key for the index of names"
    assert not Patient.objects.named("ann").exists()
    call_command("reindex")
    assert "1 patients" in capsys.readouterr().out
    assert list(Patient.objects.named("ann")) == list(Patient.objects.born_on(patient.born)) == [patient]
    assert Journal.objects.filter(action="patients indexed").exists()
