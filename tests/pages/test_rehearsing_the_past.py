"""Before a change of rules goes live: whose outcome would change, and which open clearances lapse."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Role, Visit
from clinic.records.staff import change_policy
from screening.actions import close_review, decide, save_plan
from screening.assessment.review_state import review_state
from screening.domain import rules
from screening.domain.scope import Scope
from screening.models import Clearance
from tests.support.factories import (
    acting,
    make_screening,
    make_visit,
    manager,
    practitioner,
    ready_for_review,
    rules_ran,
)

pytestmark = pytest.mark.django_db


def rehearse(*options: str) -> tuple[int, list[str]]:
    out = StringIO()
    try:
        call_command("rehearse", "--past", *options, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def judged(stage: Stage, **answers: Any):
    visit = make_visit(stage=stage)
    screening = make_screening(visit, **answers)
    rules_ran(screening, acting(practitioner()))
    return visit


def grow_stricter() -> None:
    """A rule changes: fear of needles is reviewed from 2 on."""
    change_policy(by=acting(manager(), Role.MANAGER), needle_fear_review=2)


def test_the_rules_as_they_are_change_nothing():
    judged(Stage.IN_REVIEW, diabetes="yes")
    judged(Stage.CONSENTING)
    assert rehearse() == (0, ["2 screenings, 0 would differ, 0 open clearances lapse"])


def test_whose_outcome_would_change_is_listed_and_an_open_clearance_lapses():
    sealed = judged(Stage.SEALED, needle_fear=3)
    cleared = judged(Stage.CONSENTING, needle_fear=3)
    judged(Stage.CONSENTING, needle_fear=0)
    grow_stricter()
    status, lines = rehearse()
    assert status == 1
    assert lines == [
        f"visit {sealed.pk}, screening 1: clear becomes review; new: Needle fear: review",
        f"visit {cleared.pk}, screening 1: clear becomes review; new: Needle fear: review; "
        "its open clearance lapses (there is a new flag)",
        "3 screenings, 2 would differ, 1 open clearances lapse",
    ]


def cleared(**answers: Any) -> Visit:
    """A visit whose review went on to consent, so that what it was cleared on is on record."""
    visit, by = ready_for_review(**answers), acting(practitioner())
    save_plan(visit=visit, scope=Scope.of(["left_calf"], technique="superficial", electro=False, visits=2), by=by)
    for each in review_state(visit).undecided:
        decide(flag=each.flag, outcome="cleared", reason="Ten years without a fit.", by=by)
    close_review(visit=visit, ending="consent", by=by)
    assert Clearance.objects.filter(screening__visit=visit).exists()
    return visit


def test_a_clearance_lapses_for_what_it_names_itself_also_where_no_flag_is_new(monkeypatch):
    visit = cleared(epilepsy="yes")
    assert rehearse()[0] == 0
    monkeypatch.setattr(rules, "VERSION", "next-year")
    status, lines = rehearse()
    assert status == 1
    assert lines == [
        f"visit {visit.pk}, screening 1: its open clearance lapses (the rules changed)",
        "1 screenings, 1 would differ, 1 open clearances lapse",
    ]
    assert json.loads(rehearse("--json")[1][0])["why"] == ["the rules changed"]


def test_a_clearance_that_is_merely_old_says_nothing_about_the_rules():
    visit = judged(Stage.CONSENTING)
    Visit.objects.filter(pk=visit.pk).update(stage_since=timezone.now() - dt.timedelta(days=9))
    assert rehearse() == (0, ["1 screenings, 0 would differ, 0 open clearances lapse"])


def test_of_two_screenings_of_a_visit_the_last_is_what_was_cleared():
    visit = judged(Stage.CONSENTING, needle_fear=3)
    rules_ran(make_screening(visit, needle_fear=3), acting(practitioner()))
    grow_stricter()
    first, last, _ = rehearse()[1]
    assert "lapses" not in first
    assert "its open clearance lapses" in last


def test_it_writes_nothing_and_names_nobody(django_assert_max_num_queries):
    visit = cleared(epilepsy="yes", needle_fear=3)
    grow_stricter()
    with django_assert_max_num_queries(60) as asked:
        status, lines = rehearse()
    assert status == 1
    assert {each["sql"].split()[0] for each in asked.captured_queries} <= {"SELECT", "DECLARE"}  # a cursor that reads
    assert visit.patient.name not in "\n".join(lines)


def test_what_the_questions_no_longer_know_is_said_and_not_skipped(monkeypatch):
    visit = judged(Stage.CONSENTING)
    monkeypatch.setattr("screening.reports.rule_backtest.questionnaire.load", no_longer_known)
    status, lines = rehearse("--json")
    assert status == 1
    told = json.loads(lines[0])
    assert told["visit"] == visit.pk
    assert told["unreadable"] == "tattoo: no such question"
    assert told["lapses"] is True


def no_longer_known(stored: object) -> None:
    raise ValueError("tattoo: no such question")


def test_the_database_is_asked_as_often_for_many_as_for_few(django_assert_max_num_queries):
    for _ in range(6):
        judged(Stage.SEALED, diabetes="yes")
    with django_assert_max_num_queries(5):
        rehearse()


def test_a_file_or_the_past_is_named():
    with pytest.raises(CommandError, match="not both"):
        call_command("rehearse")
    with pytest.raises(CommandError, match="not both"):
        call_command("rehearse", "cases.toml", "--past")
