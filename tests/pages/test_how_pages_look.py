"""Text size, contrast, and the page read out: chosen by the patient, kept for the visit, gone with the patient."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from clinic.devices import holds
from clinic.domain.flow import Stage
from clinic.models import Actor, Hold, Journal, Role, Tablet
from tests.support.factories import acting, hold, make_tablet, make_visit, receptionist, tablet_client

LARGE = {"text_size": "very_large", "contrast": "high"}


def looks(page: Any) -> tuple[str, str]:
    """Return which text size and contrast a page shows as ticked, or carries where it asks for neither."""
    text_size = next(value for value in Hold.TextSize.values if _shows(page.text, "text", value))
    return text_size, next(value for value in Hold.Contrast.values if _shows(page.text, "contrast", value))


def _shows(html: str, what: str, value: str) -> bool:
    radio = next((part for part in html.split("<input") if f'id="{what}_{value}"' in part), "")
    return " checked" in radio.split(">")[0] or f"{what}-{value}" in html.split("<body")[1].split(">")[0]


@pytest.mark.django_db
def test_a_choice_is_kept_for_the_next_pages() -> None:
    client = tablet_client(make_visit(stage=Stage.ANSWERING))
    there = "/tablet/questions/choice/0/"
    assert looks(client.get(there)) == ("normal", "normal")
    assert client.post("/tablet/look/", {**LARGE, "back": there}).url == there
    assert looks(client.get(there)) == ("very_large", "high")
    assert looks(client.get("/tablet/questions/start/0/")) == ("very_large", "high")


@pytest.mark.django_db
def test_it_travels_with_the_answers_and_a_refused_page_has_it_too() -> None:
    client = tablet_client(make_visit(), identified=False)
    page = client.post("/tablet/birth-date/", {**LARGE, "born_day": "31", "born_month": "2", "born_year": ""})
    assert page.status_code == 422
    assert looks(page) == ("very_large", "high")
    assert 'value="31"' in page.text


@pytest.mark.django_db
@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example/tablet/", "/board/", ""])
def test_the_way_back_leads_to_the_tablets_own_pages_only(back: str) -> None:
    assert tablet_client(make_visit()).post("/tablet/look/", {**LARGE, "back": back}).url == "/tablet/"


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"text_size": "huge"}, {"contrast": "x"}, {"text_size": "'\"><b>"}])
def test_an_unknown_choice_changes_nothing(wrong: dict[str, str]) -> None:
    client = tablet_client(make_visit())
    client.post("/tablet/look/", {**LARGE, **wrong})
    assert Hold.objects.get().look == ("", "")
    assert not Journal.objects.filter(action="look chosen").exists()


@pytest.mark.django_db
def test_it_is_on_record_that_it_was_chosen_and_not_what() -> None:
    client = tablet_client(make_visit())
    for _ in range(2):
        client.post("/tablet/look/", LARGE)
    row = Journal.objects.get(action="look chosen")
    assert set(row.data) == {"hold"}


@pytest.mark.django_db
def test_it_follows_the_visit_to_another_tablet_and_ends_with_the_patient() -> None:
    by = acting(receptionist(), Role.RECEPTION)
    visit, other_visit = make_visit(stage=Stage.ANSWERING), make_visit(stage=Stage.ANSWERING)
    (one, token), (two, other_token) = make_tablet(), make_tablet()
    first, second = Client(), Client()
    first.cookies[settings.TABLET_COOKIE_NAME], second.cookies[settings.TABLET_COOKIE_NAME] = token, other_token

    holds.hand_over(visit=visit, tablet=one, by=by)
    first.post("/tablet/look/", LARGE)
    holds.hand_over(visit=visit, tablet=two, by=by)
    assert looks(second.get("/tablet/birth-date/")) == ("very_large", "high")
    assert looks(first.get("/tablet/")) == ("normal", "normal")

    holds.hand_over(visit=other_visit, tablet=two, by=by)
    assert looks(second.get("/tablet/birth-date/")) == ("normal", "normal")


@pytest.mark.django_db
@pytest.mark.parametrize("why", ["waiting", "signed", "time", "stopped", "away", "returned"])
def test_whatever_ended_it_the_next_patient_begins_with_the_normal_look(why: str) -> None:
    tablet, token = make_tablet()
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    before = hold(make_visit(), tablet)
    client.post("/tablet/look/", LARGE)
    before.end(why)
    hold(make_visit(), tablet, identified=False)
    assert looks(client.get("/tablet/birth-date/")) == ("normal", "normal")


@pytest.mark.django_db
def test_the_patient_can_still_read_the_thanks_and_the_idle_page_is_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    client = tablet_client(make_visit())
    client.post("/tablet/look/", LARGE)
    Hold.objects.get().end("signed")
    assert looks(client.get("/tablet/")) == ("very_large", "high")
    later = timezone.now() + dt.timedelta(minutes=6)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert looks(client.get("/tablet/")) == ("normal", "normal")


@pytest.mark.django_db
def test_a_hold_that_ended_takes_no_choice() -> None:
    kept = hold(make_visit(), make_tablet()[0])
    ended = Hold.objects.get(pk=kept.pk)
    ended.end("returned")
    assert not holds.choose_look(hold=kept, **LARGE, by=Actor(tablet=Tablet.objects.first()))


# --- in a browser --------------------------------------------------------------------------------------------------


@pytest.fixture
def answering(page: Any, live_server: Any, offline_guard: list[str]) -> Any:
    """The page with the tablet's second page of questions."""
    (tablet, token), visit = make_tablet(), make_visit(stage=Stage.ANSWERING)
    hold(visit, tablet)
    page.context.add_cookies([{"name": settings.TABLET_COOKIE_NAME, "value": token, "url": live_server.url}])
    page.goto(f"{live_server.url}/tablet/questions/choice/0/")
    return page


VOICES = """
window.said = [];
window.cancelled = 0;
class SpeechSynthesisUtterance extends EventTarget {
  constructor(text) { super(); this.text = text; }
}
window.SpeechSynthesisUtterance = SpeechSynthesisUtterance;
const asked = [];
Object.defineProperty(window, "speechSynthesis", { value: {
  getVoices: () => window.voices ?? [],
  speak: (each) => window.said.push(each),
  cancel: () => { window.cancelled += 1; },
  addEventListener: (name, heard) => { window.changed = heard; },
}});
"""


@pytest.mark.django_db(transaction=True)
def test_it_shows_at_once_loses_nothing_and_is_kept(answering: Any) -> None:
    size = "parseFloat(getComputedStyle(document.querySelector('main h1')).fontSize)"
    ground = "getComputedStyle(document.body).backgroundColor"
    answering.locator("[name=wants_treatment][value=unsure]").check(force=True)
    before, light = answering.evaluate(size), answering.evaluate(ground)
    answering.get_by_text("Text size and contrast").click()
    for words in ("Very large", "High contrast"):
        with answering.expect_response("**/tablet/look/"):
            answering.get_by_text(words, exact=True).click()
    assert answering.evaluate(size) >= 1.5 * before
    assert answering.evaluate(ground) != light
    assert answering.locator("[name=wants_treatment][value=unsure]").is_checked()
    answering.reload()
    assert answering.evaluate(size) >= 1.5 * before
    assert answering.evaluate(ground) != light


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("voices", "offered"),
    [
        ([{"lang": "en-US", "localService": True}], True),
        ([{"lang": "en_GB", "localService": True}, {"lang": "de-DE", "localService": True}], True),
        ([{"lang": "en-GB", "localService": False}], False),
        ([{"lang": "de-DE", "localService": True}], False),
        ([], False),
    ],
)
def test_reading_aloud_is_offered_where_this_device_has_a_voice(
    answering: Any, voices: list[dict[str, Any]], offered: bool
) -> None:
    answering.add_init_script(
        VOICES + f"window.voices = {str(voices).replace('True', 'true').replace('False', 'false')};"
    )
    answering.reload()
    assert answering.locator("[data-aloud]").is_visible() == offered


@pytest.mark.django_db(transaction=True)
def test_the_page_is_read_from_heading_to_choices_and_a_second_tap_stops(answering: Any) -> None:
    answering.add_init_script(VOICES)
    answering.reload()
    button = answering.locator("[data-aloud]")
    assert not button.is_visible()
    answering.evaluate("window.voices = [{lang: 'en-GB', localService: true}]; window.changed()")
    button.click()
    said = answering.evaluate("window.said.map(each => each.text)")
    heading = answering.locator("h1").inner_text()
    question = "Do you want to have dry needling?"
    assert said[0] == heading
    assert (
        said.index(question)
        < said.index("You can change your mind at any time.")
        < said.index("Yes", said.index(question))
    )
    assert said[-1] == "Continue"
    assert button.inner_text() == "Stop reading"
    stops = answering.evaluate("window.cancelled")
    button.click()
    assert answering.evaluate("window.cancelled") == stops + 1
    assert button.inner_text() == "Read it to me"
    button.click()
    answering.evaluate("window.said.at(-1).dispatchEvent(new Event('end'))")
    assert button.inner_text() == "Read it to me"
    stops = answering.evaluate("window.cancelled")
    answering.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert answering.evaluate("window.cancelled") == stops + 1
