"""Hundreds of sealed consents are backed up and restored, everything in them verified. The seconds are printed.

`tests/operations/test_backups.py` has the control: a plain copy of the file, taken while somebody writes, is refused.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.proof_size import size
from tests.support.real_servers import Servers

pytestmark = pytest.mark.heavy

CONSENTS = size(100, 5_000)


def sealed(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "clinic.sqlite3")) as opened:
        return [row[0] for row in opened.execute("SELECT sha256 FROM consent_sealedfile ORDER BY sha256")]


def test_hundreds_of_consents_come_back_and_are_verified(tmp_path: Path) -> None:
    clinic, back, key = Servers(tmp_path / "clinic"), tmp_path / "back", str(tmp_path / "backup.key")
    clinic.folder.mkdir()
    clinic.run("-m", "tests.support.many_consents", str(CONSENTS))
    clinic.run("manage.py", "new_backup_key", key)
    source = clinic.run("manage.py", "backup", "--quick", "--to", str(tmp_path / "backups")).splitlines()[0]
    began = time.monotonic()
    said = clinic.run("manage.py", "restore", source, "--to", str(back), "--key", key)
    took = time.monotonic() - began
    assert "everything in it was verified" in said
    assert sealed(back) == sealed(clinic.folder)
    assert len(sealed(back)) == CONSENTS
    print(f"{CONSENTS:,} consents restored and verified in {took:.0f} s")
