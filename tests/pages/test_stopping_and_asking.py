"""On every page a patient can ask something or stop; what was filled in comes back; nobody has to say why."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import html  # type: ignore[import-untyped]

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Visit
from screening import actions
from screening.assessment.review_state import review_state
from screening.domain.questionnaire import QUESTIONS
from screening.models import PatientQuestion
from tests.support.factories import (
    make_screening,
    make_visit,
    practitioner,
    ready_for_review,
    staff_client,
    tablet_client,
)

pytestmark = pytest.mark.django_db

START = "/tablet/questions/start/0/"


def answering() -> tuple[Visit, Any]:
    visit = make_visit(stage=Stage.ANSWERING)
    return visit, tablet_client(visit)


def reading() -> tuple[Visit, Any]:
    visit = ready_for_review()
    assert visit.at is Stage.CONSENTING
    visit.hold.end("returned")  # type: ignore[union-attr]
    return visit, tablet_client(visit)


def hidden(page: Any, form: str) -> dict[str, str]:
    """Return what the form sends besides what is typed into it."""
    return {each.get("name"): each.get("value") for each in page.xpath(f"//form[{form}]//input[@type='hidden']")}


@pytest.mark.parametrize("path", [START, "/tablet/consent/about/", "/tablet/consent/risks/", "/tablet/consent/sign/"])
def test_both_are_on_the_page(path):
    _, tablet = answering() if "questions" in path else reading()
    (reach,) = html.fromstring(tablet.get(path).content).xpath("//nav[@class='within-reach']")
    words = [" ".join(each.text_content().split()) for each in reach.xpath(".//a|.//button")]
    assert words == ["What would you like to ask?", "I want to stop"]


def test_both_are_on_the_look_at_everything():
    visit = make_visit(stage=Stage.ANSWERING)
    make_screening(visit, submitted=False)
    page = html.fromstring(tablet_client(visit).get("/tablet/check/").content)
    assert len(page.xpath("//nav[@class='within-reach']//a")) == 2


@pytest.mark.parametrize("address", ["/tablet/ask/", "/tablet/stop/"])
def test_what_was_filled_in_comes_back_right_or_wrong(address):
    _, tablet = answering()
    page = html.fromstring(tablet.get(START).content)
    kept = {**hidden(page, "@id='answers'"), "filled_in_by": "carer", "urgent_symptoms": ["none", "chest_pain"]}
    away = html.fromstring(tablet.post(address, {**kept, "from": START}).content)
    back = [(each.get("name"), each.get("value")) for each in away.xpath("//form[@id='go_back']//input")]
    sent: dict[str, list[str]] = {}
    for name, value in back:
        sent.setdefault(name, []).append(value)
    (form,) = away.xpath("//form[@id='go_back']")
    assert form.get("action") == START
    again = tablet.post(START, {**sent, "act": "look"})
    assert again.status_code == 200
    shown = again.context["form"]
    assert shown["filled_in_by"].value() == "carer"
    assert shown["urgent_symptoms"].value() == ["none", "chest_pain"]
    assert not shown.errors


@pytest.mark.parametrize("address", ["/tablet/ask/", "/tablet/stop/"])
def test_a_password_is_not_carried_along(address):
    _, tablet = reading()
    filled = {
        "typed_name": "Alex Example",
        "staff_password": "a long secret",
        "guardian_staff_password": "a long secret",
    }
    away = tablet.post(address, {**filled, "from": "/tablet/consent/sign/"}).text
    assert "Alex Example" in away
    assert "a long secret" not in away
    assert "staff_password" not in away


@pytest.mark.parametrize("told", ["https://evil.example/", "//evil.example/tablet/", "/board/", "javascript:1", ""])
def test_the_way_back_leads_to_the_tablets_own_pages_only(told):
    _, tablet = answering()
    page = html.fromstring(tablet.get("/tablet/ask/", {"from": told}).content)
    assert page.xpath("//a[normalize-space()='Go back']/@href") == ["/tablet/"]


@pytest.mark.parametrize("where", [answering, reading])
def test_a_question_reaches_the_practitioner_and_holds_the_signature(where):
    visit, tablet = where()
    for _ in range(2):  # two taps ask once
        answer = tablet.post("/tablet/ask/", {"act": "send", "question": " Will it hurt? ", "from": START})
        assert "Thank you for asking" in answer.content.decode()
    assert [each.text for each in PatientQuestion.objects.filter(visit=visit)] == ["Will it hurt?"]
    assert review_state(visit).questions_open
    assert Journal.objects.filter(visit=visit, action="question asked").count() == 1
    assert not Journal.objects.filter(data__icontains="hurt").exists()


def left(act: str, **typed: Any) -> Visit:
    """Type into the first page, tap "I want to stop", and choose ``act`` there."""
    visit, tablet = answering()
    page = html.fromstring(tablet.get(START).content)
    away = tablet.post("/tablet/stop/", {**hidden(page, "@id='answers'"), **typed, "from": START})
    (form,) = html.fromstring(away.content).xpath("//main//form[.//button[@value='refuse']]")
    sent: dict[str, list[str]] = {}
    for each in form.xpath(".//input[@type='hidden']"):
        sent.setdefault(each.get("name"), []).append(each.get("value"))
    assert tablet.post("/tablet/stop/", {**sent, "act": act}).url == "/tablet/"
    visit.refresh_from_db()
    return visit


@pytest.mark.parametrize("act", ["talk", "time", "refuse"])
def test_what_was_answered_on_the_page_is_kept_by_who_stops_there(act):
    visit = left(act, filled_in_by="carer")
    assert visit.screenings.get().answers == {"filled_in_by": "carer"}
    assert not visit.hold


def test_a_page_that_is_half_filled_in_is_asked_again_by_who_comes_back():
    visit = left("time", filled_in_by="carer")
    tablet = tablet_client(visit)
    assert tablet.get("/tablet/", follow=True).redirect_chain[-1][0] == START


@pytest.mark.parametrize("act", ["talk", "time", "refuse"])
def test_a_symptom_that_needs_help_now_calls_staff_before_the_stop(act):
    visit = left(act, urgent_symptoms=["chest_pain"])
    assert visit.urgent_at
    assert visit.hold
    assert visit.at is Stage.ANSWERING


def test_what_was_answered_on_another_screen_stands():
    visit, tablet = answering()
    page = hidden(html.fromstring(tablet.get(START).content), "@id='answers'")
    actions.answer(visit=visit, given={"filled_in_by": "self"}, by=Actor())
    tablet.post("/tablet/stop/", {**page, "filled_in_by": "carer", "from": START, "act": "time"})
    assert visit.screenings.get().answers["filled_in_by"] == "self"


def test_a_question_that_was_being_typed_comes_back_from_the_page_to_stop():
    _, tablet = answering()
    page = html.fromstring(tablet.post("/tablet/ask/", {"from": START, "filled_in_by": "carer"}).content)
    (stop,) = page.xpath("//nav[@class='within-reach']//button")
    kept = {**hidden(page, "@id='answers'"), "question": "Will it hurt?", "from": stop.get("value")}
    away = html.fromstring(tablet.post("/tablet/stop/", kept).content)
    (form,) = away.xpath("//form[@id='go_back']")
    again = tablet.post(form.get("action"), {**hidden(away, "@id='go_back'"), "act": "look"})
    assert "Will it hurt?</textarea>" in again.text
    assert hidden(html.fromstring(again.content), "@id='go_back'")["filled_in_by"] == "carer"
    assert hidden(html.fromstring(again.content), "@id='answers'")["from"] == START
    assert not PatientQuestion.objects.exists()


def test_stopping_before_the_birth_date_changes_nothing_of_the_visit():
    visit = make_visit()
    tablet = tablet_client(visit, identified=False)
    assert tablet.post("/tablet/birth-date/", {"act": "stop"}).url == "/tablet/"
    before = visit.stage, visit.needs_time_at, visit.parked_at
    visit.refresh_from_db()
    assert (visit.stage, visit.needs_time_at, visit.parked_at) == before
    assert not visit.hold
    assert "Take all the time you need." in tablet.get("/tablet/").text


def test_a_question_that_was_being_typed_is_not_part_of_the_questionnaire():
    assert "question" not in QUESTIONS


def test_a_question_asked_while_answering_brings_the_visit_to_the_practitioner():
    visit, tablet = answering()
    tablet.post("/tablet/ask/", {"act": "send", "question": "Will it hurt?"})
    make_screening(visit, submitted=False)
    assert actions.submit(visit=visit, by=Actor()) is Stage.IN_REVIEW
    assert "Will it hurt?" in staff_client(practitioner()).get(f"/review/{visit.pk}/").content.decode()


@pytest.mark.parametrize("typed", ["", "   ", "why\u202e"])
def test_an_empty_or_odd_question_is_refused_and_stays(typed):
    _, tablet = answering()
    answer = tablet.post("/tablet/ask/", {"act": "send", "question": typed})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["question"]
    assert "(optional)" not in answer.text, "the page says what it does not mean"
    assert not PatientQuestion.objects.exists()


@pytest.mark.parametrize(
    ("act", "stage", "why", "status"),
    [
        ("talk", Stage.ANSWERING, "waiting", "Wants to talk before going on"),
        ("time", Stage.ANSWERING, "time", "Wants more time to decide"),
        ("refuse", Stage.STOPPED, "stopped", "Not treated today"),
    ],
)
def test_stopping_among_the_questions(act, stage, why, status):
    visit, tablet = answering()
    make_screening(visit, submitted=False, diabetes="yes")
    assert "nothing bad will happen" in tablet.get("/tablet/stop/", {"from": START}).content.decode()
    assert tablet.post("/tablet/stop/", {"act": act}).url == "/tablet/"
    visit.refresh_from_db()
    assert (visit.at, visit.status) == (stage, status)
    assert visit.holds.get().ended_why == why
    assert visit.screenings.get().answers["diabetes"] == "yes"


def test_wanting_to_talk_is_in_the_queue_and_stands_until_the_talk():
    visit, tablet = answering()
    make_screening(visit, submitted=False)
    tablet.post("/tablet/stop/", {"act": "talk"})
    desk = staff_client(practitioner())
    assert "Wants to talk first" in desk.get("/queue/").content.decode()
    assert "wants to talk first" in desk.get(f"/review/{visit.pk}/").content.decode()
    visit.refresh_from_db()
    assert actions.submit(visit=visit, by=Actor()) is Stage.IN_REVIEW
    assert "The patient asked to talk before signing. Record the talk." in review_state(visit).holds


@pytest.mark.parametrize("act", ["talk", "time", "refuse"])
def test_stopping_while_reading_is_decided_by_the_consent_room(act):
    visit, tablet = reading()
    page = html.fromstring(tablet.get("/tablet/stop/", {"from": "/tablet/consent/about/"}).content)
    (form,) = page.xpath("//main//form[.//button[@value='refuse']]")
    assert form.get("action") == "/tablet/consent/sign/"
    assert tablet.post("/tablet/stop/", {"act": act}).status_code == 400
    assert tablet.post(form.get("action"), {"act": act}).url == "/tablet/"
    assert visit.holds.order_by("pk").last().ended_at  # type: ignore[union-attr]


def test_a_tablet_that_was_taken_back_stops_nothing():
    visit, tablet = answering()
    hold = visit.hold
    assert hold
    hold.end("returned")
    assert tablet.post("/tablet/stop/", {"act": "refuse"}).url == "/tablet/"
    for verb in (actions.talk_before_going_on, actions.stop_for_now, actions.refuse):
        with pytest.raises(NotAllowed):
            verb(visit=visit, hold=hold, by=Actor(tablet=hold.tablet))
    visit.refresh_from_db()
    assert visit.at is Stage.ANSWERING
