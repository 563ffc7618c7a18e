"""Wrong tries are counted by account, in one place for all processes, and forgotten by time or by command."""

from __future__ import annotations

import io

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from clinic.accounts import WAIT
from clinic.models import Journal
from tests.factories import PASSWORD, code_for, receptionist


def tried(username: str, password: str, client: Client | None = None, *, home: str = "10.0.0.1") -> str:
    return (client or Client()).post("/login/", {"login": username, "password": password}, REMOTE_ADDR=home).text


@pytest.mark.django_db
def test_after_five_wrong_passwords_even_the_right_one_waits_and_a_command_lets_on() -> None:
    user = receptionist()
    for number in range(5):
        name = user.username.upper() if number % 2 else user.username
        assert WAIT not in tried(name, "wrong", home=f"10.0.0.{number}")
    assert WAIT in tried(user.username, PASSWORD, home="10.0.1.1")
    other = receptionist()
    assert WAIT not in tried(other.username, "wrong", home="10.0.1.2")
    call_command("unlock", user.username, stdout=io.StringIO())
    assert WAIT not in tried(user.username, PASSWORD, home="10.0.1.3")
    assert Journal.objects.get(action="sign-in unlocked").data == {"staff": user.pk}
    with pytest.raises(CommandError, match="nobody called"):
        call_command("unlock", "stranger")


@pytest.mark.django_db
def test_after_five_wrong_codes_even_the_right_one_waits() -> None:
    user = receptionist()
    code = code_for(user)
    client = Client()
    tried(user.username, PASSWORD, client)
    for number in range(5):
        assert WAIT not in client.post("/login/code/", {"code": f"00000{number}"}).text
    assert WAIT in client.post("/login/code/", {"code": code}).text


def test_all_processes_count_in_one_table_that_a_flood_of_names_does_not_empty() -> None:
    from clinic import settings as real

    assert real.CACHES["default"]["BACKEND"].endswith("DatabaseCache")
    assert int(real.CACHES["default"]["OPTIONS"]["MAX_ENTRIES"]) >= 100_000
    assert settings.AUTHENTICATION_BACKENDS == ["allauth.account.auth_backends.AuthenticationBackend"]
