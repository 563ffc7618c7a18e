"""Every address, asked for by everybody in every way: who gets in, who is sent where, and what each answer carries.

The addresses come from the URL resolver, what is expected of each from one table: an address that is not in the table
fails, and so does an answer that is not the one in it.
"""

from __future__ import annotations

import os
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import get_resolver, path

from clinic.models import Role, User
from tests.support.door_table import HEADERS, OTHER_METHODS, TABLE, expected, outcome, wrong_headers
from tests.support.full_clinic import ACTORS, STAFF, STRANGERS, Door, WholeClinic, doors
from tests.support.sql_changes import Watched

pytestmark = pytest.mark.django_db


def ask(whole: WholeClinic, door: Door, actor: str, method: str, *, missing: bool = False) -> Any:
    form = "csrfmiddlewaretoken=x" if method == "POST" else ""
    kind = "application/x-www-form-urlencoded"
    return whole.ask(actor, method, whole.address(door, missing=missing), data=form, content_type=kind)


def test_every_address_is_in_the_table():
    assert sorted(door.name for door in doors()) == sorted(TABLE)


def test_an_address_that_nobody_listed_is_missed():
    """The control, as are the next two."""
    patterns = get_resolver().url_patterns
    patterns.append(path("unlisted/", lambda request: HttpResponse(), name="unlisted"))
    try:
        assert {door.name for door in doors()} - set(TABLE) == {"unlisted"}
    finally:
        patterns.pop()


@pytest.mark.parametrize("name", ["queue", "review", "manage_settings"])
def test_a_door_that_opens_for_whoever_is_signed_in_is_missed(
    whole: WholeClinic, monkeypatch: pytest.MonkeyPatch, name: str
):
    door = next(each for each in doors() if each.name == name)

    def deviates() -> bool:
        return outcome(ask(whole, door, "reception", "GET")) not in expected(TABLE[name], "reception", "GET", door)

    assert not deviates()
    monkeypatch.setattr(User, "roles", property(lambda user: frozenset(Role)))
    assert deviates()


def test_everybody_at_every_door_in_every_way(whole: WholeClinic):
    deviations, asked = [], 0
    for door in doors():
        row = TABLE[door.name]
        for actor in ACTORS:
            for method in ("GET", "POST", "HEAD", *OTHER_METHODS):
                answer = ask(whole, door, actor, method)
                asked += 1
                came, told = outcome(answer), expected(row, actor, method, door)
                if came not in told:
                    deviations.append(f"{actor}: {method} {door.name} gave {came}, not {' or '.join(sorted(told))}")
                deviations += [f"{actor}: {method} {door.name}: {each}" for each in wrong_headers(answer, door.name)]
    assert asked > 7_000
    assert not deviations, f"{len(deviations)}\n" + "\n".join(deviations[:40])


def test_what_is_not_yours_and_what_is_not_there_read_the_same(whole: WholeClinic):
    there_is_none = whole.ask("anonymous", "GET", "/there/is/no/such/page/").content
    deviations, asked = [], 0
    for door in (each for each in doors() if each.has_object):
        row = TABLE[door.name]
        for actor in (STRANGERS[0], *STAFF):
            for method, allowed in (("GET", row.get), ("POST", row.post)):
                if actor in row.who and allowed == 405:
                    continue
                answer = ask(whole, door, actor, method, missing=True)
                asked += 1
                wanted = "sign in" if actor not in (*STAFF, *row.who) else "404"
                if outcome(answer) != wanted or (wanted == "404" and answer.content != there_is_none):
                    deviations.append(f"{actor}: {method} {door.name} of nothing gave {outcome(answer)}")
                if actor in STAFF and actor not in row.who:
                    own = ask(whole, door, actor, method)
                    if own.content != answer.content:
                        deviations.append(f"{actor}: {method} {door.name} tells what is there from what is not")
    assert asked > 200
    assert not deviations, "\n".join(deviations)


def test_every_page_of_a_record_says_who_opened_it(whole: WholeClinic):
    of_nobody = {"staff_member", "timestamp_token"}  # about staff, and a token that names no patient
    silent, looked = [], 0
    for door in (each for each in doors() if each.has_object and each.name not in of_nobody):
        for actor in (each for each in STAFF if each in TABLE[door.name].who):
            watched = Watched()
            with connection.execute_wrapper(watched):
                answer = ask(whole, door, actor, "GET")
            if answer.status_code == 200:
                looked += 1
                silent += [] if watched.tells() else [f"{actor}: {door.name}"]
    assert looked > 25
    assert sorted(silent) == []


@pytest.mark.parametrize("taken", [*HEADERS, "Content-Security-Policy"])
def test_a_header_that_is_taken_away_is_missed(whole: WholeClinic, taken: str):
    door = next(each for each in doors() if each.name == "board")
    answer = ask(whole, door, "reception", "GET")
    assert not wrong_headers(answer, door.name)
    del answer.headers[taken]
    assert wrong_headers(answer, door.name)


def test_a_real_installation_says_so_to_browsers(whole: WholeClinic):
    """HSTS, and cookies that only this host over TLS can set."""
    with override_settings(SECURE_HSTS_SECONDS=31_536_000, SECURE_HSTS_INCLUDE_SUBDOMAINS=True):
        answer = Client().get("/login/", secure=True)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


COOKIES = """
import django
django.setup()
from django.conf import settings
from django.http import HttpResponse
from clinic.web.access import give_cookie
from clinic.models import Tablet
for kind in ("SESSION", "CSRF"):
    name, secure, domain, path = (getattr(settings, f"{kind}_COOKIE_{of}") for of in "NAME SECURE DOMAIN PATH".split())
    print(name, secure, domain or "", path)
given = HttpResponse()
for kind in Tablet.Kind:
    give_cookie(given, "a token", kind)
    (cookie,) = given.cookies.values()
    print(cookie.key, cookie["secure"], cookie["domain"], cookie["path"])
"""


def cookies(**told: str) -> list[str]:
    """Return name, Secure, domain and path of each cookie under these settings."""
    env = {**told, "DJANGO_SETTINGS_MODULE": "clinic.settings", "CLINIC_SECRET_KEY": "x" * 40}
    command = [sys.executable, "-c", COOKIES]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_real_installations_cookies_are_this_hosts_alone_and_go_over_tls():
    """A name that begins with __Host- is taken by browsers from this very host, with Secure, no domain and path /."""
    real = cookies(CLINIC_HOSTS="clinic.example.org")
    assert {line.split()[0] for line in real} == {"__Host-staff", "__Host-csrf", "__Host-tablet"}
    assert all(line.endswith(" True  /") for line in real)
    assert not any("__Host-" in line or "True" in line for line in cookies())  # plain HTTP on localhost


def test_what_is_sent_on_to_tls_carries_the_headers_too(whole: WholeClinic):
    with override_settings(SECURE_SSL_REDIRECT=True):
        answer = Client().get("/login/")
    assert answer.headers["Location"] == "https://testserver/login/"
    assert not wrong_headers(answer, "account_login")


def test_the_check_before_serving_finds_nothing_in_a_real_installations_settings(tmp_path: Path):
    """Django's security checks, at the level of warnings; and it does warn of a secret key of one letter."""
    told = {"CLINIC_HOSTS": "clinic.example.org", "CLINIC_DATA_DIR": str(tmp_path), "PATH": os.environ["PATH"]}

    def check(key: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", "check", "--deploy", "--tag", "security", "--fail-level", "WARNING"]
        env = {**told, "CLINIC_SECRET_KEY": key}
        return subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False)

    real, weak = check(string.ascii_letters), check("a" * 60)
    assert real.returncode == 0, real.stderr
    assert "security.W009" in weak.stderr
    assert weak.returncode
