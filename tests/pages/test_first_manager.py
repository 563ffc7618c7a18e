"""Everybody comes to an account by a link that works once; the first manager's is made on the server's terminal."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from clinic.models import Enrolment, Journal, PolicyChange, Role, User
from tests.support.factories import code_for, code_of_key, manager, receptionist, staff_client

pytestmark = pytest.mark.django_db
WORDS = "a long enough sentence"


def createstaff(*arguments: str) -> str:
    """Return the token in the link that the command prints."""
    said = io.StringIO()
    call_command("createstaff", *arguments, stdout=said)
    link = re.search(r"(http\S+)/enrol/#(\S+)", said.getvalue())
    assert link, said.getvalue()
    assert link[1] == "http://localhost:8000"
    return link[2]


def enrolled(client: Client, token: str, password: str = WORDS) -> Any:
    return client.post("/enrol/", {"code": token, "password": password, "again": password})


def test_the_first_manager_enrols_and_adds_staff() -> None:
    client, token = Client(), createstaff("ada", "Ada Manager")
    assert User.objects.get(username="ada").roles == {Role.MANAGER}
    assert client.get("/enrol/").status_code == 200
    assert enrolled(client, token).url == reverse("mfa_index")
    assert client.get(reverse("add_staff")).url == reverse("mfa_index")
    client.get(reverse("mfa_activate_totp"))
    client.post(reverse("mfa_activate_totp"), {"code": code_of_key(client.session[SECRET_SESSION_KEY])})
    assert client.get(reverse("add_staff")).status_code == 200
    told = Journal.objects.order_by("seq").values_list("action", flat=True)
    steps = ["staff added", "enrolment link made", "enrolled", "sign-in unlocked", "signed in", "second factor added"]
    assert list(told[:6]) == steps


def test_a_link_works_once_and_for_half_an_hour() -> None:
    token = createstaff("ada", "Ada Manager")
    assert enrolled(Client(), token).status_code == 302
    assert "does not work" in enrolled(Client(), token).text
    late = createstaff("ben", "Ben Manager")
    link = Enrolment.objects.get(user__username="ben")
    assert link.expires_at - Journal.objects.filter(action="enrolment link made").latest("seq").at < dt.timedelta(
        minutes=31
    )
    Enrolment.objects.filter(pk=link.pk).update(expires_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    assert enrolled(Client(), late).status_code == 422
    assert not User.objects.get(username="ben").has_usable_password()


def test_a_newer_link_ends_the_older_and_a_leaver_has_none() -> None:
    first = createstaff("ada", "Ada Manager")
    second = createstaff("ada", "--again")
    assert enrolled(Client(), first).status_code == 422
    User.objects.update(is_active=False)
    assert enrolled(Client(), second).status_code == 422
    with pytest.raises(CommandError, match="nobody called ada"):
        createstaff("ada", "--again")


def test_the_token_is_not_kept() -> None:
    token = createstaff("ada", "Ada Manager")
    assert token not in str(list(Enrolment.objects.values())) + str(list(Journal.objects.values()))


@pytest.mark.parametrize(("password", "said"), [("short", "12"), ("password1234", "common"), ("", "Choose a password")])
def test_a_poor_password_is_refused_and_the_link_stays(password: str, said: str) -> None:
    token = createstaff("ada", "Ada Manager")
    refused = enrolled(Client(), token, password)
    assert refused.status_code == 422
    assert said in refused.text
    assert enrolled(Client(), token).status_code == 302


@pytest.mark.parametrize("password", ["Physiotherapy-2026", "DryNeedling!2026", "riverside consent"])
def test_words_of_the_clinic_and_the_trade_make_no_password(password: str) -> None:
    PolicyChange.objects.create(name="clinic_name", value="Riverside Rooms", by=manager())
    assert "anybody would try here" in enrolled(Client(), createstaff("ada", "Ada Manager"), password).text
    assert enrolled(Client(), createstaff("ben", "Ben Manager"), f"{password} at the harbour").status_code == 302


def test_a_name_that_is_taken_is_refused() -> None:
    createstaff("ada", "Ada Manager")
    with pytest.raises(CommandError, match="username"):
        createstaff("ada", "Ada Manager")


def test_a_manager_gives_somebody_who_lost_everything_a_new_start() -> None:
    person = receptionist()
    old = code_for(person)
    away = staff_client(person)
    page = staff_client(manager()).post(f"/manage/staff/{person.pk}/link/")
    token = re.search(r"/enrol/#([\w-]+)", page.text)
    assert token
    assert page.status_code == 200
    assert enrolled(Client(), token[1]).status_code == 302
    assert not Authenticator.objects.exists()
    assert away.get("/board/").url.startswith("/login/")
    assert old not in str(list(Authenticator.objects.values()))


def test_reception_makes_no_links() -> None:
    person = receptionist()
    assert staff_client(receptionist()).post(f"/manage/staff/{person.pk}/link/").status_code == 404
