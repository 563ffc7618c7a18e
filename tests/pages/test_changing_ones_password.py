"""A staff member changes the password: with the one there is, twice the new one, and signed out everywhere else."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from clinic.models import Journal
from tests.support.factories import PASSWORD, receptionist, staff_client

pytestmark = pytest.mark.django_db

NEW = "seven quiet herons wading"


@pytest.fixture(autouse=True)
def _nobody_tried_before():
    cache.clear()


def typed(old: str = PASSWORD, new: str = NEW, again: str = NEW) -> dict[str, str]:
    return {"oldpassword": old, "password1": new, "password2": again}


def test_it_takes_the_old_one_and_signs_out_elsewhere():
    me = receptionist()
    here, elsewhere = staff_client(me), staff_client(me)
    answer = here.post(reverse("account_change_password"), typed())
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("mfa_index"))
    me.refresh_from_db()
    assert me.check_password(NEW)
    assert here.get(reverse("board")).status_code == 200
    assert elsewhere.get(reverse("board")).headers["Location"].startswith(reverse("account_login"))
    assert Journal.objects.get(action="password changed").user == me


def test_a_long_password_is_taken_wherever_one_is_typed():
    me, long = receptionist(), "seven quiet herons wading " * 12
    assert len(long) > 300
    here = staff_client(me)
    assert here.post(reverse("account_change_password"), typed(new=long, again=long)).status_code == 302
    again = {"password": long, "next": reverse("mfa_index")}
    assert here.post(reverse("account_reauthenticate"), again).headers["Location"] == reverse("mfa_index")
    assert Client().post(reverse("account_login"), {"login": me.username, "password": long}).status_code == 302
    shorter = Client().post(reverse("account_login"), {"login": me.username, "password": long[:200]})
    assert shorter.status_code == 422  # the control: all of it counts


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (typed(old="not my password"), "current password"),
        (typed(new="too short", again="too short"), "12 characters"),
        (typed(new="dry needling clinic", again="dry needling clinic"), "password"),
        (typed(again="seven quiet herons wadin"), "same password"),
        (typed(old=""), "that you sign in with"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(sent: dict[str, str], says: str):
    me = receptionist()
    answer = staff_client(me).post(reverse("account_change_password"), sent)
    assert answer.status_code == 422
    assert says in answer.text
    me.refresh_from_db()
    assert me.check_password(PASSWORD)


def test_the_old_one_is_not_to_be_guessed_here():
    client = staff_client(receptionist())
    tries = [client.post(reverse("account_change_password"), typed(old="a guess")).status_code for _ in range(7)]
    assert tries == [422] * 5 + [429] * 2
