"""A patient faints after the needling; at the next visit the record speaks, though the patient says nothing of it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from clinic.domain.dates import day_in_words
from clinic.domain.flow import Stage
from clinic.models import Patient
from screening.domain import questionnaire
from tests.support.factories import make_patient, make_plan, make_screening, make_visit
from tests.support.journeys import BORN, NAME, Clinic
from tests.support.pdf_text import pdf_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]


@pytest.fixture
def treated_last_week(clinic: Clinic) -> Clinic:
    """A patient whose consent was sealed a week ago, and a clinic with a tablet."""
    clinic.has_a_paired_tablet()
    when = timezone.now() - dt.timedelta(days=7)
    visit = make_visit(make_patient(NAME, BORN), Stage.SEALED, day=timezone.localdate(when))
    earlier = make_screening(visit, submitted=False)
    earlier.submitted_at = when
    earlier.save()
    make_plan(visit, "left_calf")
    return clinic


@pytest.mark.heavy
def test_adverse_event_then_next_visit(treated_last_week: Clinic) -> None:
    clinic, patient = treated_last_week, treated_last_week.patient
    flag = questionnaire.QUESTIONS["last_needling_reaction"].short

    person = Patient.objects.get()

    # When the treatment is recorded, with a needle too few at first
    physio = clinic.practitioner()
    physio.go(f"/patients/{person.pk}/")
    physio.follow(f"Record it for {day_in_words(timezone.localdate() - dt.timedelta(days=7))}")
    physio.page.get_by_label("Needles that went in").fill("4")
    physio.page.get_by_label("Needles that came out, counted").fill("3")
    physio.choose("reaction", "none")
    physio.press("Save the record")
    physio.sees("Count again")
    physio.page.get_by_label("Needles that came out, counted").fill("4")
    physio.press("Save the record")
    physio.sees("4 needles in, 4 out")
    physio.follow("Aftercare sheet")
    physio.sees("have pain in your chest")
    physio.follow("Back to the visit")

    # and the patient calls days later
    physio.follow("Record an adverse event")
    physio.choose("kind", "faint")
    physio.choose("harm", "care")
    physio.page.get_by_label("What happened").fill("Fell on the way to the car, cut on the chin.")
    physio.press("Record the event")
    physio.sees("The next visit’s review will ask about it.")
    physio.follow("Fainted, or nearly")
    physio.sees("No answer raised a flag that warns of it.")
    physio.sees("Some people faint")

    # Then the next visit is looked at, whatever the patient answers
    physio.go(f"/patients/{person.pk}/")
    physio.press("Put on the board")
    clinic.patient_is_handed_the_tablet()
    patient.press("All I did not tick is still right")
    patient.answers(last_needling_reaction="no")
    patient.sends_the_answers()
    patient.sees("Please take a seat")
    physio = clinic.practitioner()
    physio.opens_the_review_of(NAME)
    today = day_in_words(timezone.localdate())
    recorded = f"on our record: fainted, or nearly (needed care, but no emergency), {today}."
    physio.sees(recorded)
    physio.plans("left_calf")
    physio.press("Save the plan")
    physio.decides(flag, "precaution", reason="Had not eaten that day.", precaution="You lie down and eat first.")
    physio.press("Go on to consent")

    # and the PDF tells it, with what was decided
    clinic.patient_is_handed_the_tablet()
    lines = patient.reads_the_consent()
    assert any("bad time after your last dry needling" in line for line in lines)
    patient.ticks("lung", "read", "agree")
    patient.draws_a_signature()
    patient.press("I agree")
    patient.sees("You have signed")
    physio = clinic.practitioner()
    physio.confirms(NAME, "left_calf")
    text = pdf_text(physio.downloads_the_pdf())
    for words in (recorded, "Had not eaten that day.", "You lie down and eat first.", "Board Notice 121"):
        assert words in text
