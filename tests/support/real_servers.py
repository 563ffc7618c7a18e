"""Gunicorn and the worker as a clinic runs them, on a folder of their own, with tablets that send real forms."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

from tests.support.repository import ROOT

GUNICORN = ("-m", "gunicorn", "-c", "python:clinic.web.gunicorn_config", "clinic.wsgi")
WORKER = ("manage.py", "worker", "--no-startup-delay", "--interval", "0.1")
ANSWERS_WITHIN = 60  # seconds, on a busy machine
THANKS = "Thank you for asking"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Servers:
    """One installation and its processes."""

    folder: Path
    port: int = field(default_factory=free_port)
    changes: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = ("CLINIC_SECRET_KEY", "CLINIC_SEAL_PASSPHRASE")
        self.secrets = {name: secrets.token_urlsafe(48) for name in names}

    @property
    def env(self) -> dict[str, str]:
        """What all processes of it run with."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLINIC_", "DATABASE_URL"))}
        return kept | {
            **self.secrets,
            "CLINIC_DATA_DIR": str(self.folder),
            "CLINIC_BIND": f"127.0.0.1:{self.port}",
            "DJANGO_SETTINGS_MODULE": "tests.support.server_settings",
            **self.changes,
        }

    def run(self, *command: str) -> str:
        """Run a Python command to its end; return what it printed."""
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, *, tablets: int, consents: int = 0) -> list[Tablet]:
        """Make the clinic; return its tablets."""
        said = self.run("-m", "tests.support.server_clinic", str(tablets), str(consents))
        return [Tablet(self.port, **json.loads(line)) for line in said.splitlines() if line.startswith("{")]

    def start(self, name: str, command: Sequence[str], before: Sequence[str] = (), limit: Any = None) -> None:
        """Start a process in a group of its own. ``before`` goes before Python; ``limit`` is called in the child."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*before, sys.executable, *command],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=limit,
            )

    def serve(self, **options: Any) -> float:
        """Start gunicorn; return after how many seconds it answered."""
        began = time.monotonic()
        self.start("server", GUNICORN, **options)
        self.wait()
        return time.monotonic() - began

    def wait(self) -> None:
        """Return once gunicorn answers."""
        began = time.monotonic()
        while not self.answers():
            assert self.running["server"].poll() is None, (self.folder / "server.log").read_text()[-2000:]
            assert time.monotonic() - began < ANSWERS_WITHIN
            time.sleep(0.05)

    def answers(self) -> bool:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", "/healthz")
            return line.getresponse().status == 200
        except OSError:
            return False
        finally:
            line.close()

    def kill(self, *names: str) -> None:
        """Kill these with all that they started, at this instant, as a power cut would."""
        for name in names or tuple(self.running):
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(self.running[name].pid, signal.SIGKILL)
        for name in names or tuple(self.running):
            self.running.pop(name).wait()

    def rows(self, sql: str) -> list[Any]:
        """Ask the database itself."""
        if address := self.changes.get("DATABASE_URL"):
            with psycopg.connect(address) as asked:
                return asked.execute(sql.encode()).fetchall()
        with closing(sqlite3.connect(self.folder / "clinic.sqlite3")) as opened:
            return opened.execute(sql).fetchall()


@dataclass
class Tablet:
    """A tablet whose patient asks one question after the other; ``kept``: those that it was thanked for.

    Where no answer comes, it turns to the ``spare`` server next, as a load balancer would for it.
    """

    port: int
    visit: int
    cookie: str
    form: dict[str, list[str]]
    kept: list[str] = field(default_factory=list)
    came: Counter[int] = field(default_factory=Counter)
    unsure: list[str] = field(default_factory=list)
    spare: int = 0

    def ask(self, question: str) -> int:
        """Send a question; return the status, 0 where no answer came."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = urlencode({**self.form, "act": "send", "question": question}, doseq=True)
        head = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self.cookie}
        try:
            line.request("POST", "/tablet/ask/", body, head)
            answer = line.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.came[0] += 1
            self.port, self.spare = self.spare or self.port, self.port
            return 0
        finally:
            line.close()
        self.came[answer.status] += 1
        if answer.status == 200 and THANKS in text:
            self.kept.append(question)
        return answer.status

    def work(self, until: threading.Event, most: int = 1_000_000) -> None:
        """Ask what nobody knows to be kept once more, as the page does, then one thing after the other."""
        for question in list(self.unsure):
            if self.ask(question) == 200:
                self.unsure.remove(question)
        while not until.is_set() and most:
            question, most = secrets.token_hex(12), most - 1
            if self.ask(question) != 200:
                self.unsure.append(question)
                until.wait(0.02)


def all_work(tablets: list[Tablet], until: threading.Event, **options: Any) -> list[threading.Thread]:
    """Have all tablets ask at the same time, each in a thread that is given back."""
    threads = [threading.Thread(target=each.work, args=[until], kwargs=options) for each in tablets]
    for thread in threads:
        thread.start()
    return threads


WRAPPER = [sys.executable, str(ROOT / ".ci" / "with_postgres.py")]


def environment(**variables: str) -> dict[str, str]:
    """Return this process's, without what pytest and Django read from it."""
    ours = ("PYTEST_", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "CLINIC_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables
