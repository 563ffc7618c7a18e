"""Patients who come back, in real browsers: nothing changed, or a new pregnancy."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from clinic.actions import change_policy
from clinic.flow import Stage
from clinic.models import Patient, Role
from screening import questions
from tests.factories import acting, make_patient, make_screening, make_visit, manager
from tests.steps import pdf_text
from tests.test_journeys import BORN, NAME, Clinic, clinic

__all__ = ["clinic"]

pytestmark = pytest.mark.django_db(transaction=True)

DAYS_AGO = 40


@pytest.fixture
def returning(clinic: Clinic, browser_context_args: dict[str, Any]) -> Clinic:
    """A patient who was needled here before, back with a tablet in hand."""
    if browser_context_args["viewport"]["width"] < 1000:
        pytest.skip("one way to hold the tablet is enough here")
    clinic.has_a_paired_tablet()
    when = timezone.now() - dt.timedelta(days=DAYS_AGO)
    patient = make_patient(NAME, BORN)
    before = make_visit(patient, Stage.SEALED, day=timezone.localdate(when), returning=False)
    earlier = make_screening(before, submitted=False, metal_in_body="yes", metal_in_body_regions=["left_knee"])
    earlier.submitted_at = when
    earlier.save()
    put_on_the_board(patient)
    clinic.patient_is_handed_the_tablet()
    clinic.patient.sees("Is it still right?")
    clinic.patient.sees("Left knee")
    clinic.patient.looks()
    return clinic


def put_on_the_board(patient: Patient) -> None:
    make_visit(patient, returning=True)


def day_before() -> str:
    return questions.day_in_words(timezone.localdate() - dt.timedelta(days=DAYS_AGO))


def signs(clinic: Clinic) -> list[str]:
    lines = clinic.patient.reads_the_consent()
    clinic.patient.ticks("lung", "read", "agree")
    clinic.patient.draws_a_signature()
    clinic.patient.press("I agree")
    clinic.patient.sees("You have signed")
    return lines


def test_return_visit_unchanged(returning: Clinic) -> None:
    # When nothing changed, one press confirms what lasts, and only today is asked
    returning.patient.press("All I did not tick is still right")
    returning.patient.answers(last_needling_reaction="no")
    returning.patient.sees("Left knee")
    returning.patient.sends_the_answers()
    signs(returning)
    physio = returning.practitioner()
    physio.confirms(NAME, "left_calf")

    # Then the PDF holds the answers with the day they are from
    text = pdf_text(physio.downloads_the_pdf())
    assert f"Left knee (told on {day_before()}, confirmed at this visit)" in text
    assert "(told on" not in text[text.index("Are you pregnant") :][:60]


def test_return_visit_with_a_new_pregnancy(returning: Clinic) -> None:
    change_policy(pregnancy="review", by=acting(manager(), Role.MANAGER))
    returning.patient.press("All I did not tick is still right")
    returning.patient.answers(last_needling_reaction="no", pregnancy="yes", pregnancy_weeks=9)
    returning.patient.sends_the_answers()
    returning.patient.sees("Please take a seat")

    # Then the reviewer sees what was told before and what is told now
    physio = returning.practitioner()
    physio.opens_the_review_of(NAME)
    physio.sees(f"Changed since the visit of {day_before()}")
    row = physio.page.get_by_role("row", name="Pregnancy")
    assert row.locator("td").all_inner_texts()[:2] == ["No", "Yes"]
    physio.plans("left_calf")
    physio.press("Save the plan")
    physio.decides("Pregnancy", "precaution", reason="Her midwife agrees.", precaution="You lie on your side.")
    physio.press("Go on to consent")

    # and what was decided stands in the text and in the PDF
    returning.patient_is_handed_the_tablet()
    assert any("You lie on your side." in line for line in signs(returning))
    physio = returning.practitioner()
    physio.confirms(NAME, "left_calf")
    text = pdf_text(physio.downloads_the_pdf())
    for words in ("Her midwife agrees.", "You lie on your side.", "9 weeks", f"told on {day_before()}"):
        assert words in text
