"""The first manager is added from the server's terminal; nobody in the app could add one."""

from __future__ import annotations

import io
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from clinic.models import Journal, Role, User
from tests.factories import code_of_key

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough sentence"


def add(monkeypatch: Any, username: str, password: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    call_command("add_manager", username, "Ada Manager", stdout=io.StringIO())


def test_the_first_manager_can_sign_in_and_add_staff(monkeypatch: Any) -> None:
    add(monkeypatch, "ada", PASSWORD)
    assert User.objects.get(username="ada").roles == {Role.MANAGER}
    assert Journal.objects.filter(action="staff added").count() == 1
    client = Client()
    client.post(reverse("account_login"), {"login": "ada", "password": PASSWORD})
    assert client.get(reverse("add_staff")).url == reverse("mfa_index")
    client.get(reverse("mfa_activate_totp"))
    client.post(reverse("mfa_activate_totp"), {"code": code_of_key(client.session[SECRET_SESSION_KEY])})
    assert client.get(reverse("add_staff")).status_code == 200


@pytest.mark.parametrize(("password", "said"), [("short", "12"), ("", "needs a password")])
def test_a_poor_password_adds_nobody(monkeypatch: Any, password: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        add(monkeypatch, "ada", password)
    assert not User.objects.exists()


def test_a_name_that_is_taken_is_refused(monkeypatch: Any) -> None:
    add(monkeypatch, "ada", PASSWORD)
    with pytest.raises(CommandError, match="username"):
        add(monkeypatch, "ada", PASSWORD)
