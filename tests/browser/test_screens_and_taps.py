"""How many screens and taps a patient needs who has nothing to tell. Every question is asked, none answered for them.

How taps are counted: a finger on a choice, a box, a button or a link is one; so is each digit that is typed, and each
stroke of a drawn signature. A screen is a page that the patient has to act on.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Locator, Page

from clinic.domain.flow import Stage
from consent.domain.signature_strokes import LEAST_MS
from screening.domain.questionnaire import QUESTIONS, SECTIONS, AnswerKind, all_clear
from tests.support.factories import hold, make_patient, make_tablet, make_visit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]

MOST_SCREENS, MOST_TAPS = 16, 75
BORN = dt.date(1951, 12, 27)  # as many digits as there can be

PRE_ANSWERED = """() => [...document.querySelectorAll("main .field input, main .field textarea")]
  .filter((box) => box.type === "radio" || box.type === "checkbox" ? box.checked : box.value)
  .map((box) => box.name)"""


class Finger:
    """A patient who taps; counts the taps and the screens."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps, self.screens = page, 0, 0
        self.asked: list[str] = []

    def tap(self, target: Locator) -> None:
        target.tap()
        self.taps += 1

    def type(self, box: Locator, digits: str) -> None:
        self.tap(box)
        for digit in digits:
            self.page.keyboard.press(digit)
            self.taps += 1

    def go_on(self, words: str) -> None:
        """Tap what leads to the next screen."""
        with self.page.expect_navigation():
            self.tap(self.page.locator("main .btn-primary", has_text=words).first)
        self.page.wait_for_load_state()
        self.screens += 1

    def row(self, name: str, value: str) -> Locator:
        """The whole row of a choice: what a finger meets."""
        return self.page.locator(f'main [name="{name}"][value="{value}"] + .choice-label')

    def answers(self) -> None:
        """Answer what is asked on this page with "no"; texts stay empty."""
        for name in self._names():
            question, value = QUESTIONS[name], all_clear().get(name)
            assert self.page.locator(f"#div_id_{name}").is_visible(), name
            self.asked.append(name)
            if question.kind is not AnswerKind.TEXT:
                self.tap(self.row(name, "none" if question.kind is AnswerKind.ANY_OF else str(value)))

    def _names(self) -> list[str]:
        found = self.page.eval_on_selector_all("main form [name]", "boxes => boxes.map(box => box.name)")
        return [name for name in dict.fromkeys(found) if name in QUESTIONS]

    def signs(self) -> None:
        self.tap(self.row("method", "drawn"))
        pad = self.page.locator("canvas").first
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box
        mouse = self.page.mouse
        for stroke in range(2):
            mouse.move(box["x"] + 60 + 100 * stroke, box["y"] + 40)
            mouse.down()
            for step in range(30):
                mouse.move(box["x"] + 60 + 100 * stroke + 5 * step, box["y"] + 40 + 30 * (step % 3))
            mouse.up()
            self.taps += 1
            self.page.wait_for_timeout(LEAST_MS)  # no hand is faster


def test_a_patient_with_nothing_to_tell(page: Any, live_server: Any, offline_guard: list[str]) -> None:
    visit, (tablet, token) = make_visit(make_patient("Edith Example", BORN)), make_tablet()
    hold(visit, tablet, identified=False)
    page.context.add_cookies([{"name": settings.TABLET_COOKIE_NAME, "value": token, "url": live_server.url}])
    page.goto(f"{live_server.url}/tablet/")
    finger = Finger(page)

    assert page.evaluate(PRE_ANSWERED) == []
    for part in ("day", "month", "year"):
        finger.type(page.locator(f"[name=born_{part}]"), str(getattr(BORN, part)))
    finger.go_on("Continue")

    while "/tablet/questions/" in page.url:
        assert page.evaluate(PRE_ANSWERED) == [], page.url
        finger.answers()
        finger.go_on("Continue")
    finger.go_on("Send my answers")
    finger.go_on("Continue")
    finger.go_on("Continue")

    # Nobody else watches unless the patient says so: these two stand on "no", which agrees to nothing.
    assert page.evaluate(PRE_ANSWERED) == ["students", "observers"]
    for name in ("students", "observers"):
        assert page.locator(f"main [name={name}][value=no]").is_checked()
    for name in ("lung", "read", "agree"):
        finger.tap(page.locator(f"main [name={name}] + .choice-label"))
    finger.signs()
    finger.go_on("I agree")

    visit.refresh_from_db()
    assert visit.at is Stage.SIGNED
    everyones = [name for section in SECTIONS for name in section.questions if not QUESTIONS[name].returning]
    assert finger.asked == everyones
    print(f"{finger.screens} screens, {finger.taps} taps, {len(finger.asked)} questions")
    assert finger.screens <= MOST_SCREENS
    assert finger.taps <= MOST_TAPS
