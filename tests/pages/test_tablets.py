"""Pairing, hand-over, the birth date, and what a tablet shows."""

import base64
import datetime as dt
import re

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from clinic.devices import holds, tablets
from clinic.domain.digests import sha256
from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.qr_code import qr_code
from clinic.models import Hold, Journal, Role, Tablet
from clinic.records import visits
from clinic.urls import urlpatterns as clinic_urls
from consent.urls import urlpatterns as consent_urls
from screening.urls import urlpatterns as screening_urls
from tests.support.factories import (
    acting,
    hold,
    make_patient,
    make_tablet,
    make_visit,
    manager,
    receptionist,
    sign_in,
    staff_client,
    tablet_client,
)

pytestmark = pytest.mark.django_db
BORN = {"born_day": "1", "born_month": "5", "born_year": "1990"}


@pytest.fixture
def boss():
    return acting(manager(), Role.MANAGER)


def pairs(client, code):
    return client.post("/tablet/pair/", {"code": code})


def test_a_code_pairs_once_and_the_cookie_names_only_the_tablet(boss):
    tablet = tablets.add_tablet(name="Front 1", by=boss)
    code = tablets.offer_code(tablet=tablet, by=boss)
    first, second = Client(), Client()
    assert pairs(first, f"{code[:4].lower()} {code[4:]}").url == "/tablet/"
    cookie = first.cookies[settings.TABLET_COOKIE_NAME]
    tablet.refresh_from_db()
    assert tablet.token_sha256 == sha256(cookie.value)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert "This tablet is ready" in first.get("/tablet/").text
    assert pairs(second, code).status_code == 422


def test_a_device_that_takes_a_tablets_place_sees_nothing_of_what_it_showed(boss):
    visit = make_visit(stage=Stage.ANSWERING)
    tablet, _ = make_tablet()
    hold(visit, tablet)
    client = Client()
    pairs(client, tablets.offer_code(tablet=tablet, by=boss))
    assert visit.hold is None
    assert "This tablet is ready" in client.get("/tablet/").text


def test_a_code_dies_after_ten_minutes_or_five_wrong_tries(boss):
    tablet = tablets.add_tablet(name="Front 1", by=boss)
    code = tablets.offer_code(tablet=tablet, by=boss)
    Tablet.objects.update(code_expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert pairs(Client(), code).status_code == 422
    code = tablets.offer_code(tablet=tablet, by=boss)
    for _ in range(5):
        assert pairs(Client(), "WRONGWRO").status_code == 422
    assert pairs(Client(), code).status_code == 422
    assert Tablet.objects.paired().count() == 0


def test_a_tablet_that_was_turned_away_is_strange_at_its_next_request(boss):
    visit = make_visit()
    client = tablet_client(visit, identified=False)
    assert client.get("/tablet/").url == "/tablet/birth-date/"
    tablets.revoke(tablet=Tablet.objects.get(), by=boss)
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
        holds.hand_over(visit=visit, tablet=Tablet.objects.get(), by=desk)
    visits.reopen_parked(visit=visit, by=desk)
    assert holds.hand_over(visit=visit, tablet=Tablet.objects.get(), by=desk).misses == 0
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
    holds.hand_over(visit=first, tablet=one, by=desk)
    holds.hand_over(visit=second, tablet=one, by=desk)
    assert first.hold is None
    holds.hand_over(visit=second, tablet=two, by=desk)
    assert Hold.objects.now().get().tablet == two
    assert Hold.objects.now().get().handed_by == desk.user


@pytest.mark.parametrize("stage", [Stage.IN_REVIEW, Stage.SIGNED, Stage.CONFIRMED, Stage.SEALED, Stage.STOPPED])
def test_a_visit_is_not_handed_over_when_it_is_not_the_patients_turn(desk, stage):
    with pytest.raises(NotAllowed):
        holds.hand_over(visit=make_visit(stage=stage), tablet=make_tablet()[0], by=desk)


def test_an_unpaired_tablet_is_not_handed_over(desk):
    tablet = Tablet.objects.create(name="New", created_by=desk.staff)
    with pytest.raises(NotAllowed, match="not paired"):
        holds.hand_over(visit=make_visit(), tablet=tablet, by=desk)


def test_a_waiting_tablet_is_told_when_something_changes(desk):
    visit = make_visit()
    tablet, token = make_tablet()
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    assert client.get("/tablet/state/").json() == {"state": "idle", "hold": 0}
    holds.hand_over(visit=visit, tablet=tablet, by=desk)
    assert client.get("/tablet/state/").json() == {"state": "birth-date", "hold": held(visit).pk}


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
    visits.take_urgent(visit=visit, by=desk)
    with pytest.raises(NotAllowed):
        visits.take_urgent(visit=visit, by=desk)
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


# Tokens: renewed, replayed, revoked


def on_a_paired_tablet(**fields):
    tablet, token = make_tablet()
    Tablet.objects.filter(pk=tablet.pk).update(**fields)
    return tablet, with_cookie(token)


def with_cookie(token):
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    return client


def cookie_of(client):
    return client.cookies[settings.TABLET_COOKIE_NAME].value


def a_day_ago():
    return timezone.now() - dt.timedelta(days=1, seconds=1)


PHONES_DOOR = "/tablet/phone/"  # a link's page: without the link's secret it opens nothing (test_own_phone.py)


def held(visit):
    """The hold that shows this visit now."""
    assert visit.hold
    return visit.hold


def every_tablet_address():
    """Every address below /tablet/, with something in the place of what varies."""
    found = [
        "/" + re.sub("<.*?>", "1", str(each.pattern))
        for each in [*clinic_urls, *screening_urls, *consent_urls]
        if str(each.pattern).startswith("tablet/")
    ]
    assert len(found) >= 10
    return found


@pytest.mark.parametrize("cookie", ["", "made-up", "x" * 5000])
def test_a_device_that_is_not_paired_sees_the_pairing_page_wherever_it_goes(cookie):
    visit = make_visit(make_patient("Zoë Müller"), stage=Stage.ANSWERING)
    hold(visit, make_tablet()[0])
    client = with_cookie(cookie)
    for address in every_tablet_address():
        for send in (client.get, client.post):
            page = send(address, follow=True)
            if page.status_code != 405:
                expected = "Before your visit" if address == PHONES_DOOR else "Pair this tablet"
                assert expected in page.text, address
                assert not page.redirect_chain or page.redirect_chain[-1][0] in ("/tablet/", PHONES_DOOR), address
            assert "Zoë" not in page.text


def test_a_token_changes_daily_and_holds_256_bits():
    _, client = on_a_paired_tablet(token_at=a_day_ago())
    old = cookie_of(client)
    client.get("/tablet/")
    fresh = client.cookies[settings.TABLET_COOKIE_NAME]
    assert fresh.value != old
    assert len(base64.urlsafe_b64decode(fresh.value + "=")) == 32
    assert fresh["httponly"]
    assert fresh["samesite"] == "Strict"
    assert not Tablet.objects.filter(token_sha256=fresh.value).exists()
    assert "This tablet is ready" in client.get("/tablet/").text
    assert cookie_of(client) == fresh.value


def test_a_tablet_that_never_got_its_new_token_stays_paired():
    _, client = on_a_paired_tablet(token_at=a_day_ago())
    old = cookie_of(client)
    client.get("/tablet/")
    fresh = cookie_of(client)
    later = with_cookie(old)  # the answer was lost
    assert "This tablet is ready" in later.get("/tablet/").text
    assert cookie_of(later) == fresh


def test_a_request_that_was_on_its_way_when_the_token_changed_is_answered():
    _, client = on_a_paired_tablet(token_at=a_day_ago())
    old = cookie_of(client)
    client.get("/tablet/")
    client.get("/tablet/")
    late = with_cookie(old)
    assert late.get("/tablet/state/").json()["state"] == "idle"
    assert cookie_of(late) == old


def test_an_old_token_that_comes_back_turns_the_tablet_away_and_tells_the_manager():
    tablet, client = on_a_paired_tablet(token_at=a_day_ago())
    hold(make_visit(stage=Stage.ANSWERING), tablet)
    old = cookie_of(client)
    client.get("/tablet/")
    client.get("/tablet/")
    Tablet.objects.update(token_seen_at=timezone.now() - dt.timedelta(minutes=6))
    thief = with_cookie(old)
    assert "Pair this tablet" in thief.get("/tablet/").text
    assert "Pair this tablet" in client.get("/tablet/").text
    assert not Hold.objects.now().exists()
    assert Journal.objects.filter(action="tablet token replayed", tablet=tablet).count() == 1
    thief.get("/tablet/")
    assert Journal.objects.filter(action="tablet token replayed").count() == 1
    assert "Turned away by itself" in staff_client(manager()).get("/manage/tablets/").text


def test_a_device_whose_place_was_taken_by_pairing_is_no_thief(boss):
    tablet, client = on_a_paired_tablet(token_at=a_day_ago())
    older = cookie_of(client)
    client.get("/tablet/")
    new = Client()
    pairs(new, tablets.offer_code(tablet=tablet, by=boss))
    for token in (older, cookie_of(client)):
        assert "Pair this tablet" in with_cookie(token).get("/tablet/").text
    assert "This tablet is ready" in new.get("/tablet/").text


def test_many_thousand_guessed_codes_pair_nothing(boss):
    code = tablets.offer_code(tablet=tablets.add_tablet(name="Front 1", by=boss), by=boss)
    assert not [guess for guess in range(1000) if tablets.pair(typed=f"{guess:08d}")]
    assert tablets.pair(typed=code) is None


def test_the_pairing_page_shows_the_code_as_a_qr_code_that_leads_to_it():
    page = staff_client(manager()).post("/manage/tablets/", {"name": "Front 1"})
    code = page.context["code"].replace("-", "")
    assert page.context["qr"] == qr_code(f"http://testserver/tablet/pair/#{code}")
    assert "Pairing code" in Client().get("/tablet/pair/").text


@pytest.mark.parametrize("why", ["signed", "waiting", "stopped", "away", "returned", "moved", "parked"])
def test_the_end_of_a_visit_changes_the_cookie_and_has_the_browser_forget(why):
    client = tablet_client(make_visit(stage=Stage.ANSWERING))
    held, old = Hold.objects.get(), cookie_of(client)
    assert "Clear-Site-Data" not in client.get("/tablet/questions/")
    assert cookie_of(client) == old
    held.end(why)
    answer = client.get("/tablet/questions/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert cookie_of(client) != old
    assert "Clear-Site-Data" not in client.get("/tablet/")


# A staff member's own device


def lent(visit):
    """A receptionist who hands over the device in hand; return its browser."""
    client = staff_client(visit.created_by)
    answer = client.post(f"/visits/{visit.pk}/lend/")
    assert answer.url == "/tablet/"
    assert "Clear-Site-Data" in answer
    return client


def test_handing_over_ones_own_device_ends_the_session_on_it():
    visit = make_visit()
    client = lent(visit)
    assert client.get("/board/").url.startswith("/login/")
    assert client.get("/tablet/").url == "/tablet/birth-date/"
    assert held(visit).tablet.kind == Tablet.Kind.LENT
    assert client.cookies[settings.TABLET_COOKIE_NAME]["httponly"]
    assert set(Journal.objects.values_list("action", flat=True)) >= {"device lent", "signed out", "tablet handed over"}


def test_a_lent_device_opens_nothing_once_its_visit_is_over(desk):
    visit = make_visit()
    client = lent(visit)
    token = cookie_of(client)
    holds.take_back(hold=held(visit), by=desk)
    assert client.get("/tablet/birth-date/").url == "/tablet/"
    for _ in range(2):
        page = client.get("/tablet/")
        assert "Please give this device back" in page.text
        assert "/login/" in page.text
    assert "Pair this tablet" in with_cookie(token).get("/tablet/").text


def test_the_same_device_is_lent_again_for_the_next_visit(desk):
    first = make_visit()
    client = lent(first)
    holds.take_back(hold=held(first), by=desk)
    client.get("/tablet/")
    second = make_visit(created_by=first.created_by)
    sign_in(client, first.created_by)
    client.post(f"/visits/{second.pk}/lend/")
    assert held(second).tablet == Tablet.objects.get()
    assert client.get("/tablet/").url == "/tablet/birth-date/"


def test_lending_a_device_that_is_a_tablet_of_the_clinic_leaves_it_one():
    visit = make_visit()
    tablet, token = make_tablet()
    client = staff_client(visit.created_by)
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    client.post(f"/visits/{visit.pk}/lend/")
    assert held(visit).tablet == tablet
    assert client.get("/board/").url.startswith("/login/")


def test_a_visit_that_is_not_the_patients_turn_is_not_lent_and_nobody_is_signed_out():
    visit = make_visit(stage=Stage.IN_REVIEW)
    client = staff_client(visit.created_by)
    assert client.post(f"/visits/{visit.pk}/lend/").url == f"/visits/{visit.pk}/"
    assert client.get("/board/").status_code == 200
    assert not Tablet.objects.exists()
