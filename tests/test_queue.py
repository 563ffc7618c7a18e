"""The practitioners' queue: who waits, worst first, and who is to be confirmed in the room."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinic.flow import Stage
from clinic.models import Actor, Visit
from screening import actions, queue
from screening.models import Asked, Decision
from screening.standing import standing
from tests.factories import (
    acting,
    make_patient,
    make_screening,
    make_visit,
    practitioner,
    ready_for_review,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Client:
    return staff_client(practitioner())


def waits(visit: Visit, minutes: int) -> Visit:
    Visit.objects.filter(pk=visit.pk).update(stage_since=timezone.now() - dt.timedelta(minutes=minutes))
    return visit


def order() -> list[int]:
    return [row.visit.pk for row in queue.waiting()]


def why(visit: Visit) -> list[tuple[str, str]]:
    return next([(each.severity, each.words) for each in row.whys] for row in queue.waiting() if row.visit == visit)


def test_the_worst_comes_first_then_who_waits_longest():
    asks = ready_for_review(questions="Does it hurt?")
    short = waits(ready_for_review(epilepsy="yes"), 5)
    long = waits(ready_for_review(cancer="yes"), 50)
    stop = waits(ready_for_review(pregnancy="yes"), 1)
    urgent = ready_for_review(urgent_symptoms=["calf_swelling"])
    assert order() == [visit.pk for visit in (urgent, stop, long, short, asks)]


def test_a_patient_who_calls_for_help_is_there_before_anything_was_sent():
    stop = ready_for_review(pregnancy="yes")
    calling = make_visit(stage=Stage.ANSWERING)
    actions.answer(visit=calling, given={"urgent_symptoms": ["chest_pain"]}, by=Actor())
    assert order() == [calling.pk, stop.pk]
    assert queue.waiting()[0].is_urgent


def test_a_row_says_why_in_words():
    visit = ready_for_review(pregnancy="yes", epilepsy="yes", diabetes="yes", diabetes_unstable="no", questions="Why?")
    assert why(visit) == [("stop", "Pregnancy"), ("review", "Epilepsy or fits"), ("", "Has a question")]


def test_what_was_decided_is_counted_and_not_named_again():
    visit = ready_for_review(pregnancy="might_be", epilepsy="yes")
    flag = next(each.flag for each in standing(visit).flags if each.flag.question == "epilepsy")
    actions.decide(flag=flag, outcome=Decision.Outcome.CLEARED, reason="Years ago.", by=acting(practitioner()))
    assert why(visit) == [("review", "Pregnancy"), ("", "1 decided")]


def test_what_waits_without_a_flag_has_its_reason_too():
    visit = make_visit(stage=Stage.IN_REVIEW)
    screening = make_screening(visit)
    actions.assess(screening=screening, by=Actor())
    Asked.objects.create(visit=visit, text="How long?")
    Visit.objects.filter(pk=visit.pk).update(wants_talk_at=timezone.now())
    assert why(visit) == [("", "Wants to talk first"), ("", "Has a question")]


def test_who_is_done_or_still_answering_does_not_wait():
    for stage in Stage:
        if stage not in (Stage.IN_REVIEW, Stage.SIGNED):
            make_screening(make_visit(stage=stage))
    assert order() == []
    assert queue.to_confirm() == []


def test_the_page_shows_both_lists(desk):
    waits(ready_for_review(epilepsy="yes"), 12)
    signed = make_visit(make_patient("Signe Signed"), stage=Stage.SIGNED, time=dt.time(10, 30))
    html = desk.get(reverse("queue")).content.decode()
    assert "To review (1)" in html
    assert "12 min" in html
    assert "Epilepsy or fits" in html
    assert "To confirm in the room (1)" in html
    assert reverse("confirm", args=[signed.pk]) in html
    assert "10:30" in html


def test_an_empty_queue_says_so(desk):
    html = desk.get(reverse("queue")).content.decode()
    assert "Nobody waits for a review." in html


def test_the_page_hears_of_changes_without_moving_a_row(desk):
    visit = ready_for_review(epilepsy="yes")
    seen = desk.get(reverse("queue")).context["state"]
    news = reverse("queue_news")
    assert "has changed" not in desk.get(news, {"seen": seen}).content.decode()
    ready_for_review(cancer="yes")
    assert "has changed" in desk.get(news, {"seen": seen}).content.decode()
    assert visit.at is Stage.IN_REVIEW


def test_the_queue_takes_the_same_queries_however_many_wait(desk, django_assert_num_queries):
    def more() -> None:
        ready_for_review(epilepsy="yes", cancer="yes")
        make_visit(stage=Stage.SIGNED)

    more()
    with CaptureQueriesContext(connection) as few:
        desk.get(reverse("queue"))
    for _ in range(5):
        more()
    with django_assert_num_queries(len(few)):
        desk.get(reverse("queue"))
