"""The suite's own turns: what is marked ``alone`` runs beside nothing else, and nobody waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT

SUITE = """
import time
import pytest
from tests.support import run_alone

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    with run_alone.turn(alone="alone" in item.name):
        with open({log!r}, "a") as log:
            log.write(item.name + "+\\n")
        time.sleep(0.05)
        result = yield
        with open({log!r}, "a") as log:
            log.write(item.name + "-\\n")
        return result
"""
TESTS = "import pytest\n\n\n@pytest.mark.parametrize('n', range(6))\ndef test_beside(n): pass\n\n\n" + "\n\n\n".join(
    f"def test_alone_{n}(): pass" for n in range(3)
)


@pytest.mark.thorough
def test_what_is_alone_has_nobody_beside_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "conftest.py").write_text(SUITE.format(log=str(log)))
    (tmp_path / "test_turns.py").write_text(TESTS)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CONSENT_TESTS_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "-p", "no:django", "-c", os.devnull, str(tmp_path)]
    done = subprocess.run(
        command, env={**env, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert "9 passed" in done.stdout, done.stdout + done.stderr
    inside: set[str] = set()
    together = 0
    for line in log.read_text().split():
        (inside.add if line.endswith("+") else inside.remove)(line[:-1])
        assert len(inside) == 1 or not any("alone" in each for each in inside), inside
        together = max(together, len(inside))
    assert together > 1, "the others do run beside each other"
