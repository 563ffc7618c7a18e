"""Today's list from a CSV file."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from clinic.models import Patient, Visit
from tests.support.factories import LIST, make_patient, practitioner, receptionist, staff_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return staff_client(receptionist())


def test_the_list_is_shown_before_anything_is_added(client):
    page = client.post("/board/import/", {"text": LIST})
    assert "Ana Silva" in page.text
    assert not Patient.objects.exists()


def test_a_confirmed_list_is_on_todays_board(client):
    client.post("/board/import/", {"text": LIST, "import": "yes"})
    visits = list(Visit.objects.on(timezone.localdate()))
    assert [(str(visit.time)[:5], visit.patient.name) for visit in visits] == [
        ("09:30", "Ana Silva"),
        ("10:00", "Zoë Müller"),
    ]
    assert visits[0].patient.email == "ana@example.org"


def test_a_file_works_as_well_as_pasted_text(client):
    file = SimpleUploadedFile("day.csv", ("\ufeff" + LIST).encode())
    assert "Zoë Müller" in client.post("/board/import/", {"file": file}).text


def test_a_known_person_is_asked_for_and_not_doubled(client):
    known = make_patient("Ana Silva", born=dt.date(1980, 2, 1))
    page = client.post("/board/import/", {"text": LIST})
    assert "the same person?" in page.text
    client.post("/board/import/", {"text": LIST, "import": "yes", "same_0": str(known.pk)})
    assert [each.name for each in Patient.objects.all()].count("Ana Silva") == 1
    client.post("/board/import/", {"text": LIST, "import": "yes", "same_0": ""})
    assert [each.name for each in Patient.objects.all()].count("Ana Silva") == 2


def test_a_list_sent_twice_adds_nobody_twice(client):
    client.post("/board/import/", {"text": LIST, "import": "yes"})
    ids = {each.name: each.pk for each in Patient.objects.all()}
    again = {"text": LIST, "import": "yes", "same_0": ids["Ana Silva"], "same_1": ids["Zoë Müller"]}
    client.post("/board/import/", again)
    assert Visit.objects.count() == 2


def test_one_person_twice_in_a_list_is_one_patient_with_two_visits(client):
    text = "time,name,born\n09:00,Ana Silva,1980-02-01\n15:00,ana silva,1980-02-01\n"
    client.post("/board/import/", {"text": text, "import": "yes"})
    assert Patient.objects.count() == 1
    assert Visit.objects.count() == 2


def test_the_practitioner_column_takes_a_user_name(client):
    physio = practitioner()
    text = f"name,born,practitioner\nAna Silva,1980-02-01,{physio.username}\n"
    client.post("/board/import/", {"text": text, "import": "yes"})
    assert Visit.objects.get().practitioner == physio


def many(lines):
    return "name,born\n" + "".join(f"Ana {number},1980-02-01\n" for number in range(lines))


def test_a_list_of_two_hundred_lines_is_read_and_one_more_is_not(client):
    assert client.post("/board/import/", {"text": many(200)}).status_code == 200
    longer = client.post("/board/import/", {"text": many(201)})
    assert (longer.status_code, "More than 200 lines" in longer.text) == (422, True)


def test_a_large_file_is_refused_before_it_is_read(client, settings):
    """Django's own limit leaves files out: without ours, a form of any size is read to its end."""
    large = SimpleUploadedFile("day.csv", (LIST * 20_000).encode())
    answer = client.post("/board/import/", {"file": large})
    assert (answer.status_code, answer.text) == (413, "This is too large. Send less than 1 MB.")
    assert answer["Cache-Control"] == "no-store, private"
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if each != "clinic.web.middleware.sizes"]
    large.seek(0)
    assert staff_client(receptionist()).post("/board/import/", {"file": large}).status_code == 422


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nAna\n", "Missing: born"),
        ("name,born,iq\nAna,1980-02-01,9\n", "Unknown columns: iq"),
        ("name,born\nAna,1980-13-01\n", "Line 2: “1980-13-01” is not a date"),
        ("name,born\nAna,2999-01-01\n", "Line 2: born"),
        ("name,born\n,1980-01-01\n", "Line 2: name"),
        ("name,born,time\nAna,1980-01-01,25:00\n", "Line 2: time"),
        ("name,born,practitioner\nAna,1980-01-01,nobody\n", "Line 2: practitioner"),
        ("name,born\n", "There is no line"),
        ("", "Choose a file, or paste the list"),
        ("name,born\nA\u202ena,1980-01-01\n", "U+202E right-to-left override"),
    ],
)
def test_a_list_that_cannot_be_read_says_where_and_keeps_the_text(client, text, message):
    page = client.post("/board/import/", {"text": text})
    assert page.status_code == 422
    assert message in page.text
    assert not Patient.objects.exists()
