"""What is in the log: one JSON object a line, and nothing that anybody typed, whatever goes wrong."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from clinic.domain.flow import Stage
from clinic.models import Actor
from clinic.web.access import anyone
from clinic.web.json_logging import CONFIG, KEYS, Lines
from tests.support.factories import make_visit, practitioner, staff_client, tablet_client
from tests.support.page_opener import form_on
from tests.support.repository import ROOT

CANARY = "Canaria"
LOGS = re.compile(r"(log|logger|logging)\.(debug|info|warning|error|exception|critical)")
FAULTS = (ValueError, KeyError, IntegrityError, OperationalError, Http404, PermissionDenied, SuspiciousOperation)


@anyone
def breaks(request: HttpRequest, fault: int) -> HttpResponse:
    """Fail as code may, with what was typed in the exception, its cause and the variables."""
    typed = request.GET["q"]
    try:
        int(typed)
    except ValueError as error:
        raise FAULTS[fault](f"nobody is called {typed}") from error
    raise AssertionError


urlpatterns = [path("breaks/<int:fault>/", breaks, name="breaks"), path("", include("clinic.urls"))]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged meanwhile, in our format."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    """Read the log; no line is anything but an object with the keys that are allowed."""
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    assert found
    assert all(set(line) <= set(KEYS) for line in found)
    return found


def test_a_line_says_which_page_for_whom_and_how_it_ended(db: None, written: io.StringIO):
    user, visit = practitioner(), make_visit()
    answer = staff_client(user).get(f"/visits/{visit.pk}/")
    (line,) = [line for line in lines(written) if line["event"] == "answered"]
    assert (line["route"], line["status"], line["actor"], line["level"]) == ("visit", 200, user.pk, "INFO")
    assert line["request"] == answer["X-Request-ID"]
    assert line["time"].endswith("+00:00")
    assert "device" not in line


def test_a_tablet_is_named_by_its_number(db: None, written: io.StringIO):
    visit = make_visit()
    tablet_client(visit).get("/tablet/state/")
    line = lines(written)[-1]
    assert (line["route"], line["device"]) == ("tablet_state", visit.holds.get().tablet_id)


def test_what_was_typed_is_in_no_line(db: None, written: io.StringIO):
    desk, visit = staff_client(practitioner()), make_visit()
    desk.get("/patients/", {"q": CANARY})
    desk.post("/patients/add/", {"name": CANARY, "born": CANARY})
    desk.get(f"/{CANARY}/?{CANARY}={CANARY}", headers={"Referer": CANARY, "User-Agent": CANARY})
    Client().post("/login/", {"login": CANARY, "password": CANARY})
    Client().get("/login/", headers={"Host": f"{CANARY}.example"})
    visit.move(Stage.ANSWERING, by=Actor())
    held = tablet_client(visit)
    form = form_on(held.get("/tablet/questions/start/0/"))
    held.post("/tablet/ask/", {**form, "act": "send", "question": CANARY})
    statuses = {line["status"] for line in lines(written) if "status" in line}
    assert {200, 400, 404, 422} <= statuses  # it was answered, and refused, in each of these ways
    assert CANARY.lower() not in written.getvalue().lower()


@pytest.mark.parametrize("fault", range(len(FAULTS)))
def test_an_exception_leaves_its_type_and_its_way_alone(fault: int, db: None, settings: Any, written: io.StringIO):
    settings.ROOT_URLCONF = __name__
    client = Client(raise_request_exception=False)
    answer = client.get(f"/breaks/{fault}/", {"q": CANARY})
    assert answer.status_code >= 400
    assert "nobody is called" not in answer.content.decode()
    assert CANARY not in written.getvalue()
    failed = [line for line in lines(written) if "trace" in line]
    if answer.status_code >= 500:
        assert failed[0]["error"] == [FAULTS[fault].__name__, "ValueError"]
        assert any(re.fullmatch(r"tests\.operations\.test_logs:\d+ breaks", place) for place in failed[0]["trace"])
        assert failed[0]["request"] == answer["X-Request-ID"]


def test_the_worker_and_gunicorn_write_the_same_lines(written: io.StringIO):
    """A library may put its message together before it logs it: then its place alone is written."""
    library = logging.getLogger("weasyprint")
    library.error(f"Failed to load {CANARY}")
    library.error("Failed to load %s", CANARY)
    library.error("named", extra={"route": f"a route of {CANARY}"})
    assert CANARY not in written.getvalue()
    assert [line.get("event") for line in lines(written)] == [None, "Failed to load %s", None]
    mine = {name: each for name, each in CONFIG["loggers"].items() if name.startswith(("gunicorn", "django"))}
    assert mine["gunicorn.error"]["handlers"] == ["lines"]
    assert all(each["handlers"] in ([], ["lines"]) for each in mine.values() if "handlers" in each)


def test_our_own_messages_are_constants():
    """A message of ours is written as it is, so nothing may have been put into it."""
    rooms = (ROOT / room for room in ("clinic", "screening", "consent"))
    messages = [each for room in rooms for source in room.rglob("*.py") for each in logged_in(source)]
    assert messages
    assert [ast.unparse(each) for each in messages if not isinstance(each, ast.Constant)] == []


def logged_in(source: Path) -> Iterator[ast.expr]:
    """Yield the message of each call of a module's `log`."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and LOGS.fullmatch(ast.unparse(node.func)):
            yield node.args[0]
