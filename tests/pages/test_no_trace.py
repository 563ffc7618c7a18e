"""The tablet goes to the next patient, and nothing of the one before is left in it. In Chromium, its memory on.

Playwright switches off that pages are kept in memory for Back, which hides the very fault; here it is on.

The measures: pages are not stored (`no-store`); at the end of a hold a cookie that scripts cannot read changes, which
has Chromium drop the pages in its memory that say `no-store`; `Clear-Site-Data` empties the stores; a page that comes
from memory all the same loads anew (`pageshow`); forms say `autocomplete="off"`, or Back fills them in again; and the
history is cut. Each is taken away below, and something is found.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.middleware.csrf import CsrfViewMiddleware
from django.template import Template
from django.utils import timezone
from django.utils.safestring import SafeString
from playwright.sync_api import Browser, Error, Page, expect

from clinic.devices import holds
from clinic.domain.flow import Stage
from clinic.models import Hold, Role, Visit
from clinic.web import middleware
from tests.support.factories import acting, hold, make_patient, make_screening, make_tablet, make_visit, receptionist

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

CANARIES = [f"canary{number:02d}x" for number in range(40)]
NAME = " ".join(CANARIES[:2]).title()
TYPED = {  # address, box: what is typed there
    ("/tablet/questions/medicines/0/", "medicines"): CANARIES[2:12],
    ("/tablet/questions/more/0/", "other_condition"): CANARIES[12:22],
    ("/tablet/questions/words/0/", "what_matters"): CANARIES[22:31],
    ("/tablet/questions/words/0/", "questions"): CANARIES[31:],
}
FORMS = list(dict.fromkeys(address for address, _ in TYPED))
CELLS = ("back", "forward", "reload", "typed address", "history", "autofill", "storage")

# What a patient, or a curious one, could read: the page, what stands in its boxes, what the browser kept.
READ = """async () => {
  const boxes = [...document.querySelectorAll("input, textarea, select")].map((box) => box.value);
  return document.documentElement.outerHTML + document.documentElement.innerText + boxes.join(" ");
}"""
STORED = """async () => {
  const kept = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie];
  for (const name of await caches.keys()) {
    kept.push(name);
    for (const request of await (await caches.open(name)).keys()) kept.push(request.url);
  }
  for (const database of await indexedDB.databases()) kept.push(database.name);
  return kept.join(" ");
}"""
# No page of ours stores anything. If one ever did, this is how.
STORE = """async (said) => {
  localStorage.setItem("draft", said);
  await (await caches.open(said)).put(`/draft/${said}`, new Response(said));
  await new Promise((done) => (indexedDB.open(said).onsuccess = (event) => done(event.target.result.close())));
}"""
STEPS = {"back": -1, "forward": 1}
ENTRIES = "() => navigation.entries().map((entry) => entry.url)"

# The measures, and how a test takes each away
NO_STORE, COOKIE, FORGET = "no-store", "cookie", "Clear-Site-Data"
GUARD, NO_FILL, CUT = "pageshow", "autocomplete", "history"
SCRIPT = {GUARD: ("if (event.persisted)", "if (false)"), CUT: ('if ("nothingBehind" in', 'if ("no" in')}
NOW = timezone.now
PATIENCE = 20.0  # seconds; on a machine with much to do, pages and the cut of the history come late


@pytest.fixture(scope="module")
def remembering(playwright: Any, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """Chromium as it is on a tablet: it keeps pages in memory."""
    browser = playwright.chromium.launch(
        **browser_type_launch_args, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield browser
    browser.close()


class Room:
    """A tablet in one patient's hands, and the next patient waiting."""

    def __init__(self, page: Page, address: str, patch: pytest.MonkeyPatch) -> None:
        self.page, self.address, self.patch = page, address, patch
        # Playwright loses sight of a page that comes out of memory; the browser's own protocol does not.
        self.inside = page.context.new_cdp_session(page)
        self.tablet, token = make_tablet()
        page.context.add_cookies([{"name": settings.TABLET_COOKIE_NAME, "value": token, "url": address}])
        self.visit, self.next = self._visit(NAME), self._visit("Next One")
        words = {box: " ".join(said) for (_, box), said in list(TYPED.items())[:2]}
        make_screening(self.visit, submitted=False, **words)

    def _visit(self, name: str) -> Visit:
        return make_visit(make_patient(name), stage=Stage.ANSWERING)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def press(self, name: str) -> None:
        before = self.page.url
        self.page.get_by_role("button", name=name).first.click()
        self.page.wait_for_url(lambda address: address != before)

    def fills_in(self) -> None:
        """The patient types into every form; what was typed last is not sent yet."""
        self.go("/tablet/")
        hold(self.visit, self.tablet)
        for address in FORMS:
            self.go(address)
            for (where, box), said in TYPED.items():
                if where == address:
                    self.page.locator(f"main [name={box}]").fill(" ".join(said))
            if address == FORMS[0]:
                self.press("Continue")  # the others are left with what was typed there
        self.page.evaluate(STORE, CANARIES[-1])
        self.page.evaluate("() => { window.kept = true; }")

    def ends(self, how: str) -> None:
        getattr(self, how)()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(END[how], timeout=PATIENCE * 1000)
        over = (not Hold.objects.now().filter(visit=self.visit).exists() for _ in self.tries())
        assert any(over)  # the page of a time-out locks first, and tells the server then
        self.patch.setattr(timezone, "now", NOW)  # else the next patient's form is of two days, shortly before midnight

    def finish(self) -> None:
        self.press("Continue")
        self.page.evaluate("() => { window.kept = true; }")
        self.press("Send my answers")

    def cancel(self) -> None:
        self.press("I want to stop")
        self.page.locator("button[name=act][value=refuse]").click()

    def time_out(self) -> None:
        later = timezone.now() + dt.timedelta(minutes=7, seconds=5)
        self.patch.setattr(timezone, "now", lambda: later)
        self.page.clock.fast_forward("07:05")

    def hand_over(self) -> None:
        desk = acting(receptionist(), Role.RECEPTION)
        holds.hand_over(visit=self.next, tablet=self.tablet, by=desk)

    def asks(self, script: str) -> Any:
        """Run a function in the page, once it is there."""
        for _ in self.tries():
            if self._runs("document.readyState") == "complete" and (answer := self._runs(f"({script})()")) is not None:
                return answer
        raise AssertionError("The page does not come to rest.")

    def _runs(self, expression: str) -> Any:
        """Return what comes of an expression; nothing if the page went on to another one in this very moment."""
        told = self._tells("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return None if "exceptionDetails" in told else told.get("result", {}).get("value")

    def _tells(self, method: str, **told: Any) -> dict[str, Any]:
        """Ask the browser itself; it answers nothing while one page takes the place of another."""
        try:
            return dict(self.inside.send(method, told))
        except Error:
            self.inside = self.page.context.new_cdp_session(self.page)
            return {}

    def tries(self) -> Iterator[None]:
        """Go on for as long as a page may take."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            yield
            self.page.wait_for_timeout(60)

    def read(self) -> set[str]:
        return found(self.asks(READ))

    def where(self) -> tuple[int, int]:
        """Return at which entry of the history the browser is, and how many there are."""
        for _ in self.tries():
            if told := self._tells("Page.getNavigationHistory"):
                return told["currentIndex"], len(told["entries"])
        raise AssertionError("The browser does not say where it is.")

    def goes(self, step: str) -> bool:
        """Press Back or Forward and wait for the page; say whether there was somewhere to go."""
        at, of = self.where()
        if at + STEPS[step] not in range(of):
            return False
        self.asks(f"() => setTimeout(() => history.{step}())")
        assert any(self.where()[0] != at for _ in self.tries()), f"{step} goes nowhere"
        return True

    def moves(self, step: str, times: int = 3) -> set[str]:
        """Press Back or Forward, and read each page."""
        seen: set[str] = set()
        for _ in range(times):
            if not self.goes(step):
                break
            seen |= self.read()
        return seen

    def next_patient(self) -> None:
        """The next patient has the tablet and begins."""
        if not Hold.objects.now().filter(visit=self.next).exists():
            Hold.objects.now().filter(tablet=self.tablet).update(ended_at=timezone.now(), ended_why="moved")
            hold(self.next, self.tablet, identified=False)
        Hold.objects.now().update(identified_at=timezone.now())

    def look_everywhere(self) -> dict[str, set[str]]:
        """Return what is found of the patient before, by where."""
        seen = {"back": self.moves("back"), "forward": self.moves("forward")}
        self.page.reload()
        seen["reload"] = self.read()
        seen["typed address"] = set()
        for address in [*FORMS, "/tablet/check/", "/tablet/ask/", "/tablet/consent/"]:
            self.go(address)
            seen["typed address"] |= self.read()
        return seen

    def kept(self) -> set[str]:
        cookies = " ".join(f"{each}" for each in self.page.context.cookies())
        return found(self.asks(STORED) + cookies)

    def way_here(self, *, cut: bool = True) -> set[str]:
        """What the history tells, once it had time to be ``cut``: an address of a form, or a canary in one."""
        for _ in self.tries():
            addresses = set(self.asks(ENTRIES))
            left = {each for each in addresses if not each.endswith(("/tablet/", "/tablet/birth-date/"))}
            if not (left and cut):
                break
        return left

    def filled_in(self) -> set[str]:
        """The next patient's own forms, gone through once and back again."""
        self.next_patient()
        seen = set()
        for address in FORMS:
            self.go(address)
            seen |= self.read()
        return seen | self.moves("back", 7) | self.moves("forward", 7)


END = {
    "finish": re.compile("Thank you"),
    "cancel": re.compile("Thank you"),
    "time_out": re.compile("give the tablet to the front desk"),
    "hand_over": re.compile("Hello Next"),
}


def found(text: str) -> set[str]:
    return {canary for canary in CANARIES if canary in text.lower()}


@pytest.fixture
def room(remembering: Browser, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Room]]:
    """Give a tablet, without the measures that are named."""
    contexts = []

    def make(*without: str, clock: bool = False) -> Room:
        if NO_STORE in without:
            monkeypatch.setattr(middleware, "NOT_KEPT", "private")
        if COOKIE in without:
            monkeypatch.setattr(middleware, "give_cookie", lambda *some: None)
        if FORGET in without:
            monkeypatch.setattr(middleware, "FORGET", "")
        context = remembering.new_context(viewport={"width": 1180, "height": 820})
        contexts.append(context)
        if NO_FILL in without:
            _let_it_fill_in(monkeypatch)
        if {GUARD, CUT} & set(without):
            context.route("**/clinic/tablet.js", lambda route: _send_script(route, without))
        page = context.new_page()
        if clock:
            page.clock.install()
        return Room(page, live_server.url, monkeypatch)

    yield make
    for each in contexts:
        each.close()


def _let_it_fill_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send the pages without the word. A script in them would come too late: they are filled in while they load."""
    render = Template.render

    def told_nothing(self: Template, context: Any) -> SafeString:
        return SafeString(render(self, context).replace('autocomplete="off"', ""))

    monkeypatch.setattr(Template, "render", told_nothing)


def _send_script(route: Any, without: tuple[str, ...]) -> None:
    path = finders.find("clinic/tablet.js")
    assert path
    body = Path(path).read_text(encoding="utf-8")
    for name, (is_, becomes) in SCRIPT.items():
        assert is_ in body
        body = body.replace(is_, becomes) if name in without else body
    route.fulfill(body=body, content_type="text/javascript")


@pytest.mark.parametrize("how", list(END))
def test_nothing_is_left(room: Callable[..., Room], how: str) -> None:
    here = room(clock=how == "time_out")
    here.fills_in()
    assert here.read() | found(here.visit.patient.name.lower()) >= set(CANARIES[22:])
    here.ends(how)
    left = {"history": here.way_here(), "storage": here.kept(), **here.look_everywhere(), "autofill": here.filled_in()}
    assert left == {cell: set() for cell in CELLS}


@pytest.mark.parametrize(
    ("without", "red"),
    [
        ((COOKIE, FORGET, GUARD, NO_FILL, CUT), {"history", "storage", "autofill"}),  # `no-store` alone
        ((FORGET,), {"storage"}),
        ((CUT,), {"history"}),
        ((NO_FILL, CUT), {"history", "autofill"}),  # with the history cut, nothing is left that Back could fill in
    ],
    ids=lambda value: " ".join(sorted(value)),
)
def test_without_a_measure_something_is_found(
    room: Callable[..., Room], without: tuple[str, ...], red: set[str]
) -> None:
    here = room(*without)
    here.fills_in()
    here.ends("hand_over")
    history = here.way_here(cut="history" not in red)
    left = {"history": history, "storage": here.kept(), "autofill": here.filled_in()}
    assert {cell for cell, seen in left.items() if seen} == red


@pytest.mark.parametrize(
    ("without", "kept"),
    [
        ((COOKIE, FORGET, GUARD), True),  # `no-store` alone: Chromium's memory is on, and this is what it shows
        ((COOKIE, GUARD), True),
        ((COOKIE,), False),
        ((GUARD,), False),
        ((NO_STORE, GUARD), True),  # the cookie has Chromium drop only pages that say `no-store`
        ((NO_STORE,), False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_cookie_and_no_store_together_and_the_guard_cover_each_other(
    room: Callable[..., Room], monkeypatch: pytest.MonkeyPatch, without: tuple[str, ...], kept: bool
) -> None:
    """Back, after the hand-over, to a page in Chromium's memory. Two more covers are off: the history is not cut, and
    Django's CSRF cookie, which scripts cannot read either, is not sent again with each form."""
    _send_the_csrf_cookie_once(monkeypatch)
    here = room(*without, CUT)
    hold(here.visit, here.tablet)
    here.go(FORMS[0])
    here.page.locator("main [name=medicines]").fill(" ".join(CANARIES[2:12]))
    here.page.evaluate("() => { window.kept = true; }")
    holds.hand_over(visit=here.next, tablet=here.tablet, by=acting(receptionist(), Role.RECEPTION))
    here.go("/tablet/")
    expect(here.page.get_by_role("heading", level=1)).to_have_text(END["hand_over"])
    assert here.goes("back")
    said = "() => window.kept ? document.querySelector('[name=medicines]').value : ''"
    wanted = set(CANARIES[2:12]) if kept else set()
    assert any(found(here.asks(said)) == wanted for _ in here.tries())


def _send_the_csrf_cookie_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send = CsrfViewMiddleware._set_csrf_cookie

    def once(self: Any, request: Any, response: Any) -> None:
        if settings.CSRF_COOKIE_NAME not in request.COOKIES:
            send(self, request, response)

    monkeypatch.setattr(CsrfViewMiddleware, "_set_csrf_cookie", once)
