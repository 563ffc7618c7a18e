"""A skip that nobody listed fails CI, and the list names only what there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.support.skips import Skip, allowed


@pytest.mark.parametrize("skip", allowed(), ids=lambda skip: skip.file)
def test_each_listed_skip_is_one_that_its_file_can_say(skip: Skip) -> None:
    assert skip.says in (ROOT / skip.file).read_text(encoding="utf-8")
    assert skip.why.endswith(".")


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_an_unlisted_skip_fails_ci_alone(tmp_path: Path, ci: str, status: int) -> None:
    (tmp_path / "test_left_out.py").write_text("import pytest\n\ndef test_it(): pytest.skip('too slow today')\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CONSENT_TESTS_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:django", "-p", "tests.support.skips", "-c", os.devnull]
    done = subprocess.run(
        [*command, "-n", "1", str(tmp_path)],
        env={**env, "PYTHONPATH": str(ROOT), "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert ("allowed_skips.toml" in done.stdout) is bool(status)
