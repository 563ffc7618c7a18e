"""docs/proofs.md: each figure is there, and leads to tests that are there."""

from __future__ import annotations

import re

from tests.support.repository import ROOT, leads_somewhere

PAGE = (ROOT / "docs/proofs.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.splitlines() if line.startswith("| B")]
OPEN = "not built yet"
TEST = re.compile(r"tests/[\w/]+\.py::\w+")


def test_each_figure_has_a_row():
    assert list(dict.fromkeys(row[0] for row in ROWS)) == [f"B{number:02d}" for number in range(1, 27)]


def test_each_row_says_what_it_asserts_and_leads_to_a_test_and_a_control_or_says_that_it_is_open():
    for row in ROWS:
        number, asserted, size, *rest = row
        assert asserted, number
        assert size == OPEN or (len(rest) == 2 and all(rest)), number


def test_each_test_that_is_named_is_there():
    named = TEST.findall(PAGE)
    assert len(named) > 40
    assert [each for each in named if not leads_somewhere(each)] == []
