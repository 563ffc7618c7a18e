"""One practitioner at a time reviews a visit; whoever is second is told by name and time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from lxml import html  # type: ignore[import-untyped]

from clinic.domain.dates import day_in_words
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Role, User, Visit
from screening import actions
from screening.actions import ClaimedByAnother
from screening.assessment.review_state import review_state
from screening.domain.scope import Scope
from screening.models import Claim, Decision, Plan
from screening.review import queue
from tests.support.factories import acting, make_visit, practitioner, ready_for_review, receptionist, staff_client

pytestmark = pytest.mark.django_db

HEALED: dict[str, Any] = {"outcome": Decision.Outcome.CLEARED, "reason": "Years ago."}


@pytest.fixture
def first() -> User:
    return practitioner("Kim First")


@pytest.fixture
def second() -> User:
    return practitioner("Lou Second")


@pytest.fixture
def waiting() -> Visit:
    return ready_for_review(epilepsy="yes")


def told(visit: Visit) -> list[str]:
    return list(Journal.objects.filter(visit=visit, action__contains="review ").values_list("action", flat=True))


def test_a_visit_is_claimed_once_and_again_is_no_harm(waiting, first):
    one = actions.claim(visit=waiting, by=acting(first))
    assert actions.claim(visit=waiting, by=acting(first)) == one
    assert Claim.of(waiting) == one
    assert told(waiting) == ["review claimed"]


def test_the_second_is_refused_with_name_and_time(waiting, first, second):
    claim = actions.claim(visit=waiting, by=acting(first))
    with pytest.raises(ClaimedByAnother) as refusal:
        actions.claim(visit=waiting, by=acting(second))
    assert f"Kim First has had this visit since {timezone.localtime(claim.at):%H:%M}" in str(refusal.value)
    assert refusal.value.claim == claim


def test_the_table_itself_takes_one_claim_at_a_time(waiting, first, second):
    Claim.objects.create(visit=waiting, by=first)
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create(visit=waiting, by=second)


def test_only_what_waits_for_a_review_is_claimed_and_only_by_practitioners(waiting, first):
    with pytest.raises(NotAllowed, match="Only a practitioner"):
        actions.claim(visit=waiting, by=acting(receptionist(), Role.RECEPTION))
    for stage in set(Stage) - {Stage.IN_REVIEW}:
        with pytest.raises(NotAllowed, match="moved on"):
            actions.claim(visit=make_visit(stage=stage), by=acting(first))


def test_who_acts_first_has_it_from_then_on(waiting, first, second):
    flag = review_state(waiting).undecided[0].flag
    actions.decide(flag=flag, by=acting(first), **HEALED)
    claim = Claim.of(waiting)
    assert claim is not None
    assert claim.by == first


def everything(visit: Visit, by: Actor) -> list[Callable[[], object]]:
    flag = review_state(visit).undecided[0].flag
    plan = Scope.of(["left_calf"], technique="superficial", electro=False, visits=1)
    return [
        lambda: actions.decide(flag=flag, by=by, **HEALED),
        lambda: actions.save_plan(visit=visit, scope=plan, by=by),
        lambda: actions.attest(visit=visit, kind="questions_answered", by=by),
        lambda: actions.close_review(visit=visit, ending="consent", by=by),
        lambda: actions.close_review(visit=visit, ending="back", ask_again=["epilepsy"], by=by),
        lambda: actions.close_review(visit=visit, ending="stopped", reason="No.", by=by),
    ]


def test_nobody_else_acts_while_it_is_claimed(waiting, first, second):
    actions.claim(visit=waiting, by=acting(first))
    runs = review_state(waiting).assessment
    for act in everything(waiting, acting(second)):
        with pytest.raises(ClaimedByAnother, match="Kim First"):
            act()
    assert not Decision.objects.exists()
    assert not Plan.objects.exists()
    assert review_state(waiting).assessment == runs


@pytest.mark.parametrize("ending", ["consent", "back", "stopped"])
def test_the_claim_ends_with_the_review(waiting, first, ending):
    by = acting(first)
    decide, plan, *_ = everything(waiting, by)
    decide()
    plan()
    actions.close_review(visit=waiting, ending=ending, ask_again=["epilepsy"], reason="Look again.", by=by)
    assert Claim.of(waiting) is None
    assert Claim.objects.get().ended_why == Claim.End.CLOSED


def test_who_lets_go_leaves_it_to_anyone(waiting, first, second):
    actions.claim(visit=waiting, by=acting(first))
    with pytest.raises(NotAllowed, match="do not have"):
        actions.release(visit=waiting, by=acting(second))
    actions.release(visit=waiting, by=acting(first))
    actions.claim(visit=waiting, by=acting(second))
    assert told(waiting) == ["review claimed", "review let go", "review claimed"]


def test_a_take_over_is_on_record_with_whose_it_was(waiting, first, second):
    was = actions.claim(visit=waiting, by=acting(first))
    now = actions.take_over(claim=was, by=acting(second))
    assert now.by == second
    was.refresh_from_db()
    assert was.ended_why == Claim.End.TAKEN
    row = Journal.objects.get(action="review taken over")
    assert row.data == {"staff": first.pk}
    assert "taken over" not in Journal.objects.get(action="review claimed", user=second).words


def test_a_take_over_takes_only_from_the_one_who_was_shown(waiting, first, second):
    shown = actions.claim(visit=waiting, by=acting(first))
    third = practitioner("Max Third")
    actions.take_over(claim=shown, by=acting(third))
    with pytest.raises(ClaimedByAnother, match="Max Third"):
        actions.take_over(claim=shown, by=acting(second))


# --- at the desk ---------------------------------------------------------------------------------------------------


def test_claiming_opens_the_review_and_losing_says_who_was_first(waiting, first, second):
    address = reverse("review_claim", args=[waiting.pk])
    won = staff_client(first).post(address)
    assert won.url == reverse("review", args=[waiting.pk])
    claim = Claim.objects.get()
    lost = staff_client(second).post(address)
    assert lost.status_code == 409
    assert "Kim First" in lost.text
    assert f"{timezone.localtime(claim.at):%H:%M}" in lost.text
    assert reverse("review_take_over", args=[waiting.pk]) in lost.text


def test_a_decision_for_a_visit_of_somebody_else_is_refused_and_what_was_typed_stays(waiting, first, second):
    actions.claim(visit=waiting, by=acting(first))
    flag = review_state(waiting).undecided[0].flag
    sent = {f"flag_{flag.pk}-outcome": "cleared", f"flag_{flag.pk}-reason": "Typed with care."}
    sent |= {"outcome": "cleared", "reason": "Typed with care."}
    answer = staff_client(second).post(reverse("review_decide", args=[waiting.pk, flag.pk]), sent)
    assert answer.status_code == 422
    assert "Kim First has had this visit since" in answer.text
    assert "Typed with care." in answer.text
    assert not Decision.objects.exists()


def test_the_review_says_who_has_it_and_taking_over_is_a_click_of_its_own(waiting, first, second):
    claim = actions.claim(visit=waiting, by=acting(first))
    desk = staff_client(second)
    page = desk.get(reverse("review", args=[waiting.pk])).text
    assert "Kim First has had this visit" in page
    assert "Take over from Kim First" in page
    taken = desk.post(reverse("review_take_over", args=[waiting.pk]), {"claim": claim.pk})
    assert taken.url == reverse("review", args=[waiting.pk])
    assert "You have this visit" in desk.get(taken.url).text
    again = staff_client(first).post(reverse("review_take_over", args=[waiting.pk]), {"claim": claim.pk})
    assert again.status_code == 409
    assert "Lou Second" in again.text


def forms_of(page: Any) -> set[str]:
    """The ends of the addresses that a page's main part sends something to."""
    sent = html.fromstring(page.content).xpath("//main//form/@action")
    return {address.rsplit("/", 2)[-2] for address in sent}


def test_who_does_not_have_it_reads_everything_and_finds_nothing_to_fill_in(waiting, first, second):
    address = reverse("review", args=[waiting.pk])
    nobodys = forms_of(staff_client(second).get(address))
    assert {"plan", "end", "talk", "claim"} <= nobodys
    actions.claim(visit=waiting, by=acting(first))
    page = staff_client(second).get(address)
    assert forms_of(page) == {"take-over", "next"}
    assert "Epilepsy or fits" in page.text
    assert {"plan", "end", "talk", "release"} <= forms_of(staff_client(first).get(address))
    actions.take_over(claim=Claim.objects.get(), by=acting(second))
    assert {"plan", "end", "talk", "release"} <= forms_of(staff_client(second).get(address))


def test_who_does_not_have_it_is_not_asked_for_a_password_in_vain(first, second):
    visit = ready_for_review(blood_thinners="yes", blood_thinner_names=["warfarin"], inr=4.1)
    stop = next(each.flag for each in review_state(visit).flags if each.is_stop)
    actions.claim(visit=visit, by=acting(first))
    address = reverse("review_ahead", args=[visit.pk, stop.pk])
    answer = staff_client(second).get(address, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("review", args=[visit.pk])
    assert "Kim First has had this visit since" in answer.text
    assert staff_client(first).get(address).status_code == 200


def test_letting_go_goes_back_to_the_queue(waiting, first):
    actions.claim(visit=waiting, by=acting(first))
    answer = staff_client(first).post(reverse("review_release", args=[waiting.pk]), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("queue")
    assert "You let" in answer.text
    assert Claim.of(waiting) is None


def test_what_is_no_longer_in_review_is_not_claimed_and_says_so(first):
    visit = make_visit(stage=Stage.CONSENTING)
    answer = staff_client(first).post(reverse("review_claim", args=[visit.pk]), follow=True)
    assert "moved on" in answer.text
    assert answer.redirect_chain[-1][0] == reverse("queue")


def test_next_takes_the_worst_that_needs_me_and_claims_it(first, second):
    mild = ready_for_review(epilepsy="yes")
    worse = ready_for_review(pregnancy="yes")
    taken = ready_for_review(infection_now="yes", infection_kinds=["skin"])
    actions.claim(visit=taken, by=acting(second))
    desk = staff_client(first)
    for expected in (worse, mild):
        assert desk.post(reverse("queue_next")).url == reverse("review", args=[expected.pk])
        claim = Claim.of(expected)
        assert claim is not None
        assert claim.by == first
        actions.close_review(visit=expected, ending="stopped", reason="Not today.", by=acting(first))
    none = desk.post(reverse("queue_next"), follow=True)
    assert "Nobody else needs you now." in none.text


def test_next_gives_way_to_whoever_was_faster(monkeypatch, waiting, first, second):
    seen = queue.lines()
    actions.claim(visit=waiting, by=acting(second))
    monkeypatch.setattr(queue, "lines", lambda **how: seen)
    other = staff_client(first).post(reverse("queue_next"), follow=True)
    assert "Nobody else needs you now." in other.text
    claim = Claim.of(waiting)
    assert claim is not None
    assert claim.by == second


def test_a_claim_of_yesterday_says_the_day(waiting, first):
    claim = Claim.objects.create(visit=waiting, by=first, at=timezone.now() - dt.timedelta(days=1))
    assert day_in_words(timezone.localtime(claim.at)) in str(ClaimedByAnother(claim))
