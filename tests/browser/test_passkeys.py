"""Passkeys, with the authenticator that Chromium puts in place of a finger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from clinic.models import Journal
from tests.support.factories import PASSWORD, code_for, receptionist
from tests.support.page_guards import watch

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("browser_context_args", [(1180, 820)], indirect=True)
def test_a_passkey_is_added_and_signs_in_while_passwords_are_limited(
    page: Any, live_server: Any, axe: Callable[[Any], None]
) -> None:
    user, noticed = receptionist(), list[str]()
    code = code_for(user)
    address = live_server.url.replace("127.0.0.1", "localhost")  # a passkey belongs to a name, not to a number
    watch(page.context, address, noticed)
    finger = page.context.new_cdp_session(page)
    finger.send("WebAuthn.enable")
    device = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    finger.send("WebAuthn.addVirtualAuthenticator", {"options": device})

    page.goto(f"{address}/login/")
    axe(page)
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    axe(page)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name=user.full_name).click()
    axe(page)
    page.get_by_role("link", name="Add a passkey").click()
    axe(page)
    page.get_by_label("Name").fill("Desk computer")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_text("Desk computer").first).to_be_visible()
    page.get_by_role("link", name="remove Desk computer").click()
    axe(page)
    page.get_by_role("link", name="Keep it").click()
    page.get_by_role("button", name="Sign out").click()

    for _ in range(6):
        page.get_by_label("Username").fill(user.username)
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Too many wrong tries").first).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("board")
    told = list(Journal.objects.order_by("seq").values_list("action", flat=True))
    assert "second factor added" in told
    assert "signed in by passkey" in told
    assert [each for each in noticed if "422" not in each] == []
