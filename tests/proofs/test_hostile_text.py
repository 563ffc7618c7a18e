"""Whatever text is kept or typed, and however it came there, it stays text on every page, seen in Chromium.

Each text that is read from the database has the whole corpus behind it, whatever the forms would have let through.
What a browser made of it is asked of the browser: no element, handler or address of the corpus, nothing asked of
another machine, nothing that the policy had to stop. The control turns the templates' escaping off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as real
from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.template import engines
from django.utils import timezone
from playwright.sync_api import Error

from clinic.domain.policy import SETTINGS, Policy
from clinic.models import LegalHold, Site, Tablet, User
from clinic.models.policy_changes import PolicyChangeQuerySet
from clinic.records.patients import correct_patient
from clinic.storage.encrypted_fields import EncryptedJSON, EncryptedText
from consent import actions as consents
from consent.models import Signature, SignedConsent
from screening import actions as screenings
from screening.assessment.review_state import review_state
from screening.models import PatientQuestion
from tests.support import desk_scenes, tablet_scenes
from tests.support.course_factories import course_on_record
from tests.support.desk_scenes import Clinic, Scene, at, signed_in
from tests.support.factories import acting, make_patient, make_tablet, ready_for_review
from tests.support.hostile_markup import MARKUP
from tests.support.page_guards import watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy]

ALL = " ".join(MARKUP)
LONGEST = 3_900  # of an answer; longer ones are refused when they are read
FOUND = """() => {
  const wrong = [...document.querySelectorAll("[data-p], base, iframe, object, template[shadowrootmode]")]
    .map(one => one.outerHTML.slice(0, 80));
  for (const one of document.querySelectorAll("*")) for (const {name, value} of one.attributes) {
    if (/^on/i.test(name) || (/^(href|src|action|formaction|data)$/i.test(name) && /^\\s*javascript:/i.test(value)))
      wrong.push(`${one.tagName} ${name}`);
  }
  return wrong.slice(0, 5);
}"""
TYPED = """([form, text]) => {
  for (const box of form.querySelectorAll("input, textarea"))
    if (!["hidden", "radio", "checkbox", "submit", "file", "date", "time"].includes(box.type)) box.value = text;
}"""
# Columns without a sentence of anybody's: numbers, times, and words that the app itself chose.
UNSEEN = {
    *("Assessment.on_record", "SignedConsent.choices", "SignedConsent.scope"),
    *("Screening.confirmed", "Screening.given_at", "Signature.strokes"),
}
PLAIN = {User: ["full_name", "registration_number"], Tablet: ["name"], Site: ["name", "address", "phone"]}


def marked(name: str, text: str) -> str:
    """Return ``text`` with the corpus behind it, and a word that says in which column it was."""
    return f"{text} ~{name}~ {ALL}"


def columns() -> set[str]:
    """Name every column that holds text of patients or staff."""
    encrypted = {
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedText | EncryptedJSON)
    }
    return encrypted | {f"{model.__name__}.{name}" for model, names in PLAIN.items() for name in names}


def _in_json(name: str, value: Any) -> Any:
    """Mark what is free text in a JSON value: what has a space is none of our own names."""
    if isinstance(value, dict):
        return {key: _in_json(name, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_in_json(name, each) for each in value]
    return marked(name, value)[:LONGEST] if isinstance(value, str) and " " in value else value


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every encrypted text and the clinic's own texts read with the corpus behind them."""
    for kind in (EncryptedText, EncryptedJSON):
        loaded = kind.opened

        def opened(self: Any, envelope: Any, row: Any, loaded: Any = loaded) -> Any:
            name, value = f"{type(row).__name__}.{self.name}", loaded(self, envelope, row)
            if isinstance(self, EncryptedJSON):
                return _in_json(name, value)
            return marked(name, value)

        monkeypatch.setattr(kind, "opened", opened)
    policy = PolicyChangeQuerySet.policy

    def spoilt(self: Any, *args: Any) -> Policy:
        now = policy(self, *args)
        texts = {name: marked(name, str(getattr(now, name))) for name, how in SETTINGS.items() if how.kind == "text"}
        return replace(now, **texts)  # type: ignore[arg-type]

    monkeypatch.setattr(PolicyChangeQuerySet, "policy", spoilt)


def spoil_plain_columns() -> None:
    """Write the corpus behind what is kept in clear and typed by staff."""
    for model, names in PLAIN.items():
        rows: Any = model._default_manager
        for name in names:
            rows.update(
                **{name: Concat(F(name), Value(f" ~{model.__name__}.{name}~ {ALL}"), output_field=models.TextField())}
            )


class Reader:
    """Opens pages in a browser, and collects what became more than text."""

    def __init__(self, browser: Any, address: str) -> None:
        self.noticed: list[str] = []
        self.wrong: list[str] = []
        self.seen: set[str] = set()
        self.pages = 0
        self.address = address
        self.context = browser.new_context(viewport={"width": 1180, "height": 820}, locale="en-GB")
        watch(self.context, address, self.noticed)
        self.context.on("dialog", lambda each: self.wrong.append(f"dialog: {each.message}"))
        self.context.add_init_script("window.hit = () => { document.documentElement.dataset.p = 'hit'; }")
        self.page = self.context.new_page()

    def reads(self, address: str) -> None:
        try:
            answer = self.page.goto(f"{self.address}{address}", wait_until="load")
        except Error as error:  # led elsewhere, or waits for another machine
            self.wrong.append(f"{address}: {error.message[:80]}")
            return
        if answer.status >= 500:
            self.wrong.append(f"{address}: {answer.status}")
        self.looks(address)

    def looks(self, name: str) -> None:
        self.pages += 1
        try:
            found, words = self.page.evaluate(f"() => [({FOUND})(), document.documentElement.outerHTML]")
        except Error as error:  # the page went elsewhere by itself while it was looked at
            self.wrong.append(f"{name}: {error.message[:80]}")
            return
        self.wrong += [f"{name}: {each}" for each in found]
        self.seen |= {part for part in words.split("~") if "." in part and len(part) < 60}

    def types(self, form: Any, name: str) -> None:
        form.evaluate("(form, text) => (" + TYPED + ")([form, text])", ALL[:3_900])
        with self.page.expect_navigation(wait_until="load"):
            form.evaluate("form => form.requestSubmit(form.querySelector('button:not([type=button])'))")
        self.looks(f"{name} typed")


def wordy(clinic: Clinic) -> list[Scene]:
    """Make rows for the sentences that nobody said on that day, and name the pages that they stand on."""
    by = acting(clinic.me)
    review = ready_for_review(
        questions="Does it hurt much?",
        what_matters="To sleep well again.",
        epilepsy="yes",
        support_needed=["interpreter"],
    )
    PatientQuestion.objects.create(visit=review, text="Does it leave a mark?")
    for each in review_state(review).flags:
        said: dict[str, Any] = {
            "outcome": "precaution",
            "reason": "Controlled for years.",
            "precaution": "You lie down.",
        }
        screenings.decide(flag=each.flag, **said, by=by)
    heard = {"name": "Sam Speaks", "language": "Arabic and French", "mode": "phone"}
    screenings.attest(visit=review, kind="interpreter", data=heard, by=by)
    stopped = ready_for_review(epilepsy="yes")
    away = {"reason": "A scan first.", "come_back": "Come back after the scan."}
    screenings.close_review(visit=stopped, ending="stopped", **away, by=by)
    treated, withdrawn = (
        course_on_record(make_patient(name), clinic.me).visit for name in ("Tia Two", "Wim Withdraws")
    )
    screenings.record_session(
        visit=treated,
        regions=["left_calf"],
        electro=False,
        needles_in=4,
        needles_out=3,
        missing="Looked for on the floor.",
        reaction="faint",
        reaction_text="Went pale for a minute.",
        harm="minor",
        treated_at=timezone.now(),
        by=by,
    )
    told: dict[str, Any] = {"who": "guardian", "name": "Kim Young", "how": "spoken", "reason": "Changed their mind."}
    consents.withdraw(visit=withdrawn, **told, by=by)
    Signature.objects.create(
        given=SignedConsent.objects.get(visit=clinic.signed),
        capacity="guardian",
        name="Kim Young",
        relationship="mother",
        method="typed",
    )
    LegalHold.objects.create(patient=clinic.sealed.patient, reason="A claim of 2024.", by=clinic.me)
    return [
        Scene("review", at("review", review.pk)),
        Scene("not_treated_note", at("not_treated_note", stopped.pk)),
        *(Scene("visit", at("visit", each.pk)) for each in (treated, withdrawn)),
        Scene("patient", at("patient", treated.patient_id)),
    ]


def read_the_desk(browser: Any, address: str, *, scenes: int | None = None, typed: bool = True) -> Reader:
    clinic = Clinic()
    by = acting(clinic.me)
    correct_patient(patient=clinic.sealed.patient, phone="01632 960 001", name="Sam Treated Twice", by=by)
    listed = [scene for scene in [*desk_scenes.scenes(clinic), *wordy(clinic)] if not scene.press][:scenes]
    spoil_plain_columns()
    reader = Reader(browser, address)
    try:
        signed_in(reader.context, clinic.me, address)
        for scene in listed:
            reader.reads(scene.address)
        for scene in (each for each in listed if each.refuses and typed):
            reader.reads(scene.address)
            forms = f"main form[method=post][action='{scene.refuses}'], main form[method=post]:not([action])"
            reader.types(reader.page.locator(forms).last, scene.refuses)
    finally:
        reader.context.close()
    return reader


def test_no_text_becomes_a_part_of_a_page_of_the_desk(hostile: None, browser: Any, live_server: Any) -> None:
    assert len(set(MARKUP)) >= 200
    reader = read_the_desk(browser, live_server.url)
    assert not [*reader.wrong, *reader.noticed], "\n".join([*reader.wrong, *reader.noticed][:40])
    assert reader.pages > 60
    assert columns() - reader.seen <= UNSEEN


def test_no_text_becomes_a_part_of_a_patients_page(hostile: None, browser: Any, live_server: Any) -> None:
    listed = {scene.name: scene for scene in tablet_scenes.scenes()}
    chosen = [scene for scene in listed.values() if scene.url_name not in ("part", "resume")]
    reader = Reader(browser, live_server.url)
    try:
        for scene in chosen:
            tablet, token = make_tablet()
            scene.shown(tablet)
            spoil_plain_columns()
            named = {"name": real.TABLET_COOKIE_NAME, "value": token, "url": live_server.url}
            reader.context.add_cookies([named])
            reader.reads(scene.address)
    finally:
        reader.context.close()
    assert not [*reader.wrong, *reader.noticed], "\n".join([*reader.wrong, *reader.noticed][:40])
    assert reader.pages > 12


def test_the_control_without_escaping_is_caught(
    hostile: None, browser: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in engines.all():
        monkeypatch.setattr(each.engine, "autoescape", False)
    reader = read_the_desk(browser, live_server.url, scenes=1, typed=False)
    assert reader.wrong
    assert reader.noticed  # the policy stopped what it could
