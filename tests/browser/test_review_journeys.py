"""What a practitioner meets at the desk, from the review to the text of the sealed PDF, in a real browser.

The patient's part, which other journeys walk through, is written straight into the tables here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from clinic.domain.flow import Stage
from clinic.models import Actor, Role, Visit
from screening import actions as screenings
from screening.models import Decision
from tests.support.factories import PASSWORD, hold, make_patient, make_screening, make_tablet, make_user, make_visit
from tests.support.journeys import press_and_sign, save_the_plan, the_pdf_has, when_the_patient_signs
from tests.support.steps import Practitioner

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("browser_context_args", [(1180, 820)], ids=["landscape"], indirect=True),
]

NAME = "Alex Example"


@pytest.fixture
def kim(context: Any, live_server: Any, axe: Any, seal_keys: Any, offline_guard: list[str]) -> Practitioner:
    make_user(Role.PRACTITIONER, name="Kim Physio", username="kim", registration_number="PH 20417")
    one = Practitioner(context.new_page(), live_server.url, axe)
    one.signs_in("kim")
    return one


def given_answers(*, born: dt.date = dt.date(1990, 5, 1), **changes: Any) -> Visit:
    visit = make_visit(make_patient(NAME, born), Stage.ANSWERING)
    tablet, _ = make_tablet()
    hold(visit, tablet)
    make_screening(visit, submitted=False, **changes)
    screenings.submit(visit=visit, by=Actor(tablet=tablet))
    visit.refresh_from_db()
    assert visit.at is Stage.IN_REVIEW
    return visit


def test_a_plan_that_raises_the_stop_of_a_region_and_another_that_settles_it(kim: Practitioner) -> None:
    visit = given_answers(skin_problem="yes", skin_problem_regions=["left_calf"])
    kim.opens_the_review_of(NAME)

    # When the plan goes where the skin is sore, by a tap on the body
    kim.page.locator("label.body-part", has=kim.page.get_by_text("Left calf")).locator("path").click()
    expect(kim.page.locator("[name=regions][value=left_calf]")).to_be_checked()
    save_the_plan(kim)
    kim.sees("New flags: Skin problem (stop).")
    kim.sees("No longer flagged: Skin problem (review).")
    expect(kim.page.get_by_role("button", name="Go on to consent")).to_be_disabled()

    # and then to the other side
    kim.page.get_by_text("Change the plan").click()
    kim.page.locator("[name=regions][value=left_calf]").uncheck()
    save_the_plan(kim, "right_calf")
    kim.sees("New flags: Skin problem (review).")
    kim.decides("Skin problem", "precaution", reason="The right leg is well.", precaution="We stay off the left leg.")
    press_and_sign(kim, visit)

    # Then the PDF names the side that was needled, and what was decided
    kim.confirms(NAME)
    the_pdf_has(kim, "right calf", "The right leg is well.", "We stay off the left leg.")


def test_going_ahead_against_a_stop_needs_a_reason_and_the_password(kim: Practitioner) -> None:
    visit = given_answers(pregnancy="yes", pregnancy_weeks=22)
    kim.opens_the_review_of(NAME)
    save_the_plan(kim, "left_calf")

    # The default is the safe way: Enter in a field of the interruption leaves the stop as it is
    kim.follow("Go ahead against this stop… Pregnancy")
    kim.sees("Clinical decision needed")
    kim.page.get_by_label("Your password, once more").fill(PASSWORD)
    kim.page.keyboard.press("Enter")
    kim.sees("the stop stands")
    assert not Decision.objects.exists()

    # A wrong password goes nowhere, and keeps what was typed
    kim.follow("Go ahead against this stop… Pregnancy")
    kim.page.get_by_label("Why you go ahead").fill("Her midwife asks for it, in writing.")
    kim.page.get_by_label("Your password, once more").fill("not this one")
    kim.press("Go ahead against this stop")
    kim.sees("This is not your password.")
    kim.page.get_by_label("Your password, once more").fill(PASSWORD)
    kim.press("Go ahead against this stop")
    kim.sees("you decided to go ahead against the stop")
    press_and_sign(kim, visit)

    # Then the reason, who, and the proof are printed
    kim.confirms(NAME)
    the_pdf_has(
        kim,
        "Her midwife asks for it, in writing.",
        "Kim Physio",
        "decided to go ahead against a stop, and proved with their password who they are",
    )


def test_teach_back_failed_twice_holds_until_something_helps(kim: Practitioner) -> None:
    visit = given_answers(epilepsy="yes")
    kim.opens_the_review_of(NAME)
    save_the_plan(kim, "left_calf")
    kim.decides("Epilepsy or fits", "cleared", reason="No fit for ten years.")

    # When the patient cannot say it back, twice
    for opens in ("Record the talk", "Record another talk"):
        kim.page.locator("summary", has_text=opens).click()
        kim.choose("prompt_4", "not_able")
        kim.press("Record the talk")
    kim.sees("That was the second talk.")
    expect(kim.page.get_by_role("button", name="Go on to consent")).to_be_disabled()

    # a third talk alone is not enough
    kim.page.locator("summary", has_text="Record another talk").click()
    kim.records_the_talk()
    kim.press("Record the talk")
    kim.sees("could not say it back in two talks")

    # but help is
    kim.page.locator("summary", has_text="Record what helps them decide").click()
    kim.page.get_by_label("What helped").fill("A drawing, and her sister beside her")
    kim.page.get_by_label("How they showed").fill("Named exercise and heat as other ways.")
    kim.press("Record what helps")
    press_and_sign(kim, visit)

    kim.confirms(NAME)
    the_pdf_has(
        kim, "the alternatives", "A drawing, and her sister beside her", "Named exercise and heat as other ways."
    )


def test_a_minor_with_a_guardian(kim: Practitioner) -> None:
    today = timezone.localdate()
    visit = given_answers(born=today.replace(year=today.year - 15, day=1))
    kim.opens_the_review_of(NAME)
    save_the_plan(kim, "left_calf")
    kim.decides("Age", "cleared", reason="Understands it well, and her mother is here.")
    kim.sees("Record the parent or guardian who decides with them.")

    # When the guardian is recorded, with what was seen of their authority
    kim.press("Record the guardian")
    kim.sees("Type who they are to the patient.")
    kim.page.locator("#id_guardian_name").fill("Ewa Nowak")
    kim.page.locator("#id_guardian_relationship").fill("mother")
    kim.page.locator("#id_guardian_authority").fill("Birth certificate, seen today")
    kim.press("Record the guardian")
    press_and_sign(kim, visit, guardian="aunt")

    # Then the two names are held against each other before anything is confirmed, and what was found out is printed
    kim.go(f"/confirm/{visit.pk}/")
    kim.sees("Two names for the guardian.")
    kim.confirms(NAME)
    the_pdf_has(
        kim,
        "Ewa Nowak",
        "mother",
        "Birth certificate, seen today",
        "Signer as guardian",
        "Signer as assent",
        "Ewa Nowak was recorded as the guardian and Signer as guardian signed as the guardian",
    )


def test_an_interpreter_and_a_very_high_blood_pressure(kim: Practitioner) -> None:
    visit = given_answers(support_needed=["interpreter"], questions="Czy to boli?")
    kim.opens_the_review_of(NAME)
    save_the_plan(kim, "left_calf")
    kim.decides("Support needed", "cleared", reason="An interpreter is on the phone.")
    kim.press("The patient’s questions were answered")

    # When the interpreter is recorded
    kim.page.locator("#id_interpreter_name").fill("Jan Kowalski")
    kim.page.locator("#id_interpreter_number").fill("NAATI 12345")
    kim.page.locator("#id_interpreter_language").fill("Polish")
    kim.choose("mode", "phone")
    kim.press("Record the interpreter")

    # and a blood pressure that holds until somebody says why to go on
    kim.page.locator("summary", has_text="Record, if you measured").click()
    kim.page.get_by_label("Upper blood pressure").fill("1850")
    kim.page.get_by_label("Lower blood pressure").fill("95")
    kim.press("Record what you measured")
    kim.sees("Upper blood pressure: type a whole number from 60 to 260.")
    kim.page.get_by_label("Upper blood pressure").fill("185")
    kim.press("Record what you measured")
    kim.sees("Blood pressure 185/95 mmHg is very high.")
    kim.page.get_by_label("Upper blood pressure").fill("182")
    kim.page.get_by_label("Lower blood pressure").fill("94")
    kim.page.get_by_label("If the blood pressure is very high").fill("Always so here; her doctor knows.")
    kim.press("Record what you measured")
    press_and_sign(kim, visit)

    kim.confirms(NAME)
    the_pdf_has(
        kim,
        "Jan Kowalski",
        "NAATI 12345",
        "Polish",
        "by phone",
        "Blood pressure 182/94 mmHg",
        "Always so here; her doctor knows.",
        "Czy to boli?",
    )


def reach(page: Any, wanted: Callable[[Any], bool]) -> None:
    """Press Tab until the focus is where it is wanted."""
    for _ in range(160):
        page.keyboard.press("Tab")
        if wanted(
            page.evaluate("() => ({id: document.activeElement.id, text: document.activeElement.innerText || ''})")
        ):
            return
    raise AssertionError("the keyboard does not get there")


def test_a_review_by_keyboard_alone(kim: Practitioner) -> None:
    visit = given_answers(epilepsy="yes")
    kim.go(f"/review/{visit.pk}/")
    page = kim.page

    def named(text: str) -> Callable[[Any], bool]:
        return lambda at: at["text"].startswith(text)

    def pressed(text: str, key: str = "Enter") -> None:
        reach(page, named(text))
        page.keyboard.press(key)
        page.wait_for_load_state()

    # The first link says what is next, and leads to the first field of it
    pressed("Epilepsy or fits: decide about this flag.")
    reach(page, lambda at: at["id"].endswith("_outcome_0"))
    page.keyboard.press("Space")
    reach(page, lambda at: at["id"].endswith("_reason"))
    page.keyboard.type("No fit for ten years.")
    pressed("Save the decision")
    kim.sees("decision saved")

    # The list beside the body takes the keyboard; the figures show it
    pressed("Save the plan: the rules look")
    reach(page, lambda at: at["id"] == page.locator("[value=left_calf]").get_attribute("id"))
    page.keyboard.press("Space")
    expect(page.locator("[name=regions][value=left_calf]")).to_be_checked()
    reach(page, lambda at: at["id"] == "id_plan_technique_0")
    page.keyboard.press("Space")
    reach(page, lambda at: at["id"] == "id_plan_electro_0")
    page.keyboard.press("Space")
    pressed("Save the plan")
    kim.sees("Nothing is left to do.")
    pressed("Go on to consent")
    kim.sees("can read and sign now")
    when_the_patient_signs(visit)
    kim.confirms(NAME)
    the_pdf_has(kim, "left calf", "No fit for ten years.")
