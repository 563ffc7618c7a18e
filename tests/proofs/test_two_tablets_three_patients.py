"""Two tablets go round among three patients and two staff, in whatever order: nobody sees or signs another's form.

And whatever a tablet was told is saved, is. Tablets are browsers without a screen: they keep their cookie, and the
pages that they showed, with the keys of those; a page may be sent late, twice, or by whoever has the tablet by then.
Each patient types words that nobody else does.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import RequestFactory
from django.test.client import ClientHandler
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clinic.devices import holds as holds_devices
from clinic.devices import tablets as tablets_devices
from clinic.domain.flow import ON_TABLET, NotAllowed, Stage
from clinic.models import Actor, Hold, Patient, Tablet, User, Visit
from clinic.records import visits
from clinic.web import stale_forms
from consent import actions as consents
from consent.models import SignedConsent
from screening.models import Screening
from tests.support.clock import put_forward, to_noon
from tests.support.factories import (
    acting,
    make_patient,
    make_screening,
    make_tablet,
    make_visit,
    practitioner,
    receptionist,
)
from tests.support.proof_size import size

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]

PARTS = 4  # two processes share the 200 runs; one part is in every run of the suite
RUNS = settings(
    max_examples=size(200, 5_000) // PARTS,
    stateful_step_count=size(30, 50),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
CANARIES = ("Ocelot", "Puffin", "Wombat")
START, WORDS = "/tablet/questions/start/0/", "/tablet/questions/words/0/"
CHECK, SIGN, STOP, ASK, DOOR = "/tablet/check/", "/tablet/consent/sign/", "/tablet/stop/", "/tablet/ask/", "/tablet/"
BORN, READING = "/tablet/birth-date/", ("/tablet/consent/about/", "/tablet/consent/risks/")
FORMS = (BORN, START, WORDS, CHECK, SIGN, *READING)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
KEPT = 6  # open tabs and pages that Back leads to


@dataclass(frozen=True)
class Page:
    """A page as a tablet showed it; ``who``: the patient who had the tablet, ``visit``: what it held."""

    address: str
    text: str
    who: int
    visit: int | None

    @property
    def path(self) -> str:
        return self.address.partition("?")[0]

    @property
    def form(self) -> dict[str, str]:
        """What its form sends besides what is typed."""
        return {name: html.unescape(value) for name, value in HIDDEN.findall(self.text)}


@cache
def server() -> ClientHandler:
    """The app with its middleware, for all tablets."""
    return ClientHandler(enforce_csrf_checks=True)


class Device(RequestFactory):
    """A tablet's browser: keeps cookies, checks CSRF tokens, follows where it is sent."""

    def __init__(self, tablet: Tablet, token: str) -> None:
        super().__init__()
        self.tablet = tablet
        self.pair(token)
        self.pages: list[Page] = []

    def pair(self, token: str) -> None:
        self.cookies[django_settings.TABLET_COOKIE_NAME] = token

    def request(self, **environ: Any) -> Any:
        answer = server()(self._base_environ(**environ))
        self.cookies.update(answer.cookies)
        return answer

    def shown(self, address: str, answer: Any) -> tuple[str, str]:
        """Follow an answer to the page that it leads to; return its address and what it says."""
        for _ in range(6):
            if answer.status_code not in (302, 303):
                return address, answer.text
            address = answer.url
            answer = self.get(address)
        raise AssertionError(f"{address} leads round in a circle")


@dataclass
class Crew:
    """The clinic that every run begins with."""

    front: User
    physio: User
    patients: list[Patient]
    tablets: list[tuple[Tablet, str]]

    @property
    def staff(self) -> list[Actor]:
        return [Actor(user=self.front), acting(self.physio)]


WHICH, WHO, STAFF = st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)
SELDOM = st.sampled_from([False, False, False, True])


class Clinic(RuleBasedStateMachine):
    """Who has which tablet in hand, what was acknowledged, and what each tablet shows."""

    crew: ClassVar[Crew]
    reached: ClassVar[Counter[str]] = Counter()
    ahead: ClassVar[dt.timedelta] = dt.timedelta()  # of the real clock
    noon: ClassVar[dt.timedelta] = dt.timedelta()

    def __init__(self) -> None:
        super().__init__()
        type(self).ahead = self.noon
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.devices = [Device(*each) for each in self.crew.tablets]
        self.now: list[Page | None] = [None, None]  # what each tablet shows
        self.hands = [0, 0]  # who has it, by tablet
        self.told: dict[int, dict[str, Any]] = {}  # by visit: the answers that a tablet was told are saved
        self.visits = [self.comes(who) for who in range(len(CANARIES))]
        self.typed, self.signed = 0, 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    # What is known

    def comes(self, who: int) -> Visit:
        """A visit that is put on the board, with a form that was filled in but for its last page."""
        visit = make_visit(self.crew.patients[who])
        make_screening(visit, submitted=False, what_matters=None, questions=None)
        return visit

    def held(self, which: int) -> tuple[int, int] | None:
        """The visit and the patient that the server says a tablet holds."""
        holds = Hold.objects.filter(tablet=self.devices[which].tablet, ended_at=None)
        return holds.values_list("visit", "visit__patient").first()

    def look(self, which: int, address: str, answer: Any) -> None:
        """See what a tablet shows: nothing of anybody but the patient whose visit it holds. Keep the page."""
        device = self.devices[which]
        address, text = device.shown(address, answer)
        visit, patient = self.held(which) or (None, None)
        for canary, other in zip(CANARIES, self.crew.patients, strict=True):
            assert other.pk == patient or canary not in text, f"{address} shows {canary}, and holds {patient}"
        page = self.now[which] = Page(address, text, self.hands[which], visit)
        if stale_forms.FIELD in page.form:
            device.pages = [*device.pages, page][-KEPT:]
        self.reached[page.path] += 1

    def shows(self, *addresses: str) -> list[int]:
        """The tablets that show one of these."""
        return [which for which, page in enumerate(self.now) if page and page.path in addresses]

    def send(self, which: int, page: Page | None, *, to: str = "", **typed: Any) -> None:
        """Send a page with what somebody types, note what is acknowledged, and see what comes."""
        assert page
        device, address = self.devices[which], to or page.address
        holds = (self.held(which) or [None])[0]
        body = urlencode({**page.form, **typed}, doseq=True)
        answer = device.post(address, body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in (200, 302, 303, 400, 405, 409, 422), answer.status_code
        saved = answer.status_code == 302 and answer.url != DOOR and "again=" not in answer.url
        if saved and page.path in (START, WORDS) and not to and page.visit is not None:
            self.told.setdefault(page.visit, {}).update(
                {name: typed[name] for name in ("eaten", "what_matters") if name in typed}
            )
            self.reached["acknowledged"] += 1
        if page.visit != holds:
            self.reached["page of another visit"] += 1
        self.reached[str(answer.status_code)] += 1
        self.look(which, address, answer)

    def types(self, who: int, address: str) -> dict[str, Any]:
        """What a patient fills in on a page, as nobody else does."""
        self.typed += 1
        patient = self.crew.patients[who]
        born = patient.born
        filled: dict[str, dict[str, Any]] = {
            BORN: {"born_day": born.day, "born_month": born.month, "born_year": born.year},
            START: {
                "filled_in_by": "self",
                "support_needed": "none",
                "urgent_symptoms": "none",
                "eaten": ("yes", "unsure")[self.typed % 2],
            },
            WORDS: {"what_matters": f"{CANARIES[who]} {self.typed}", "questions": ""},
            SIGN: {
                "act": "agree",
                **dict.fromkeys(("students", "observers"), "no"),
                **dict.fromkeys(("lung", "read", "agree"), "on"),
                "method": "typed",
                "typed_name": patient.name,
                "question": "",
            },
            STOP: {"act": ("time", "refuse")[self.typed % 2]},
        }
        return filled.get(address, {})

    # What staff do

    @initialize()
    def a_day_begins(self) -> None:
        self.a_tablet_is_handed_over(0, 0, 0, pages=1)

    @rule(which=WHICH, who=WHO, staff=STAFF, pages=st.integers(0, 1))
    def a_tablet_is_handed_over(self, which: int, who: int, staff: int, pages: int) -> None:
        """And the patient begins: with the birth date, if they get that far."""
        visit = Visit.objects.get(pk=self.visits[who].pk)
        if visit.at not in ON_TABLET:
            visit = self.visits[who] = self.comes(who)
        if visit.parked_at:
            visits.reopen_parked(visit=visit, by=self.crew.staff[staff])
        try:
            holds_devices.hand_over(visit=visit, tablet=self.devices[which].tablet, by=self.crew.staff[staff])
        except NotAllowed:  # a tablet that was turned away
            return
        self.hands[which] = who
        self.look(which, BORN, self.devices[which].get(BORN))
        if (other := self.now[1 - which]) and other.visit == visit.pk:
            self.loads_anew(1 - which)
        for _ in range(pages):
            self.goes_on(which)

    def loads_anew(self, which: int) -> None:
        """A page asks on its own what there is to see, and loads."""
        self.look(which, DOOR, self.devices[which].get(DOOR))

    @precondition(lambda self: self.shows(*FORMS))
    @rule(which=WHICH)
    def a_tablet_is_taken_back(self, which: int) -> None:
        if hold := self.devices[which].tablet.hold:
            holds_devices.take_back(hold=hold, by=self.crew.staff[0])
            self.loads_anew(which)

    @precondition(lambda self: self.shows(*FORMS))
    @rule(which=WHICH, staff=STAFF)
    def a_tablet_is_turned_away_and_paired_anew(self, which: int, staff: int) -> None:
        device, by = self.devices[which], self.crew.staff[staff]
        tablets_devices.revoke(tablet=device.tablet, by=by)
        self.loads_anew(which)
        paired = tablets_devices.pair(
            typed=tablets_devices.offer_code(tablet=Tablet.objects.get(pk=device.tablet.pk), by=by)
        )
        assert paired
        device.pair(paired[1])

    @precondition(lambda self: self.shows(*FORMS))
    @rule()
    def nobody_touches_anything_for_a_while(self) -> None:
        type(self).ahead += dt.timedelta(minutes=8)

    @precondition(lambda self: self.signed)
    @rule()
    def answers_change_after_signing(self) -> None:
        for visit in Visit.objects.filter(pk__in=[each.pk for each in self.visits], stage=Stage.SIGNED.value):
            consents.change_answers(visit=visit, names=["eaten"], by=acting(self.crew.physio))
            self.told.get(visit.pk, {}).pop("eaten", None)

    # What patients do

    def goes_on(self, which: int) -> None:
        """The patient who has the tablet does what its page asks for."""
        page, who = self.now[which], self.hands[which]
        if page and page.path in READING:
            self.look(which, SIGN, self.devices[which].get(SIGN))
        elif page and page.path in FORMS:
            self.send(which, page, **self.types(who, page.path))

    @precondition(lambda self: self.shows(*FORMS))
    @rule(which=WHICH, pages=st.integers(1, 2))
    def a_patient_goes_on(self, which: int, pages: int) -> None:
        which = which if which in self.shows(*FORMS) else 1 - which
        for _ in range(pages):
            self.goes_on(which)

    @precondition(lambda self: self.shows(BORN))
    @rule()
    def the_birth_date_is_wrong(self) -> None:
        for which in self.shows(BORN):
            self.send(which, self.now[which], born_day=1, born_month=1, born_year=1901)

    @precondition(lambda self: any(device.pages for device in self.devices))
    @rule(back=st.integers(0, KEPT - 1), which=WHICH, late_typing=st.booleans(), expired=SELDOM)
    def a_page_of_before_is_sent(self, back: int, which: int, late_typing: bool, expired: bool) -> None:
        """From another tab, or after Back: typed by whoever has the tablet now, or long ago by whoever had it then."""
        which = which if self.devices[which].pages else 1 - which
        pages = self.devices[which].pages[::-1]
        visit = (self.held(which) or [None])[0]
        pages.sort(key=lambda page: (page.path == BORN, page.visit == visit))  # first what can do most harm
        page = pages[back % len(pages)]
        who = self.hands[which] if late_typing else page.who
        token = {"csrfmiddlewaretoken": "x" * 64} if expired else {}
        self.send(which, page, **self.types(who, page.path), **token)

    @precondition(lambda self: self.left_open())
    @rule(back=st.integers(0, KEPT - 1), which=WHICH, staff=STAFF, late_typing=st.booleans())
    def the_tablet_goes_on_to_another_with_a_page_left_open(
        self, back: int, which: int, staff: int, late_typing: bool
    ) -> None:
        which = which if which in self.left_open() else 1 - which
        self.a_tablet_is_handed_over(which, (self.hands[which] + 1 + back) % 3, staff, pages=1)
        self.a_page_of_before_is_sent(back, which, late_typing, expired=False)

    def left_open(self) -> list[int]:
        """The tablets with a page of before to send, other than one that asks for the birth date."""
        return [at for at, device in enumerate(self.devices) if any(page.path != BORN for page in device.pages)]

    @precondition(lambda self: self.shows(*FORMS))
    @rule(which=WHICH, address=st.sampled_from([DOOR, STOP, f"{START}?change=1", *FORMS]))
    def an_address_is_typed(self, which: int, address: str) -> None:
        self.look(which, address, self.devices[which].get(address))

    @precondition(lambda self: self.shows(START, WORDS, CHECK))
    @rule(address=st.sampled_from([f"{START}?change=1", WORDS]))
    def two_tabs_are_open(self, address: str) -> None:
        which = self.shows(START, WORDS, CHECK)[0]
        for _ in range(2):
            self.look(which, address, self.devices[which].get(address))
        for page in self.devices[which].pages[-2:]:
            self.send(which, page, **self.types(self.hands[which], page.path))

    @precondition(lambda self: self.shows(START, WORDS, SIGN))
    @rule(to=st.sampled_from([STOP, ASK, ASK]))
    def a_page_is_carried_along(self, to: str) -> None:
        """To ask something, or to stop."""
        which = self.shows(START, WORDS, SIGN)[0]
        page, who = self.now[which], self.hands[which]
        assert page
        self.send(which, page, to=to, **self.types(who, page.path if to == ASK else STOP), **{"from": page.address})

    # What must hold

    @invariant()
    def nobody_signs_anothers_form(self) -> None:
        found = SignedConsent.objects.select_related("visit__patient", "hold").prefetch_related("signatures")
        signatures = [(each, signature) for each in found for signature in each.signatures.all()]
        self.reached["signed"] += len(signatures) - self.signed
        self.signed = len(signatures)
        for each, signature in signatures:
            patient, signed, identified = each.visit.patient.name, signature.name, each.hold.identified_at
            assert (each.visit_id, patient) == (each.hold.visit_id, signed), f"{signed} signed the form of {patient}"
            assert identified, "signed by somebody who gave no birth date"

    @invariant()
    def every_acknowledged_answer_is_kept(self) -> None:
        latest = {
            each.visit_id: (each.visit.patient.name, each.answers)
            for each in Screening.objects.order_by("number").select_related("visit__patient")
        }
        for visit, told in self.told.items():
            lost = {name: value for name, value in told.items() if latest[visit][1].get(name) != value}
            assert not lost, f"acknowledged, and not kept: {lost}"
        for patient, answers in latest.values():
            said = answers.get("what_matters") or ""
            assert not said or said.split()[0] in patient, f"{said} stands in the form of {patient}"


@pytest.fixture
def three_patients(monkeypatch: pytest.MonkeyPatch) -> type[Clinic]:
    """Three patients, two tablets, two staff, at noon."""
    Clinic.noon = to_noon()
    Clinic.ahead = Clinic.noon
    put_forward(monkeypatch, lambda: Clinic.ahead)
    patients = [make_patient(f"{name} Example", dt.date(1980 + at, 5, 1)) for at, name in enumerate(CANARIES)]
    Clinic.crew = Crew(receptionist(), practitioner(), patients, [make_tablet(), make_tablet()])
    Clinic.reached.clear()
    return Clinic


@pytest.mark.heavy
@pytest.mark.parametrize("part", range(PARTS))
def test_nobody_sees_or_signs_anothers_form_and_what_was_acknowledged_is_kept(
    three_patients: type[Clinic], part: int
) -> None:
    for _ in range(3):  # few walks come to a signature, and a part of them may have none
        run_state_machine_as_test(three_patients, settings=RUNS)
        if three_patients.reached["signed"]:
            break
    for what in ("acknowledged", "409", "422", CHECK, "page of another visit"):
        assert three_patients.reached[what] >= 10, f"too little to say anything: {dict(three_patients.reached)}"
    assert three_patients.reached["signed"]


# The machine above can fail


def take_any_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that lay open is taken for whatever visit the tablet holds by now."""
    monkeypatch.setattr(stale_forms, "fits", lambda request, hold: True)


def show_the_last_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tablet goes on showing what it held before."""

    def last(tablet: Tablet) -> Hold | None:
        return tablet.holds.select_related("visit__patient", "tablet").order_by("pk").last()

    monkeypatch.setattr(Tablet, "hold", property(last))


def save_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are taken, and never reach the database."""
    save = Screening.save
    monkeypatch.setattr(Screening, "save", lambda self, **how: save(self, **how) if self._state.adding else None)


def a_page_left_open_is_sent(clinic: Clinic) -> None:
    """By the next patient, from the tablet that shows their own pages by now."""
    clinic.a_patient_goes_on(0, 2)
    clinic.a_tablet_is_handed_over(0, 1, 0, pages=1)
    left = next(page for page in clinic.devices[0].pages if page.path == WORDS)
    clinic.send(0, left, **clinic.types(left.who, WORDS))
    checked(clinic)


def a_patient_goes_on_elsewhere(clinic: Clinic) -> None:
    """The visit is handed over on another tablet; the first one asks what there is to see."""
    clinic.a_patient_goes_on(0, 1)
    clinic.a_tablet_is_handed_over(1, 0, 0, pages=0)
    clinic.an_address_is_typed(0, CHECK)


def answers_are_sent(clinic: Clinic) -> None:
    clinic.a_patient_goes_on(0, 2)
    checked(clinic)


def checked(clinic: Clinic) -> None:
    clinic.nobody_signs_anothers_form()
    clinic.every_acknowledged_answer_is_kept()


@pytest.mark.parametrize(
    ("slip", "way", "found"),
    [
        (take_any_key, a_page_left_open_is_sent, "shows Ocelot, and holds"),
        (show_the_last_hold, a_patient_goes_on_elsewhere, "shows (Ocelot|Puffin|Wombat)"),
        (save_nothing, answers_are_sent, "not kept"),
    ],
)
def test_a_slip_is_found(
    three_patients: type[Clinic],
    slip: Callable[[pytest.MonkeyPatch], None],
    way: Callable[[Clinic], None],
    found: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Walked straight into, not waited for."""

    def walk() -> None:
        machine = three_patients()
        try:
            machine.a_day_begins()
            way(machine)
        finally:
            machine.teardown()

    walk()
    slip(monkeypatch)
    with pytest.raises(AssertionError, match=found):
        walk()
