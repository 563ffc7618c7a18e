"""CI runs everything: a test that is skipped there, and is not on the list with its reason, fails the run.

The list is ``allowed_skips.toml``. Without ``CI=true``, as on anybody's own machine, a skip is only told.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LIST = Path(__file__).with_name("allowed_skips.toml")


@dataclass(frozen=True)
class Skip:
    """A skip that is allowed: in which file, what it says, and why that is no gap."""

    file: str
    says: str
    why: str


def allowed() -> list[Skip]:
    """Read the list."""
    return [Skip(**row) for row in tomllib.loads(LIST.read_text(encoding="utf-8"))["skip"]]


def unlisted(reports: list[Any]) -> list[str]:
    """Return each report of a skip that is not on the list, with its words."""
    known = allowed()
    told = [(report.nodeid, str(report.longrepr[2])) for report in reports]
    return sorted(
        f"{test}: {words}"
        for test, words in told
        if not any(test.partition("::")[0] == each.file and each.says in words for each in known)
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for what nobody listed; with xdist, in the process that counts for all."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None or hasattr(session.config, "workerinput"):
        return
    if found := unlisted(reporter.stats.get("skipped", [])):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("\nSkipped, and not in tests/support/allowed_skips.toml:", red=True)
        for line in found:
            reporter.write_line(line, red=True)
