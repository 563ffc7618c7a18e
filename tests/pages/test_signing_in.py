"""Staff come in with a second factor, and with nothing less."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, URLResolver, get_resolver, reverse

from clinic.accounts import mfa_secrets
from clinic.models import Journal, Role, User
from clinic.storage import master_keys
from tests.support.factories import (
    PASSWORD,
    code_for,
    code_of_key,
    manager,
    practitioner,
    receptionist,
    sign_in,
    staff_client,
)
from tests.support.repository import ROOT

pytestmark = pytest.mark.django_db
APP = "/account/app/add/"


def with_password(user: User) -> Client:
    """Return a client that typed the password."""
    client = Client()
    client.post("/login/", {"login": user.username, "password": PASSWORD})
    return client


def added_app(client: Client) -> str:
    """Add an authenticator app as its owner would; return the key in it."""
    client.get(APP)
    key = str(client.session[SECRET_SESSION_KEY])
    assert client.post(APP, {"code": code_of_key(key)}).url == "/account/codes/"
    return key


def told() -> list[str]:
    return list(Journal.objects.order_by("seq").values_list("action", flat=True))


def staff_pages() -> list[str]:
    """Return an address of each view that names a role."""
    patterns: list[Any] = [
        each
        for top in get_resolver().url_patterns
        for each in (top.url_patterns if isinstance(top, URLResolver) else [top])
    ]
    named = [each for each in patterns if set(Role) & set(getattr(each.callback, "may_open", ()))]
    return [reverse(each.name, kwargs=dict.fromkeys(each.pattern.converters, 1)) for each in named]


@pytest.mark.parametrize("who", [receptionist, practitioner, manager])
def test_the_password_alone_opens_no_staff_page(who: Any) -> None:
    user = who()
    client = with_password(user)
    addresses = staff_pages()
    assert len(addresses) > 40
    assert {client.get(address).url for address in addresses} == {"/account/"}
    page = client.get("/account/")
    assert "add a second factor" in page.text
    assert "/urgent/" not in page.text
    assert "/board/" not in page.text


def test_an_app_is_added_and_lets_in_with_ten_codes_shown_once() -> None:
    client = with_password(receptionist())
    added_app(client)
    assert client.get("/account/codes/").text.count("<code>") == 10
    assert client.get("/account/codes/").text.count("<code>") == 0
    assert client.get("/board/").status_code == 200
    assert told() == ["signed in", "second factor added", "board opened"]


def test_the_next_sign_in_asks_for_the_code_and_takes_each_once() -> None:
    user = receptionist()
    key = added_app(with_password(user))
    first, second = with_password(user), with_password(user)
    assert first.get("/board/").url == "/login/?next=/board/"
    assert first.get("/login/").url == "/login/code/"
    code = code_of_key(key)
    assert first.post("/login/code/", {"code": code}).url == "/board/"
    assert first.get("/board/").status_code == 200
    refused = second.post("/login/code/", {"code": code})
    assert refused.status_code == 422
    assert "was used already" in refused.text
    assert second.get("/board/").url == "/login/?next=/board/"
    assert told()[2:4] == ["signed in by app", "board opened"]
    assert "second factor refused" in told()


def test_a_recovery_code_signs_in_once() -> None:
    user = receptionist()
    code = code_for(user)
    assert with_password(user).post("/login/code/", {"code": code}).url == "/board/"
    assert with_password(user).post("/login/code/", {"code": code}).status_code == 422
    assert "signed in by recovery code" in told()


def test_a_session_from_before_the_second_factor_is_worth_nothing_after_it() -> None:
    user = receptionist()
    before = with_password(user)
    added_app(with_password(user))
    assert before.get("/account/").url == "/login/"
    assert before.get(APP).url.startswith("/login/")


def test_the_last_second_factor_stays() -> None:
    client = with_password(receptionist())
    added_app(client)
    assert "your only second factor" in client.get("/account/app/remove/").text
    assert client.post("/account/app/remove/").status_code == 422
    assert Authenticator.objects.filter(type=Authenticator.Type.TOTP).exists()


def test_new_recovery_codes_take_the_place_of_the_old() -> None:
    user = receptionist()
    old = code_for(user)
    client = staff_client(user)
    assert client.post("/account/codes/new/").url == "/account/codes/"
    assert old not in client.get("/account/codes/").text
    assert "recovery codes made" in told()
    assert with_password(user).post("/login/code/", {"code": old}).status_code == 422


CODES = "/account/codes/new/"
FACTOR_PAGES = ["/account/passkeys/add/", "/account/passkeys/{}/remove/", APP, "/account/app/remove/", CODES]


def with_factors(page: str) -> tuple[str, str, Client]:
    """Have somebody with a code whose ``page`` is there to open; return its address, the code, and who is signed in."""
    user = receptionist()
    code = code_for(user)
    if "remove" in page:  # two of them: the last one stays
        passkey = Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "Desk"})
        page = page.format(passkey.pk)
    if page == APP:  # only one app at a time: this one is left with recovery codes
        Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
    return page, code, staff_client(user)


def make_old(client: Client, *methods: str) -> None:
    """Let it be more than five minutes ago that these were shown."""
    session = client.session
    session["account_authentication_methods"] = [
        {**each, "at": each["at"] - 301 * (each["method"] in methods)}
        for each in session["account_authentication_methods"]
    ]
    session.save()


@pytest.mark.parametrize("page", FACTOR_PAGES)
def test_factors_change_only_for_who_signed_in_lately(page: str) -> None:
    page, code, client = with_factors(page)
    assert client.get(page).status_code == 200
    make_old(client, "password", "mfa")
    asked, then = "/account/again/", "/account/again/code/"
    assert client.get(page).url.partition("?")[0] == asked
    assert client.post(asked, {"password": "wrong", "next": page}).status_code == 422
    client.post(asked, {"password": PASSWORD, "next": page})
    assert client.get(page).url.partition("?")[0] == then  # the password alone is half of it
    assert client.post(then, {"code": code, "next": page}).url == page
    assert client.get(page).status_code == 200
    make_old(client, "password", "mfa")
    assert client.post(page).url.partition("?")[0] == asked


@pytest.mark.parametrize(("old", "asked"), [("password", "/account/again/"), ("mfa", "/account/again/code/")])
def test_what_is_missing_is_asked_for(old: str, asked: str) -> None:
    page, _, client = with_factors(CODES)
    make_old(client, old)
    assert client.get(page).url == f"{asked}?next=%2Faccount%2Fcodes%2Fnew%2F"


def test_a_passkey_shown_lately_is_enough() -> None:
    page, _, client = with_factors(FACTOR_PAGES[1])
    make_old(client, "password", "mfa")
    session = client.session
    session["account_authentication_methods"] += [{"method": "mfa", "type": "webauthn", "at": time.time()}]
    session.save()
    assert client.get(page).status_code == 200


def test_who_has_a_passkey_alone_is_asked_for_it() -> None:
    page, _, client = with_factors(FACTOR_PAGES[1])
    Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).delete()
    make_old(client, "mfa")
    assert client.get(page).url.partition("?")[0] == "/account/again/passkey/"


def test_a_passkey_is_to_be_kept_by_its_device_and_unlocked_there() -> None:
    page, _, client = with_factors("/account/passkeys/add/")
    asked = json.loads(client.get(page).context["options"])["publicKey"]
    assert asked["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }


def test_a_new_session_begins_at_the_sign_in() -> None:
    user = receptionist()
    code = code_for(user)
    client = with_password(user)
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post("/login/code/", {"code": code})
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before


def test_seeds_are_not_in_the_database_as_they_are() -> None:
    user = receptionist()
    key = added_app(with_password(user))
    codes = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    seed = mfa_secrets.decrypt(codes.data["seed"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        raw = str(cursor.fetchall())
    assert mfa_secrets.decrypt(Authenticator.objects.get(type=Authenticator.Type.TOTP).data["secret"]) == key
    assert key not in raw
    assert seed not in raw
    with pytest.raises(ValueError, match="not encrypted"):
        mfa_secrets.decrypt(master_keys.encrypt(settings.DATA_KEYS, key, b"session"))


def test_second_factors_outlive_the_keys_they_were_encrypted_under(settings: Any, tmp_path: Path) -> None:
    settings.DATA_KEYS = tmp_path / "data.keys"
    master_keys.make(settings.DATA_KEYS)
    user = receptionist()
    code = code_for(user)
    first = Authenticator.objects.get(type=Authenticator.Type.TOTP).data["secret"]
    call_command("rotate_data_key", drop_earlier=True, stdout=io.StringIO())
    assert with_password(user).post("/login/code/", {"code": code}).url == "/board/"
    code = str(Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES).wrap().get_unused_codes()[0])
    assert with_password(user).post("/login/code/", {"code": code}).url == "/board/"
    with pytest.raises(ValueError, match="not encrypted under a key"):  # the control: the key is gone
        mfa_secrets.decrypt(first)


def test_a_second_factor_that_does_not_open_keeps_the_earlier_keys(settings: Any, tmp_path: Path) -> None:
    settings.DATA_KEYS = tmp_path / "data.keys"
    master_keys.make(settings.DATA_KEYS)
    code_for(receptionist())
    Authenticator.objects.filter(type=Authenticator.Type.TOTP).update(data={"secret": "bm90IG91cnM="})
    with pytest.raises(CommandError, match="Not rotated"):
        call_command("rotate_data_key", drop_earlier=True)
    assert len(json.loads(settings.DATA_KEYS.read_text())["key"]) == 2


@pytest.mark.parametrize(
    "address",
    [
        *("/signup/", "/accounts/signup/", "/accounts/login/", "/accounts/", "/password/reset/", "/login/signup/"),
        *(
            "/account/email/",
            "/account/password/reset/",
            "/account/signup/",
            "/account/social/",
            "/account/codes/download/",
        ),
    ],
)
def test_what_we_do_not_want_of_allauth_is_not_there(address: str) -> None:
    client = Client()
    sign_in(client, manager())
    assert client.get(address).status_code == 404


def test_nobody_signs_up_and_no_reset_skips_the_second_factor() -> None:
    for name in ("account_signup", "account_reset_password", "account_email", "account_set_password"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


def test_a_leaver_with_the_right_password_is_told_that_the_account_is_closed() -> None:
    user = receptionist()
    User.objects.filter(pk=user.pk).update(is_active=False)
    client = Client()
    assert client.post("/login/", {"login": user.username, "password": PASSWORD}).status_code in (302, 422)
    assert client.get("/board/").url.startswith("/login/")


def loaded(**variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import clinic.settings as s; print(s.SECOND_FACTOR)"]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


def test_the_second_factor_is_left_out_in_a_demonstration_alone() -> None:
    real = {"CLINIC_HOSTS": "consent.example", "CLINIC_SECRET_KEY": "x" * 40}
    off = {"CLINIC_SECOND_FACTOR": "off"}
    assert loaded(**off, CLINIC_DEMO="1").stdout.strip() == "False"
    for refused in (off, {**off, **real}, {**off, **real, "CLINIC_DEMO": "1"}):
        assert "CLINIC_SECOND_FACTOR=off is for" in loaded(**refused).stderr
    assert loaded(**real).stdout.strip() == "True"
