"""The patient's pages, beside a request that does nothing and beside Django's own rendering of the same form.

In one process, without sockets: the whole stack of middleware, the SQLite database on the disk, `synchronous=FULL`.
"""

from __future__ import annotations

import gc
import io
import itertools
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from statistics import median
from typing import Any
from urllib.parse import urlencode

from bench.report import Part
from bench.rounds import ratio

INNER = 5  # requests of one sample: one alone is too short for the clock


@dataclass
class Row:
    """One measured act: its seconds of processor time, one figure a round."""

    name: str
    act: Callable[[], object]
    seconds: list[float] = field(default_factory=list)
    repeat: int = INNER

    def run(self) -> None:
        begun = time.process_time()
        for _ in range(self.repeat):
            self.act()
        self.seconds.append((time.process_time() - begun) / self.repeat)

    def cells(self) -> tuple[str, ...]:
        figures = [1000 * seconds for seconds in self.seconds]
        return (
            self.name,
            *(f"{figure:.2f}" for figure in (median(figures), min(figures), max(figures))),
            str(len(figures)),
        )


COLUMNS = ("", "median ms (cpu)", "min", "max", "rounds")


def alternated(rows: list[Row], rounds: int) -> None:
    """Run every row once a round, in turns; the first two rounds warm up and are not counted."""
    for number in range(rounds + 2):
        turn = number % len(rows)
        gc.collect()
        gc.disable()
        for row in rows[turn:] + rows[:turn]:
            row.run()
        gc.enable()
    for row in rows:
        del row.seconds[:2]


class Fields(HTMLParser):
    """The controls of a page's forms, as a browser would send them, with choices and buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.typed: list[str] = []
        self.buttons: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value, kind = given.get("name", ""), given.get("value", ""), given.get("type", "text")
        if not name:
            return
        if tag == "button":
            self.buttons.append((name, value))
        elif tag == "textarea" or (tag == "input" and kind == "text"):
            self.typed.append(name)
        elif tag == "input" and kind in ("radio", "checkbox"):
            self.choices.setdefault(name, []).append(value)
        elif tag == "input" and kind == "hidden":
            self.hidden[name] = value


@dataclass
class Device:
    """A stand-in for a browser: cookies, and requests straight to the app."""

    app: Any
    cookies: dict[str, str] = field(default_factory=dict)
    status: int = 0
    location: str = ""
    requests: int = 0
    pages: int = 0
    at: str = ""
    page: str = ""

    def ask(self, path: str, data: dict[str, Any] | None = None) -> str:
        """Return the page at ``path``; ``data``: post this form."""
        body = urlencode(data or {}, doseq=True).encode()
        where, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": "GET" if data is None else "POST",
            "PATH_INFO": where,
            "QUERY_STRING": query,
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
        }
        answer = self.app(environ, self._began)
        page = b"".join(answer)
        answer.close()
        self.requests, self.at = self.requests + 1, path
        self.pages += self.status == 200
        return page.decode()

    def _began(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status, self.location = int(status[:3]), ""
        for name, value in headers:
            if name == "Location":
                self.location = value
            if name == "Set-Cookie":
                cookie, _, rest = value.partition("=")
                self.cookies[cookie] = rest.partition(";")[0]

    def follow(self, page: str) -> str:
        """Follow redirects; return the last page."""
        while self.location:
            page = self.ask(self.location)
        return page


@contextmanager
def clinic() -> Iterator[Any]:
    """Make a clinic on the disk, with full syncs as in use; give the app that serves it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.support.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connection

    settings.ALLOWED_HOSTS = ["localhost"]
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=FULL")
    with open(os.devnull, "w") as nowhere:  # each request still makes its log line
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(nowhere)
        try:
            yield WSGIHandler()
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


def waiting() -> tuple[Any, str]:
    """Make a visit whose patient may begin; return it, and its tablet's cookie."""
    from clinic.domain.flow import Stage
    from tests.support.factories import hold, make_tablet, make_visit

    visit, (tablet, token) = make_visit(stage=Stage.ANSWERING), make_tablet()
    hold(visit, tablet)
    return visit, token


def tablet_of(app: Any, token: str) -> Device:
    from django.conf import settings

    return Device(app, {settings.TABLET_COOKIE_NAME: token})


def filled(page: str, turn: int = 0) -> dict[str, Any]:
    """Return the form of a page of questions, filled in by somebody who has nothing to report."""
    from screening.domain.questionnaire import all_clear

    fields, clear = Fields(page), all_clear()
    values: dict[str, Any] = dict(fields.hidden) | dict.fromkeys(fields.typed, "")
    for name, choices in fields.choices.items():
        answer = clear.get(name)
        values[name] = choices[turn % 2] if turn and len(choices) == 3 else "none" if answer == [] else str(answer)
    values |= {name: "normal" for name in ("text_size", "contrast") if name in values}
    return {name: value for name, value in values.items() if name != "back"}


def pages(rounds: int) -> Part:
    """A page of questions: blank, filled in, refused, and sent."""
    with clinic() as app:
        return _pages(app, rounds)


def _pages(app: Any, rounds: int) -> Part:
    from screening.domain import questionnaire
    from screening.pages.patient.forms.answers import PageForm
    from screening.pages.patient.forms.form_cache import drawn

    _, token = waiting()
    tablet = tablet_of(app, token)
    first = tablet.follow(tablet.ask("/tablet/"))
    blank = tablet.follow(tablet.ask(tablet.at, filled(first)))  # the second page
    path, section = tablet.at, questionnaire.SECTIONS[1]
    assert f"/{section.slug}/" in path, path
    questions = questionnaire.pages(section, {}, returning=False)[0]
    names = {question.name for question in questions}
    full = {name: value for name, value in questionnaire.all_clear().items() if name in names}
    turns = itertools.count()

    def send() -> None:
        tablet.ask(path, filled(tablet.ask(path), next(turns)))
        assert tablet.status == 302, tablet.status

    nothing = Device(app)
    trivial = Row("a request that does nothing", lambda: nothing.ask("/healthz"), repeat=20)
    get = Row("a page of questions, blank", lambda: tablet.ask(path))
    wrong = dict(filled(blank)) | {next(iter(full)): "x"}
    failed = Row("the same, refused", lambda: tablet.ask(path, wrong))
    ours_filled = Row("the fields of that page, filled in", lambda: drawn(PageForm(questions, full)))
    theirs_filled = Row("the same by Django's `{{ form }}`", lambda: str(PageForm(questions, full)))
    ours_wrong = Row("the fields of that page, refused", lambda: drawn(PageForm(questions, {}, wrong)))
    theirs_wrong = Row("the same, refused, by Django's `{{ form }}`", lambda: str(PageForm(questions, {}, wrong)))
    post = Row("the page read, filled in, sent and on the disk", send)
    tablet.ask(path, wrong)
    assert tablet.status == 422, tablet.status
    rows = [trivial, get, failed, ours_filled, theirs_filled, ours_wrong, theirs_wrong]
    alternated(rows, rounds)
    again = Row("the page read", lambda: tablet.ask(path))
    less = Row(trivial.name, trivial.act, repeat=20)
    alternated([less, again, post], rounds)
    sent = [posted - read for posted, read in zip(post.seconds, again.seconds, strict=True)]
    part = Part(
        "The patient's pages",
        "In one process, without sockets, the whole stack of middleware, SQLite on the disk with `synchronous=FULL`. "
        "The request that does nothing passes through the same middleware and reads nothing. A page of questions "
        "reads the device, what it holds, the settings, the answers, and whether a token is due: five queries.",
        COLUMNS,
        [row.cells() for row in [*rows, again, post]],
    )
    part.claims = [
        ratio("a blank page, to a request that does nothing", get.seconds, trivial.seconds, 3.0, why=READS),
        ratio("a filled page's fields, to `{{ form }}`", ours_filled.seconds, theirs_filled.seconds, 1.15),
        ratio("a refused page's fields, to `{{ form }}`", ours_wrong.seconds, theirs_wrong.seconds, 1.15),
        ratio("a page sent and on the disk, to a request that does nothing", sent, less.seconds, 10.0, why=WRITES),
    ]
    return part


READS = (
    "the page is drawn for one patient on one device, so that nobody sees another's: five queries through Django's "
    "models cost more than five requests that do nothing, whatever is drawn, and what stands around the fields as much "
    "again; the fields themselves are drawn once"
)
WRITES = (
    "besides the answers it reads what the page reads, encrypts them under the patient's key, runs the rules for what "
    "needs help at once, and writes a row of the chained journal in the same transaction: thirteen statements"
)
