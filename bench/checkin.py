"""A whole check-in, from the birth date to the sealed PDF, beside a request that does nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from bench.pages import COLUMNS, Device, Fields, Row, alternated, clinic, filled, tablet_of
from bench.report import Part
from bench.rounds import Claim, because

WELL = {f"prompt_{number}": "correct" for number in range(1, 7)}
PLAN = {"regions": ["left_calf"], "technique": "superficial", "electro": "no", "sessions": "3"}
FIXED, A_PAGE = 1_800, 25  # requests that do nothing: for the PDF and its seal, and for each page


def check_ins(rounds: int) -> Part:
    """A patient with epilepsy: every page, every write, the review, the confirmation, the PDF and its seal."""
    with clinic() as app:
        return _check_ins(app, rounds)


def _check_ins(app: Any, rounds: int) -> Part:
    from django.conf import settings

    from consent.seal.certificate_authority import make_keys
    from tests.support.factories import practitioner, staff_client

    make_keys(settings.KEYS_DIR, settings.SEAL_PASSPHRASE, "Benchmark")
    settings.TASKS["default"]["BACKEND"] = "django_tasks.backends.immediate.ImmediateBackend"
    desk = Device(app, {name: cookie.value for name, cookie in staff_client(practitioner()).cookies.items()})
    whole, nothing = CheckIn(app, desk), Device(app)
    trivial = Row("a request that does nothing", lambda: nothing.ask("/healthz"), repeat=100)
    ours = Row("a whole check-in", whole.run, repeat=1)
    alternated([trivial, ours], rounds)
    bound = FIXED + A_PAGE * whole.pages
    times = [own / least for own, least in zip(ours.seconds, trivial.seconds, strict=True)]
    words = f"a check-in of {whole.pages} pages, in requests that do nothing"
    by_minima, by_rounds = min(ours.seconds) / min(trivial.seconds), sorted(times)[len(times) // 2]
    claim = because(Claim(words, bound, by_minima, by_rounds, digits=0), WHY)
    part = Part(
        "A whole check-in",
        "A patient with epilepsy, from the birth date to the sealed PDF: every page that somebody sees (the patient's, "
        "the review, the confirmation), every post, the PDF and its seal, which here are made in the post that "
        f"confirms and not by the worker. {whole.requests} requests, of which {whole.pages} show a page.",
        COLUMNS,
        [trivial.cells(), ours.cells()],
    )
    part.claims = [claim]
    return part


WHY = (
    "the bound was set with a document of two pages and pages that read nothing; ours has what a court asks for, and "
    "each page reads what it shows from the database, for this patient on this device alone"
)


@dataclass
class CheckIn:
    """Runs one visit after the other, through the addresses that a browser would request."""

    app: Any
    desk: Device
    pages: int = 0
    requests: int = 0

    def run(self) -> None:
        from clinic.domain.flow import Stage

        visit, tablet = self._handed_over()
        before = self.desk.requests
        self.pages = self.desk.pages = 0
        self._answers(visit, tablet)
        self._reviews(visit)
        again = self._handed_over(visit)[1]
        self._signs(visit, again)
        self._confirms(visit)
        self.requests = tablet.requests + again.requests + self.desk.requests - before
        self.pages = tablet.pages + again.pages + self.desk.pages
        visit.refresh_from_db()
        assert visit.at is Stage.SEALED, visit.status

    def _handed_over(self, visit: Any = None) -> tuple[Any, Device]:
        from clinic.devices import holds
        from tests.support.factories import acting, make_tablet, make_visit, receptionist

        visit = visit or make_visit()
        tablet, token = make_tablet()
        holds.hand_over(visit=visit, tablet=tablet, by=acting(receptionist()))
        return visit, tablet_of(self.app, token)

    def _begins(self, visit: Any, tablet: Device) -> str:
        page = tablet.follow(tablet.ask("/tablet/"))
        born = visit.patient.born
        day = {"born_day": born.day, "born_month": born.month, "born_year": born.year}
        sent = {name: str(day[name]) if name in day else value for name, value in filled(page).items()}
        return tablet.follow(tablet.ask(tablet.at, sent))

    def _answers(self, visit: Any, tablet: Device) -> None:
        page = self._begins(visit, tablet)
        while "/tablet/questions/" in tablet.at:
            sent = filled(page)
            if "epilepsy" in sent:
                sent["epilepsy"] = "yes"
            here = tablet.at
            page = tablet.follow(tablet.ask(here, sent))
            assert tablet.at != here, re.sub(r"<[^>]+>|\s+", " ", page)
        tablet.follow(tablet.ask(tablet.at, filled(page)))

    def _reviews(self, visit: Any) -> None:
        from screening.assessment.review_state import review_state

        self._post(f"/review/{visit.pk}/claim/", {})
        (flag,) = review_state(visit).flags
        decision = {"outcome": "precaution", "reason": "Controlled.", "precaution": "You lie down.", "until": ""}
        self._post(f"/review/{visit.pk}/flags/{flag.flag.pk}/", decision)
        self._post(f"/review/{visit.pk}/plan/", PLAN)
        self._post(f"/review/{visit.pk}/vouch/talk/", WELL)
        self._post(f"/review/{visit.pk}/end/", {"ending": "consent"})

    def _signs(self, visit: Any, tablet: Device) -> None:
        page = self._begins(visit, tablet)
        while "/sign/" not in tablet.at:
            page = tablet.follow(tablet.ask(_onward(page)))
        hidden = Fields(page).hidden
        sent = {
            **{name: hidden[name] for name in ("csrfmiddlewaretoken", "form_key", "statement", "tries")},
            **{"lung": "on", "read": "on", "agree": "on", "students": "no", "observers": "no", "act": "agree"},
            **{"method": "typed", "typed_name": visit.patient.name},
        }
        page = tablet.follow(tablet.ask(tablet.at, sent))
        assert "You have signed" in page, re.sub(r"<[^>]+>|\s+", " ", page)

    def _confirms(self, visit: Any) -> None:
        self.desk.follow(self.desk.ask(f"/confirm/{visit.pk}/"))
        ticks = {"talk_took_place": "on", "still_happy": "on", "sign": "on"}
        self._post(f"/confirm/{visit.pk}/", {**PLAN, **WELL, **ticks})

    def _post(self, path: str, data: dict[str, Any]) -> None:
        """Post what a desk page would post, with the token of the page read last; read the page it leads to."""
        page = self.desk.page or self.desk.follow(self.desk.ask("/queue/"))
        token = Fields(page).hidden["csrfmiddlewaretoken"]
        self.desk.page = self.desk.follow(self.desk.ask(path, {**data, "csrfmiddlewaretoken": token}))
        assert self.desk.status == 200, (path, self.desk.status, re.sub(r"<[^>]+>|\s+", " ", self.desk.page))


def _onward(page: str) -> str:
    """Return the address of the link that leads on: the one that looks like a button."""
    (tag,) = re.findall(r"<a [^>]*btn-primary[^>]*>", page)
    return unescape(re.findall(r'href="([^"]+)"', tag)[0])
