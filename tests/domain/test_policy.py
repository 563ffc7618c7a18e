"""The clinic's settings: defaults on the safe side, limits in the message, changes on record."""

import pytest

from clinic.domain.policy import SETTINGS, Policy, setting
from clinic.models import PolicyChange, Role
from clinic.records import staff
from tests.support.factories import acting, manager, staff_client


def test_every_setting_has_a_label_a_reason_and_an_allowed_default():
    for name, how in SETTINGS.items():
        assert how.label
        assert how.reason
        assert how.clean(name, getattr(Policy(), name)) == getattr(Policy(), name)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("pregnancy", "ignore", "stop or review"),
        ("needle_fear_stop", 11, "1 to 10"),
        ("needle_fear_stop", True, "1 to 10"),
        ("inr_limit", float("nan"), "1 to 6"),
        ("inr_limit", "3", "1 to 6"),
        ("seizure_days", 1.5, "whole number"),
        ("nothing", 1, "pregnancy"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(name, value, allowed):
    with pytest.raises(ValueError, match=name) as refusal:
        Policy().but(**{name: value})
    assert allowed in str(refusal.value)


def test_the_review_band_of_needle_fear_does_not_begin_above_the_stop_band():
    with pytest.raises(ValueError, match="needle_fear_review"):
        Policy().but(needle_fear_review=9)


def test_an_unknown_setting_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="no such setting; allowed: pregnancy"):
        setting("pregnant")


@pytest.mark.django_db
def test_a_change_is_a_row_and_the_latest_counts():
    boss = acting(manager(), Role.MANAGER)
    assert staff.change_policy(by=boss, inr_limit=3.0, pregnancy="stop") == ["inr_limit"]
    staff.change_policy(by=boss, inr_limit=2.5)
    assert PolicyChange.objects.policy() == Policy().but(inr_limit=2.5)
    assert PolicyChange.objects.count() == 2


@pytest.mark.django_db
def test_the_settings_page_saves_and_says_what_is_allowed():
    client = staff_client(manager())
    now = {name: getattr(Policy(), name) for name in SETTINGS}
    wrong = client.post("/manage/settings/", {**now, "inr_limit": "9"})
    assert wrong.status_code == 422
    assert "a number from 1 to 6" in wrong.text
    assert client.post("/manage/settings/", {**now, "inr_limit": "3.0", "clinic_name": "Riverside"}).status_code == 302
    assert PolicyChange.objects.policy().inr_limit == 3.0
    assert "Riverside" in client.get("/manage/settings/").text
