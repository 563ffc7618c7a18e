"""Every page that staff can meet, right and refused: axe, structure, and nothing wider than the screen.

`scenes` names them all. A new address of the desk's that is in neither list fails the first test here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import EmergencyAccess, Role, User, Visit
from screening import actions
from screening.assessment.review_state import review_state
from screening.review.queue_filters import GROUPS
from tests.browser.test_patient_pages import _addresses
from tests.conftest import AXE_TAGS
from tests.pages.test_adverse_events import FAINTED
from tests.pages.test_confirming import signed
from tests.pages.test_on_paper import printed
from tests.support import load_clients
from tests.support.course_factories import course_on_record
from tests.support.factories import (
    acting,
    code_for,
    make_patient,
    make_site,
    make_tablet,
    make_user,
    make_visit,
    ready_for_review,
    sign_in,
)
from tests.support.page_guards import watch
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


@dataclass(frozen=True)
class Scene:
    """A page of the desk. ``press``: the address of the form that leads to it; ``refuses``: the form to send empty."""

    url_name: str
    address: str
    refuses: str = ""
    press: str = ""
    status: int = 200


class Clinic:
    """One day with a visit in each state that has a page of its own."""

    def __init__(self) -> None:
        self.me = make_user(*Role, name="Kim Everyone")
        code_for(self.me)
        by = acting(self.me)
        self.flagged = ready_for_review(
            blood_thinners="yes", blood_thinner_names=["warfarin"], inr=4.1, questions="Why?"
        )
        self.stop = next(each.flag.pk for each in review_state(self.flagged).flags if each.is_stop)
        self.taken = ready_for_review(epilepsy="yes")
        actions.claim(visit=self.taken, by=acting(make_user(Role.PRACTITIONER, name="Lou Other")))
        self.stopped = ready_for_review(epilepsy="yes")
        actions.close_review(visit=self.stopped, ending="stopped", reason="A scan first.", by=by)
        self.expected = make_visit(make_patient("Ana Expected", email="ana@example.org"))
        self.form = printed(self.expected)
        self.signed = signed(diabetes="yes", diabetes_unstable="no")
        treated = make_patient("Sam Treated")
        self.sealed = course_on_record(treated, self.me, sessions=2).visit
        self.next = make_visit(treated, stage=Stage.CONSENTING, returning=True)
        today = timezone.localdate()
        self.event = actions.record_event(visit=self.sealed, began_on=today, by=by, **FAINTED)
        self.tablet, _ = make_tablet("Front 1")
        load_clients.in_review(2, by=self.me)


def at(name: str, *parts: object) -> str:
    return reverse(name, args=parts)


def of_patients(clinic: Clinic) -> Iterator[Scene]:
    visit, one = clinic.expected, clinic.sealed.patient_id
    yield Scene("board", "/board/")
    yield Scene("import_day", "/board/import/", "/board/import/")
    yield Scene("patients", "/patients/")
    yield Scene("patients", "/patients/", "/patients/")
    yield Scene("add_patient", at("add_patient"), at("add_patient"))
    yield Scene("correct_patient", at("correct_patient", one), at("correct_patient", one))
    yield Scene("merge_patient", at("merge_patient", one))
    yield Scene("patient", at("patient", one), at("add_visit", one))
    yield Scene("looked", at("looked", one))
    for each in (visit, clinic.flagged, clinic.stopped, clinic.signed, clinic.sealed, clinic.next):
        yield Scene("visit", at("visit", each.pk))
    yield Scene("phone_code", at("visit", visit.pk), press=at("phone_code", visit.pk))
    yield Scene("paper_form", at("paper_form", visit.pk, clinic.form.code))
    yield Scene("paper_record", at("paper_record", visit.pk), at("paper_record", visit.pk))


def of_reviews(clinic: Clinic) -> Iterator[Scene]:
    yield Scene("queue", "/queue/")
    for group, values in GROUPS.items():
        for value in values:
            yield Scene("queue", f"/queue/?{group}={value}")
    yield Scene("queue", "/queue/?stage=confirm&severity=stop")
    review = at("review", clinic.flagged.pk)
    yield Scene("review", at("review", clinic.taken.pk))
    yield Scene("review_claim", at("review", clinic.flagged.pk), press=at("review_claim", clinic.flagged.pk))
    yield Scene("review", review, at("review_decide", clinic.flagged.pk, clinic.stop))
    for part in ("plan", "end"):
        yield Scene("review", review, f"{review}{part}/")
    for kind in ("interpreter", "vitals"):
        yield Scene("review", review, at("review_attest", clinic.flagged.pk, kind))
    ahead = at("review_ahead", clinic.flagged.pk, clinic.stop)
    yield Scene("review_ahead", ahead)
    yield Scene("not_treated_note", at("not_treated_note", clinic.stopped.pk))
    confirm = at("confirm", clinic.signed.pk)
    yield Scene("confirm", confirm, confirm)
    yield Scene("confirm", confirm, f"{confirm}change/")


def of_treatments(clinic: Clinic) -> Iterator[Scene]:
    for name in ("record_session", "record_event", "withdraw_consent", "end_consent", "send_copy"):
        where = at(name, clinic.sealed.pk)
        yield Scene(name, where, "" if name == "send_copy" else where)
    yield Scene("adverse_event", at("adverse_event", clinic.event.pk), at("adverse_event", clinic.event.pk))
    yield Scene("aftercare", at("aftercare", clinic.sealed.pk))


def of_managers(clinic: Clinic) -> Iterator[Scene]:
    for name in ("manage_tablets", "manage_staff", "manage_journal", "manage_figures", "manage_versions"):
        yield Scene(name, at(name), at(name) if name == "manage_tablets" else "")
    yield Scene("retention", at("retention"), at("hold_record"))
    yield Scene("pairing_code", at("manage_tablets"), press=at("pairing_code", clinic.tablet.pk))
    yield Scene("add_staff", at("add_staff"), at("add_staff"))
    yield Scene("staff_member", at("staff_member", clinic.me.pk), at("staff_member", clinic.me.pk))
    other = make_user(Role.RECEPTION).pk
    yield Scene("enrolment_link", at("staff_member", other), press=at("enrolment_link", other))
    yield Scene("manage_settings", at("manage_settings"), at("manage_settings"))
    yield Scene("manage_sites", at("manage_sites"), at("manage_sites"))
    yield Scene("manage_emergencies", at("manage_emergencies"))


def of_the_group(clinic: Clinic) -> Iterator[Scene]:
    """What is there for staff once there is a second clinic."""
    north = make_site("North Clinic")
    clinic.me.sites.add(north)
    patient = make_patient("Nora North", site=north)
    for whose in (patient, clinic.expected.patient):
        EmergencyAccess.objects.create(
            patient=whose, by=clinic.me, site=north, reason="Fainted in the room and cannot speak."
        )
    yield Scene("manage_site", at("manage_site", north.pk), at("manage_site", north.pk))
    yield Scene("work_at", at("work_at"), at("work_at"))
    yield Scene("emergency", at("emergency"), at("emergency"))


def of_the_own_account(clinic: Clinic) -> Iterator[Scene]:
    """What whoever is signed in adds and sees: these pages are of no role."""
    yield Scene("mfa_index", at("mfa_index"))
    yield Scene("my_sessions", at("my_sessions"))
    yield Scene("account_change_password", at("account_change_password"), at("account_change_password"))
    yield Scene("account_reauthenticate", at("account_reauthenticate"), at("account_reauthenticate"))
    yield Scene("mfa_reauthenticate", at("mfa_reauthenticate"), at("mfa_reauthenticate"))
    yield Scene("mfa_reauthenticate_webauthn", at("mfa_reauthenticate_webauthn"))
    yield Scene("mfa_add_webauthn", at("mfa_add_webauthn"))
    yield Scene("mfa_view_recovery_codes", at("mfa_view_recovery_codes"))
    yield Scene("mfa_generate_recovery_codes", at("mfa_generate_recovery_codes"))
    yield Scene("mfa_deactivate_totp", at("mfa_deactivate_totp"), status=422)  # it is the only one: it stays


def scenes(clinic: Clinic) -> list[Scene]:
    every = (of_patients, of_reviews, of_treatments, of_managers, of_the_group, of_the_own_account)
    return [scene for some in every for scene in some(clinic)]


@pytest.mark.django_db
def test_every_address_of_the_desks_is_looked_at() -> None:
    desk = {
        str(pattern.name)
        for _, pattern in _addresses(get_resolver().url_patterns)
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


def signed_in(context: Any, user: User, address: str) -> None:
    client = Client()
    sign_in(client, user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


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
