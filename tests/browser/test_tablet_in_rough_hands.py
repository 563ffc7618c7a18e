"""Double taps, two tabs, two tablets, a page that lay open, a database that cannot write: one record, a clear page."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from lxml import html  # type: ignore[import-untyped]
from playwright.sync_api import expect

from clinic.devices import holds
from clinic.domain.flow import Stage
from clinic.models import Actor, Hold, Journal, Visit
from consent.models import SignedConsent
from screening import actions
from screening.models import Screening
from tests.support.consents import SIGN, filled, ready
from tests.support.factories import (
    make_patient,
    make_screening,
    make_tablet,
    make_visit,
    manager,
    receptionist,
    staff_client,
    tablet_client,
)
from tests.support.page_opener import form_on, opened, send
from tests.support.steps import Patient

pytestmark = pytest.mark.django_db

START = {"filled_in_by": "self", "support_needed": "none", "urgent_symptoms": "none", "eaten": "yes"}
CHOICE = {"wants_treatment": "yes"}
TOO_LATE = "This page could not be saved"


def saved(visit: Visit) -> dict[str, Any]:
    screening = Screening.of(visit)
    assert screening
    return dict(screening.answers)


def savings(visit: Visit) -> int:
    return Journal.objects.filter(visit=visit, action="answers saved").count()


def of_the_front_desk() -> Actor:
    return Actor(user=receptionist())


# Sent twice, or from two tabs


def test_a_page_that_is_sent_twice_is_saved_once_and_goes_on(tablet, visit):
    page = opened(tablet, "/tablet/")
    first, second = send(tablet, page, **START), send(tablet, page, **START)
    assert first.url == second.url == reverse("part", args=["choice", 0])
    assert savings(visit) == 1


def test_the_later_of_two_tabs_is_told_and_its_second_tap_counts(tablet, visit):
    one, other = opened(tablet, "/tablet/"), opened(tablet, "/tablet/")
    send(tablet, one, **START)
    told = send(tablet, other, **{**START, "eaten": "no"})
    assert told.status_code == 422
    assert "changed on another screen" in told.text
    assert "On the other screen the answer is: “Yes”." in told.text
    assert saved(visit)["eaten"] == "yes"
    again = form_on(told)
    assert again["eaten"] == ["no"]
    assert again["support_needed"] == ["none"]
    assert send(tablet, (other[0], again)).status_code == 302
    assert saved(visit)["eaten"] == "no"


def test_tabs_on_two_pages_do_not_disturb_each_other(tablet, visit):
    one = opened(tablet, "/tablet/")
    other = opened(tablet, reverse("part", args=["infection", 0]))
    send(tablet, one, **START)
    answers = {name: "no" for name in ("infection_now", "infection_recent") if f'name="{name}"' in str(other)}
    assert send(tablet, other, **answers).status_code in (302, 422)
    assert saved(visit)["eaten"] == "yes"


def test_an_urgent_symptom_is_taken_from_a_tab_that_is_late(tablet, visit):
    one, other = opened(tablet, "/tablet/"), opened(tablet, "/tablet/")
    send(tablet, one, **START)
    assert send(tablet, other, **{**START, "urgent_symptoms": "chest_pain"}).url == "/tablet/"
    visit.refresh_from_db()
    assert visit.urgent_at
    assert saved(visit)["urgent_symptoms"] == ["chest_pain"]


GONE = "some of what you just filled in is no longer asked here"
MORE = "/tablet/questions/long-term/1/"  # what a yes on the page before calls for


def long_term(**changes: str) -> dict[str, str]:
    return {**dict.fromkeys(("diabetes", "epilepsy", "cancer", "lymphoedema"), "no"), **changes}


def on_follow_up(visit: Visit, **called: str) -> tuple[Client, tuple[str, dict[str, Any]]]:
    """A tablet whose patient has everything else behind them, with the page open that these answers call for."""
    make_screening(visit, submitted=False, **called)
    tablet = tablet_client(visit)
    return tablet, opened(tablet, MORE)


@pytest.mark.parametrize("filled", [{"diabetes_unstable": "yes"}, {"diabetes_unstable": "no", "act": "look"}])
def test_what_was_filled_in_for_a_question_that_is_no_longer_asked_is_spoken_of(visit, filled):
    tablet, page = on_follow_up(visit, diabetes="yes")
    send(tablet, opened(tablet, "/tablet/questions/long-term/0/"), **long_term())
    told = tablet.post(page[0], {**page[1], **filled}, follow=True)
    assert told.request["PATH_INFO"] == reverse("check")
    assert GONE in told.text
    assert "diabetes_unstable" not in saved(visit)
    assert GONE not in tablet.get(reverse("check")).text


def test_so_is_it_where_the_same_page_asks_something_else_by_now(visit):
    tablet, page = on_follow_up(visit, diabetes="yes")
    send(tablet, opened(tablet, "/tablet/questions/long-term/0/"), **long_term(epilepsy="yes"))
    told = send(tablet, page, diabetes_unstable="yes")
    assert (told.status_code, GONE in told.text) == (422, True)
    assert "last fit" in told.text
    assert tablet.post(page[0], form_on(told)).status_code == 302


def test_what_is_still_asked_there_stands_on_the_page_and_is_saved_with_the_next_tap(visit):
    tablet, page = on_follow_up(visit, diabetes="yes", lymphoedema="yes")
    send(tablet, opened(tablet, "/tablet/questions/long-term/0/"), **long_term(lymphoedema="yes"))
    told = send(tablet, page, diabetes_unstable="yes", lymphoedema_regions=["left_calf"])
    assert (told.status_code, GONE in told.text) == (422, True)
    assert tablet.post(page[0], form_on(told)).status_code == 302
    assert saved(visit)["lymphoedema_regions"] == ["left_calf"]
    assert "diabetes_unstable" not in saved(visit)


def test_a_question_that_came_to_a_page_since_is_not_passed_over(visit):
    tablet, page = on_follow_up(visit, diabetes="yes")
    send(tablet, opened(tablet, "/tablet/questions/long-term/0/"), **long_term(diabetes="yes", epilepsy="yes"))
    told = send(tablet, page, diabetes_unstable="yes")
    assert (told.status_code, "last fit" in told.text) == (422, True)
    assert form_on(told)["diabetes_unstable"] == ["yes"]
    assert tablet.post(page[0], form_on(told)).status_code == 302
    assert saved(visit)["diabetes_unstable"] == "yes"


def test_a_page_that_asks_what_it_asked_says_nothing_of_it(visit):
    tablet, page = on_follow_up(visit, diabetes="yes")
    told = tablet.post(page[0], {**page[1], "diabetes_unstable": "no"}, follow=True)
    assert GONE not in told.text
    assert saved(visit)["diabetes_unstable"] == "no"


def test_answers_that_come_after_the_sending_are_not_lost_without_a_word(tablet, visit):
    page = opened(tablet, "/tablet/")
    make_screening(visit, submitted=False)
    Screening.objects.filter(number=1, answers={}).delete()
    actions.submit(visit=visit, by=Actor(tablet=Hold.objects.get().tablet))
    told = send(tablet, page, **{**START, "eaten": "no"})
    assert (told.status_code, TOO_LATE in told.text) == (409, True)


def test_sending_twice_shows_what_comes_next(tablet, visit):
    make_screening(visit, submitted=False, questions="Will it hurt?")
    page = opened(tablet, reverse("check"))
    assert [send(tablet, page).url, send(tablet, page).url] == ["/tablet/"] * 2
    assert "Please take a seat" in tablet.get("/tablet/").text


def test_signing_twice_says_signed_both_times():
    visit = ready()
    tablet = tablet_client(visit)
    page = opened(tablet, SIGN)
    data = filled(visit)
    for _ in range(2):
        assert send(tablet, page, **data).url == "/tablet/"
        assert "You have signed" in tablet.get("/tablet/").text
    assert SignedConsent.objects.count() == 1


def test_a_wrong_birth_date_that_is_sent_twice_counts_once():
    tablet = tablet_client(make_visit(), identified=False)
    page = opened(tablet, "/tablet/")
    wrong = {"born_day": "2", "born_month": "5", "born_year": "1990"}
    told = [send(tablet, page, **wrong) for _ in range(3)]
    assert {answer.status_code for answer in told} == {422}
    assert all("not the date we have" in answer.text for answer in told)
    assert Hold.objects.get().misses == 1
    right = {**wrong, "born_day": "1"}
    assert send(tablet, page, **right).status_code == 422, "an old form would be a way to try without counting"
    assert send(tablet, (page[0], form_on(told[-1])), **right).status_code == 302


# Another tablet, another patient


def test_the_first_of_two_tablets_is_told_that_its_page_came_too_late(tablet, visit):
    page = opened(tablet, "/tablet/")
    other, _ = make_tablet()
    holds.hand_over(visit=visit, tablet=other, by=of_the_front_desk())
    told = send(tablet, page, **START)
    assert (told.status_code, TOO_LATE in told.text) == (409, True)
    assert visit.patient.short_name not in told.text
    assert saved(visit) == {}
    assert "This tablet is ready" in tablet.get("/tablet/").text


def next_patient(tablet: Client) -> Visit:
    """Hand the same tablet to another patient, who gives the birth date."""
    device = Hold.objects.get().tablet
    visit = make_visit(make_patient("Noor Next", Visit.objects.get().patient.born))
    held = holds.hand_over(visit=visit, tablet=device, by=of_the_front_desk())
    holds.confirm_birth_date(hold=held, born=visit.patient.born, by=Actor(tablet=device))
    opened(tablet, "/tablet/")
    return visit


def test_a_page_of_one_patient_never_lands_in_the_form_of_the_next(tablet, visit):
    page = opened(tablet, "/tablet/")
    following = next_patient(tablet)
    told = send(tablet, page, **START)
    assert (told.status_code, TOO_LATE in told.text) == (409, True)
    assert saved(following) == saved(visit) == {}


def test_a_signature_of_one_patient_never_lands_under_the_text_of_the_next():
    visit = ready()
    tablet = tablet_client(visit)
    page = opened(tablet, SIGN)
    data = filled(visit)
    following = next_patient(tablet)
    Visit.objects.filter(pk=following.pk).update(stage=Stage.CONSENTING)
    make_screening(following)
    assert send(tablet, page, **data).status_code == 409
    assert not SignedConsent.objects.exists()


def test_a_birth_date_of_one_patient_is_not_held_against_the_next():
    tablet = tablet_client(make_visit(), identified=False)
    page = opened(tablet, "/tablet/")
    holds.hand_over(visit=make_visit(), tablet=Hold.objects.get().tablet, by=of_the_front_desk())
    assert send(tablet, page, born_day="2", born_month="5", born_year="1990").url == "/tablet/"
    assert Hold.objects.now().get().misses == 0


def test_every_form_that_a_patient_sends_names_its_hold(tablet, visit):
    key = form_on(tablet.get("/tablet/", follow=True))["form_key"]
    make_screening(visit, submitted=False)
    Screening.objects.filter(answers={}).delete()
    assert form_on(tablet.get(reverse("check")))["form_key"] == key
    reading = ready()
    assert form_on(tablet_client(reading).get(SIGN))["form_key"] != key


# A page that lay open for two hours


def strict(client: Client) -> Client:
    """The same tablet, where a post needs a CSRF token that fits."""
    checked = Client(enforce_csrf_checks=True)
    checked.cookies = client.cookies
    return checked


def test_a_page_whose_token_is_too_old_comes_again_with_what_was_typed(tablet, visit):
    tablet = strict(tablet)
    where, form = opened(tablet, "/tablet/")
    told = send(tablet, (where, {**form, "csrfmiddlewaretoken": "x" * 64}), **{**START, "eaten": "no"})
    assert told.status_code == 422
    assert "open for a long time" in told.text
    assert saved(visit) == {}
    again = form_on(told)
    assert again["eaten"] == ["no"]
    assert send(tablet, (where, again)).status_code == 302
    assert saved(visit)["eaten"] == "no"


def test_a_signature_under_a_token_that_is_too_old_is_still_there():
    visit = ready()
    tablet = strict(tablet_client(visit))
    where, form = opened(tablet, SIGN)
    told = send(tablet, (where, {**form, "csrfmiddlewaretoken": "x" * 64}), **filled(visit))
    assert told.status_code == 422
    assert "open for a long time" in told.text
    assert not SignedConsent.objects.exists()
    again = form_on(told)
    assert again["strokes"] == [filled(visit)["strokes"]]
    assert send(tablet, (where, again), act="agree").url == "/tablet/"
    assert SignedConsent.objects.count() == 1


def test_what_one_patient_typed_is_not_shown_to_the_next_for_want_of_a_token(tablet):
    where, form = opened(tablet, "/tablet/")
    next_patient(tablet)
    typed = {**START, "questions": "A secret of the first"}
    told = send(strict(tablet), (where, {**form, "csrfmiddlewaretoken": "x" * 64}), **typed)
    assert "secret" not in told.text
    assert told.status_code == 409


def test_a_forged_post_is_refused_and_shows_nothing(tablet, visit):
    told = strict(tablet).post(reverse("part", args=["start", 0]), START)
    assert (told.status_code, told.url) == (303, "/tablet/")
    assert Screening.of(visit) is None


# A database that cannot write


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every saving of answers fail for as long as the list is not empty."""
    why = ["database is locked"]

    def answer(**_: Any) -> Screening:
        if why:
            raise OperationalError(why[0])
        return real(**_)

    real = actions.answer
    monkeypatch.setattr(actions, "answer", answer)
    return why


@pytest.mark.parametrize("why", ["database is locked", "database or disk is full"])
def test_a_database_that_cannot_write_is_said_and_the_same_page_can_be_sent_again(tablet, visit, locked, why):
    locked[0] = why
    where, form = opened(tablet, "/tablet/")
    told = send(tablet, (where, form), **START, extra="a\nb <b>")
    assert told.status_code == 503
    assert told["Retry-After"]
    assert "Not saved yet" in told.text
    assert saved(visit) == {}
    again = html.fromstring(told.content).forms[0]
    assert again.action == where
    fields = dict(again.form_values())
    assert fields["extra"] == "a\nb <b>"
    assert {name: fields[name] for name in START} == START
    locked.clear()
    assert tablet.post(again.action, fields).status_code == 302
    assert saved(visit)["eaten"] == "yes"


def test_staff_are_told_too_and_no_password_is_put_into_the_page(monkeypatch):
    def full(**_: Any) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr("clinic.records.staff.save_staff", full)
    client = staff_client(manager())
    told = client.post(
        reverse("add_staff"),
        {
            "username": "new",
            "full_name": "New Person",
            "password": "a long enough secret",
            "is_reception": "on",
            "is_active": "on",
        },
    )
    assert told.status_code == 503
    assert "Not saved yet" in told.text
    assert "a long enough secret" not in told.text
    assert not html.fromstring(told.content).forms


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="a lock of SQLite's")
def test_a_lock_that_is_held_for_too_long_is_no_saving(tablet, visit, monkeypatch):
    page = opened(tablet, "/tablet/")
    monkeypatch.setattr(connection.connection, "patience", 0.1)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert send(tablet, page, **START).status_code == 503
    other.execute("ROLLBACK")
    other.close()
    assert saved(visit) == {}
    assert send(tablet, page, **START).status_code == 302


# In a browser


@pytest.fixture
def patient(context: Any, live_server: Any, offline_guard: list[str]) -> Patient:
    """A browser on the page that the tablet shows."""
    visit = make_visit(stage=Stage.ANSWERING)
    cookie = tablet_client(visit).cookies[settings.TABLET_COOKIE_NAME].value
    context.add_cookies(
        [{"name": settings.TABLET_COOKIE_NAME, "value": cookie, "url": live_server.url, "httpOnly": True}]
    )
    person = Patient(context.new_page(), live_server.url, lambda page: None)
    person.go("/tablet/")
    return person


def fills_in(patient: Patient) -> None:
    for name, value in START.items():
        patient.choose(name, value)


def taps(patient: Patient) -> None:
    patient.page.get_by_role("button", name="Continue").click()


NEXT = re.compile("/tablet/questions/choice/")


@pytest.mark.django_db(transaction=True)
def test_without_a_network_the_page_says_so_keeps_all_and_goes_on_by_itself(patient, context, axe, offline_guard):
    page = patient.page
    fills_in(patient)
    before = page.evaluate("history.length")
    context.set_offline(True)
    taps(patient)
    expect(page.get_by_role("alert")).to_contain_text("Not saved yet. We keep trying.")
    patient.looks()
    axe(page)
    assert page.locator("[name=eaten][value=yes]").is_checked()
    patient.choose("eaten", "no")
    stored = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, ""]
    context.set_offline(False)
    expect(page).to_have_url(NEXT, timeout=20_000)
    assert saved(Visit.objects.get())["eaten"] == "no", "as it stands when it is sent, not as it was first tapped"
    assert savings(Visit.objects.get()) == 1
    assert page.evaluate("history.length") == before
    page.go_back()
    assert "start" not in page.url
    offline_guard[:] = [each for each in offline_guard if "ERR_INTERNET_DISCONNECTED" not in each]


@pytest.mark.django_db(transaction=True)
def test_a_network_that_breaks_after_the_server_has_it_saves_it_once(patient):
    page, posts = patient.page, []

    def cut(route: Any) -> None:
        if route.request.method == "POST":
            posts.append(route.request.post_data)
        if route.request.method == "POST" and len(posts) == 1:
            route.fetch(max_redirects=0)  # the server gets it, the tablet never hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/tablet/questions/**", cut)
    fills_in(patient)
    taps(patient)
    expect(page).to_have_url(NEXT, timeout=20_000)
    assert len(posts) == 2
    assert savings(Visit.objects.get()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_locked_is_tried_again_until_it_is_free(patient, locked, offline_guard):
    fills_in(patient)
    taps(patient)
    expect(patient.page.get_by_role("alert")).to_contain_text("Not saved yet")
    locked.clear()
    expect(patient.page).to_have_url(NEXT, timeout=20_000)
    assert savings(Visit.objects.get()) == 1
    offline_guard[:] = [each for each in offline_guard if not each.startswith("503")]


@pytest.mark.django_db(transaction=True)
def test_tapping_fast_sends_once_and_an_error_is_shown(patient):
    page = patient.page
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    taps(patient)
    expect(page.locator(".error-summary")).to_be_focused()
    fills_in(patient)
    posts.clear()
    page.get_by_role("button", name="Continue").dblclick()
    expect(page).to_have_url(NEXT)
    assert len(posts) == 1


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
def test_a_signature_outlives_a_network_that_breaks_twice_and_is_given_once(context, live_server):
    """Once on the way there, once on the way back."""
    visit, posts = ready(), []
    cookie = tablet_client(visit).cookies[settings.TABLET_COOKIE_NAME].value
    context.add_cookies([{"name": settings.TABLET_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    person = Patient(context.new_page(), live_server.url, lambda page: None)
    person.go(SIGN)

    def cut(route: Any) -> None:
        if route.request.method == "POST":
            posts.append(route.request.post_data)
        if route.request.method == "POST" and len(posts) == 2:
            route.fetch(max_redirects=0)  # the server gets it, the tablet never hears of it
        if route.request.method == "POST" and len(posts) < 3:
            route.abort()
        else:
            route.continue_()

    person.page.route(f"**{SIGN}", cut)
    person.ticks("lung", "read", "agree")
    person.draws_a_signature()
    drawn = person.page.locator("[name=strokes]").input_value()
    person.page.get_by_role("button", name="I agree").click()
    expect(person.page.get_by_role("alert")).to_contain_text("Not saved yet. We keep trying.")
    assert person.page.locator("[name=strokes]").input_value() == drawn
    assert not SignedConsent.objects.exists()
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Thank you. You have signed.", timeout=20_000)
    assert len(posts) in (2, 3)  # the second one arrived: the page may learn so before it asks again
    assert SignedConsent.objects.count() == 1
