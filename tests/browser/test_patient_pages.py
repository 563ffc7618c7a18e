"""Every page that a patient can meet: each way round, on a phone, zoomed, in each look, right and refused.

`SCENES` names them all. A new address of the tablet's that is in neither list fails the first test here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client
from django.urls import get_resolver
from lxml import html  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.support.factories import make_tablet
from tests.support.page_guards import AXE_TAGS, watch
from tests.support.reading import easy
from tests.support.repository import patterns
from tests.support.steps import SETTLED, STRUCTURE
from tests.support.tablet_scenes import Scene, _nothing, scenes

LANDSCAPE, PORTRAIT, PHONE = (1180, 820), (820, 1180), (360, 740)
REFLOW = (320, 640)
ZOOMED = [(590, 410), (410, 590)]  # what 200 % leaves of a tablet

# Addresses of the tablet's that answer with no page of their own, and why.
NO_PAGE = {
    "answering": "goes to the page where the patient is",
    "consenting": "goes to the first page of the text",
    "more_time": "says that somebody is there",
    "lock_tablet": "locks a tablet that was left alone",
    "tablet_look": "goes back to the page that asked",
    "tablet_state": "what a waiting page asks",
}


# Pages of a device that is none of the clinic's tablets (yet).
STRANGE = [
    Scene("pair", "pair", "/tablet/", _nothing, True),
    Scene("phone", "phone", "/tablet/phone/#token", _nothing, True),
]


def test_every_address_of_the_tablets_is_looked_at() -> None:
    patients = {
        str(pattern.name)
        for address, pattern in patterns(get_resolver(), "")
        if address.startswith("tablet/") or {"tablet", "patient"} & set(getattr(pattern.callback, "may_open", ()))
    }
    looked_at = {scene.url_name for scene in [*scenes(), *STRANGE]}
    assert patients == looked_at | set(NO_PAGE), "name new pages in SCENES, what is no page in NO_PAGE"
    assert not looked_at & set(NO_PAGE)


# Pages without both "What would you like to ask?" and "I want to stop", and why.
ASK, STOP = "What would you like to ask?", "I want to stop"
NOT_BOTH = {
    "idle": (set(), "no patient has the tablet"),
    **{
        f"thanks {why}": (set(), "the patient is done, and the tablet shows no visit any more")
        for why in ("waiting", "signed", "time", "stopped", "withdrawn", "kept", "parked", "away")
    },
    "urgent": (set(), "staff are on their way: nothing stands beside that"),
    "ask": ({STOP}, "it is the page to ask on"),
    "stop": ({ASK}, "it is the page to stop on"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("scene", list(scenes()), ids=lambda scene: scene.name)
def test_asking_and_stopping_are_within_reach(client: Client, scene: Scene) -> None:
    tablet, token = make_tablet()
    scene.shown(tablet)
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    answer = client.get(scene.address)
    assert answer.status_code == 200
    page = html.fromstring(answer.content)
    ways = page.xpath("//nav[@class='within-reach']//*[self::a or self::button or self::summary]")
    words = {" ".join(each.text_content().split()) for each in ways}
    assert words == (NOT_BOTH[scene.name][0] if scene.name in NOT_BOTH else {ASK, STOP})
    for each in ways:  # what leads to a form or a part of this page finds it
        target = each.get("form") or each.get("href", "").partition("#")[2]
        assert not target or page.get_element_by_id(target) is not None


@pytest.mark.django_db
@pytest.mark.parametrize("scene", [*scenes(), *STRANGE], ids=lambda scene: scene.name)
def test_the_words_are_plain(client: Client, scene: Scene) -> None:
    tablet, token = make_tablet()
    scene.shown(tablet)
    if scene not in STRANGE:
        client.cookies[settings.TABLET_COOKIE_NAME] = token
    answer = client.get(scene.address)
    assert answer.status_code == 200
    assert easy(answer.content)


def test_each_page_that_lacks_one_is_a_page() -> None:
    assert NOT_BOTH.keys() <= {scene.name for scene in scenes()}


# Each control can be hit, nothing is wider than the screen, help stands last, and each choice of looks goes somewhere.
LAYOUT = """() => {
  const wrong = [];
  const seen = (one) => one.getClientRects().length && !one.closest(".visually-hidden, [aria-hidden=true]")
    && getComputedStyle(one).visibility !== "hidden";
  const size = (one) => {
    const box = one.getBoundingClientRect();
    return [Math.round(box.width), Math.round(box.height)];
  };
  const name = (one) => one.id || one.textContent.trim().slice(0, 30) || one.name;
  const targets = "a, button, summary, select, textarea, input:not([type=hidden], .choice-input)";
  for (const one of document.querySelectorAll(targets)) {
    const [width, height] = size(one);
    if (seen(one) && (width < 24 || height < 24)) wrong.push(`target ${width}x${height}: ${name(one)}`);
  }
  for (const one of document.querySelectorAll(".choice, .btn")) {
    const [width, height] = size(one);
    if (seen(one) && (width < 48 || height < 48)) wrong.push(`choice ${width}x${height}: ${name(one)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth)
    wrong.push(`sideways: ${document.documentElement.scrollWidth} in ${innerWidth}`);
  if (!document.querySelector(".tablet-page").lastElementChild.matches(".tablet-help")) wrong.push("help is not last");
  for (const one of document.querySelectorAll("header *, main *, .within-reach *, footer *")) {
    const cuts = seen(one) && ["hidden", "clip"].includes(getComputedStyle(one).overflowX);
    if (cuts && one.scrollWidth > one.clientWidth + 1) wrong.push(`cut: ${name(one)}`);
  }
  for (const one of document.querySelectorAll(".look input")) if (!one.form) wrong.push(`${one.id} goes nowhere`);
  return wrong;
}"""

# Forced colours take every ground away: what is chosen, and where the focus is, must show by lines.
LINES = """() => {
  const wrong = [];
  for (const one of document.querySelectorAll(".btn")) {
    if (!one.getClientRects().length || one.matches("a.btn-link")) continue; // a link is underlined
    if (getComputedStyle(one).borderTopStyle === "none") wrong.push("no border: " + one.textContent.trim());
  }
  for (const box of document.querySelectorAll(".choice-input:checked")) {
    if (getComputedStyle(box.nextElementSibling).outlineStyle === "none") wrong.push("chosen, unseen: " + box.id);
  }
  for (const one of document.getAnimations()) wrong.push("moves: " + one.animationName);
  for (const one of document.querySelectorAll(".btn, .choice-label, .form-control")) {
    if (!["0s", ""].includes(getComputedStyle(one).transitionDuration) &&
        getComputedStyle(one).transitionProperty !== "none") wrong.push("glides: " + one.className);
  }
  return wrong;
}"""

EMPTIED = """() => {
  for (const box of document.querySelectorAll("main .choice-input")) box.checked = false;
  for (const box of document.querySelectorAll("main input[inputmode]")) box.value = "99";
}"""


class Looker:
    """Looks at one page in every size and look; collects what is wrong, so that one run tells all."""

    def __init__(self, page: Any) -> None:
        self.page, self.axe, self.wrong = page, Axe().axe_script, list[str]()

    def looks(self, name: str, *, refused: bool = False) -> None:
        """Look at the page that is open."""
        self.page.wait_for_function(SETTLED)
        if self.page.title().startswith("Error: ") != refused:
            self.wrong.append(f"{name}: title {self.page.title()!r}, refused: {refused}")
        self.page.evaluate(self.axe)
        for size in (LANDSCAPE, PORTRAIT, PHONE):
            self._at(size, name)
            self._axe(f"{name} {size}")
        for size in (REFLOW, *ZOOMED):
            self._at(size, name)
        self._without_colours(name)

    def _at(self, size: tuple[int, int], name: str) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self._note(f"{name} {size}", [*self.page.evaluate(STRUCTURE), *self.page.evaluate(LAYOUT)])

    def _axe(self, name: str) -> None:
        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
        found = self.page.evaluate("options => axe.run(options).then(result => result.violations)", options)
        self._note(name, [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found])

    def _without_colours(self, name: str) -> None:
        self.page.emulate_media(forced_colors="active", reduced_motion="reduce")
        self._note(f"{name}, forced colours", self.page.evaluate(LINES))
        self.page.emulate_media(forced_colors="none", reduced_motion="no-preference")

    def in_other_looks(self, name: str) -> None:
        """Look at the page in high contrast, and with very large text on a small screen and zoomed."""
        tick = "id => { document.getElementById(id).checked = true; }"
        self.page.emulate_media(reduced_motion="reduce")  # no colour on its way to another is looked at
        self.page.evaluate(tick, "contrast_high")
        self.page.set_viewport_size({"width": PORTRAIT[0], "height": PORTRAIT[1]})
        self._axe(f"{name}, high contrast")
        self.page.evaluate(tick, "text_very_large")
        for size in (PORTRAIT, REFLOW, *ZOOMED):
            self._at(size, f"{name}, very large,")
        self.page.evaluate(tick, "contrast_normal")
        self.page.evaluate(tick, "text_normal")
        self.page.emulate_media(reduced_motion="no-preference")

    def _note(self, where: str, found: list[str]) -> None:
        self.wrong += [f"{where}: {each}" for each in found]


@pytest.fixture
def looker(browser: Any, live_server: Any) -> Iterator[Looker]:
    noticed: list[str] = []
    context = browser.new_context(has_touch=True, locale="en-GB")
    watch(context, live_server.url, noticed)
    yield Looker(context.new_page())
    context.close()
    assert not noticed, "\n".join(noticed)


def _open(looker: Looker, address: str, scene: Scene) -> None:
    tablet, token = make_tablet()
    scene.shown(tablet)
    looker.page.context.add_cookies([{"name": settings.TABLET_COOKIE_NAME, "value": token, "url": address}])
    looker.page.goto("about:blank")  # whatever the page before still had on its way ends here
    looker.page.goto(f"{address}{scene.address}")
    assert looker.page.url == f"{address}{scene.address}", scene.name


def _choose_help(looker: Looker, scene: Scene) -> None:
    for name in scene.chosen:
        looker.page.locator(f"main [name={name}][value=assisted]").check(force=True)
    if scene.chosen:
        expect(looker.page.get_by_label("Password")).to_have_count(len(scene.chosen))
        assert all(each.is_visible() for each in looker.page.get_by_label("Password").all())


def _refuse(looker: Looker, *, emptied: bool = True) -> None:
    if emptied:
        looker.page.evaluate(EMPTIED)
    with looker.page.expect_navigation() as answer:
        looker.page.locator("main .btn-primary").first.click()
    assert answer.value.status == 422, looker.page.url


def _go_through(looker: Looker, address: str, scenes: list[Scene]) -> None:
    for scene in scenes:
        _open(looker, address, scene)
        _choose_help(looker, scene)
        looker.looks(scene.name)
        if scene.refuses:
            _refuse(looker, emptied=not scene.chosen)
            looker.looks(f"{scene.name}, refused", refused=True)
        if looker.page.locator(".look").count():
            looker.in_other_looks(scene.name)
    assert not looker.wrong, "\n".join(looker.wrong)


@pytest.mark.django_db(transaction=True)
def test_the_pages_with_questions(looker: Looker, live_server: Any) -> None:
    _go_through(looker, live_server.url, [scene for scene in scenes() if scene.url_name == "part"])


@pytest.mark.django_db(transaction=True)
def test_the_pages_before_and_after_the_questions(looker: Looker, live_server: Any) -> None:
    _go_through(looker, live_server.url, [scene for scene in scenes() if scene.url_name != "part"])


# Pages that stand in the place of another one: template, and what it is given.
IN_PLACE: dict[str, tuple[str, dict[str, Any]]] = {
    "came too late": ("clinic/patient/too_late.html", {}),
    "not saved yet": (
        "clinic/public/not_saved_yet.html",
        {"on_tablet": True, "posted": True, "again": True, "here": "/"},
    ),
    "cannot be shown": ("clinic/public/not_saved_yet.html", {"on_tablet": True, "here": "/tablet/"}),
    "no page": ("clinic/public/astray.html", {"on_tablet": True}),
    "broken": ("clinic/public/astray.html", {"on_tablet": True, "broken": True}),
    "phone done": ("clinic/patient/phone_finished.html", {}),
    "given back": ("clinic/patient/given_back.html", {}),
}


@pytest.mark.django_db(transaction=True)
def test_the_pages_that_stand_in_the_place_of_another(looker: Looker, live_server: Any, rf: Any) -> None:
    shown: list[str] = []
    looker.page.route("**/tablet/instead/", lambda route: route.fulfill(body=shown[-1], content_type="text/html"))
    for name, (template, given) in IN_PLACE.items():
        shown.append(render_to_string(template, given, rf.get("/tablet/instead/")))
        assert easy(shown[-1])
        looker.page.goto(f"{live_server.url}/tablet/instead/")
        looker.looks(name)
        assert looker.page.url.endswith("/tablet/instead/"), f"{name} went elsewhere"
    assert not looker.wrong, "\n".join(looker.wrong)


@pytest.mark.django_db
def test_an_address_that_is_none_leads_on(client: Client) -> None:
    """A tablet that is locked to the app has no Back."""
    for address, home in {"/tablet/nowhere/": "/tablet/", "/nowhere": "/"}.items():
        answer = client.get(address)
        assert answer.status_code == 404
        assert html.fromstring(answer.content).xpath("//main//a/@href") == [home]


@pytest.mark.django_db
def test_what_breaks_leads_on_too_and_tells_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(request: Any) -> None:
        raise ValueError("the answers of Zoë")

    client.cookies[settings.TABLET_COOKIE_NAME] = make_tablet()[1]
    client.raise_request_exception = False
    monkeypatch.setattr("clinic.pages.patient.views.tablets.current_hold", breaks)
    answer = client.get("/tablet/")
    assert (answer.status_code, "Zoë" in answer.text) == (500, False)
    assert html.fromstring(answer.content).xpath("//main//a/@href") == ["/tablet/"]


@pytest.mark.django_db(transaction=True)
def test_the_pages_of_a_device_that_is_no_tablet_yet(looker: Looker, live_server: Any) -> None:
    for scene in STRANGE:
        looker.page.goto(f"{live_server.url}{scene.address}")
        looker.looks(scene.name)
        if scene.name == "pair":
            _refuse(looker)
            looker.looks(f"{scene.name}, refused", refused=True)
    assert not looker.wrong, "\n".join(looker.wrong)
