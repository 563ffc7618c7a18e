"""Sessions end: by the clock of the server, by their owner, by a manager, and when somebody leaves."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from clinic.models import Journal, Role, User
from clinic.records import staff
from tests.support.factories import PASSWORD, acting, code_for, make_tablet, manager, receptionist, staff_client

pytestmark = pytest.mark.django_db
MINUTE = 60


def earlier(client: Client, seconds: float, *, sign_in: float = 0) -> None:
    """Let all that the session noted have been ``seconds`` earlier; its sign-in ``sign_in`` earlier still."""
    session = client.session
    for name in ("seen", "account_authentication_methods"):
        if name == "seen" and name in session:
            session[name] -= seconds
    records = [dict(each) for each in session["account_authentication_methods"]]
    for each in records:
        each["at"] -= seconds + sign_in
    session["account_authentication_methods"] = records
    session.save()


def really_in(user: User) -> Client:
    """Sign in through the pages, so that the session is one of the list."""
    client = Client()
    code = code_for(user)
    client.post("/login/", {"login": user.username, "password": PASSWORD})
    client.post("/login/code/", {"code": code})
    assert client.get("/board/").status_code == 200
    return client


@pytest.mark.parametrize(("minutes", "still_in"), [(14.9, True), (15, False)])
def test_a_session_nobody_uses_ends_after_fifteen_minutes(minutes: float, still_in: bool) -> None:
    client = staff_client(receptionist())
    earlier(client, minutes * MINUTE)
    assert (client.get("/board/").status_code == 200) is still_in
    ended = Journal.objects.filter(action="session ended").values_list("data", flat=True)
    assert list(ended) == ([] if still_in else [{"why": "idle"}])


def test_what_an_open_page_asks_for_on_its_own_keeps_nobody_signed_in() -> None:
    client = staff_client(receptionist())
    for _ in range(2):
        earlier(client, 8 * MINUTE)
        client.get("/urgent/")
    assert client.get("/board/").url.startswith("/login/")


def test_clicks_keep_a_session_for_ten_hours_and_no_longer() -> None:
    client = staff_client(receptionist())
    for _ in range(3):
        earlier(client, 14 * MINUTE)
        assert client.get("/board/").status_code == 200
    earlier(client, 0, sign_in=9 * 60 * MINUTE)
    assert client.get("/board/").status_code == 200
    earlier(client, 0, sign_in=20 * MINUTE)
    assert client.get("/board/").url.startswith("/login/")
    assert Journal.objects.get(action="session ended").data == {"why": "age"}


def test_the_owner_sees_and_ends_sessions() -> None:
    user = receptionist()
    here, there = really_in(user), really_in(user)
    page = here.get("/account/sessions/")
    assert page.text.count("this one") == 2  # the row, and the button for all the others
    here.post("/account/sessions/")
    assert here.get("/board/").status_code == 200
    assert there.get("/board/").url.startswith("/login/")
    assert Journal.objects.get(action="sessions ended").data == {"staff": user.pk, "count": 1}


def test_nobody_ends_a_strangers_session() -> None:
    victim = really_in(receptionist())
    number = victim.get("/account/sessions/").context["sessions"][0].pk
    really_in(receptionist()).post("/account/sessions/", {"end": str(number)})
    assert victim.get("/board/").status_code == 200


def test_a_manager_ends_a_colleagues_sessions() -> None:
    user = receptionist()
    away = really_in(user)
    boss = staff_client(manager())
    assert "Signed in at 1 place now" in boss.get(f"/manage/staff/{user.pk}/").text
    boss.post(f"/manage/staff/{user.pk}/end-sessions/")
    assert away.get("/board/").url.startswith("/login/")


def test_a_leavers_sessions_are_gone_and_do_not_come_back() -> None:
    user = receptionist()
    away = really_in(user)
    user.is_active = False
    staff.save_staff(user=user, by=acting(manager(), Role.MANAGER))
    user.is_active = True
    user.save()
    assert away.get("/board/").url.startswith("/login/")


def test_who_signed_in_a_while_ago_is_asked_again_and_then_goes_on() -> None:
    boss = manager()
    client = staff_client(boss)
    one, _ = make_tablet()
    address = f"/manage/tablets/{one.pk}/code/"
    earlier(client, 6 * MINUTE)
    asked = client.post(address)
    assert asked.url.startswith("/account/again/?next=")
    assert not Journal.objects.filter(action="pairing code made").exists()
    assert client.post(asked.url, {"password": "wrong", "next": address}).status_code == 422
    gone_on = client.post(asked.url, {"password": PASSWORD, "next": address})
    assert gone_on.status_code == 200
    assert "pairing-code" in gone_on.text
    assert Journal.objects.filter(action="pairing code made").count() == 1


@pytest.mark.parametrize(
    ("address", "given"),
    [
        ("/manage/tablets/", {"name": "Front 9"}),
        ("/manage/staff/add/", {"full_name": "New"}),
        ("/manage/staff/{}/link/", {}),
        ("/manage/staff/{}/end-sessions/", {}),
        ("/manage/tablets/{}/revoke/", {}),
        ("/account/sessions/", {}),
    ],
)
def test_what_needs_a_fresh_sign_in_asks_for_it(address: str, given: dict[str, Any]) -> None:
    boss = manager()
    client = staff_client(boss)
    earlier(client, 6 * MINUTE)
    assert client.post(address.format(boss.pk), given).url.startswith("/account/again/")
