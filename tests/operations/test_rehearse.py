"""A clinical lead runs a file of worked cases before a change of rules goes live."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.support.repository import ROOT

FILES = [*sorted((ROOT / "tests" / "cases").glob("*.toml")), *(ROOT.parent / "shared").glob("cases.toml")]
ONE = """
today = 2026-11-23
[[case]]
name = "A case"
born = 1990-05-01
"""
AS_EXPECTED = ONE + 'expect = { outcome = "clear", flags = {} }'


def rehearse(file: Path, *options: str) -> list[str]:
    out = StringIO()
    call_command("rehearse", str(file), *options, stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def case_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "cases.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_worked_case_comes_out_as_expected(file):
    lines = rehearse(file)
    assert len(lines) == file.read_text(encoding="utf-8").count("[[case]]")
    assert [line for line in lines if not line.startswith("ok ")] == []


def test_a_case_that_differs_says_how_and_ends_in_one(case_file):
    file = case_file(
        AS_EXPECTED
        + "\n"
        + ONE[ONE.index("[[case]]") :].replace("A case", "Aspirin")
        + """
answers = { antiplatelets = "yes", antiplatelet_names = ["aspirin"], eaten = "no" }
expect = { outcome = "review", flags = { antiplatelets = "review", age = "review" } }
"""
    )
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("rehearse", str(file), stdout=out)
    assert end.value.code == 1
    first, second = out.getvalue().splitlines()
    assert first.split() == ["ok", "clear", "A", "case"]
    assert "Aspirin" in second
    assert "caution" in second
    for difference in (
        "outcome: expected review, got caution",
        "antiplatelets: expected review, got caution",
        "age: expected review, got no flag",
        "eaten: expected no flag, got caution",
    ):
        assert difference in second


def test_json_prints_one_object_a_case(case_file):
    (line,) = rehearse(case_file(ONE + 'answers = { pregnancy = "yes" }\nexpect = { outcome = "stop" }'), "--json")
    verdict = json.loads(line)
    assert set(verdict) == {"name", "outcome", "flags", "differences"}
    assert (verdict["name"], verdict["outcome"], verdict["differences"]) == ("A case", "stop", [])
    (flag,) = verdict["flags"]
    assert set(flag) == {"question", "severity", "reason", "regions", "source"}
    assert (flag["question"], flag["severity"], flag["regions"]) == ("pregnancy", "stop", [])
    assert flag["reason"]
    assert "article" in flag["source"]["title"]


def test_json_ends_in_one_as_well(case_file):
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("rehearse", str(case_file(ONE + 'expect = { outcome = "stop" }')), "--json", stdout=out)
    assert end.value.code == 1
    assert json.loads(out.getvalue())["differences"] == ["outcome: expected stop, got clear"]


def test_a_note_that_was_not_expected_is_no_difference(case_file):
    note = 'answers = { filled_in_by = "interpreter" }\n'
    rehearse(case_file(ONE + note + 'expect = { outcome = "clear", flags = {} }'))
    with pytest.raises(SystemExit):
        rehearse(case_file(ONE + 'expect = { outcome = "clear", flags = { filled_in_by = "note" } }'))


EXPECT = 'expect = { outcome = "clear" }\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (ONE + EXPECT + "answers = { shoe_size = 44 }", ["A case", "shoe_size", "infection_now"]),
        (
            ONE + EXPECT + 'answers = { pregnancy = "perhaps" }',
            ["A case", "pregnancy", "perhaps", "might_be", "missing"],
        ),
        (ONE + EXPECT + "answers = { needle_fear = 11 }", ["A case", "needle_fear", "11", "0 to 10"]),
        (ONE + EXPECT + "answers = { inr = 0.4 }", ["A case", "inr", "0.4", "0.5 to 15"]),
        (ONE + EXPECT + "answers = { last_seizure = 2026-11-24 }", ["A case", "last_seizure", "2026-11-23"]),
        (ONE + EXPECT + 'answers = { surgery_regions = ["tail"] }', ["A case", "surgery_regions", "tail", "left_calf"]),
        (ONE + EXPECT + "answers = 5", ["A case", "answers", "table"]),
        (ONE + EXPECT + 'plan = { regions = ["left_neck"] }', ["A case", "left_neck", "left_calf"]),
        (ONE + EXPECT + 'plan = { regions = "left_calf" }', ["A case", "regions", "list"]),
        (ONE + EXPECT + 'plan = { electro = "no" }', ["A case", "electro", "true or false"]),
        (ONE + EXPECT + "plan = { needles = 4 }", ["A case", "needles", "electro"]),
        (ONE + EXPECT + "policy = { inr = 3 }", ["A case", "inr", "inr_limit"]),
        (ONE + EXPECT + 'policy = { clinic_name = "X" }', ["A case", "clinic_name", "inr_limit"]),
        (ONE + EXPECT + 'policy = { pregnancy = "allow" }', ["A case", "pregnancy", "allow", "stop or review"]),
        (ONE + EXPECT + 'returning = "yes"', ["A case", "returning", "true or false"]),
        (ONE + EXPECT + "colour = 1", ["A case", "colour", "returning"]),
        (ONE + "expect = {}", ["A case", "expect", "outcome"]),
        (ONE, ["A case", "expect", "outcome"]),
        (ONE + 'expect = { outcome = "fine" }', ["A case", "fine", "clear"]),
        (ONE + "expect = { flags = { shoe_size = 'stop' } }", ["A case", "shoe_size", "age"]),
        (ONE + "expect = { flags = { eaten = 'clear' } }", ["A case", "eaten", "clear", "caution"]),
        (ONE + "expect = { mood = 'good' }", ["A case", "mood", "flags"]),
        (AS_EXPECTED.replace("1990-05-01", "2027-05-01"), ["A case", "born", "2026-11-23"]),
        (AS_EXPECTED.replace("1990-05-01", "'1990-05-01'"), ["A case", "born", "date"]),
        (AS_EXPECTED.replace("born = 1990-05-01", ""), ["A case", "born"]),
        (AS_EXPECTED.replace('name = "A case"', ""), ["case 1", "name"]),
        (AS_EXPECTED.replace("today = 2026-11-23", ""), ["today"]),
        (AS_EXPECTED.replace("today", "tomorrow"), ["tomorrow", "today"]),
        ("today = 2026-11-23", ["case"]),
        ("today = 2026-11-23\ncase = 5", ["case"]),
        ("today = 2026-11-23\ncase = [5]", ["case 1", "5"]),
        ("today = ", ["TOML"]),
    ],
)
def test_what_the_format_does_not_know_is_refused_by_name(case_file, text, named):
    with pytest.raises(CommandError) as refusal:
        rehearse(case_file(text))
    assert refusal.value.returncode == 2
    for word in named:
        assert word in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CommandError, match=r"cases\.toml") as refusal:
        rehearse(tmp_path / "cases.toml")
    assert refusal.value.returncode == 2


def run(file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "rehearse", str(file)]
    path = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=ROOT, env=path | environment, capture_output=True, text=True, check=False)


def test_it_needs_neither_a_database_nor_a_variable(case_file):
    whole = run(case_file(AS_EXPECTED))
    assert (whole.returncode, whole.stderr) == (0, "")
    nowhere = run(case_file(AS_EXPECTED), CLINIC_DATA_DIR="/dev/null/nowhere")
    assert (nowhere.returncode, nowhere.stderr) == (0, "")


def test_a_refusal_is_one_sentence_and_no_traceback(case_file):
    refused = run(case_file(ONE + "answers = { shoe_size = 44 }"))
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "shoe_size: no such question" in refused.stderr
    assert "Traceback" not in refused.stderr
