"""Pairing, hand-over, the birth date, and what a tablet shows."""

import datetime as dt

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from clinic import actions
from clinic.flow import NotAllowed, Stage
from clinic.models import Hold, Journal, Role, Tablet
from clinic.models.tablets import digest
from tests.factories import (
    acting,
    hold,
    make_patient,
    make_tablet,
    make_visit,
    manager,
    receptionist,
    staff_client,
    tablet_client,
)

pytestmark = pytest.mark.django_db
BORN = {"born_day": "1", "born_month": "5", "born_year": "1990"}


@pytest.fixture
def boss():
    return acting(manager(), Role.MANAGER)


@pytest.fixture
def desk():
    return acting(receptionist(), Role.RECEPTION)


def pairs(client, code):
    return client.post("/tablet/pair/", {"code": code})


def test_a_strange_device_sees_the_pairing_page_and_nothing_else():
    client = Client()
    assert "Pair this tablet" in client.get("/tablet/").text
    for address in (
        "/tablet/birth-date/",
        "/tablet/state/",
        "/tablet/questions/",
        "/tablet/check/",
        "/tablet/consent/",
    ):
        assert client.get(address, follow=True).redirect_chain[-1][0] == "/tablet/"


def test_a_code_pairs_once_and_the_cookie_names_only_the_tablet(boss):
    tablet = actions.add_tablet(name="Front 1", by=boss)
    code = actions.offer_code(tablet=tablet, by=boss)
    first, second = Client(), Client()
    assert pairs(first, f"{code[:4].lower()} {code[4:]}").url == "/tablet/"
    cookie = first.cookies[settings.TABLET_COOKIE_NAME]
    tablet.refresh_from_db()
    assert tablet.token_sha256 == digest(cookie.value)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert "This tablet is ready" in first.get("/tablet/").text
    assert pairs(second, code).status_code == 422


def test_a_device_that_takes_a_tablets_place_sees_nothing_of_what_it_showed(boss):
    visit = make_visit(stage=Stage.ANSWERING)
    tablet, _ = make_tablet()
    hold(visit, tablet)
    client = Client()
    pairs(client, actions.offer_code(tablet=tablet, by=boss))
    assert visit.hold is None
    assert "This tablet is ready" in client.get("/tablet/").text


def test_a_code_dies_after_ten_minutes_or_five_wrong_tries(boss):
    tablet = actions.add_tablet(name="Front 1", by=boss)
    code = actions.offer_code(tablet=tablet, by=boss)
    Tablet.objects.update(code_expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert pairs(Client(), code).status_code == 422
    code = actions.offer_code(tablet=tablet, by=boss)
    for _ in range(5):
        assert pairs(Client(), "WRONGWRO").status_code == 422
    assert pairs(Client(), code).status_code == 422
    assert Tablet.objects.paired().count() == 0


def test_a_tablet_that_was_turned_away_is_strange_at_its_next_request(boss):
    visit = make_visit()
    client = tablet_client(visit, identified=False)
    assert client.get("/tablet/").url == "/tablet/birth-date/"
    actions.revoke(tablet=Tablet.objects.get(), by=boss)
    assert "Pair this tablet" in client.get("/tablet/").text
    assert visit.hold is None


def test_before_the_birth_date_a_tablet_shows_first_name_and_initial_only():
    visit = make_visit(make_patient("Zoë Anna Müller"))
    page = tablet_client(visit, identified=False).get("/tablet/birth-date/")
    assert "Hello Zoë M." in page.text
    assert "Müller" not in page.text
    assert "1990" not in page.text


def test_the_right_birth_date_begins_the_questions():
    visit = make_visit()
    client = tablet_client(visit, identified=False)
    assert client.get("/tablet/questions/").url == "/tablet/"
    assert client.post("/tablet/birth-date/", BORN).url == "/tablet/"
    visit.refresh_from_db()
    assert visit.at is Stage.ANSWERING
    assert client.get("/tablet/").url == "/tablet/questions/"


def test_three_misses_park_the_visit_and_staff_reopen_it(desk):
    visit = make_visit()
    client = tablet_client(visit, identified=False)
    wrong = {**BORN, "born_day": "2"}
    for _ in range(2):
        page = client.post("/tablet/birth-date/", wrong)
        assert page.status_code == 422
        assert "not the date we have" in page.text
    assert client.post("/tablet/birth-date/", wrong).url == "/tablet/"
    assert "Please go to the front desk" in client.get("/tablet/").text
    visit.refresh_from_db()
    assert visit.parked_at
    assert visit.hold is None
    with pytest.raises(NotAllowed, match="parked"):
        actions.hand_over(visit=visit, tablet=Tablet.objects.get(), by=desk)
    actions.reopen_parked(visit=visit, by=desk)
    assert actions.hand_over(visit=visit, tablet=Tablet.objects.get(), by=desk).misses == 0
    assert Journal.objects.filter(visit=visit, action="birth date missed").count() == 3


def test_a_date_that_is_none_is_no_miss():
    visit = make_visit()
    client = tablet_client(visit, identified=False)
    page = client.post("/tablet/birth-date/", {**BORN, "born_month": "May"})
    assert page.status_code == 422
    assert "The month is not right" in page.text
    assert 'value="May"' in page.text
    assert Hold.objects.get().misses == 0


def test_a_hand_over_ends_what_the_tablet_and_the_visit_had_before(desk):
    first, second = make_visit(make_patient("Ana Silva")), make_visit(make_patient("Zoë Müller"))
    (one, _), (two, _) = make_tablet(), make_tablet()
    actions.hand_over(visit=first, tablet=one, by=desk)
    actions.hand_over(visit=second, tablet=one, by=desk)
    assert first.hold is None
    actions.hand_over(visit=second, tablet=two, by=desk)
    assert Hold.objects.now().get().tablet == two
    assert Hold.objects.now().get().handed_by == desk.user


@pytest.mark.parametrize("stage", [Stage.IN_REVIEW, Stage.SIGNED, Stage.CONFIRMED, Stage.SEALED, Stage.STOPPED])
def test_a_visit_is_not_handed_over_when_it_is_not_the_patients_turn(desk, stage):
    with pytest.raises(NotAllowed):
        actions.hand_over(visit=make_visit(stage=stage), tablet=make_tablet()[0], by=desk)


def test_an_unpaired_tablet_is_not_handed_over(desk):
    tablet = Tablet.objects.create(name="New", created_by=desk.staff)
    with pytest.raises(NotAllowed, match="not paired"):
        actions.hand_over(visit=make_visit(), tablet=tablet, by=desk)


def test_a_waiting_tablet_is_told_when_something_changes(desk):
    visit = make_visit()
    tablet, token = make_tablet()
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    assert client.get("/tablet/state/").json() == {"state": "idle"}
    actions.hand_over(visit=visit, tablet=tablet, by=desk)
    assert client.get("/tablet/state/").json() == {"state": "birth-date"}


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("waiting", "Please take a seat"),
        ("signed", "You have signed"),
        ("time", "Take all the time"),
        ("stopped", "Thank you for telling us"),
    ],
)
def test_the_page_after_the_end_thanks_and_names_nobody(why, words, monkeypatch):
    visit = make_visit(make_patient("Zoë Müller"))
    client = tablet_client(visit)
    Hold.objects.get().end(why)
    page = client.get("/tablet/")
    assert words in page.text
    assert "Zoë" not in page.text
    later = timezone.now() + dt.timedelta(minutes=6)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert "This tablet is ready" in client.get("/tablet/").text


def test_an_urgent_answer_holds_the_tablet_until_somebody_goes(desk):
    visit = make_visit(stage=Stage.ANSWERING)
    client = tablet_client(visit)
    visit.mark(by=acting(receptionist()), action="urgent", urgent_at=timezone.now())
    page = client.get("/tablet/")
    assert "speak to a member of staff now" in page.text
    assert client.get("/tablet/questions/").url == "/tablet/"
    actions.take_urgent(visit=visit, by=desk)
    with pytest.raises(NotAllowed):
        actions.take_urgent(visit=visit, by=desk)
    assert client.get("/tablet/").url == "/tablet/questions/"


def test_an_urgent_call_stands_on_every_staff_page_until_taken():
    visit = make_visit(make_patient("Zoë Müller"), stage=Stage.ANSWERING)
    client = staff_client(receptionist())
    assert "Zoë Müller" not in client.get("/urgent/").text
    visit.mark(by=acting(receptionist()), action="urgent", urgent_at=timezone.now())
    assert "Zoë Müller" in client.get("/urgent/").text
    client.post(f"/visits/{visit.pk}/going/")
    assert "Zoë Müller" not in client.get("/urgent/").text
    visit.refresh_from_db()
    assert visit.urgent_taken_by


def test_an_old_form_on_a_tablet_never_shows_a_403_page():
    client = Client(enforce_csrf_checks=True)
    client.cookies = tablet_client(make_visit(), identified=False).cookies
    assert client.post("/tablet/birth-date/", BORN).url == "/tablet/"
