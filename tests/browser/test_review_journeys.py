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
from clinic.models import Actor, Hold, Role, Visit
from consent import actions as consents
from consent.domain.signature_strokes import Signed
from consent.domain.statement import statement
from consent.status.statement_input import facts
from screening import actions as screenings
from screening.assessment.review_state import review_state
from screening.models import Decision
from tests.support.factories import PASSWORD, hold, make_patient, make_screening, make_tablet, make_user, make_visit
from tests.support.steps import Practitioner, pdf_text

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("browser_context_args", [(1180, 820)], ids=["landscape"], indirect=True),
]

NAME = "Alex Example"


@pytest.fixture
def physio(context: Any, live_server: Any, axe: Any, seal_keys: Any, offline_guard: list[str]) -> Practitioner:
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


def when_the_patient_signs(visit: Visit, **relationships: str) -> None:
    """Sign in every capacity that is needed; ``relationships``: of a guardian."""
    visit.refresh_from_db()
    assert visit.at is Stage.CONSENTING
    for held in Hold.objects.now().filter(visit=visit):
        held.end("moved")
    tablet, _ = make_tablet()
    state = review_state(visit)
    consents.give(
        visit=visit,
        hold=hold(visit, tablet),
        shown=statement(facts(state)).sha256,
        signed=[
            Signed(each, f"Signer as {each}", "typed", relationship=relationships.get(each, ""))
            for each in consents.signers(state)
        ],
        choices={"students": False, "observers": False},
        by=Actor(tablet=tablet),
    )


def then_the_pdf_says(physio: Practitioner, *lines: str) -> None:
    text = pdf_text(physio.downloads_the_pdf())
    assert [line for line in lines if line not in text] == []


def press_and_sign(physio: Practitioner, visit: Visit, **relationships: str) -> None:
    physio.press("Go on to consent")
    physio.sees("can read and sign now")
    when_the_patient_signs(visit, **relationships)


def save_the_plan(physio: Practitioner, *regions: str) -> None:
    physio.plans(*regions)
    physio.press("Save the plan")


def test_a_plan_that_raises_the_stop_of_a_region_and_another_that_settles_it(physio: Practitioner) -> None:
    visit = given_answers(skin_problem="yes", skin_problem_regions=["left_calf"])
    physio.opens_the_review_of(NAME)

    # When the plan goes where the skin is sore, by a tap on the body
    physio.page.locator("label.body-part", has=physio.page.get_by_text("Left calf")).locator("path").click()
    expect(physio.page.locator("[name=regions][value=left_calf]")).to_be_checked()
    save_the_plan(physio)
    physio.sees("New flags: Skin problem (stop).")
    physio.sees("No longer flagged: Skin problem (review).")
    expect(physio.page.get_by_role("button", name="Go on to consent")).to_be_disabled()

    # and then to the other side
    physio.page.get_by_text("Change the plan").click()
    physio.page.locator("[name=regions][value=left_calf]").uncheck()
    save_the_plan(physio, "right_calf")
    physio.sees("New flags: Skin problem (review).")
    physio.decides(
        "Skin problem", "precaution", reason="The right leg is well.", precaution="We stay off the left leg."
    )
    press_and_sign(physio, visit)

    # Then the PDF names the side that was needled, and what was decided
    physio.confirms(NAME)
    then_the_pdf_says(physio, "right calf", "The right leg is well.", "We stay off the left leg.")


def test_going_ahead_against_a_stop_needs_a_reason_and_the_password(physio: Practitioner) -> None:
    visit = given_answers(pregnancy="yes", pregnancy_weeks=22)
    physio.opens_the_review_of(NAME)
    save_the_plan(physio, "left_calf")

    # The default is the safe way: Enter in a field of the interruption leaves the stop as it is
    physio.follow("Go ahead against this stop… Pregnancy")
    physio.sees("Clinical decision needed")
    physio.page.get_by_label("Your password, once more").fill(PASSWORD)
    physio.page.keyboard.press("Enter")
    physio.sees("the stop stands")
    assert not Decision.objects.exists()

    # A wrong password goes nowhere, and keeps what was typed
    physio.follow("Go ahead against this stop… Pregnancy")
    physio.page.get_by_label("Why you go ahead").fill("Her midwife asks for it, in writing.")
    physio.page.get_by_label("Your password, once more").fill("not this one")
    physio.press("Go ahead against this stop")
    physio.sees("This is not your password.")
    physio.page.get_by_label("Your password, once more").fill(PASSWORD)
    physio.press("Go ahead against this stop")
    physio.sees("you decided to go ahead against the stop")
    press_and_sign(physio, visit)

    # Then the reason, who, and the proof are printed
    physio.confirms(NAME)
    then_the_pdf_says(
        physio,
        "Her midwife asks for it, in writing.",
        "Kim Physio",
        "decided to go ahead against a stop, and proved with their password who they are",
    )


def test_teach_back_failed_twice_holds_until_something_helps(physio: Practitioner) -> None:
    visit = given_answers(epilepsy="yes")
    physio.opens_the_review_of(NAME)
    save_the_plan(physio, "left_calf")
    physio.decides("Epilepsy or fits", "cleared", reason="No fit for ten years.")

    # When the patient cannot say it back, twice
    for opens in ("Record the talk", "Record another talk"):
        physio.page.locator("summary", has_text=opens).click()
        physio.choose("prompt_4", "not_able")
        physio.press("Record the talk")
    physio.sees("That was the second talk.")
    expect(physio.page.get_by_role("button", name="Go on to consent")).to_be_disabled()

    # a third talk alone is not enough
    physio.page.locator("summary", has_text="Record another talk").click()
    physio.records_the_talk()
    physio.press("Record the talk")
    physio.sees("could not say it back in two talks")

    # but help is
    physio.page.locator("summary", has_text="Record what helps them decide").click()
    physio.page.get_by_label("What helped").fill("A drawing, and her sister beside her")
    physio.page.get_by_label("How they showed").fill("Named exercise and heat as other ways.")
    physio.press("Record what helps")
    press_and_sign(physio, visit)

    physio.confirms(NAME)
    then_the_pdf_says(
        physio, "the alternatives", "A drawing, and her sister beside her", "Named exercise and heat as other ways."
    )


def test_a_minor_with_a_guardian(physio: Practitioner) -> None:
    today = timezone.localdate()
    visit = given_answers(born=today.replace(year=today.year - 15, day=1))
    physio.opens_the_review_of(NAME)
    save_the_plan(physio, "left_calf")
    physio.decides("Age", "cleared", reason="Understands it well, and her mother is here.")
    physio.sees("Record the parent or guardian who decides with them.")

    # When the guardian is recorded, with what was seen of their authority
    physio.press("Record the guardian")
    physio.sees("Type who they are to the patient.")
    physio.page.locator("#id_guardian_name").fill("Ewa Nowak")
    physio.page.locator("#id_guardian_relationship").fill("mother")
    physio.page.locator("#id_guardian_authority").fill("Birth certificate, seen today")
    physio.press("Record the guardian")
    press_and_sign(physio, visit, guardian="aunt")

    # Then the two names are held against each other before anything is confirmed, and what was found out is printed
    physio.go(f"/confirm/{visit.pk}/")
    physio.sees("Two names for the guardian.")
    physio.confirms(NAME)
    then_the_pdf_says(
        physio,
        "Ewa Nowak",
        "mother",
        "Birth certificate, seen today",
        "Signer as guardian",
        "Signer as assent",
        "Ewa Nowak was recorded as the guardian and Signer as guardian signed as the guardian",
    )


def test_an_interpreter_and_a_very_high_blood_pressure(physio: Practitioner) -> None:
    visit = given_answers(support_needed=["interpreter"], questions="Czy to boli?")
    physio.opens_the_review_of(NAME)
    save_the_plan(physio, "left_calf")
    physio.decides("Support needed", "cleared", reason="An interpreter is on the phone.")
    physio.press("The patient’s questions were answered")

    # When the interpreter is recorded
    physio.page.locator("#id_interpreter_name").fill("Jan Kowalski")
    physio.page.locator("#id_interpreter_number").fill("NAATI 12345")
    physio.page.locator("#id_interpreter_language").fill("Polish")
    physio.choose("mode", "phone")
    physio.press("Record the interpreter")

    # and a blood pressure that holds until somebody says why to go on
    physio.page.locator("summary", has_text="Record, if you measured").click()
    physio.page.get_by_label("Upper blood pressure").fill("1850")
    physio.page.get_by_label("Lower blood pressure").fill("95")
    physio.press("Record what you measured")
    physio.sees("Upper blood pressure: type a whole number from 60 to 260.")
    physio.page.get_by_label("Upper blood pressure").fill("185")
    physio.press("Record what you measured")
    physio.sees("Blood pressure 185/95 mmHg is very high.")
    physio.page.get_by_label("Upper blood pressure").fill("182")
    physio.page.get_by_label("Lower blood pressure").fill("94")
    physio.page.get_by_label("If the blood pressure is very high").fill("Always so here; her doctor knows.")
    physio.press("Record what you measured")
    press_and_sign(physio, visit)

    physio.confirms(NAME)
    then_the_pdf_says(
        physio,
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


def test_a_review_by_keyboard_alone(physio: Practitioner) -> None:
    visit = given_answers(epilepsy="yes")
    physio.go(f"/review/{visit.pk}/")
    page = physio.page

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
    physio.sees("decision saved")

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
    physio.sees("Nothing is left to do.")
    pressed("Go on to consent")
    physio.sees("can read and sign now")
    when_the_patient_signs(visit)
    physio.confirms(NAME)
    then_the_pdf_says(physio, "left calf", "No fit for ten years.")
