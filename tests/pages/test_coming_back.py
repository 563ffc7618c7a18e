"""A patient who comes back confirms on one page what lasts, is asked what does not, and the reviewer sees both."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given

from clinic.domain.dates import day_in_words
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Patient, Visit
from screening import actions
from screening.answering.previous_visit import last_time, since, to_look_back_on
from screening.domain import questionnaire
from screening.domain.answer_changes import changes, offered, previous_answers, readable
from screening.domain.questionnaire import QUESTIONS, all_clear
from screening.models import Screening
from tests.support.earlier_visits import EARLIER, came_before
from tests.support.factories import (
    answers,
    hold,
    make_screening,
    make_tablet,
    make_visit,
    practitioner,
    staff_client,
    tablet_client,
)
from tests.support.reading import easy
from tests.support.strategies import answers as any_answers

# What is offered


@given(any_answers())
def test_nothing_unsettled_private_or_of_the_day_is_offered(said: dict[str, Any]):
    for name in offered(said):
        question = QUESTIONS[name]
        assert question.stable
        assert not question.private
        assert said[name] not in ("unsure", "prefer_not")
        assert question.parent is None or question.parent in offered(said)


def test_an_answer_that_was_not_settled_is_asked_anew():
    names = offered(answers(**EARLIER))
    assert "diabetes" in names
    assert not {"skin_condition", "vascular", "diabetes_unstable", "pregnancy", "mental_health"} & set(names)


def test_a_follow_up_stands_with_its_question():
    said = answers(metal_in_body="yes", metal_in_body_regions=["left_knee"])
    row = next(row for row in previous_answers(said) if row.name == "metal_in_body")
    assert row.words == ("Yes", "Left knee")


def test_what_todays_questions_do_not_know_is_left_out():
    assert readable({"diabetes": "yes", "no_such_question": "x", "epilepsy": "maybe"}) == {"diabetes": "yes"}


def test_changes_are_told_in_words():
    before, after = answers(), answers(pregnancy="yes", pregnancy_weeks=9)
    assert [(each.short, each.before, each.after) for each in changes(before, after)] == [
        ("Pregnancy", "No", "Yes"),
        ("Weeks pregnant", "Not asked", "9 weeks"),
    ]


# On the tablet

pytestmark = pytest.mark.django_db


def comes_back(patient: Patient) -> tuple[Visit, Client]:
    visit = make_visit(patient, Stage.ANSWERING, returning=True)
    return visit, tablet_client(visit)


def confirm(client: Client, visit: Visit, *changed: str, **more: Any) -> Any:
    before = to_look_back_on(visit)
    assert before
    return client.post("/tablet/last-time/", {"shown": before.pk, "changed": changed, **more})


def test_last_time_is_shown_once_the_birth_date_was_confirmed():
    visit = make_visit(came_before(), Stage.ANSWERING, returning=True)
    stranger = tablet_client(visit, identified=False)
    assert "diabetes" not in stranger.get("/tablet/last-time/", follow=True).content.decode()
    visit.holds.get().end("returned")
    patient = tablet_client(visit)
    page = patient.get("/tablet/", follow=True)
    assert page.redirect_chain[-1][0] == "/tablet/last-time/"
    text = page.content.decode()
    assert QUESTIONS["diabetes"].wording in text
    assert QUESTIONS["pregnancy"].wording not in text
    assert "Is it still right?" in text


def test_nothing_is_copied_before_it_is_confirmed():
    visit, client = comes_back(came_before())
    client.get("/tablet/last-time/")
    assert not Screening.objects.filter(visit=visit).exclude(answers={}).exists()
    client.get("/tablet/questions/")
    assert not Screening.objects.filter(visit=visit).exclude(answers={}).exists()


def test_confirmed_answers_are_answers_of_this_visit_with_the_day_they_are_from():
    patient = came_before()
    visit, client = comes_back(patient)
    confirm(client, visit)
    now, before = Screening.of(visit), last_time(visit, timezone.now())
    assert now
    assert before
    assert before.submitted_at
    assert now.answers["diabetes"] == "yes"
    assert now.confirmed["diabetes"] == timezone.localdate(before.submitted_at).isoformat()
    assert not [name for name in now.answers if not QUESTIONS[name].stable]
    row = Journal.objects.get(action="answers confirmed")
    assert row.data == {"screening": now.pk, "count": len(now.answers)}


def test_what_changed_is_asked_again_with_all_that_holds_for_a_day():
    visit, client = comes_back(came_before(metal_in_body="yes", metal_in_body_regions=["left_knee"]))
    confirm(client, visit, "metal_in_body", "epilepsy")
    now = Screening.of(visit)
    assert now
    assert not {"metal_in_body", "metal_in_body_regions", "epilepsy"} & set(now.answers)
    left = questionnaire.missing(questionnaire.load(now.answers), returning=True)
    always = {name for name in all_clear() if not QUESTIONS[name].stable and QUESTIONS[name].kind != "text"}
    assert always | {"metal_in_body", "epilepsy", "skin_condition", "vascular", "last_needling_reaction"} <= set(left)
    assert "diabetes_unstable" in left


def test_only_what_is_left_is_asked_page_by_page():
    visit, client = comes_back(came_before())
    confirm(client, visit)
    text = client.get("/tablet/", follow=True).content.decode()
    assert QUESTIONS["urgent_symptoms"].wording in text
    long_term = client.get("/tablet/questions/long-term/0/", follow=True).content.decode()
    assert QUESTIONS["diabetes"].wording not in long_term


def test_everything_can_be_asked_again():
    visit, client = comes_back(came_before())
    confirm(client, visit, all="1")
    now = Screening.of(visit)
    assert now
    assert (now.answers, now.to_ask) == ({}, [])
    assert to_look_back_on(visit) is None


def test_what_was_not_on_the_screen_is_not_confirmed():
    patient = came_before(days=200)
    visit, client = comes_back(patient)
    shown = to_look_back_on(visit)
    assert shown
    newer = make_visit(patient, Stage.SEALED)
    make_screening(newer, epilepsy="yes")
    client.post("/tablet/last-time/", {"shown": shown.pk})
    assert Screening.of(visit) is None
    with pytest.raises(NotAllowed):
        actions.confirm_last_time(visit=visit, shown=shown.pk, changed=[], by=Actor())


def test_a_visit_entered_in_error_is_not_last_time():
    patient = came_before()
    Visit.objects.filter(patient=patient).update(in_error_at=timezone.now())
    _, client = comes_back(patient)
    assert client.get("/tablet/", follow=True).redirect_chain[-1][0].startswith("/tablet/questions/")


def test_a_confirmed_answer_that_is_changed_later_is_confirmed_no_longer():
    visit, client = comes_back(came_before())
    confirm(client, visit)
    tablet = visit.hold
    assert tablet
    actions.answer(visit=visit, given={"epilepsy": "no"}, by=Actor(tablet=tablet.tablet))
    now = Screening.of(visit)
    assert now
    assert "epilepsy" not in now.confirmed
    assert "diabetes" in now.confirmed


def test_the_reviewer_sees_old_and_new_with_dates_and_where_an_answer_is_from():
    visit, client = comes_back(came_before(days=92))
    confirm(client, visit)
    tablet = visit.hold
    assert tablet
    rest = answers(pregnancy="might_be", skin_condition="no")
    before = Screening.of(visit)
    assert before
    given = {name: value for name, value in rest.items() if name not in before.answers}
    given |= {"last_needling_reaction": "no", "diabetes_unstable": "no"}
    actions.answer(visit=visit, given=given, by=Actor(tablet=tablet.tablet))
    actions.submit(visit=visit, by=Actor(tablet=tablet.tablet))
    now = Screening.of(visit)
    assert now
    [told_before] = since(now)
    assert ("Pregnancy", "No", "I might be") in [(each.short, each.before, each.after) for each in told_before.changes]
    page = staff_client(practitioner()).get(f"/review/{visit.pk}/").text
    old_day = day_in_words(timezone.localdate() - dt.timedelta(days=92))
    assert f"Changed since the visit of {old_day}" in page
    assert f"told on {old_day}, confirmed at this visit" in page


def test_a_new_patient_is_not_asked_about_last_time():
    visit = make_visit(stage=Stage.ANSWERING)
    tablet, _ = make_tablet()
    hold(visit, tablet)
    assert to_look_back_on(visit) is None


def test_what_was_told_last_time_reads_easily():
    _, client = comes_back(came_before(metal_in_body="yes", metal_in_body_regions=["left_knee"]))
    assert easy(client.get("/tablet/last-time/").content)
