"""The whole way on a phone of 360 by 740 pixels: at home through the e-mail's link, then in the clinic by QR code."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from clinic.devices import invitations
from clinic.domain.flow import Stage
from clinic.models import Invitation, Role, Visit
from screening.domain.questionnaire import BY_THE_HOUR, ON_THE_DAY
from tests.support.factories import acting, make_patient, make_visit, receptionist, staff_client
from tests.support.page_guards import watch
from tests.support.steps import Patient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]

BORN = dt.date(1990, 5, 1)
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class WithAPhone(Patient):
    """A patient with their own phone. No page may be wider than it."""

    def looks(self) -> None:
        super().looks()
        assert self.page.evaluate(SIDEWAYS) == 0, self.page.url
        self.shots = getattr(self, "shots", 0) + 1
        if folder := os.environ.get("PHONE_SHOTS"):
            self.page.screenshot(path=f"{folder}/{self.shots:02d}.png", full_page=True)

    def opens(self, link: str) -> None:
        self.page.goto(link)
        self.page.wait_for_load_state()
        assert "#" not in self.page.url  # the secret is out of the address before anything is typed
        self.looks()
        self.type_date("born", BORN)
        self.press("Continue")


@pytest.fixture
def with_a_phone(browser: Any, live_server: Any, axe: Any, offline_guard: list[str]) -> Iterator[WithAPhone]:
    phone = browser.new_context(
        viewport={"width": 360, "height": 740}, device_scale_factor=2, has_touch=True, is_mobile=True, locale="en-GB"
    )
    watch(phone, live_server.url, offline_guard)
    yield WithAPhone(phone.new_page(), live_server.url, axe)
    phone.close()


@pytest.mark.heavy
def test_at_home_by_the_link_and_here_by_the_code(with_a_phone: WithAPhone, live_server: Any) -> None:
    desk, tomorrow = receptionist(), timezone.localdate() + dt.timedelta(days=1)
    visit = make_visit(make_patient("Zoë Müller", BORN, email="zoe@example.org"), day=tomorrow)
    staff_client(desk).post(f"/visits/{visit.pk}/phone/email/", headers={"host": "localhost"})
    path = re.search(r"/tablet/phone/#\S+", str(mail.outbox[0].body))
    assert path

    with_a_phone.opens(f"{live_server.url}{path[0]}")
    with_a_phone.answers(**dict.fromkeys(BY_THE_HOUR))
    with_a_phone.press("Keep my answers")
    with_a_phone.sees("Nothing is signed")
    with_a_phone.follow("Read about dry needling")
    for _ in range(2):
        with_a_phone.follow("Continue")
    with_a_phone.follow("I have read it")
    with_a_phone.go("/tablet/phone/")
    with_a_phone.sees("Welcome back")

    Visit.objects.filter(pk=visit.pk).update(day=timezone.localdate())
    visit.refresh_from_db()
    _, token = invitations.invite(visit=visit, how=Invitation.How.DESK, by=acting(desk, Role.RECEPTION))
    with_a_phone.go("/tablet/")
    with_a_phone.sees("nothing left to do on this phone")
    with_a_phone.opens(f"{live_server.url}/tablet/phone/#{token}")
    with_a_phone.sees("What you told us before is kept")
    assert with_a_phone.answers() <= len(ON_THE_DAY)
    with_a_phone.sends_the_answers()
    with_a_phone.reads_the_consent()
    with_a_phone.types_the_name("Zoë Müller")
    with_a_phone.ticks("lung", "read", "agree")
    with_a_phone.press("I agree")
    with_a_phone.sees("You have signed")
    visit.refresh_from_db()
    assert visit.at is Stage.SIGNED

    Visit.objects.filter(pk=visit.pk).update(stage=Stage.STOPPED.value)
    with_a_phone.go("/tablet/")
    with_a_phone.sees("nothing left to do on this phone")
