"""What happens between two desks and a tablet, in real browsers: an urgent call, and two who want one visit.

Both end with the text of the sealed PDF.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from clinic.domain.flow import Stage
from clinic.models import Actor, Role, Visit
from screening import actions
from screening.domain.questionnaire import all_clear
from screening.models import Claim
from tests.support.factories import PASSWORD, hold, make_patient, make_tablet, make_user, make_visit, ready_for_review
from tests.support.journeys import press_and_sign, save_the_plan, the_pdf_has
from tests.support.page_guards import watch
from tests.support.pdf_text import pdf_text
from tests.support.steps import Practitioner

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]

# Stands in for the loudspeaker: counts the tones.
SILENT = """
window.tones = 0;
window.AudioContext = class {
  state = "suspended"; currentTime = 0; destination = {};
  resume() { this.state = "running"; return Promise.resolve(); }
  createGain() { return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect() {} }; }
  createOscillator() { return { frequency: {}, connect: (to) => to, start() { window.tones += 1; }, stop() {} }; }
};
"""


@pytest.fixture
def desks(
    browser: Any,
    browser_context_args: dict[str, Any],
    live_server: Any,
    axe: Callable[[Page], None],
    seal_keys: Any,
    offline_guard: list[str],
) -> Iterator[Callable[[str, Role], Practitioner]]:
    """Give a way to sit somebody at a desk of their own, signed in."""
    opened = []

    def sit(name: str, role: Role) -> Practitioner:
        context = browser.new_context(**browser_context_args)
        context.add_init_script(SILENT)
        watch(context, live_server.url, offline_guard)
        opened.append(context)
        person = Practitioner(context.new_page(), live_server.url, axe)
        number = "PH 20417" if role is Role.PRACTITIONER else ""
        person.signs_in(make_user(role, name=name, registration_number=number).username)
        return person

    yield sit
    for context in opened:
        context.close()


def test_an_urgent_visit_is_called_until_someone_takes_it(desks: Callable[[str, Role], Practitioner]) -> None:
    # Given reception and a practitioner at their pages, one with the sound on
    front, physio = desks("Mara Front", Role.RECEPTION), desks("Kim Physio", Role.PRACTITIONER)
    front.go("/board/")
    physio.go("/queue/")
    front.page.get_by_role("button", name="Urgent sound: off").click()
    front.sees("Urgent sound: on")

    # When a patient ticks an urgent symptom at the tablet
    visit = make_visit(make_patient("Zoë Müller"), stage=Stage.ANSWERING)
    tablet, _ = make_tablet("Room 2")
    hold(visit, tablet)
    patient = Actor(tablet=tablet)
    actions.answer(visit=visit, given={"urgent_symptoms": ["chest_pain"]}, by=patient)

    # Then both are called without a click, reception hears it, and only the practitioner may read why
    for desk in (front, physio):
        expect(desk.page.locator(".urgent-call")).to_contain_text(
            "Zoë Müller needs help now, with Room 2", timeout=20_000
        )
        desk.looks()
    front.page.wait_for_function("window.tones > 0")
    assert physio.page.evaluate("window.tones") == 0
    assert "chest" not in front.page.content().lower()
    assert front.page.get_by_role("link", name="Read what Zoë Müller said").count() == 0

    # and the call stands on the next page too, until someone goes
    physio.follow("Read what Zoë Müller said")
    physio.sees("Chest pain")
    front.press("I am going to Zoë Müller")
    front.sees("Noted that you are with the patient")
    expect(physio.page.locator(".urgent-call")).to_have_count(0, timeout=20_000)
    visit.refresh_from_db()
    assert visit.urgent_taken_by is not None
    physio.go("/queue/")
    physio.sees("Mara Front went to them")

    # When help was given and the patient goes on, the flag is no lighter for it: a typed reason and the password
    actions.answer(visit=visit, given={**all_clear(), "urgent_symptoms": ["chest_pain"]}, by=patient)
    actions.submit(visit=visit, by=patient)
    physio.opens_the_review_of("Zoë Müller")
    save_the_plan(physio, "left_calf")
    expect(physio.page.get_by_role("button", name="Go on to consent")).to_be_disabled()
    physio.page.get_by_role("link", name="Go ahead against this stop").click()
    physio.page.get_by_label("Why you go ahead").fill("A bruised rib: her doctor saw her and her ECG today.")
    physio.page.get_by_label("Your password, once more").fill(PASSWORD)
    physio.press("Go ahead against this stop")
    press_and_sign(physio, visit)

    # Then the PDF tells that the tablet called, who went, and on whose word it went on
    physio.confirms("Zoë Müller")
    the_pdf_has(
        physio,
        "Tablet called for help",
        "Went to the patient who called for help",
        "Mara Front",
        "New symptoms now: Chest pain",
        "A bruised rib: her doctor saw her and her ECG today.",
        "Kim Physio",
    )


def test_two_practitioners_race_for_one_visit(desks: Callable[[str, Role], Practitioner]) -> None:
    visit = ready_for_review(pregnancy="might_be")
    other = ready_for_review(epilepsy="yes")
    rename(visit, "Zoë Müller")
    rename(other, "Ana Silva")
    kim, lou = desks("Kim First", Role.PRACTITIONER), desks("Lou Second", Role.PRACTITIONER)

    # Given that both see the visit as free
    for one in (kim, lou):
        one.go("/queue/")
        expect(one.page.locator(f"#who-{visit.pk}")).to_have_text("Nobody yet")

    # When both take it, by the keyboard
    kim.page.locator(f"#open-{visit.pk}").focus()
    kim.page.keyboard.press("Enter")
    kim.sees("You have had this visit")
    kim.looks()
    focused = lou.page.locator(f"#open-{visit.pk}")
    focused.focus()
    expect(lou.page.locator(f"#who-{visit.pk}")).to_contain_text("Kim First, since", timeout=30_000)  # by itself
    expect(focused).to_be_focused()
    lou.page.keyboard.press("Enter")

    # Then the second is told by name and time, and goes on to the next
    expect(lou.page.get_by_role("heading", level=1)).to_contain_text("Kim First has had Zoë Müller since")
    lou.looks()
    lou.press("Review the next patient")
    lou.sees("Review: Ana Silva")
    assert list(Claim.objects.order_by("id").values_list("visit", flat=True)) == [visit.pk, other.pk]

    # and what the first decided is what counts: the PDF knows of no second
    save_the_plan(kim, "left_calf")
    kim.decides("Pregnancy", "cleared", reason="The test was negative today.")
    press_and_sign(kim, visit)
    kim.go("/queue/")
    assert kim.page.get_by_role("button", name="Review the next patient").count() == 0  # the other is a colleague's
    kim.confirms("Zoë Müller")
    the_pdf_has(kim, "Zoë Müller", "The test was negative today.", "Kim First")
    assert "Lou Second" not in pdf_text(kim.downloads_the_pdf())


def rename(visit: Visit, name: str) -> None:
    visit.patient.name = name
    visit.patient.save()
    visit.patient.index()
