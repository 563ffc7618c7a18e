"""A staff member hands over the device in hand: coming back needs signing in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Error, expect

from clinic.devices import holds
from clinic.models import Role, Visit
from tests.support.factories import acting, make_patient, make_user, make_visit, receptionist
from tests.support.steps import Staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]


def lands_on_login(page: Any, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def once_at_rest(page: Any) -> str:
    """Return the page that Back led to."""
    for _ in range(8):
        page.wait_for_timeout(150)
        page.wait_for_load_state()
        try:
            return str(page.content())
        except Error:  # it went on to another page in this very moment
            continue
    raise AssertionError("The page does not come to rest.")


def test_back_and_typed_addresses_lead_to_the_login_only(
    page: Any, live_server: Any, offline_guard: list[str], axe: Callable[[Any], None]
) -> None:
    visit = make_visit(make_patient("Zoë Müller"))
    make_user(Role.RECEPTION, username="front")
    Staff(page, live_server.url, axe).signs_in("front")
    for path in ("/patients/", "/board/", f"/visits/{visit.pk}/"):
        page.goto(live_server.url + path)
    page.get_by_role("button", name="Hand over this device").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello Zoë M.")

    for _ in range(10):
        page.evaluate("() => { setTimeout(() => history.back()); }")
        assert "Müller" not in once_at_rest(page)
    for path in ("/board/", "/patients/", f"/visits/{visit.pk}/", "/queue/", "/manage/tablets/"):
        lands_on_login(page, live_server.url + path)

    page.goto(f"{live_server.url}/tablet/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello Zoë M.")
    held = Visit.objects.get().hold
    assert held
    holds.take_back(hold=held, by=acting(receptionist(), Role.RECEPTION))
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Thank you. Please give this device back.", timeout=15_000
    )
    axe(page)
    page.get_by_role("link", name="Sign in again").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
