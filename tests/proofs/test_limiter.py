"""Wrong tries are counted by account, in one place for all processes, and forgotten by time or by command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from clinic.accounts.adapters import WAIT
from clinic.models import Journal
from tests.support.factories import PASSWORD, code_for, receptionist
from tests.support.repository import ROOT

GUESSES, PROCESSES = 5, 16
GUESS = f"""
import sys, django
django.setup()
from django.test import Client
for number in range({GUESSES}):
    visitor = Client(REMOTE_ADDR="10.0.%s.%d" % (sys.argv[1], number), HTTP_HOST="localhost")
    answer = visitor.post("/login/", {{"login": "ada", "password": "wrong %d" % number}})
    print("refused" if {WAIT!r} in answer.text else "evaluated" if answer.status_code == 422 else "odd", flush=True)
"""
MAKE = "import django; django.setup(); from clinic.models import User; User.objects.create_user('ada', password='x')"


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
def test_another_name_of_this_server_gives_no_more_tries(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    user = receptionist()
    for number in range(5):
        tried(user.username, "wrong", Client(HTTP_HOST=f"name{number}.example"), home=f"10.0.0.{number}")
    assert WAIT in tried(user.username, PASSWORD, Client(HTTP_HOST="name5.example"), home="10.0.1.1")


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


def guessed(folder: Path, **changes: str) -> list[str]:
    """Let sixteen processes guess at one account; return what became of each guess."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("CLINIC_", "DATABASE_URL"))}
    env = keep | {"CLINIC_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "clinic.settings"}
    env |= {"CLINIC_SECRET_KEY": "x" * 40, **changes}
    python = [sys.executable, "-W", "ignore"]
    for command in (["manage.py", "migrate", "-v0"], ["manage.py", "collectstatic", "--noinput", "-v0"], ["-c", MAKE]):
        subprocess.run([*python, *command], cwd=ROOT, env=env, check=True)
    guessing = [
        subprocess.Popen([*python, "-c", GUESS, str(number)], cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE)
        for number in range(PROCESSES)
    ]
    said = [word for process in guessing for word in process.communicate()[0].split()]
    assert len(said) == GUESSES * PROCESSES
    return said


@pytest.mark.heavy
def test_sixteen_processes_get_five_guesses_between_them(tmp_path: Path) -> None:
    said = guessed(tmp_path)
    assert sorted(set(said)) == ["evaluated", "refused"]
    assert said.count("evaluated") == 5


@pytest.mark.heavy
def test_processes_that_count_each_for_itself_let_all_guesses_through(tmp_path: Path) -> None:
    """The control."""
    said = guessed(tmp_path, DJANGO_SETTINGS_MODULE="tests.support.server_settings", TEST_COUNTED_APART="yes")
    assert said.count("evaluated") > 5
