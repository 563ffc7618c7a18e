"""A tablet that nobody touches asks, counts down and locks. The server's clock decides; the answers stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from clinic.devices import holds
from clinic.domain.flow import Stage
from clinic.models import Actor, Hold, Journal, PolicyChange, Role, Tablet
from clinic.records import visits
from screening.models import Screening
from tests.support.factories import (
    acting,
    hold,
    make_patient,
    make_tablet,
    make_visit,
    manager,
    receptionist,
    staff_client,
)

Passes = Callable[..., None]
WANTS = {"wants_treatment": "yes"}


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    """Let time pass: the server's clock goes on."""
    clock, gone = timezone.now, dt.timedelta()

    def on(**time: float) -> None:
        nonlocal gone
        gone += dt.timedelta(**time)
        monkeypatch.setattr(timezone, "now", lambda: clock() + gone)

    return on


def begun(**how: object) -> Client:
    """A tablet whose patient opened the questions just now."""
    visit = make_visit(make_patient("Zoë Müller"), stage=Stage.ANSWERING)
    tablet, token = make_tablet()
    Tablet.objects.filter(pk=tablet.pk).update(**how)
    hold(visit, tablet)
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    client.get("/tablet/questions/", follow=True)
    return client


pytestmark = pytest.mark.django_db


def test_after_the_countdown_a_request_finds_the_visit_gone_and_names_nobody(passes: Passes) -> None:
    client = begun()
    passes(minutes=6, seconds=59)
    assert client.get("/tablet/questions/").url != "/tablet/"
    passes(minutes=7, seconds=20)
    assert client.get("/tablet/questions/").url == "/tablet/"
    page = client.get("/tablet/")
    assert "Please give the tablet to the front desk" in page.text
    assert "Zoë" not in page.text
    assert Hold.objects.get().ended_why == "away"
    assert Journal.objects.filter(action="tablet taken back", data__why="away").exists()


def test_a_post_that_comes_too_late_is_not_taken_and_what_was_saved_stays(passes: Passes) -> None:
    client = begun()
    first = client.get("/tablet/questions/").url
    before = Screening.objects.get().answers
    passes(minutes=8)
    assert client.post(first, WANTS).url == "/tablet/"
    assert Screening.objects.get().answers == before


def test_staff_reopen_it_on_another_tablet_where_it_was(passes: Passes, desk: Actor) -> None:
    client = begun()
    passes(minutes=8)
    client.get("/tablet/")
    other, token = make_tablet()
    holds.hand_over(visit=Screening.objects.get().visit, tablet=other, by=desk)
    second = Client()
    second.cookies[settings.TABLET_COOKIE_NAME] = token
    second.post("/tablet/birth-date/", {"born_day": "1", "born_month": "5", "born_year": "1990"})
    assert second.get("/tablet/").url == "/tablet/questions/"


def test_a_page_that_asks_on_its_own_is_no_act_of_the_patient(passes: Passes) -> None:
    client = begun()
    for _ in range(10):
        passes(minutes=1)
        state = client.get("/tablet/state/").json()["state"]
    assert state == "thanks-away"


def test_more_time_is_given_without_limit(passes: Passes) -> None:
    client = begun()
    for _ in range(20):
        passes(minutes=6)
        assert client.post("/tablet/more-time/").json() == {"open": True}
    passes(minutes=8)
    assert client.post("/tablet/more-time/").json() == {"open": False}


def test_the_page_may_lock_when_its_time_is_over_and_not_before(passes: Passes) -> None:
    client = begun()
    passes(minutes=4)
    assert client.post("/tablet/lock/").json() == {"open": True}  # another window of the same tablet is in use
    passes(minutes=3)
    assert client.post("/tablet/lock/").json() == {"open": False}
    assert client.get("/tablet/questions/").url == "/tablet/"


def test_the_clinic_sets_the_minutes(passes: Passes) -> None:
    PolicyChange.objects.create(name="idle_minutes", value=20, by=manager())
    client = begun()
    assert 'data-minutes="20"' in client.get("/tablet/questions/", follow=True).text
    passes(minutes=21)
    assert client.get("/tablet/questions/").url != "/tablet/"
    passes(minutes=23)
    assert client.get("/tablet/questions/").url == "/tablet/"


def test_a_tablet_that_calls_for_help_does_not_lock_and_counts_from_when_somebody_came(
    passes: Passes, desk: Actor
) -> None:
    client = begun()
    visit = Screening.objects.get().visit
    visit.mark(by=desk, action="urgent", urgent_at=timezone.now())
    passes(minutes=30)
    assert "speak to a member of staff now" in client.get("/tablet/").text
    visits.take_urgent(visit=visit, by=desk)
    passes(minutes=1)
    assert client.get("/tablet/").url == "/tablet/questions/"


def test_a_patients_own_phone_does_not_lock() -> None:
    assert not Hold(tablet=Tablet(kind="phone"), handed_at=timezone.now() - dt.timedelta(hours=5)).is_away(
        PolicyChange.objects.policy()
    )


def test_without_scripts_the_page_leaves_by_itself_once_the_server_has_locked() -> None:
    page = begun().get("/tablet/questions/", follow=True).text
    assert '<noscript><meta http-equiv="refresh" content="440;url=/tablet/"></noscript>' in page


def test_the_front_desk_sees_that_a_tablet_locked_even_if_it_was_switched_off(passes: Passes) -> None:
    begun()
    visit = Screening.objects.get().visit
    reception = staff_client(visit.created_by)
    assert "patient was away" not in reception.get("/board/").text
    passes(minutes=8)
    assert "Tablet locked: patient was away" in reception.get(f"/board/?day={visit.day}").text
    assert "Tablet locked: patient was away" in reception.get(f"/visits/{visit.pk}/").text
    holds.hand_over(visit=visit, tablet=Tablet.objects.get(), by=acting(receptionist(), Role.RECEPTION))
    assert "patient was away" not in reception.get(f"/visits/{visit.pk}/").text


def test_a_locked_tablet_says_so_until_somebody_takes_care_of_it(passes: Passes, desk: Actor) -> None:
    client = begun()
    passes(minutes=8)
    client.get("/tablet/")
    passes(hours=3)
    assert "give the tablet to the front desk" in client.get("/tablet/").text
    held = holds.hand_over(visit=Screening.objects.get().visit, tablet=Tablet.objects.get(), by=desk)
    holds.take_back(hold=held, by=desk)
    assert "This tablet is ready" in client.get("/tablet/").text


# In the browser, with its clock put forward


@pytest.fixture
def tablet_page(page: Any, live_server: Any, offline_guard: list[str]) -> Any:
    """A question with something typed, on a tablet whose clock the test holds."""
    client = begun()
    token = client.cookies[settings.TABLET_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.TABLET_COOKIE_NAME, "value": token, "url": live_server.url}])
    page.clock.install()
    page.goto(f"{live_server.url}/tablet/questions/words/0/")
    page.locator("main [name=what_matters]").fill("I play the cello.")
    return page


@pytest.mark.django_db(transaction=True)
def test_the_dialog_asks_and_more_time_loses_nothing(tablet_page: Any, axe: Any) -> None:
    dialog = tablet_page.get_by_role("alertdialog", name="Do you need more time?")
    expect(dialog).to_have_count(0)
    for way in ("press", "Escape"):
        tablet_page.clock.fast_forward("05:01")
        expect(dialog).to_be_visible()
        expect(tablet_page.get_by_role("button", name="I need more time")).to_be_focused()
        axe(tablet_page)
        tablet_page.keyboard.press("Tab")
        tablet_page.keyboard.press("Tab")
        assert tablet_page.evaluate("() => document.activeElement.closest('main')") is None
        tablet_page.clock.fast_forward("01:00")
        expect(tablet_page.get_by_text("This screen locks in 60 seconds.")).to_be_attached()
        if way == "press":
            tablet_page.get_by_role("button", name="I need more time").click()
        else:
            tablet_page.keyboard.press(way)
        expect(dialog).to_have_count(0)
    expect(tablet_page.locator("main [name=what_matters]")).to_have_value("I play the cello.")


@pytest.mark.django_db(transaction=True)
def test_the_screen_locks_with_nothing_on_it_even_where_the_server_cannot_be_reached(
    tablet_page: Any, passes: Passes, axe: Any, offline_guard: list[str]
) -> None:
    tablet_page.context.set_offline(True)
    tablet_page.clock.fast_forward("07:01")
    heading = tablet_page.get_by_role("heading", name="Please give the tablet to the front desk.")
    expect(heading).to_be_focused()
    assert "cello" not in tablet_page.content()
    axe(tablet_page)
    passes(minutes=7)
    tablet_page.context.set_offline(False)
    offline_guard[:] = [said for said in offline_guard if "ERR_INTERNET_DISCONNECTED" not in said]
    tablet_page.clock.fast_forward("00:06")
    tablet_page.wait_for_url("**/tablet/")
    expect(heading).to_be_visible()
    assert Hold.objects.get().ended_why == "away"
    assert not Screening.objects.get().answers.get("what_matters")
