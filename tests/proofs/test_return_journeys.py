"""Patients who come back, in real browsers: nothing changed, a course, its end, or a new pregnancy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone

from clinic.domain.dates import day_in_words
from clinic.domain.flow import Stage
from clinic.models import Patient, Role, User
from clinic.records.staff import change_policy
from consent.domain.course import GO_AHEAD
from consent.models import Consent
from consent.status.build_record import number
from tests.support.course_factories import course_on_record
from tests.support.factories import acting, make_patient, make_screening, make_visit, manager
from tests.support.journeys import BORN, NAME, Clinic, then_the_pdf_says
from tests.support.pdf_text import pdf_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]

DAYS_AGO = 40


@pytest.fixture
def returning(clinic: Clinic) -> Clinic:
    """A patient who was needled here before, back with a tablet in hand."""
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
    return day_in_words(timezone.localdate() - dt.timedelta(days=DAYS_AGO))


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


@pytest.fixture
def in_a_course(clinic: Clinic) -> Callable[[int], Clinic]:
    """The patient of a course comes for a session, answers the short questions, and sends them."""

    def comes(session: int) -> Clinic:
        clinic.has_a_paired_tablet()
        patient = make_patient(NAME, BORN)
        course_on_record(patient, User.objects.get(username=Role.PRACTITIONER.value), sessions=session - 1)
        put_on_the_board(patient)
        clinic.patient_is_handed_the_tablet()
        clinic.patient.press("All I did not tick is still right")
        clinic.patient.answers(last_needling_reaction="no")
        clinic.patient.sends_the_answers()
        return clinic

    return comes


@pytest.mark.heavy  # the seventh goes the same way further
def test_third_session(in_a_course: Callable[[int], Clinic]) -> None:
    clinic = in_a_course(3)

    # Within the course one yes is enough: nothing is ticked and nothing is signed
    clinic.patient.sees("Still happy to go ahead?")
    clinic.patient.sees("This is visit 3 of 6")
    clinic.patient.press("Yes, go ahead as before")
    physio = clinic.practitioner()
    physio.confirms(NAME, "left_calf")

    # Then the session's PDF cites the consent that it goes on with, and claims no signature
    first = Consent.objects.get(given__course=None)
    text = pdf_text(physio.downloads_the_pdf())
    for words in (
        f"Session 3 of 6 under consent {number(first.visit)}",
        GO_AHEAD,
        "Said yes with a tap",
        "I asked how the patient has been since the last session",
    ):
        assert words in text, words
    assert {first.sha256, first.sealed.sha256} <= set(text.split())
    assert "Electronic signature, drawn" not in text

    # and the desk tells which session the visit was
    physio.follow("Visit")
    physio.sees("Session 3 of 6")
    physio.follow("Patient’s page")
    physio.sees("Course: session 3 of 6")


def test_seventh_session(in_a_course: Callable[[int], Clinic]) -> None:
    clinic = in_a_course(7)

    # Then one yes is not enough, and the patient is told why
    clinic.patient.sees("Why we ask you to sign again")
    clinic.patient.sees("You have had all the visits that you signed for.")
    lines = signs(clinic)
    physio = clinic.practitioner()
    physio.confirms(NAME, "left_calf")

    # and what is sealed is a consent in full, with every line that was read
    text = then_the_pdf_says(physio.downloads_the_pdf(), lines)
    assert "Your consent to dry needling" in text
    assert "under consent C-" not in text
