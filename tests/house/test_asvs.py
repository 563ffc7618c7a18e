"""docs/asvs.csv: OWASP ASVS 5.0.0 at level 2, complete, and each row with something to look at or a reason."""

from __future__ import annotations

import csv
from collections import Counter

from tests.support.repository import ROOT, leads_somewhere

# How many requirements of levels 1 and 2 each chapter of ASVS 5.0.0 has, and how many levels 1 and 2 have in all.
CHAPTERS = [27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7]
LEVELS = {"1": 70, "2": 183}
OF_LEVEL_3 = 19  # taken on purpose; of 16.3.2 what level 3 adds as well
STATES = {"pass", "gap", "n.a."}

with (ROOT / "docs/asvs.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def test_every_requirement_of_levels_one_and_two_is_there_once():
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    mine = [row for row in ROWS if row["level"] in LEVELS]
    chapters = Counter(int(row["id"].split(".")[0]) for row in mine)
    assert [chapters[number] for number in range(1, 18)] == CHAPTERS
    assert Counter(row["level"] for row in mine) == LEVELS
    assert len(ROWS) - len(mine) == OF_LEVEL_3


def test_each_row_has_a_state_and_a_pass_has_a_pointer_that_leads_somewhere():
    assert {row["status"] for row in ROWS} == STATES
    assert [row["id"] for row in ROWS if row["status"] == "pass" and not row["pointer"]] == []
    lost = [f"{row['id']}: {each}" for row in ROWS for each in row["pointer"].split() if not leads_somewhere(each)]
    assert lost == []


def test_what_is_missing_or_does_not_apply_says_why():
    assert [row["id"] for row in ROWS if row["status"] != "pass" and not row["reason"]] == []


def test_a_pointer_that_leads_nowhere_is_noticed():
    assert leads_somewhere("docs/protection.md#data")
    for each in ("docs/none.md", "docs/protection.md#nothing", "tests/house/test_asvs.py::test_nothing"):
        assert not leads_somewhere(each)
