"""Before a change of rules goes live: whose outcome would change, and which open clearances lapse."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clinic.actions import change_policy
from clinic.flow import Stage
from clinic.models import Journal, Role
from screening.actions import assess
from screening.models import Assessment, Flag
from tests.factories import acting, make_screening, make_visit, manager, practitioner

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
    assess(screening=screening, by=acting(practitioner()))
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
        f"visit {cleared.pk}, screening 1: clear becomes review; new: Needle fear: review; its open clearance lapses",
        "3 screenings, 2 would differ, 1 open clearances lapse",
    ]


def test_it_writes_nothing():
    judged(Stage.CONSENTING, needle_fear=3)
    grow_stricter()
    before = [model.objects.count() for model in (Flag, Assessment, Journal)]
    assert rehearse()[0] == 1
    assert [model.objects.count() for model in (Flag, Assessment, Journal)] == before


def test_what_the_questions_no_longer_know_is_said_and_not_skipped(monkeypatch):
    visit = judged(Stage.CONSENTING)
    monkeypatch.setattr("screening.past.questions.load", no_longer_known)
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
    with pytest.raises(CommandError, match="one of them"):
        call_command("rehearse")
    with pytest.raises(CommandError, match="one of them"):
        call_command("rehearse", "cases.toml", "--past")
