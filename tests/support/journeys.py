"""A clinic at one desk with one tablet, as a journey through the browser walks it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from clinic.domain.flow import Stage
from clinic.models import Actor, Hold, Role, Visit
from consent import actions as consents
from consent.domain.signature_strokes import Signed
from consent.domain.statement import statement
from consent.status.statement_input import facts
from screening.assessment.review_state import review_state
from tests.support.factories import hold, make_tablet, make_user
from tests.support.pdf_text import pdf_text, plain
from tests.support.steps import Patient, Practitioner, Staff

BORN = dt.date(1990, 5, 1)

NAME = "Zoë Müller"


class Clinic:
    """A clinic with one of each role, at one desk, and one tablet."""

    def __init__(self, desk: Any, tablet: Any, address: str, check: Callable[[Any], None]) -> None:
        for role in Role:
            number = {"registration_number": "PH 20417"} if role is Role.PRACTITIONER else {}
            make_user(role, name=f"The {role}", username=role.value, **number)
        self.desk = Practitioner(desk, address, check)
        self.patient = Patient(tablet, address, check)
        self._paired = False

    def _as(self, role: Role) -> Practitioner:
        if self.desk.page.url != "about:blank":
            self.desk.press("Sign out")
        self.desk.signs_in(role.value)
        return self.desk

    def reception(self) -> Staff:
        return self._as(Role.RECEPTION)

    def practitioner(self) -> Practitioner:
        return self._as(Role.PRACTITIONER)

    def has_a_paired_tablet(self) -> None:
        self._as(Role.MANAGER).pairs("Front desk 1", self.patient)

    def patient_is_handed_the_tablet(self) -> None:
        self.reception().hands_over("Front desk 1", NAME)
        self.patient.begins(BORN)


def then_the_pdf_says(pdf: bytes, lines: list[str]) -> str:
    """Every line that was on the screen stands in the PDF, word for word."""
    text = pdf_text(pdf)
    missing = [line for line in lines if plain(line) not in text]
    assert not missing, missing
    return text


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


def the_pdf_has(physio: Practitioner, *lines: str) -> None:
    text = pdf_text(physio.downloads_the_pdf())
    assert [line for line in lines if line not in text] == []


def press_and_sign(physio: Practitioner, visit: Visit, **relationships: str) -> None:
    physio.press("Go on to consent")
    physio.sees("can read and sign now")
    when_the_patient_signs(visit, **relationships)


def save_the_plan(physio: Practitioner, *regions: str) -> None:
    physio.plans(*regions)
    physio.press("Save the plan")
