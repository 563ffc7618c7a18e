"""The steps of a journey, as the people in it would say them; selectors stay in here."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from playwright.sync_api import Page, expect

from clinic.models import User
from consent.domain.signature_strokes import LEAST_MS
from screening.domain.questionnaire import QUESTIONS, AnswerKind, all_clear
from tests.support.factories import PASSWORD, code_for
from tests.support.pdf_text import plain

Check = Callable[[Page], None]

# Every group of choices stands in a fieldset whose first element is its legend, and the page has one h1.
STRUCTURE = """() => {
  const wrong = [];
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  const groups = {};
  for (const box of document.querySelectorAll("main input[type=radio], main input[type=checkbox]")) {
    (groups[box.name] = groups[box.name] || []).push(box);
  }
  for (const [name, boxes] of Object.entries(groups)) {
    const set = boxes[0].closest("fieldset");
    if (boxes.length > 1 && !(set && set.firstElementChild && set.firstElementChild.tagName === "LEGEND"
        && set.firstElementChild.textContent.trim())) wrong.push(name + ": no fieldset with a legend");
  }
  for (const box of document.querySelectorAll("main input:not([type=hidden]), main textarea, main select")) {
    if (!box.labels || !box.labels.length) wrong.push((box.id || box.name) + ": no label");
    if (box.required) wrong.push(box.name + ": required attribute");
  }
  for (const link of document.querySelectorAll(".error-summary a")) {
    const target = document.getElementById(link.hash.slice(1));
    const lands = target && target.matches("input, textarea, select, canvas, button");
    if (!lands) wrong.push("dead error link " + link.hash);
  }
  return wrong;
}"""

# A page after the end of a visit cleans the browser's history, for which it may load once more.
SETTLED = """() => {
  if (!("nothingBehind" in document.body.dataset) || !window.navigation) return true;
  const ours = [`${location.origin}/tablet/`, location.href];
  const tail = navigation.entries().reverse();
  const end = tail.findIndex((each) => !each.url.startsWith(ours[0]));
  return (end < 0 ? tail : tail.slice(0, end)).every((each) => ours.includes(each.url));
}"""


NUMBER = re.compile(r"\d+")
LOOKED_AT: set[tuple[str, str, int]] = set()


class Person:
    """Somebody with a browser. Every page that opens is looked at: structure, and axe where it is another one."""

    def __init__(self, page: Page, address: str, check: Check) -> None:
        self.page, self.address, self.check = page, address, check

    def looks(self) -> None:
        """Check the page that is open now."""
        self.page.wait_for_function(SETTLED)
        assert self.page.evaluate(STRUCTURE) == [], self.page.url
        size = self.page.viewport_size
        like = (
            NUMBER.sub("N", self.page.url.removeprefix(self.address)),
            self.page.title(),
            size["width"] if size else 0,
        )
        if like not in LOOKED_AT:  # each page, and each of its refusals, has its own test elsewhere
            self.check(self.page)
        LOOKED_AT.add(like)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")
        self.looks()

    def press(self, name: str, *, exact: bool = True) -> None:
        self.page.get_by_role("button", name=name, exact=exact).first.click()
        self.looks()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()
        self.looks()

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()

    def reads(self) -> str:
        """Return what stands in the main part of the page."""
        return plain(self.page.locator("main").inner_text())

    def choose(self, name: str, value: str) -> None:
        box = self.page.locator(f'main [name="{name}"][value="{value}"]').first
        if not box.is_checked():  # by its label, which waits until the page stands still
            self.page.locator(f'main label[for="{box.get_attribute("id")}"]').click()
            expect(box).to_be_checked()

    def type_date(self, name: str, day: dt.date) -> None:
        for part in ("day", "month", "year"):
            self.page.locator(f'main [name="{name}_{part}"]').fill(str(getattr(day, part)))


class Staff(Person):
    """A staff member at the desk."""

    def signs_in(self, username: str) -> None:
        self.go("/login/")
        code = code_for(User.objects.get(username=username))
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Sign in")
        self.page.get_by_label("Code").fill(code)
        self.press("Sign in")

    def adds_a_patient(self, name: str, born: dt.date) -> None:
        self.go("/patients/add/")
        self.page.get_by_label("Full name").fill(name)
        self.type_date("born", born)
        self.press("Add the patient")
        self.press("Put on the board")

    def hands_over(self, tablet: str, patient: str) -> None:
        self.go("/board/")
        self.follow(patient)
        self.page.get_by_label(tablet).check(force=True)
        self.press("Hand over")
        self.sees(f"{tablet} is ready")

    def pairs(self, name: str, tablet: Patient) -> None:
        """Make a code as a manager, and type it on the tablet."""
        self.go("/manage/tablets/")
        self.page.get_by_label("Name").fill(name)
        self.press("Add and show its code")
        tablet.pairs(self.page.locator(".pairing-code").inner_text())


class Patient(Person):
    """A patient with the clinic's tablet."""

    def press(self, name: str, *, exact: bool = True) -> None:
        """Tap a button, and wait for the page that takes this one's place: a script sends the forms of a tablet."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=exact).first.click()
        self.page.wait_for_load_state()
        self.looks()

    def pairs(self, code: str) -> None:
        self.go("/tablet/")
        self.page.get_by_label("Pairing code").fill(code)
        self.press("Pair")
        self.sees("This tablet is ready")

    def begins(self, born: dt.date) -> None:
        expect(self.page).to_have_url(
            re.compile("/tablet/birth-date/"), timeout=15_000
        )  # the waiting page looks by itself
        self.page.wait_for_load_state()
        self.looks()
        self.type_date("born", born)
        self.press("Continue")

    def answers(self, **changes: Any) -> int:
        """Answer page after page like a healthy adult, with ``changes``; return how many pages there were."""
        wanted = {**all_clear(), **changes}
        pages = 0
        while "/tablet/questions/" in self.page.url:
            pages += 1
            assert pages < 40, self.page.url
            for name in self._asked():
                self._answer(name, wanted)
            self.press("Continue")
        return pages

    def _asked(self) -> list[str]:
        names = self.page.eval_on_selector_all("main form [name]", "boxes => boxes.map(box => box.name)")
        asked = [name if name in QUESTIONS else re.sub("_(day|month|year)$", "", name) for name in names]
        return [name for name in dict.fromkeys(asked) if name in QUESTIONS]

    def _answer(self, name: str, wanted: Mapping[str, Any]) -> None:
        question, value = QUESTIONS[name], wanted.get(name)
        if question.kind is AnswerKind.ANY_OF:
            for each in value or ["none"]:
                self.choose(name, each)
        elif value is None:
            return
        elif question.kind is AnswerKind.DATE:
            self.type_date(name, value)
        elif question.kind in (AnswerKind.TEXT, AnswerKind.NUMBER):
            self.page.locator(f'main [name="{name}"]').fill(str(value))
        else:
            self.choose(name, str(value))

    def sends_the_answers(self) -> None:
        assert "/tablet/check/" in self.page.url
        self.press("Send my answers")

    def reads_the_consent(self) -> list[str]:
        """Read the pages before the last; return the lines of the statement on all of them."""
        lines: list[str] = []
        for _ in range(2):
            lines += self._statement_lines()
            self.follow("Continue")
        return lines + self._statement_lines()

    def _statement_lines(self) -> list[str]:
        """Return what stands in the sections of the statement: headings, paragraphs, points of lists."""
        found = self.page.locator("main section[aria-labelledby^=text_]").locator("h2, p, li").all_inner_texts()
        assert found
        return [plain(line) for line in found]

    def draws_a_signature(self) -> None:
        self.choose("method", "drawn")
        pad = self.page.locator("canvas").first
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box
        mouse = self.page.mouse
        mouse.move(box["x"] + 40, box["y"] + box["height"] * 0.6)
        mouse.down()
        for step in range(1, 60):
            up = (0.25, 0.6, 0.75, 0.4)[step % 4]
            mouse.move(box["x"] + 40 + step * (box["width"] - 80) / 60, box["y"] + box["height"] * up)
            if step == 30:
                self.page.wait_for_timeout(LEAST_MS)  # no hand is faster
        mouse.up()
        self.sees("Signature drawn")

    def types_the_name(self, name: str) -> None:
        self.choose("method", "typed")
        self.page.locator("main [name=typed_name]").fill(name)

    def ticks(self, *names: str) -> None:
        for name in names:
            self.page.locator(f"main [name={name}]").check(force=True)


class Practitioner(Staff):
    """A physiotherapist at the desk."""

    def opens_the_review_of(self, name: str) -> None:
        self.go("/queue/")
        self.press(f"Review {name}")

    def plans(self, *regions: str, ids: str = "plan") -> None:
        for region in regions:
            self.page.locator(f"#id_{ids}_regions input, main [name=regions]").and_(
                self.page.locator(f"[value={region}]")
            ).first.check(force=True)
        self.choose("technique", "superficial")
        self.choose("electro", "no")

    def decides(self, about: str, outcome: str, **texts: str) -> None:
        """Decide about the flag called ``about`` on the open review."""
        flag = self.page.locator("article.flag").filter(has=self.page.get_by_text(about)).first
        flag.locator("details").first.evaluate("it => { it.open = true }")
        flag.locator(f"[name=outcome][value={outcome}]").check(force=True)
        for name, text in texts.items():
            flag.locator(f"[name={name}]").fill(text)
        flag.get_by_role("button", name="Save the decision").click()
        self.looks()

    def records_the_talk(self) -> None:
        for number in range(1, 7):
            self.choose(f"prompt_{number}", "correct")

    def confirms(self, name: str, *regions: str) -> None:
        self.go("/queue/")
        self.follow(f"Confirm the consent of {name}")
        self.plans(*regions)
        self.records_the_talk()
        for tick in ("talk_took_place", "still_happy", "sign"):
            self.page.locator(f"main [name={tick}]").check(force=True)
        self.press("Confirm and seal")

    def downloads_the_pdf(self) -> bytes:
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name="Download", exact=True).click()
        return download.value.path().read_bytes()
