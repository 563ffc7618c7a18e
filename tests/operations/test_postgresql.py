"""The server that tests start and stop, and the address that leads to a database of PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from clinic.settings import environment as installation
from tests.support.real_servers import WRAPPER, environment
from tests.support.repository import ROOT

pytestmark = pytest.mark.thorough  # starts a server


if connection.vendor == "postgresql":  # the whole suite is running there
    pytest.skip("This starts a server, and there is one.", allow_module_level=True)


def test_a_server_that_is_there_is_used() -> None:
    asks = "import os, sys; print(os.environ['DATABASE_URL']); sys.exit(3)"
    there = environment(DATABASE_URL="postgresql://there/clinic")
    done = subprocess.run(
        [*WRAPPER, sys.executable, "-c", asks], env=there, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "postgresql://there/clinic"
    assert done.returncode == 3


def test_the_server_ends_with_the_command_when_both_are_told_to() -> None:
    waits = "import os, time; print(os.environ['DATABASE_URL'], flush=True); time.sleep(60)"
    command = [*WRAPPER, sys.executable, "-c", waits]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip().partition("?host=")[2])
        server = int((folder / "postmaster.pid").read_text().splitlines()[0])
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert not folder.exists()
    assert not is_alive(server)


def is_alive(number: int) -> bool:
    """Say whether a process runs, after a moment to end in; one that only waits to be collected does not."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.1)
    return True


# --- the address ---------------------------------------------------------------------------------------------------


def read_address(monkeypatch: Any, address: str, *, pooled: bool = False) -> dict[str, Any]:
    monkeypatch.setenv("DATABASE_URL", address)
    found = installation.database("DATABASE_URL", pooled=pooled, patience=20)
    assert found
    return found


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        (
            "postgresql://ada:p%40ss%2Fword@db.clinic.example:5433/consent?sslmode=verify-full",
            {"USER": "ada", "PASSWORD": "p@ss/word", "HOST": "db.clinic.example", "PORT": 5433, "NAME": "consent"},
        ),
        ("postgres:///consent?host=/run/postgresql", {"USER": "", "HOST": "/run/postgresql", "PORT": ""}),
        ("postgresql://[::1]/consent", {"HOST": "::1", "NAME": "consent"}),
    ],
)
def test_an_address_is_read(monkeypatch: Any, address: str, parts: dict[str, Any]) -> None:
    read = read_address(monkeypatch, address)
    assert {name: read[name] for name in parts} == parts
    assert read["ENGINE"] == "clinic.storage.postgresql"
    assert "host" not in read["OPTIONS"]
    assert read["OPTIONS"].get("sslmode") == ("verify-full" if "sslmode" in address else None)


@pytest.mark.parametrize("pooled", [False, True])
def test_behind_a_pooler_nothing_is_asked_of_one_connection_alone(monkeypatch: Any, pooled: bool) -> None:
    read = read_address(monkeypatch, "postgresql://consent@pool/consent?options=-c%20work_mem%3D8MB", pooled=pooled)
    assert read["DISABLE_SERVER_SIDE_CURSORS"] is pooled
    assert read["OPTIONS"]["options"] == "-c work_mem=8MB" + ("" if pooled else " -c lock_timeout=20s")


@pytest.mark.parametrize(
    "address",
    [
        "mysql://u:hush@h/n",
        "postgresql://u:hush@h",
        "postgresql://u:hush@h:port/n",
        "postgresql://u:hush@h/n?x",
        "postgresql://u:hush@h/n?sslmode=verify-full&x",
        "hush",
    ],
)
def test_half_an_address_is_refused_without_repeating_it(monkeypatch: Any, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must read") as refusal:
        read_address(monkeypatch, address)
    assert "hush" not in str(refusal.value)


def test_a_database_of_this_machine_does_not_get_into_a_demo() -> None:
    code = (
        "import sys; sys.path.insert(0, '.ci'); import demo, pathlib, tempfile; f = pathlib.Path(tempfile.mkdtemp()); "
    )
    shows = code + "print(sorted(name for name in demo.environment(f, 1) if 'DATABASE' in name))"
    there: dict[str, Any] = {"env": environment(DATABASE_URL="postgresql://there/clinic"), "cwd": ROOT}
    done = subprocess.run([sys.executable, "-c", shows], capture_output=True, text=True, check=True, **there)
    assert done.stdout.strip() == "[]"
