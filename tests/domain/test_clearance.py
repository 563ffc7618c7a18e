"""What a visit was cleared on is named, and lapses: a flag, a place, current, the rules, time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Hold, Role, Visit
from clinic.records.patients import correct_patient
from clinic.records.staff import change_policy
from consent import actions as consents
from consent.models import SignedConsent
from screening import actions
from screening.assessment.review_state import review_state
from screening.domain import rules
from screening.domain.clearance import Covered, LapseReason, answers_digest, lapsed
from screening.domain.scope import Scope
from screening.models import Clearance, ClearanceLapse, Screening
from tests.support.clock import put_forward, to_noon
from tests.support.consents import PLAN, WELL
from tests.support.consents import signed as sign
from tests.support.factories import (
    acting,
    hold,
    make_plan,
    make_screening,
    make_tablet,
    manager,
    practitioner,
    ready_for_review,
    receptionist,
    staff_client,
    tablet_client,
)

NOW = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)
CALF = Scope.of(["left_calf"], technique="superficial", electro=False)
CLEARED = Covered("a" * 64, "1", frozenset({"k"}), CALF, NOW, NOW)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ()),
        ({"flags": frozenset()}, ()),
        ({"flags": frozenset({"k", "new"})}, (LapseReason.FLAG,)),
        ({"scope": Scope.of(["calf"], technique="superficial", electro=False)}, (LapseReason.REGION,)),
        ({"scope": replace(CALF, regions=frozenset())}, ()),
        ({"scope": replace(CALF, electro=True)}, (LapseReason.ELECTRO,)),
        ({"scope": replace(CALF, electro=None)}, ()),
        ({"scope": replace(CALF, technique="pistoning")}, (LapseReason.TECHNIQUE,)),
        ({"scope": replace(CALF, visits=9, practitioner=9)}, ()),  # no rule looks at these
        ({"rules_version": "2"}, (LapseReason.RULES,)),
        ({"answers": "b" * 64}, (LapseReason.ANSWERS,)),
        ({"at": NOW + dt.timedelta(hours=12)}, ()),
        ({"at": NOW + dt.timedelta(hours=12, seconds=1)}, (LapseReason.TIME,)),
    ],
)
def test_what_ends_a_clearance(change: dict[str, Any], why: tuple[LapseReason, ...]):
    assert lapsed(CLEARED, replace(CLEARED, **change), hours=12) == why


def test_a_clearance_rests_on_answers_that_may_be_older():
    old = replace(CLEARED, answered_at=NOW - dt.timedelta(hours=3))
    assert lapsed(old, replace(CLEARED, at=NOW + dt.timedelta(hours=10)), hours=12) == (LapseReason.TIME,)


def test_what_was_left_open_is_covered_until_it_is_settled():
    open_ = replace(CLEARED, scope=Scope())
    assert lapsed(open_, replace(CLEARED, scope=replace(CALF, electro=True)), hours=12) == ()


# In the clinic


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a call that lets so many hours pass since noon, so that no test runs into midnight by chance."""
    noon = to_noon()
    moved = [noon]
    put_forward(monkeypatch, lambda: moved[0])

    def pass_(hours: float) -> None:
        moved[0] = noon + dt.timedelta(hours=hours)

    return pass_


def cleared() -> Visit:
    """A visit that a review cleared for consent."""
    visit, by = ready_for_review(blood_thinners="yes", blood_thinner_names=["apixaban"]), acting(practitioner())
    actions.save_plan(
        visit=visit, scope=Scope.of(["left_calf"], technique="superficial", electro=False, visits=3), by=by
    )
    for each in review_state(visit).undecided:
        actions.decide(flag=each.flag, outcome="cleared", reason="Asked.", by=by)
    actions.close_review(visit=visit, ending="consent", by=by)
    return Visit.objects.get(pk=visit.pk)


@pytest.mark.django_db
def test_a_review_that_closes_names_what_it_covered():
    visit = cleared()
    row, screening = Clearance.objects.get(), Screening.of(visit)
    assert screening
    assert row.screening == screening
    assert row.closing
    assert row.closing.ending == "consent"
    assert (row.answers_sha256, row.rules_version) == (answers_digest(screening.answers), rules.VERSION)
    scope = Scope.from_json(row.scope)
    assert (scope.regions, scope.technique, scope.electro) == (frozenset({"left_calf"}), "superficial", False)
    assert any(key.startswith("blood_thinners") for key in row.flags)


@pytest.mark.django_db
def test_where_no_review_is_needed_the_rules_clear():
    visit = ready_for_review()
    assert visit.at is Stage.CONSENTING
    assert (Clearance.objects.get().closing, Clearance.objects.get().flags) == (None, [])


@pytest.mark.django_db
def test_a_patient_who_comes_to_sign_too_late_goes_back_to_the_review(later: Any):
    visit = cleared()
    later(13)
    page = tablet_client(visit).get("/tablet/consent/sign/", follow=True)
    visit.refresh_from_db()
    assert visit.at is Stage.IN_REVIEW
    assert page.redirect_chain[-1][0] == "/tablet/"
    assert ClearanceLapse.objects.get().why == ["time"]
    for role, staff_page in ((Role.RECEPTION, "visits"), (Role.PRACTITIONER, "review")):
        user = receptionist() if role is Role.RECEPTION else practitioner()
        assert "it was too long ago" in staff_client(user).get(f"/{staff_page}/{visit.pk}/").text


@pytest.mark.django_db
def test_answers_of_another_day_hold_the_review_until_they_are_asked_again(later: Any):
    visit = ready_for_review(blood_thinners="yes", blood_thinner_names=["apixaban"])
    user = practitioner()
    by = acting(user)
    actions.save_plan(
        visit=visit, scope=Scope.of(["left_calf"], technique="superficial", electro=False, visits=3), by=by
    )
    for each in review_state(visit).undecided:
        actions.decide(flag=each.flag, outcome="cleared", reason="Asked.", by=by)
    later(20)
    with pytest.raises(NotAllowed, match="too long ago"):
        actions.close_review(visit=visit, ending="consent", by=by)
    assert "Ask again how the patient is" in staff_client(user).get(f"/review/{visit.pk}/").text
    new = actions.reopen(visit=visit, names=["eaten"], by=by, why="sent back")
    assert {"eaten", "infection_now", "pregnancy", "blood_thinners"} <= set(new.ask_again)
    assert "diabetes" in new.answers
    assert "infection_now" not in new.answers


@pytest.mark.django_db
def test_a_flag_that_is_new_since_then_ends_it():
    visit = cleared()
    correct_patient(patient=visit.patient, born=timezone.localdate() - dt.timedelta(days=16 * 365), by=_front())
    assert actions.lapse_if_due(review_state(visit), by=Actor()) == (LapseReason.FLAG,)
    assert visit.at is Stage.IN_REVIEW


@pytest.mark.django_db
def test_a_page_that_is_only_read_waits_for_no_turn_to_write():
    tablet = tablet_client(cleared())
    with CaptureQueriesContext(connection) as asked:
        page = tablet.get("/tablet/consent/about/")
    assert page.status_code == 200
    assert not [each["sql"] for each in asked if each["sql"].startswith(("BEGIN", "SAVEPOINT"))]
    assert len(asked) <= 26


def new_answer(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    make_screening(visit, blood_thinners="yes", blood_thinner_names=["apixaban"], epilepsy="yes")


def another_place(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    make_plan(visit, "left_calf", "right_calf")


def with_current(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    make_plan(visit, "left_calf", electro=True)


def new_rules(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "VERSION", "2999-01-01")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (new_answer, [LapseReason.ANSWERS, LapseReason.FLAG]),
        (another_place, [LapseReason.REGION]),
        (with_current, [LapseReason.ELECTRO]),
        (new_rules, [LapseReason.RULES]),
    ],
)
def test_what_was_not_cleared_is_not_signed_for(change: Any, why: list[LapseReason], monkeypatch: pytest.MonkeyPatch):
    visit = cleared()
    change(visit, monkeypatch)
    tablet = tablet_client(visit)
    held = Hold.objects.now().get(visit=visit)
    with pytest.raises(NotAllowed, match="look at this again"):
        consents.give(visit=visit, hold=held, shown="", signed=[], choices={}, by=Actor(tablet=held.tablet))
    tablet.get("/tablet/consent/sign/")
    visit.refresh_from_db()
    assert (visit.at, SignedConsent.of(visit)) == (Stage.IN_REVIEW, None)
    assert ClearanceLapse.objects.get().why == [each.value for each in why]
    review = staff_client(practitioner()).get(f"/review/{visit.pk}/").text
    assert all(each.words in review for each in why)


@pytest.mark.django_db
def test_less_than_was_cleared_is_still_cleared():
    visit, by = ready_for_review(epilepsy="yes"), acting(practitioner())
    both = ["left_calf", "right_calf"]
    actions.save_plan(visit=visit, scope=Scope.of(both, technique="superficial", electro=True, visits=3), by=by)
    for each in review_state(visit).undecided:
        actions.decide(flag=each.flag, outcome="cleared", reason="Asked.", by=by)
    actions.close_review(visit=visit, ending="consent", by=by)
    make_plan(visit, "left_calf", electro=False)
    assert actions.lapse_if_due(review_state(visit), by=Actor()) == ()


@pytest.mark.django_db
def test_new_rules_end_it(monkeypatch: pytest.MonkeyPatch):
    visit = cleared()
    monkeypatch.setattr(rules, "VERSION", "2999-01-01")
    assert actions.lapse_if_due(review_state(visit), by=Actor()) == (LapseReason.RULES,)


@pytest.mark.django_db
def test_what_was_signed_too_long_ago_is_not_confirmed(later: Any):
    visit = sign()
    later(13)
    done = consents.confirm(visit=visit, plan=PLAN, teach_back=WELL, by=acting(practitioner()))
    assert isinstance(done, consents.SentBack)
    assert "it was too long ago" in done.why
    visit.refresh_from_db()
    assert (visit.at, SignedConsent.of(visit)) == (Stage.IN_REVIEW, None)


@pytest.mark.django_db
def test_the_hours_are_a_setting(later: Any):
    change_policy(clearance_hours=24, by=acting(manager(), Role.MANAGER))
    visit = cleared()
    later(13)
    assert actions.lapse_if_due(review_state(visit), by=Actor()) == ()


@pytest.mark.django_db
def test_once_cleared_again_the_lapse_is_told_no_longer(later: Any):
    later(-13)
    visit = cleared()
    later(0)
    actions.lapse_if_due(review_state(visit), by=Actor())
    by = acting(practitioner())
    actions.reopen(visit=visit, names=["eaten"], by=by, why="sent back")
    tablet, _ = make_tablet()
    hold(visit, tablet)
    again = {"eaten": "yes"} | _of_the_day()
    actions.answer(visit=visit, given=again, by=Actor(tablet=tablet))
    actions.submit(visit=visit, by=Actor(tablet=tablet))
    for each in review_state(visit).undecided:
        actions.decide(flag=each.flag, outcome="cleared", reason="Asked.", by=by)
    actions.close_review(visit=visit, ending="consent", by=by)
    assert "No longer cleared" not in staff_client(receptionist()).get(f"/visits/{visit.pk}/").text


def _of_the_day() -> dict[str, Any]:
    from screening.domain.questionnaire import ON_THE_DAY, all_clear

    return {name: value for name, value in all_clear().items() if name in ON_THE_DAY}


def _front() -> Actor:
    return acting(receptionist(), Role.RECEPTION)
