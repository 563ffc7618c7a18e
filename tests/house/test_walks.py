"""The four walks of docs/architecture.md: each stop is passed, in that order, with half the calls of before.

What they cost before the rooms were made anew was counted once, with this tracer, on e60f9af: ``BEFORE``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from clinic.domain.flow import Stage
from clinic.models import Actor
from consent import actions as consent_actions
from consent.document.rendering import render
from consent.domain.signature_strokes import Signed, decode
from consent.domain.statement import statement
from consent.jobs import tasks
from consent.models import Consent
from consent.status.build_record import build
from consent.status.statement_input import facts
from screening import actions
from screening.assessment.review_state import review_state
from screening.domain.scope import Scope
from screening.models import Flag
from tests.support.call_tracer import Trace, traced
from tests.support.consents import DRAWN, PLAN, WELL, ready, signed
from tests.support.factories import (
    acting,
    answers,
    hold,
    make_screening,
    make_tablet,
    make_visit,
    practitioner,
    ready_for_review,
)
from tests.support.repository import ROOT

pytestmark = pytest.mark.django_db

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
STOP = re.compile(r"^\d+\. `([\w/]+\.py)` `([\w.]+)`", re.MULTILINE)
THINNER: dict[str, Any] = {"blood_thinners": "yes", "blood_thinner_names": ["apixaban"]}


class Before(NamedTuple):
    """A walk on e60f9af: how many files it passed, read by hand, and how many functions it entered, by the tracer."""

    files: int
    entries: int


BEFORE = {
    "An answer becomes a flag": Before(12, 1114),
    "A planned region reaches the document": Before(13, 6752),
    "Strokes become a sealed PDF": Before(13, 8937),
    "A confirmation becomes a record, and the record a seal": Before(24, 11156),
}


def stops(walk: str) -> list[str]:
    """Return the stops of a walk as the page lists them."""
    section = PAGE.split(f"### {walk}\n")[1].split("\n### ")[0]
    return [f"{file}:{function}" for file, function in STOP.findall(section)]


def added(*traces: Trace) -> Trace:
    """Return several traces as one."""
    whole = Trace()
    for trace in traces:
        whole.entered.update(trace.entered)
    return whole


def answered_and_sent() -> Trace:
    visit = make_visit(stage=Stage.ANSWERING)
    tablet, _ = make_tablet()
    hold(visit, tablet)
    make_screening(visit, submitted=False)
    by, told = Actor(tablet=tablet), answers(**THINNER)
    names = [name for name in told if name.startswith(("blood", "antiplatelets", "bleeding", "medicines"))]
    given = {name: told[name] for name in names}
    saved = traced(lambda: actions.answer(visit=visit, given=given, by=by, names=names, section="medicines"))
    sent = traced(lambda: actions.submit(visit=visit, by=by))
    assert [flag.question for flag in Flag.objects.filter(screening__visit=visit)] == ["blood_thinners"]
    return added(saved, sent)


def planned_and_printed() -> Trace:
    visit, physio = ready_for_review(**THINNER), acting(practitioner())
    scope = Scope.of(["left_calf"], technique="superficial", electro=False, visits=3)
    planned = traced(lambda: actions.save_plan(visit=visit, scope=scope, by=physio))
    for about in review_state(visit).undecided:
        actions.decide(flag=about.flag, outcome="precaution", reason="Seen.", precaution="Thin ones.", by=physio)
    actions.close_review(visit=visit, ending="consent", by=physio)
    given = sign(visit)
    visit.refresh_from_db()
    actions.attest(visit=visit, kind="talk", data={"teach_back": WELL}, by=physio)
    records: list[Any] = []
    state = review_state(visit)
    built = traced(
        lambda: records.append(build(given=given, state=state, by=physio.staff, at=given.at, statements=("So.",)))
    )
    assert records[0].plan.regions == ("left calf",)
    return added(planned, built, traced(lambda: render(records[0])))


def sign(visit: Any) -> Any:
    held = hold(visit, make_tablet()[0])
    return consent_actions.give(
        visit=visit,
        hold=held,
        shown=statement(facts(review_state(visit))).sha256,
        signed=[Signed("patient", visit.patient.name, "drawn", decode(DRAWN))],
        choices={"students": False, "observers": False},
        by=Actor(tablet=held.tablet),
    )


def signed_and_sealed() -> Trace:
    visit = ready()
    given = traced(lambda: sign(visit))
    visit.refresh_from_db()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("consent.actions.confirmation.seal_consent", Later())
        done = consent_actions.confirm(visit=visit, plan=PLAN, teach_back=WELL, by=acting(practitioner()))
    assert isinstance(done, Consent)
    state, by = review_state(visit), practitioner()
    built = traced(lambda: build(given=done.given, state=state, by=by, at=done.confirmed_at, statements=("So.",)))
    return added(given, built, traced(lambda: tasks.seal_consent.func(done.pk)))


class Later:
    """A queue that nobody works at."""

    def enqueue(self, consent: int) -> None: ...


def confirmed_and_sealed() -> Trace:
    visit, by = signed(diabetes="yes", diabetes_unstable="no"), acting(practitioner())
    return traced(lambda: consent_actions.confirm(visit=visit, plan=PLAN, teach_back=WELL, by=by))


ACTS: dict[str, Callable[[], Trace]] = dict(
    zip(BEFORE, (answered_and_sent, planned_and_printed, signed_and_sealed, confirmed_and_sealed), strict=True)
)


@pytest.mark.parametrize("walk", BEFORE)
def test_each_stop_is_passed_in_this_order(walk: str, seal_keys: None):
    ACTS[walk]()  # what a process makes once is no part of it
    entered = ACTS[walk]().entered
    listed = stops(walk)
    assert len(listed) > 5
    assert [stop for stop in listed if stop not in entered] == []
    first = {name: place for place, name in enumerate(entered)}
    assert [first[stop] for stop in listed] == sorted(first[stop] for stop in listed)
    files = {stop.partition(":")[0] for stop in listed}
    assert len(files) <= BEFORE[walk].files * 2 / 3, sorted(files)
    assert entered.total() <= BEFORE[walk].entries / 2, entered.most_common(12)


def test_a_stop_that_is_not_passed_is_noticed(seal_keys: None):
    """The control."""
    entered = ACTS["An answer becomes a flag"]().entered
    assert "consent/actions/confirmation.py:confirm" not in entered
    assert "screening/domain/rules.py:run" in entered
