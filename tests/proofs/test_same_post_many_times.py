"""Twenty pages, each sent fifty times at the same moment: twenty records, and nobody meets an error page.

Each post has a connection of its own, as from a tablet whose network stutters. An honest 503 is sent again, as the
page itself does (`static/clinic/forms.js`).
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from clinic.domain.flow import Stage
from clinic.models import Hold, Journal, Visit
from consent import actions as consents
from consent.actions import signing as signing_verbs
from consent.models import SignedConsent
from screening.domain.scope import Scope
from screening.models import PatientQuestion, Screening
from tests.support.consents import SIGN, filled, ready
from tests.support.factories import make_visit, tablet_client
from tests.support.page_opener import form_on
from tests.support.proof_size import size

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

PAGES, TIMES = size(20, 200), {"signing": size(50, 100)}
FEWER = 5  # times, of what is written on the way to a signature
START = "/tablet/questions/start/0/"
ASK, STOP = "/tablet/ask/", "/tablet/stop/"
KIND = (200, 302, 303, 409)  # done, gone on, or told that it came too late
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Sending:
    """One page as a tablet holds it, filled in."""

    visit: Visit
    cookie: str
    address: str
    body: str

    @classmethod
    def of(cls, visit: Visit, opened: str, typed: dict[str, Any], address: str = "") -> Sending:
        tablet = tablet_client(visit)
        body = {**form_on(tablet.get(opened)), **typed}
        cookie = "; ".join(f"{name}={each.value}" for name, each in tablet.cookies.items())
        return cls(visit, cookie, address or opened, urlencode(body, doseq=True))

    def send(self, line: http.client.HTTPConnection) -> int:
        """Send it until the server took it, as the page does; return the status."""
        for _ in range(20):
            try:
                line.request("POST", self.address, self.body, {**FORM, "Cookie": self.cookie})
                answer = line.getresponse()
                text = answer.read().decode()
            except (ConnectionError, http.client.HTTPException):  # too many at the door: nobody heard it, or of it
                line.close()
            else:
                if answer.status != 503:
                    return answer.status
                assert "Not saved yet" in text
            time.sleep(0.2)
        return 0


def signing() -> Sending:
    visit = ready()
    return Sending.of(visit, SIGN, filled(visit))


def asking() -> Sending:
    visit = make_visit(stage=Stage.ANSWERING)
    return Sending.of(visit, START, {"act": "send", "question": "Will it hurt?", "from": START}, ASK)


def refusing() -> Sending:
    return Sending.of(make_visit(stage=Stage.ANSWERING), START, {"act": "refuse"}, STOP)


def answering() -> Sending:
    typed = {"filled_in_by": "self", "support_needed": "none", "urgent_symptoms": "none", "eaten": "yes"}
    return Sending.of(make_visit(stage=Stage.ANSWERING), START, typed)


def all_at_once(address: str, page: Sending, times: int) -> Counter[int]:
    """Send a page so often at the same moment; return how often which status came back."""
    start, came = threading.Barrier(times), Counter[int]()

    def work() -> None:
        line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        line.connect()
        start.wait()
        came[page.send(line)] += 1
        line.close()

    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


RECORDS: dict[Callable[[], Sending], list[Callable[[], Any]]] = {
    signing: [
        lambda: SignedConsent.objects.all(),
        lambda: SignedConsent.objects.filter(voiding=None),
        lambda: Journal.objects.filter(action="consent given"),
        lambda: Hold.objects.filter(ended_why="signed"),
    ],
    answering: [
        lambda: Screening.objects.filter(
            pk__in=[each.pk for each in Screening.objects.all() if "eaten" in each.answers]
        ),
        lambda: Journal.objects.filter(action="answers saved"),
    ],
    asking: [lambda: PatientQuestion.objects.all(), lambda: Journal.objects.filter(action="question asked")],
    refusing: [
        lambda: Hold.objects.filter(ended_why="stopped"),
        lambda: Journal.objects.filter(action="visit moved"),
    ],
}


def one_each(pages: list[Sending], rows: Any) -> bool:
    """Whether each of the visits has one row, and no other visit has any."""
    return Counter(rows.values_list("visit", flat=True)) == Counter(page.visit.pk for page in pages)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(each, marks=[pytest.mark.heavy] if each.__name__ in TIMES else [], id=each.__name__)
        for each in RECORDS
    ],
)
def test_twenty_pages_each_sent_many_times_at_once_are_twenty_records(
    live_server: Any, make: Callable[[], Sending]
) -> None:
    times = TIMES.get(make.__name__, FEWER)
    pages = [make() for _ in range(PAGES)]
    came: Counter[int] = sum((all_at_once(live_server.url, page, times) for page in pages), Counter())
    assert sum(came.values()) == PAGES * times
    assert set(came) <= set(KIND), came
    for rows in RECORDS[make]:
        assert one_each(pages, rows()), list(rows())


def test_without_one_transaction_around_it_a_signature_would_be_there_more_than_once(
    live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what holds is the transaction, not the speed of the server."""
    look = signing_verbs.planned_scope

    def slowly(*planned: Any) -> Scope:
        time.sleep(0.2)
        return look(*planned)

    monkeypatch.setattr(signing_verbs, "planned_scope", slowly)
    monkeypatch.setattr(consents, "give", consents.give.__wrapped__)
    page = signing()
    came = all_at_once(live_server.url, page, 10)
    assert not one_each([page], SignedConsent.objects.all()), came
