"""The browser dies at each step of the journey, with the page filled in: the visit goes on upon another tablet.

Everything that was sent before is there; the screen that was being filled in is asked again, and nothing more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from clinic.devices import holds
from clinic.domain.flow import Stage
from clinic.models import Actor, Visit
from consent.models import SignedConsent
from screening.domain.questionnaire import SECTIONS, all_clear, dump
from screening.models import Screening
from tests.support.factories import make_patient, make_tablet, make_visit
from tests.support.page_guards import watch
from tests.support.steps import Patient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough, pytest.mark.journey]

NAME, BORN = "Zoë Müller", dt.date(1990, 5, 1)
SAYS = {**all_clear(), "medicines": "Vitamin D", "what_matters": "I play the cello."}
BIRTH_DATE, CHECK, SIGN = "/tablet/birth-date/", "/tablet/check/", "/tablet/consent/sign/"
READING = ["/tablet/consent/about/", "/tablet/consent/risks/", SIGN]


class Visiting:
    """One patient on tablet after tablet. Each is new, and has only its cookie."""

    def __init__(self, open_browser: Callable[[], Any], address: str) -> None:
        self.open, self.address = open_browser, address
        self.visit = make_visit(make_patient(NAME, BORN))
        self.told: dict[str, Any] = {}  # what was sent and taken
        self.died: list[str] = []  # where

    def picks_up(self) -> Patient:
        """Take the next tablet, which asks for the birth date."""
        tablet, token = make_tablet()
        visit = Visit.objects.get(pk=self.visit.pk)
        holds.hand_over(visit=visit, tablet=tablet, by=Actor(user=visit.created_by))
        context = self.open()
        context.add_cookies([{"name": settings.TABLET_COOKIE_NAME, "value": token, "url": self.address}])
        patient = Patient(context.new_page(), self.address, lambda page: None)
        patient.go("/tablet/")
        assert where(patient) == BIRTH_DATE
        patient.type_date("born", BORN)
        return patient

    def goes_on(self) -> Patient:
        """Take the next tablet, and see that it goes on where the last one died, with all that was sent before."""
        patient = self.picks_up()
        patient.press("Continue")
        latest = Screening.of(self.visit)
        kept = latest.answers if latest else {}
        lost = {name: value for name, value in self.told.items() if name not in kept or kept[name] != value}
        assert not lost, f"not kept: {lost}"
        return patient

    def dies(self, patient: Patient) -> None:
        """Nothing is said to the page, nor by it."""
        self.died.append(where(patient))
        patient.page.context.close()


def where(patient: Patient) -> str:
    return urlsplit(patient.page.url).path


def fills_in(patient: Patient) -> dict[str, Any]:
    """Fill in the page of questions that is open; return what it then says, as it would be stored."""
    asked = patient._asked()
    for name in asked:
        patient._answer(name, SAYS)
    return dump({name: SAYS[name] for name in asked if name in SAYS})


def answers_and_dies_on_each_page(visiting: Visiting) -> Patient:
    """Send one page on each tablet, and let it die on the next; return the patient who looks at everything."""
    visiting.dies(visiting.picks_up())  # the birth date is typed, and not sent
    patient = visiting.goes_on()
    while where(patient) != CHECK:
        here = where(patient)
        fills_in(patient)
        visiting.dies(patient)
        patient = visiting.goes_on()
        assert where(patient) == here, "more was lost than one screen"
        visiting.told |= fills_in(patient)
        patient.press("Continue")
    visiting.dies(patient)
    patient = visiting.goes_on()
    assert where(patient) == CHECK
    return patient


def agrees(patient: Patient) -> None:
    patient.ticks("lung", "read", "agree")
    patient.types_the_name(NAME)


def reads_until(patient: Patient, page: str) -> None:
    """Read from the first page on."""
    for each in READING:
        assert where(patient) == each
        if each == page:
            break
        patient.follow("Continue")


@pytest.fixture
def visiting(
    browser: Any, browser_context_args: dict[str, Any], live_server: Any, offline_guard: list[str]
) -> Visiting:
    def open_browser() -> Any:
        context = browser.new_context(**browser_context_args)
        watch(context, live_server.url, offline_guard)
        return context

    return Visiting(open_browser, live_server.url)


@pytest.mark.heavy
def test_wherever_the_browser_dies_the_visit_goes_on_upon_another_tablet(visiting: Visiting) -> None:
    patient = answers_and_dies_on_each_page(visiting)
    patient.sends_the_answers()
    for page in READING:
        reads_until(patient, page)
        if page == SIGN:
            agrees(patient)
        visiting.dies(patient)
        assert not SignedConsent.objects.exists()
        patient = visiting.goes_on()
    reads_until(patient, SIGN)
    agrees(patient)
    patient.press("I agree")
    patient.sees("You have signed")
    patient.page.context.close()

    assert {Visit.objects.get().at, SignedConsent.objects.get().visit.at} == {Stage.SIGNED}
    pages = [f"/tablet/questions/{section.slug}/0/" for section in SECTIONS]
    assert visiting.died == [BIRTH_DATE, *pages, CHECK, *READING]
    answers = Screening.objects.get().answers
    assert answers["what_matters"] == "I play the cello."
    assert visiting.told.items() <= answers.items()


def test_a_page_that_was_not_stored_would_be_missed(visiting: Visiting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(Screening, "save", lambda self, **_: None)
    with pytest.raises(AssertionError, match="not kept"):
        answers_and_dies_on_each_page(visiting)
