"""Going ahead against a stop, and what else a practitioner vouches for, with no browser."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.reauthentication import WRONG_TRIES, Rechecked
from clinic.domain.body_regions import CONCRETE
from clinic.domain.flow import NotAllowed
from clinic.models import Journal
from screening import actions
from screening.assessment.review_state import review_state
from screening.domain import attestations, body_map
from screening.domain.talk import ALWAYS, CORRECT
from screening.models import Attestation, Decision
from tests.support.factories import PASSWORD, acting, practitioner, ready_for_review, rechecked, staff_client

pytestmark = pytest.mark.django_db


def pregnant() -> tuple[Any, Any, str]:
    visit = ready_for_review(pregnancy="yes", pregnancy_weeks=22)
    flag = review_state(visit).flags[0].flag
    return visit, flag, reverse("review_ahead", args=[visit.pk, flag.pk])


def test_no_stop_is_cleared_without_the_password_of_who_decides():
    _, flag, _ = pregnant()
    by, other = acting(practitioner()), practitioner()
    for proof in (None, Rechecked(user=other.pk, at=timezone.now())):
        with pytest.raises(NotAllowed, match="type your password again"):
            actions.decide(flag=flag, outcome="cleared", reason="Fine.", rechecked=proof, by=by)
    assert not Decision.objects.exists()


@pytest.mark.parametrize("reason", ["", " \n"])
def test_no_stop_is_cleared_without_a_typed_reason(reason: str):
    _, flag, address = pregnant()
    user = practitioner()
    by = acting(user)
    with pytest.raises(NotAllowed, match="say why"):
        actions.decide(flag=flag, outcome="cleared", reason=reason, rechecked=rechecked(by), by=by)
    sent = {"way": "ahead", "reason": reason, "precaution": "", "password": PASSWORD}
    assert staff_client(user).post(address, sent).status_code == 422
    assert not Decision.objects.exists()


def test_the_proof_is_kept_with_the_decision_and_only_where_it_was_asked_for():
    visit, flag, address = pregnant()
    user = practitioner()
    sent = {"way": "ahead", "reason": "Her midwife asks for it.", "precaution": "", "password": PASSWORD}
    staff_client(user).post(address, sent)
    ahead = Decision.objects.get(flag=flag)
    assert ahead.identity_checked_at is not None
    assert ahead.identity_checked_at <= ahead.at
    assert (ahead.by, ahead.reason) == (user, "Her midwife asks for it.")
    assert Journal.objects.filter(action="identity checked again", user=user, visit=visit).count() == 1
    review = review_state(ready_for_review(epilepsy="yes")).flags[0].flag
    by = acting(user)
    assert actions.decide(flag=review, outcome="cleared", reason="Old.", rechecked=rechecked(by), by=by)
    assert Decision.objects.get(flag=review).identity_checked_at is None


def test_wrong_passwords_are_counted_and_then_even_the_right_one_waits():
    _, flag, address = pregnant()
    user = practitioner()
    desk = staff_client(user)
    sent = {"way": "ahead", "reason": "Asked for <b>.", "precaution": "", "password": "wrong"}
    for _ in range(WRONG_TRIES):
        response = desk.post(address, sent)
        assert response.status_code == 422
        assert "Asked for &lt;b&gt;." in response.content.decode()
    late = desk.post(address, {**sent, "password": PASSWORD})
    assert "Too many wrong passwords." in late.content.decode()
    assert not Decision.objects.exists()
    assert Journal.objects.filter(action="identity check refused", user=user).count() == WRONG_TRIES
    # A colleague is not held up by it.
    assert staff_client(practitioner()).post(address, {**sent, "password": PASSWORD}).status_code in (302, 422)
    assert flag.pk


def test_the_password_comes_back_on_no_page():
    _, _, address = pregnant()
    html = staff_client(practitioner()).post(address, {"way": "ahead", "password": PASSWORD}).content.decode()
    assert "Say why you go ahead against this stop." in html
    assert PASSWORD not in html


def test_anything_but_the_quiet_button_is_the_safe_way():
    visit, _, address = pregnant()
    sent = {"reason": "Fine.", "precaution": "", "password": PASSWORD}
    for way in ({}, {"way": "safe"}, {"way": "nonsense"}):
        assert staff_client(practitioner()).post(address, {**sent, **way}).url.endswith(f"/review/{visit.pk}/#stop")
    assert not Decision.objects.exists()


@pytest.mark.parametrize("changes", [{"wants_treatment": "no"}, {"epilepsy": "yes"}])
def test_there_is_no_going_ahead_where_the_rules_allow_none_or_nothing_stops(changes):
    visit = ready_for_review(**changes)
    flag = review_state(visit).flags[0].flag
    address = reverse("review_ahead", args=[visit.pk, flag.pk])
    assert staff_client(practitioner()).get(address).url == reverse("review", args=[visit.pk])
    html = staff_client(practitioner()).get(reverse("review", args=[visit.pk])).content.decode()
    assert "Go ahead against this stop" not in html


def test_every_region_is_drawn_and_nothing_else():
    assert set(body_map.SHAPES) == set(CONCRETE)
    assert all(body_map.SHAPES.values())
    drawn = [shape for shapes in body_map.SHAPES.values() for shape in shapes]
    assert len(drawn) == len(set(drawn))


def test_the_left_of_the_patient_is_at_the_right_of_who_looks_from_the_front():
    def middle(shape: str) -> float:
        across = [int(point.split(",")[0]) for point in shape.strip("MZ").split("L")]
        return sum(across) / len(across)

    front, back = body_map.SHAPES["left_shoulder"]
    assert middle(front) > 105
    assert middle(back) < 335


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "Type the pulse"),
        ({"pulse": 29}, "from 30 to 220"),
        ({"pulse": 221}, "from 30 to 220"),
        ({"systolic": 120}, "both values"),
        ({"systolic": 80, "diastolic": 80}, "must be higher"),
        ({"systolic": 1200, "diastolic": 80}, "from 60 to 260"),
        ({"pulse": True}, "from 30 to 220"),
    ],
)
def test_a_measurement_that_cannot_be_is_refused_with_what_can(data, says):
    with pytest.raises(ValueError, match=says):
        attestations.vitals(data)


@pytest.mark.parametrize(
    ("upper", "lower", "high"), [(179, 109, False), (180, 80, True), (150, 110, True), (120, 80, False)]
)
def test_a_very_high_blood_pressure_holds_until_it_is_spoken_of(upper, lower, high):
    visit = ready_for_review(epilepsy="yes")
    by = acting(practitioner())
    taken: dict[str, object] = {"systolic": upper, "diastolic": lower}
    actions.attest(visit=visit, kind="vitals", data=taken, by=by)
    assert any("very high" in hold for hold in review_state(visit).holds) == high
    actions.attest(visit=visit, kind="vitals", data={**taken, "note": "Her doctor knows."}, by=by)
    assert not any("very high" in hold for hold in review_state(visit).holds)


def test_help_before_the_second_failure_is_no_help_after_it():
    visit = ready_for_review(epilepsy="yes")
    by = acting(practitioner())
    helped = {"helped": "A drawing", "reason": "Pointed at it."}
    actions.attest(visit=visit, kind="capacity", data=helped, by=by)
    for _ in range(2):
        actions.attest(visit=visit, kind="talk", data={"teach_back": {"prompt_1": "not_able"}}, by=by)
    actions.attest(visit=visit, kind="talk", data={"teach_back": dict.fromkeys(ALWAYS, CORRECT)}, by=by)
    assert review_state(visit).needs_help
    actions.attest(visit=visit, kind="capacity", data=helped, by=by)
    assert not review_state(visit).needs_help


def test_a_guardian_is_for_patients_under_age_and_told_whole():
    by = acting(practitioner())
    told = {"name": "Ewa", "relationship": "mother", "authority": "Said so"}
    with pytest.raises(NotAllowed, match="of age"):
        actions.attest(visit=ready_for_review(epilepsy="yes"), kind="guardian", data=told, by=by)
    young = ready_for_review(epilepsy="yes")
    young.patient.born = timezone.localdate() - dt.timedelta(days=5000)
    young.patient.save()
    with pytest.raises(NotAllowed, match="authority"):
        actions.attest(visit=young, kind="guardian", data={**told, "authority": " "}, by=by)
    actions.attest(visit=young, kind="guardian", data=told, by=by)
    assert Attestation.objects.get().data == told
