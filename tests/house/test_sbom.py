"""The bill of materials: what runs, by name, version and hash, from the lock file alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import ROOT

pytestmark = pytest.mark.thorough  # a tool that takes seconds to start

LOCKED = re.compile(r"^([a-z0-9.\[\]_-]+)==(\S+)", re.MULTILINE)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Run `make sbom`'s own command, with no way out of this machine; return the components by name."""
    command = re.search(r"^\t\$\(BIN\)/(cyclonedx-py .*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert command
    to = tmp_path_factory.mktemp("bill") / "sbom.json"
    words = command[1].replace("build/sbom.json", str(to)).split()
    env = {"PATH": str(ROOT / ".venv/bin"), "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE}
    tool = shutil.which(words[0], path=env["PATH"])
    done = subprocess.run([str(tool), *words[1:]], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {each["name"]: each for each in json.loads(to.read_text())["components"]}


def test_each_package_is_in_the_bill_by_name_version_and_hash(bill: dict[str, dict[str, object]]):
    locked = {
        name.partition("[")[0]: version
        for name, version in LOCKED.findall(Path(ROOT / "requirements/run.txt").read_text())
    }
    assert {name: each["version"] for name, each in bill.items()} == locked
    assert [name for name, each in bill.items() if "sha256" not in json.dumps(each).lower().replace("-", "")] == []


def test_what_only_tests_need_is_not_in_it(bill: dict[str, dict[str, object]]):
    assert {"django", "weasyprint"} <= set(bill)
    assert not {"pytest", "playwright", "cyclonedx-bom"} & set(bill)
