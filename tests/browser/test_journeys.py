"""Three patients, from the front desk to the end, in real browsers: one at the desk, one the tablet."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from screening.models import Decision
from tests.support.journeys import BORN, NAME, Clinic, then_the_pdf_says

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]


def given_a_checked_in_patient(clinic: Clinic) -> None:
    clinic.has_a_paired_tablet()
    clinic.reception().adds_a_patient(NAME, BORN)
    clinic.desk.hands_over("Front desk 1", NAME)
    clinic.patient.begins(BORN)


def verify(path: Path) -> str:
    """Return what `manage.py verify` says, and "refused" after it if it exits with an error."""
    from io import StringIO

    said = StringIO()
    try:
        call_command("verify", str(path), stdout=said)
    except (CommandError, SystemExit) as refusal:
        return f"{said.getvalue()}{refusal}\nrefused"
    return said.getvalue()


def pdfsig(path: Path) -> str:
    return subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout


def then_the_pdf_is_sealed(pdf: bytes, folder: Path) -> None:
    """`manage.py verify` says whole exactly where `pdfsig` says that the total document is signed."""
    good = folder / "consent.pdf"
    good.write_bytes(pdf)
    said = verify(good)
    assert "refused" not in said, said
    assert "Total document signed" in pdfsig(good)
    assert "Not total document signed" not in pdfsig(good)

    flipped = folder / "flipped.pdf"
    place = pdf.index(b"stream") + 40
    flipped.write_bytes(pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :])
    assert "refused" in verify(flipped)

    longer = folder / "longer.pdf"
    longer.write_bytes(pdf + b"\n% a revision nobody signed\n%%EOF\n")
    assert "refused" in verify(longer)
    assert "Not total document signed" in pdfsig(longer)


def test_nothing_to_flag(clinic: Clinic, tmp_path: Path) -> None:
    given_a_checked_in_patient(clinic)

    # When the patient answers, reads and signs on the same tablet
    clinic.patient.answers()
    clinic.patient.sends_the_answers()
    lines = clinic.patient.reads_the_consent()
    clinic.patient.press("I agree")
    clinic.patient.sees("There is a problem")
    clinic.patient.ticks("lung", "read", "agree")
    clinic.patient.draws_a_signature()
    clinic.patient.press("I agree")
    clinic.patient.sees("You have signed")

    # and the practitioner confirms in the room
    physio = clinic.practitioner()
    physio.confirms(NAME, "left_calf")
    physio.sees("Sealed")

    # Then the PDF says what was on the screen, and holds
    pdf = physio.downloads_the_pdf()
    text = then_the_pdf_says(pdf, lines)
    assert NAME in text
    assert "left calf" in text.lower()
    assert "PH 20417" in text
    then_the_pdf_is_sealed(pdf, tmp_path)


def test_flagged_then_cleared_with_a_precaution_then_signed(clinic: Clinic, tmp_path: Path) -> None:
    given_a_checked_in_patient(clinic)

    # When the patient says something that a practitioner must look at
    clinic.patient.answers(
        needle_fear=6,
        blood_thinners="yes",
        blood_thinner_names=["warfarin"],
        inr=2.4,
        inr_date=dt.date(2026, 1, 5),
        what_matters="I play the cello.",
        questions="Do I have to stop my tablets?",
    )
    clinic.patient.sends_the_answers()
    clinic.patient.sees("Please take a seat")

    # Then it is in the queue, and each flag is decided with a reason
    physio = clinic.practitioner()
    physio.opens_the_review_of(NAME)
    physio.sees("I play the cello.")
    physio.plans("left_calf")
    physio.press("Save the plan")
    physio.press("The patient’s questions were answered")
    physio.decides(
        "Blood thinners", "precaution", reason="INR is stable.", precaution="We press on each spot for longer."
    )
    physio.decides("Needle fear", "cleared", reason="Wants to try one needle lying down.")
    physio.press("Go on to consent")
    physio.sees("can read and sign now")

    # and the precaution is in the text that the patient reads and signs
    clinic.patient_is_handed_the_tablet()
    lines = clinic.patient.reads_the_consent()
    assert any("We press on each spot for longer." in line for line in lines)
    clinic.patient.ticks("lung", "read", "agree")
    clinic.patient.types_the_name(NAME)
    clinic.patient.press("I agree")
    clinic.patient.sees("You have signed")

    # and in the PDF, with every flag's decision
    physio = clinic.practitioner()
    physio.confirms(NAME, "left_calf")
    pdf = physio.downloads_the_pdf()
    text = then_the_pdf_says(
        pdf, [*lines, "INR is stable.", "Wants to try one needle lying down.", "I play the cello."]
    )
    decisions = Decision.objects.all()
    assert decisions.count() >= 2
    for decision in decisions:
        assert decision.reason in text
    then_the_pdf_is_sealed(pdf, tmp_path)


def test_flagged_and_not_treated(clinic: Clinic) -> None:
    given_a_checked_in_patient(clinic)

    # When the patient has an infection
    clinic.patient.answers(infection_now="yes", infection_kinds=["skin"], infection_site="My left shin")
    clinic.patient.sends_the_answers()
    clinic.patient.sees("Please take a seat")

    # Then the practitioner ends the visit, and prints a note that says when to come back
    physio = clinic.practitioner()
    physio.opens_the_review_of(NAME)
    physio.page.locator("main [name=reason]").last.fill("A skin infection has to heal first.")
    physio.page.get_by_label("When to come back").fill("Two weeks after the last antibiotic")
    physio.press("Do not treat today")
    physio.sees("No dry needling today")
    physio.sees("Two weeks after the last antibiotic")

    # and no consent exists
    physio.go("/board/")
    physio.sees("Not treated today")
    clinic.reception().go("/board/")
    assert "infection" not in clinic.desk.reads().lower()
