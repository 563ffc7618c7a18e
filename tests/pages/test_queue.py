"""The practitioners' queue: who waits, worst first, and who is to be confirmed in the room."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Actor, Role, Visit
from clinic.records.staff import change_policy
from screening import actions
from screening.assessment.review_state import review_state
from screening.domain.review_deadline import waited
from screening.models import Decision, PatientQuestion
from screening.pages.desk.views.queue import ROWS
from screening.review import queue
from screening.review.queue import QueuePart
from screening.review.queue_rows import Waiting, rows
from tests.support import load_clients
from tests.support.clock import put_forward, to_noon
from tests.support.factories import (
    acting,
    make_patient,
    make_screening,
    make_visit,
    manager,
    practitioner,
    ready_for_review,
    rules_ran,
)

pytestmark = pytest.mark.django_db


def waits(visit: Visit, minutes: int) -> Visit:
    Visit.objects.filter(pk=visit.pk).update(stage_since=timezone.now() - dt.timedelta(minutes=minutes))
    return visit


def order(part: QueuePart = QueuePart.REVIEW) -> list[int]:
    return [line.pk for line in queue.lines() if line.part is part]


def row(visit: Visit) -> Waiting:
    (found,) = rows([each for each in queue.lines() if each.pk == visit.pk], user=practitioner(), now=timezone.now())
    return found


def why(visit: Visit) -> list[tuple[str, str]]:
    return [(each.severity, each.words) for each in row(visit).whys]


def shown(desk: Client, **filters: str | int) -> list[str]:
    """Return the names in the queue's rows, in order."""
    page = desk.get(reverse("queue"), filters)
    return [each.visit.patient.name for each in [*page.context["rows"], *page.context["signed"]]]


def named(name: str, **answers: object) -> Visit:
    visit = ready_for_review(**answers)
    visit.patient.name = name
    visit.patient.save(update_fields=["name"])
    visit.patient.index()
    return visit


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
    assert queue.lines()[0].is_urgent


def test_a_row_says_why_in_words():
    visit = ready_for_review(pregnancy="yes", epilepsy="yes", diabetes="yes", diabetes_unstable="no", questions="Why?")
    assert why(visit) == [("stop", "Pregnancy"), ("review", "Epilepsy or fits"), ("", "Has a question")]


def test_what_was_decided_is_counted_and_not_named_again():
    visit = ready_for_review(pregnancy="might_be", epilepsy="yes")
    flag = next(each.flag for each in review_state(visit).flags if each.flag.question == "epilepsy")
    actions.decide(flag=flag, outcome=Decision.Outcome.CLEARED, reason="Years ago.", by=acting(practitioner()))
    assert why(visit) == [("review", "Pregnancy"), ("", "1 decided")]


def test_what_waits_without_a_flag_has_its_reason_too():
    visit = make_visit(stage=Stage.IN_REVIEW)
    screening = make_screening(visit)
    rules_ran(screening)
    PatientQuestion.objects.create(visit=visit, text="How long?")
    Visit.objects.filter(pk=visit.pk).update(wants_talk_at=timezone.now())
    assert why(visit) == [("", "Wants to talk first"), ("", "Has a question")]


def test_who_is_done_or_still_answering_does_not_wait():
    for stage in Stage:
        if stage not in (Stage.IN_REVIEW, Stage.SIGNED):
            make_screening(make_visit(stage=stage))
    assert queue.lines() == []


def test_the_page_shows_both_lists(signed_in):
    waits(ready_for_review(epilepsy="yes"), 12)
    signed = make_visit(make_patient("Signe Signed"), stage=Stage.SIGNED, time=dt.time(10, 30))
    html = signed_in.get(reverse("queue")).content.decode()
    assert "To review (1)" in html
    assert "12 min" in html
    assert "Epilepsy or fits" in html
    assert "To confirm in the room (1)" in html
    assert reverse("confirm", args=[signed.pk]) in html
    assert "10:30" in html


def test_an_empty_queue_says_so(signed_in):
    html = signed_in.get(reverse("queue")).content.decode()
    assert "Nobody is waiting for a review." in html
    assert "Nobody has signed" in html


# --- when it is due ------------------------------------------------------------------------------------------------


def test_a_review_turns_before_its_deadline_and_then_is_overdue():
    visit = ready_for_review(epilepsy="yes")
    for minutes, kind in [(0, "later"), (6, "later"), (7, "soon"), (9, "soon"), (10, "overdue"), (600, "overdue")]:
        waits(visit, minutes)
        assert row(visit).signs.due_kind == kind, minutes


def test_who_came_early_is_due_at_the_appointment(monkeypatch: pytest.MonkeyPatch):
    noon = to_noon()
    put_forward(monkeypatch, lambda: noon)
    early = waits(ready_for_review(epilepsy="yes"), 30)
    at = timezone.localtime(timezone.now() + dt.timedelta(minutes=20)).replace(second=0, microsecond=0)
    Visit.objects.filter(pk=early.pk).update(day=at.date(), time=at.time())
    assert row(early).signs.due == f"Due {at:%H:%M}"


def test_the_clinic_says_how_long_a_review_may_take():
    visit = waits(ready_for_review(epilepsy="yes"), 12)
    assert row(visit).signs.due_kind == "overdue"
    change_policy(by=acting(manager(), Role.MANAGER), review_due_minutes=60)
    assert row(visit).signs.due_kind == "later"


@pytest.mark.parametrize(
    ("minutes", "words"), [(-3, "0 min"), (0, "0 min"), (59, "59 min"), (65, "1 h 5 min"), (2880, "2 days")]
)
def test_a_wait_in_words(minutes, words):
    assert waited(minutes) == words


# --- whose it is ---------------------------------------------------------------------------------------------------


def test_what_needs_me_is_mine_or_nobodys_or_pressing(signed_in, physio):
    other = practitioner("Lou Other")
    mine = named("Mine Claimed", epilepsy="yes")
    actions.claim(visit=mine, by=acting(physio))
    theirs = named("Theirs Claimed", pregnancy="yes")
    actions.claim(visit=theirs, by=acting(other))
    named("Nobody Atall", epilepsy="yes")
    Visit.objects.filter(pk=named("Theirs Fresh", epilepsy="yes").pk).update(practitioner=other)
    Visit.objects.filter(pk=waits(named("Theirs Overdue", epilepsy="yes"), 11).pk).update(practitioner=other)
    urgent = named("Theirs Urgent", urgent_symptoms=["chest_pain"])
    Visit.objects.filter(pk=urgent.pk).update(practitioner=other)
    assert shown(signed_in) == ["Theirs Urgent", "Theirs Overdue", "Mine Claimed", "Nobody Atall"]
    assert shown(signed_in, who="mine") == ["Mine Claimed"]
    assert "Theirs Claimed" not in shown(signed_in, who="nobody")
    assert len(shown(signed_in, who="nobody")) == 4
    assert len(shown(signed_in, who="all")) == 6


def test_a_row_says_who_has_it_and_offers_what_can_be_done(signed_in, physio):
    mine, theirs, free = named("Mine", epilepsy="yes"), named("Theirs", epilepsy="yes"), named("Free", epilepsy="yes")
    actions.claim(visit=mine, by=acting(physio))
    actions.claim(visit=theirs, by=acting(practitioner("Lou Other")))
    page = signed_in.get(reverse("queue"), {"who": "all"}).text
    assert "You, since" in page
    assert "Lou Other, since" in page
    assert "Nobody yet" in page
    assert f'action="{reverse("review_claim", args=[free.pk])}"' in page
    for visit in (mine, theirs):
        assert reverse("review_claim", args=[visit.pk]) not in page
        assert f'href="{reverse("review", args=[visit.pk])}"' in page


# --- filters are links ---------------------------------------------------------------------------------------------


def test_each_filter_is_a_link_with_its_count_and_keeps_the_others(signed_in):
    named("Stop Today", pregnancy="yes")
    named("Review Today", epilepsy="yes")
    earlier = named("Stop Earlier", pregnancy="yes")
    Visit.objects.filter(pk=earlier.pk).update(day=timezone.localdate() - dt.timedelta(days=1))
    signed = make_visit(make_patient("Signe Signed"), stage=Stage.SIGNED)
    assert shown(signed_in, severity="stop") == ["Stop Today", "Stop Earlier"]
    assert shown(signed_in, severity="stop", day="today") == ["Stop Today"]
    assert shown(signed_in, day="earlier") == ["Stop Earlier"]
    assert shown(signed_in, stage="confirm") == [signed.patient.name]
    assert shown(signed_in, severity="none") == [signed.patient.name]
    links = signed_in.get(reverse("queue"), {"severity": "stop"}).context["links"]
    assert {link.query: link.count for link in links["day"]} == {
        "severity=stop": 2,
        "severity=stop&day=today": 1,
        "severity=stop&day=earlier": 1,
    }
    assert [link.label for link in links["severity"] if link.chosen] == ["Stop"]


@pytest.mark.parametrize("group", ["who", "severity", "stage", "day", "page", "rows", "at"])
def test_an_odd_address_shows_what_none_would(signed_in, group):
    named("Some Body", epilepsy="yes")
    assert shown(signed_in, **{group: "'; --"}) == ["Some Body"]
    assert signed_in.get(reverse("queue_news"), {group: "nan"}).status_code == 200


def test_a_name_is_searched_by_its_first_letters(signed_in):
    named("Zoë Müller", epilepsy="yes")
    named("Ana Silva", epilepsy="yes")
    found = signed_in.post(reverse("queue"), {"name": "mull", "severity": "stop"})
    assert found.headers["Location"] == f"{reverse('queue')}?severity=stop&named=1"
    signed_in.post(reverse("queue"), {"name": "mull"})
    assert shown(signed_in, named="1") == ["Zoë Müller"]
    assert sorted(shown(signed_in)) == ["Ana Silva", "Zoë Müller"]
    short = signed_in.post(reverse("queue"), {"name": "mu"})
    assert short.status_code == 422
    assert "at least 3 letters" in short.text


def test_a_long_queue_comes_in_pages_worst_first(signed_in):
    for _ in range(ROWS + 1):
        waits(ready_for_review(epilepsy="yes"), 5)
    last = named("Least Grave", questions="Does it hurt?")
    assert len(shown(signed_in)) == ROWS
    page = signed_in.get(reverse("queue"), {"page": 2})
    assert [row.visit for row in page.context["rows"]][-1] == last
    assert f"{ROWS + 1} to {ROWS + 2} of {ROWS + 2}" in page.text


# --- empty ---------------------------------------------------------------------------------------------------------


def test_each_empty_queue_says_what_to_do(signed_in):
    assert "New ones show here by themselves." in signed_in.get(reverse("queue")).text
    assert "Everybody waiting has a practitioner." in signed_in.get(reverse("queue"), {"who": "nobody"}).text
    assert "You have no review" in signed_in.get(reverse("queue"), {"who": "mine"}).text
    actions.claim(visit=named("With Lou", epilepsy="yes"), by=acting(practitioner()))
    page = signed_in.get(reverse("queue")).text
    assert "Others are with colleagues" in page
    assert "Review the next patient" not in page
    assert "Nobody fits these filters" in signed_in.get(reverse("queue"), {"severity": "stop"}).text


# --- it updates by itself ------------------------------------------------------------------------------------------


def news(desk: Client, page: HttpResponse) -> str:
    return desk.get(f"{reverse('queue_news')}?{page.context['news']}").text


def test_the_page_hears_what_is_new_without_moving_a_row(signed_in):
    visit = ready_for_review(epilepsy="yes")
    page = signed_in.get(reverse("queue"))
    assert " new" not in news(signed_in, page)
    ready_for_review(cancer="yes")
    ready_for_review(urgent_symptoms=["chest_pain"])
    said = news(signed_in, page)
    assert "2 new, urgent" in said
    assert f'id="wait-{visit.pk}"' in said
    assert said.count('id="wait-') == 1


def test_a_row_that_was_taken_or_left_says_so_in_its_place(signed_in):
    visit = waits(ready_for_review(epilepsy="yes"), 3)
    page = signed_in.get(reverse("queue"))
    waits(visit, 9)
    actions.claim(visit=visit, by=acting(practitioner("Lou Other")))
    said = news(signed_in, page)
    assert "9 min" in said
    assert "Due soon" in said
    assert "Lou Other, since" in said
    visit.refresh_from_db()
    visit.move(Stage.CONSENTING, by=Actor())
    assert "Waits no longer" in news(signed_in, page)


def test_what_is_new_and_does_not_fit_the_filters_is_not_called_new(signed_in):
    page = signed_in.get(reverse("queue"), {"severity": "stop"})
    ready_for_review(epilepsy="yes")
    assert " new" not in news(signed_in, page)


def test_the_queue_takes_the_same_queries_however_many_wait(signed_in, physio, django_assert_num_queries):
    def more() -> None:
        ready_for_review(epilepsy="yes", cancer="yes")
        make_visit(stage=Stage.SIGNED)

    more()
    actions.claim(visit=ready_for_review(pregnancy="yes"), by=acting(physio))
    with CaptureQueriesContext(connection) as few:
        page = signed_in.get(reverse("queue"))
    with CaptureQueriesContext(connection) as few_news:
        news(signed_in, page)
    for _ in range(5):
        more()
    with django_assert_num_queries(len(few)):
        page = signed_in.get(reverse("queue"))
    with django_assert_num_queries(len(few_news)):
        news(signed_in, page)


@pytest.mark.thorough
def test_neither_thousands_of_patients_nor_hundreds_of_visits_cost_a_query_more(
    signed_in, physio, django_assert_num_queries
):
    pages = [reverse("queue"), f"{reverse('queue')}?who=all", "/patients/?found", "/board/", reverse("urgent")]
    signed_in.post("/patients/", {"name": "ana"})
    load_clients.in_review(5, by=physio)
    few = {}
    for page in pages:
        with CaptureQueriesContext(connection) as asked:
            signed_in.get(page)
        few[page] = len(asked)
    load_clients.in_review(495, by=physio)
    load_clients.patients(1500, by=physio)
    signed_in.get("/board/")  # notes once a minute that somebody is there: a crowd may take longer to make
    for page, count in few.items():
        with django_assert_num_queries(count):
            signed_in.get(page)
    assert len(queue.lines()) == 500
