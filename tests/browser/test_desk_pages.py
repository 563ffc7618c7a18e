"""Every page that staff can meet, right and refused: axe, structure, and nothing wider than the screen.

`scenes` names them all. A new address of the desk's that is in neither list fails the first test here.
"""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import get_resolver

from clinic.domain.flow import Stage
from clinic.models import Role, Visit
from tests.support.desk_scenes import Clinic, Scene, at, scenes, signed_in
from tests.support.factories import (
    make_user,
)
from tests.support.page_guards import AXE_TAGS, watch
from tests.support.repository import patterns
from tests.support.steps import STRUCTURE

# Addresses that answer with no page of their own: they act and lead elsewhere, or give a file or a piece of a page.
NO_PAGE = {
    *("board_news", "queue_news", "urgent", "queue_next", "figure_plot", "figure_sheet", "export_patient"),
    *("hand_over", "lend", "take_back", "reopen_visit", "did_not_come", "phone_email", "phone_end", "take_urgent"),
    *("end_sessions", "revoke_tablet", "review_release", "review_take_over", "paper_print", "withdraw_on_tablet"),
    *("emergency_seen", "staff_leaves"),
    *("erase_records", "release_record"),
    *("consent_pdf", "seal_again", "send_aftercare", "after_pdf", "seal_after_again"),
}
# Parts of a page, which come back as that page when they are refused; `scenes` refuses them there.
PARTS = {
    "hold_record": "retention",
    "add_visit": "patient",
    "review_plan": "review",
    "review_decide": "review",
    "review_attest": "review",
    "review_close": "review",
    "change_answers": "confirm",
}
# Looked at where somebody meets them: with a passkey in the hand, and without any second factor.
ELSEWHERE = {"mfa_remove_webauthn": "test_passkeys.py", "mfa_activate_totp": "test_on_the_way_in"}
WIDER = "() => document.documentElement.scrollWidth > innerWidth"
EMPTIED = """form => {
  for (const box of form.querySelectorAll("input, textarea")) {
    if (["radio", "checkbox"].includes(box.type)) box.checked = false;
    else if (!["hidden", "submit"].includes(box.type)) box.value = "";
  }
}"""


@pytest.mark.django_db
def test_every_address_of_the_desks_is_looked_at() -> None:
    desk = {
        str(pattern.name)
        for _, pattern in patterns(get_resolver(), "")
        if set(getattr(pattern.callback, "may_open", ())) & {*Role, "own account"}
    }
    listed = scenes(Clinic())
    looked_at = {scene.url_name for scene in listed}
    assert desk == looked_at | set(NO_PAGE) | set(PARTS) | set(ELSEWHERE), (
        "name new pages in scenes, what is no page in NO_PAGE"
    )
    assert not looked_at & (NO_PAGE | set(PARTS))
    assert set(PARTS.values()) <= {scene.url_name for scene in listed if scene.refuses}


class Looker:
    """Looks at one page after the other; collects what is wrong, so that one run tells all."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address, self.wrong = page, address, list[str]()
        self.axe = Axe().axe_script

    def opens(self, scene: Scene) -> None:
        assert self.page.goto(f"{self.address}{scene.address}").status == scene.status, scene
        if scene.press:
            with self.page.expect_navigation():
                self.form(scene.press).locator("button").last.click()
        self.looks(scene.press or scene.address)
        if scene.refuses:
            self.refused(scene)

    def refused(self, scene: Scene) -> None:
        form = self.form(scene.refuses)
        form.evaluate(EMPTIED)
        with self.page.expect_navigation() as answer:
            form.evaluate("form => form.requestSubmit(form.querySelector('button:not([type=button])'))")
        if answer.value.status != 422 or not self.page.title().startswith("Error: "):
            self.wrong.append(f"{scene.refuses} empty: {answer.value.status} {self.page.title()}")
        self.looks(f"{scene.refuses} refused")

    def form(self, action: str) -> Any:
        return self.page.locator(
            f"main form[method=post][action='{action}'], main form[method=post]:not([action])"
        ).last

    def looks(self, name: str) -> None:
        found = list(self.page.evaluate(STRUCTURE))
        if self.page.evaluate(WIDER):
            found.append("wider than the screen")
        self.page.evaluate(self.axe)
        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
        for each in self.page.evaluate("options => axe.run(options).then(result => result.violations)", options):
            found.append(f"{each['id']}: {[node['target'] for node in each['nodes']]}")
        self.wrong += [f"{name}: {each}" for each in found]


@pytest.mark.django_db(transaction=True)
def test_the_pages_of_the_desk(browser: Any, live_server: Any) -> None:
    noticed: list[str] = []
    clinic = Clinic()
    context = browser.new_context(viewport={"width": 1180, "height": 820}, locale="en-GB", reduced_motion="reduce")
    try:
        watch(context, live_server.url, noticed)
        signed_in(context, clinic.me, live_server.url)
        looker = Looker(context.new_page(), live_server.url)
        for scene in scenes(clinic):
            looker.opens(scene)
    finally:
        context.close()
    assert not [*looker.wrong, *noticed], "\n".join([*looker.wrong, *noticed])
    assert Visit.objects.get(pk=clinic.flagged.pk).at is Stage.IN_REVIEW, "a refused form did something"


@pytest.mark.django_db(transaction=True)
def test_on_the_way_in(browser: Any, live_server: Any) -> None:
    noticed: list[str] = []
    context = browser.new_context(viewport={"width": 1180, "height": 820}, locale="en-GB", reduced_motion="reduce")
    try:
        watch(context, live_server.url, noticed)
        looker = Looker(context.new_page(), live_server.url)
        looker.opens(Scene("account_login", at("account_login"), at("account_login")))
        looker.opens(Scene("enrol", at("enrol"), at("enrol")))
        looker.opens(Scene("account_inactive", at("account_inactive")))
        signed_in(context, make_user(Role.RECEPTION), live_server.url)
        looker.opens(Scene("mfa_index", at("mfa_index")))
        looker.opens(Scene("mfa_activate_totp", at("mfa_activate_totp"), at("mfa_activate_totp")))
    finally:
        context.close()
    assert not [*looker.wrong, *noticed], "\n".join([*looker.wrong, *noticed])
