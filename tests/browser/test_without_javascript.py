"""The whole way from the birth date to a typed signature on a browser that runs no scripts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from clinic.domain.flow import Stage
from clinic.models import Hold
from consent.models import Signature
from tests.support.factories import hold, make_patient, make_tablet, make_visit
from tests.support.page_guards import watch
from tests.support.steps import STRUCTURE, Patient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]

BORN = dt.date(1951, 3, 27)
NAME = "Edith Example"
HEADING = "parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"


@pytest.fixture
def page_without(browser: Any, browser_context_args: dict[str, Any], live_server: Any) -> Iterator[Any]:
    """A page in a browser that runs no scripts."""
    noticed: list[str] = []
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    watch(context, live_server.url, noticed)
    yield context.new_page()
    context.close()
    assert not noticed, "\n".join(noticed)


class WithoutScripts(Patient):
    """A patient whose browser runs none, so that there is none to wait for, nor axe."""

    def looks(self) -> None:
        assert self.page.evaluate(STRUCTURE) == [], self.page.url
        assert not self.page.locator("[data-aloud]").is_visible()


def test_from_the_birth_date_to_a_typed_signature(page_without: Any, live_server: Any) -> None:
    visit, (tablet, token) = make_visit(make_patient(NAME, BORN)), make_tablet()
    hold(visit, tablet, identified=False)
    cookie = {"name": settings.TABLET_COOKIE_NAME, "value": token, "url": live_server.url}
    page_without.context.add_cookies([cookie])
    patient = WithoutScripts(page_without, live_server.url, lambda page: None)
    patient.go("/tablet/")

    # Larger text shows at once, goes with the page's own form, and is there on the next page
    small = patient.page.evaluate(HEADING)
    patient.page.get_by_text("Very large", exact=True).click()
    assert patient.page.evaluate(HEADING) >= 1.5 * small
    patient.begins(BORN)
    assert Hold.objects.get().text_size == "very_large"
    assert patient.page.evaluate(HEADING) >= 1.5 * small

    # A refused page keeps what was chosen
    patient.choose("filled_in_by", "self")
    patient.press("Continue")
    patient.sees("There is a problem")
    assert patient.page.locator("[name=filled_in_by][value=self]").is_checked()

    assert patient.answers() > 5
    patient.sends_the_answers()

    # A page without a form of its own keeps the look with a button, and comes back
    patient.page.get_by_text("Text size and contrast").click()
    patient.page.get_by_text("High contrast", exact=True).click()
    here = patient.page.url
    patient.press("Keep it like this")
    assert patient.page.url == here
    assert Hold.objects.get().contrast == "high"

    patient.reads_the_consent()
    patient.ticks("lung", "read", "agree")
    patient.types_the_name(NAME)
    patient.press("I agree")
    patient.sees("You have signed")
    visit.refresh_from_db()
    assert visit.at is Stage.SIGNED
    assert Signature.objects.get().method == "typed"
