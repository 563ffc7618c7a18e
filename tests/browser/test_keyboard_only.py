"""The whole way from the birth date to the signature with the keyboard alone; the focus is seen and never covered."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.conf import settings

from clinic.domain.flow import Stage
from consent.models import Signature
from screening.domain.questionnaire import QUESTIONS, AnswerKind, all_clear
from tests.support.factories import hold, make_patient, make_tablet, make_visit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]

BORN = dt.date(1951, 3, 27)
NAME = "Edith Example"
MOST_STOPS = 120  # of one page

# What has the focus, and whether it can be seen: within the screen, ringed, and nothing lies over it. A radio is seen
# as the row that it stands in; of a text area the browser shows the line that is typed into.
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const shown = one.matches(".choice-input") ? one.nextElementSibling : one;
  const box = shown.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height / 2, 20)];
  const top = document.elementFromPoint(x, y);
  const style = getComputedStyle(shown);
  return {
    tag: one.tagName.toLowerCase(), type: one.type ?? "", name: one.name ?? "", value: one.value ?? "", id: one.id,
    words: one.textContent.trim(), inMain: Boolean(one.closest("main")), checked: Boolean(one.checked),
    within: box.left >= 0 && box.right <= innerWidth && box.top >= 0
      && (box.bottom <= innerHeight || (shown.matches("textarea") && y <= innerHeight)),
    clear: Boolean(top) && (shown.contains(top) || top.contains(one)),
    ringed: style.outlineStyle !== "none" || style.boxShadow !== "none",
  };
}"""


class Keyboard:
    """A patient who uses Tab, the arrows, Space and Enter, and nothing else."""

    def __init__(self, page: Any) -> None:
        self.page, self.stops = page, 0

    def press(self, key: str) -> dict[str, Any]:
        """Press a key; return what has the focus then, which must be seen."""
        self.page.keyboard.press(key)
        now = self.page.evaluate(FOCUSED)
        self.stops += 1
        if now:
            assert all(now[what] for what in ("within", "clear", "ringed")), f"{self.page.url} {key}: {now}"
        return now or {}

    def tab_to(self, **wanted: str) -> dict[str, Any]:
        """Go on with Tab until the focus is on what is wanted."""
        for _ in range(MOST_STOPS):
            now = self.press("Tab")
            if now.get("inMain") and all(now.get(name) == value for name, value in wanted.items()):
                return now
        raise AssertionError(f"{self.page.url}: no Tab leads to {wanted}")

    def choose(self, name: str, value: str) -> None:
        """Choose one radio: Tab to its group, then the arrows; or Space where the focus is on it already."""
        now = self.tab_to(name=name)
        for _ in range(20):
            if now["value"] == value:
                break
            now = self.press("ArrowDown")
        assert now["value"] == value
        if not now["checked"]:
            now = self.press("Space")
        assert now["checked"], (name, value)

    def tick(self, name: str, value: str = "on") -> None:
        """Tick one box with Space."""
        self.tab_to(name=name, value=value)
        assert self.press("Space")["checked"]

    def type(self, name: str, words: str) -> None:
        self.tab_to(name=name)
        self.page.keyboard.type(words)

    def go_on(self, words: str, key: str = "Enter") -> None:
        """Tab to a button or link in the page, and press it."""
        self.tab_to(words=words)
        with self.page.expect_navigation():
            self.page.keyboard.press(key)


def _answer(keys: Keyboard, name: str) -> None:
    question, value = QUESTIONS[name], all_clear().get(name)
    if question.kind is AnswerKind.ANY_OF:
        keys.tick(name, "none")
    elif question.kind is not AnswerKind.TEXT:
        keys.choose(name, str(value))


def _names(page: Any) -> list[str]:
    found = page.eval_on_selector_all("main form [name]", "boxes => boxes.map(box => box.name)")
    return [name for name in dict.fromkeys(found) if name in QUESTIONS]


def test_from_the_birth_date_to_the_signature(page: Any, live_server: Any, offline_guard: list[str]) -> None:
    visit, (tablet, token) = make_visit(make_patient(NAME, BORN)), make_tablet()
    hold(visit, tablet, identified=False)
    page.context.add_cookies([{"name": settings.TABLET_COOKIE_NAME, "value": token, "url": live_server.url}])
    page.emulate_media(reduced_motion="reduce")  # else the page still glides to the focus while it is looked at
    page.goto(f"{live_server.url}/tablet/")
    keys = Keyboard(page)

    # Given a wrong first try: the summary has the focus, and its link leads to the box
    keys.go_on("Continue")
    assert "error-summary" in page.evaluate("document.activeElement.className")
    keys.press("Tab")
    assert keys.press("Enter")["name"] == "born_day"
    page.keyboard.type("27")
    keys.type("born_month", "3")
    keys.type("born_year", "1951")
    keys.go_on("Continue")

    # When every question is answered, sent, and the text is read
    pages = 0
    while "/tablet/questions/" in page.url:
        pages += 1
        for name in _names(page):
            _answer(keys, name)
        keys.go_on("Continue", key="Space")
    assert pages > 5
    keys.go_on("Send my answers")
    keys.go_on("Continue")
    keys.go_on("Continue")

    # and signed by typing the name
    keys.choose("students", "yes")
    keys.choose("observers", "no")
    for box in ("lung", "read", "agree"):
        keys.tick(box)
    keys.choose("method", "typed")
    keys.type("typed_name", NAME)
    keys.go_on("I agree")
    assert "You have signed" in page.locator("h1").inner_text()
    assert Signature.objects.get().method == "typed"
    visit.refresh_from_db()
    assert visit.at is Stage.SIGNED
    assert keys.stops > 100
