"""Many sets of hostile answers, each drawn as the PDF that is sealed: nothing is fetched, read, slow or large."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.proof_size import size
from tests.support.repository import ROOT

pytestmark = pytest.mark.heavy

SETS, SEED = size(40, 1_000), 11
SECONDS, MEGABYTES = 10, 512


def drawn(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.support.hostile_documents", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_hostile_answers_are_text_in_every_document() -> None:
    told = drawn(SETS, SEED)
    assert told["drawn"] == SETS
    assert told["asked"] == []
    assert told["leaks"] == []
    assert told["longest"] <= SECONDS
    assert told["peak"] <= MEGABYTES
    print(f"{SETS} documents of hostile answers: {told['longest']:.1f} s at most, {told['peak']} MB")


def test_text_that_is_taken_for_html_is_noticed() -> None:
    """The control."""
    told = drawn(6, SEED, "unescaped")
    assert told["asked"] or told["leaks"]
    assert told["drawn"] < 6
