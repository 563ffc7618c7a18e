"""What was acknowledged is there: after the power is cut, on a full disk, with sixteen who write, and once only.

The servers are real: gunicorn and the worker, as a clinic runs them. Where one is killed, it is killed with SIGKILL.
"""

from __future__ import annotations

import os
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.killed_servers import SEED, WRITES, all_sealed, killed_again_and_again, nothing_lost, sixteen_write
from tests.support.proof_size import size
from tests.support.real_servers import WORKER, Servers, all_work

WATCHED = size(50, 500)  # acknowledgements
WRITE_OR_SYNC = re.compile(r"\b(fdatasync|fsync|pwrite64)\(\d+<[^>]*clinic\.sqlite3-wal>")


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    folder = tmp_path / "clinic"
    folder.mkdir()
    found = Servers(folder)
    yield found
    found.kill()


@pytest.mark.heavy
@pytest.mark.parametrize("cycles", [size(8, 500)])
def test_killed_again_and_again_under_load_nothing_is_lost_doubled_or_broken(servers: Servers, cycles: int) -> None:
    killed_again_and_again(servers, cycles)


HARM = {
    "lost": "DELETE FROM screening_patientquestion WHERE id = (SELECT min(id) FROM screening_patientquestion)",
    "doubled": "INSERT INTO screening_patientquestion ({names}) "
    "SELECT {values} FROM screening_patientquestion ORDER BY id LIMIT 1",
    "broken": "UPDATE clinic_journal SET role = 'manager' WHERE seq = 2",
}


def harm(database: Path, sql: str) -> None:
    """Do it behind the app's back, with the guards taken away."""
    with closing(sqlite3.connect(database)) as opened:
        for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            opened.execute(f'DROP TRIGGER "{name}"')
        names = [row[1] for row in opened.execute("PRAGMA table_info(screening_patientquestion)")]
        values = ["id + 1000000" if each == "id" else each for each in names]
        opened.execute(sql.format(names=", ".join(names), values=", ".join(values)))
        opened.commit()


@pytest.mark.heavy
def test_what_is_lost_doubled_or_broken_would_be_noticed(servers: Servers) -> None:
    """The control: each harm, done by hand to a clinic in which nothing was lost."""
    tablets = servers.install(tablets=2)
    servers.serve()
    for each in tablets:
        each.work(threading.Event(), most=3)
    servers.kill()
    database, kept = servers.folder / "clinic.sqlite3", servers.folder / "kept"
    harm(database, "SELECT 1")
    nothing_lost(servers, tablets)
    shutil.copy(database, kept)
    for what in HARM.values():
        harm(database, what)
        with pytest.raises(AssertionError):
            nothing_lost(servers, tablets)
        shutil.copy(kept, database)
    nothing_lost(servers, tablets)


@pytest.mark.heavy
def test_a_worker_killed_at_any_instant_leaves_one_file_a_consent(servers: Servers) -> None:
    chance = random.Random(SEED)
    servers.install(tablets=0, consents=50)
    began = time.monotonic()
    servers.run(*WORKER, "--batch", "--max-tasks", "1")
    alive = time.monotonic() - began
    for _ in range(50):
        servers.start("worker", WORKER)
        time.sleep(chance.uniform(alive * 0.4, alive * 1.3))
        servers.kill("worker")
    servers.run(*WORKER, "--batch")
    all_sealed(servers)
    nothing_lost(servers, [])


def acknowledged_after_sync(trace: str) -> tuple[int, int]:
    """Return how many posts were acknowledged, and how many of them with all that was written forced onto the disk."""
    acknowledged, synced = 0, 0
    asked: dict[str, str] = {}  # what each process did last with the database since it read a post
    for line in trace.splitlines():
        pid, _, call = line.partition(" ")
        if "POST /tablet/ask/" in call:
            asked[pid] = ""
        elif pid in asked and (done := WRITE_OR_SYNC.search(call)):
            asked[pid] = done[1]
        elif pid in asked and '"HTTP/1.1 200' in call:
            acknowledged, synced = acknowledged + 1, synced + ("sync" in asked.pop(pid))
    return acknowledged, synced


def may_trace() -> bool:
    """Whether a process may be watched here: a container can forbid it."""
    watch = ["strace", "-f", "--seccomp-bpf", "-o", os.devnull, "true"]
    return bool(shutil.which("strace")) and subprocess.run(watch, capture_output=True, check=False).returncode == 0


@pytest.mark.heavy
@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_each_acknowledgement_waits_for_the_disk(servers: Servers, synchronous: str) -> None:
    """The control: with NORMAL, as fast and as safe against a kill, they come before the disk has them."""
    if not may_trace():
        pytest.skip("this machine lets no process be watched with strace")
    servers.changes["TEST_SYNCHRONOUS"] = synchronous
    (tablet,) = servers.install(tablets=1)
    trace = servers.folder / "trace"
    calls = "trace=fdatasync,fsync,pwrite64,recvfrom,read,sendto,sendmsg,write"
    servers.serve(before=["strace", "-f", "-y", "-q", "--seccomp-bpf", "-s", "64", "-e", calls, "-o", str(trace)])
    tablet.work(threading.Event(), most=WATCHED)
    servers.kill()
    acknowledged, synced = acknowledged_after_sync(trace.read_text(errors="replace"))
    assert len(tablet.kept) == acknowledged == WATCHED
    assert synced == WATCHED if synchronous == "FULL" else synced < WATCHED // 2


def no_more_than(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.heavy
def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_there_and_it_goes_on_with_room(servers: Servers) -> None:
    tablets = servers.install(tablets=4)
    servers.serve(limit=no_more_than((servers.folder / "clinic.sqlite3").stat().st_size))
    for _ in range(200):
        if all(each.came[503] for each in tablets):
            break
        for each in tablets:
            each.work(threading.Event(), most=1)
    assert all(each.kept for each in tablets)
    assert all(set(each.came) == {200, 503} for each in tablets), [each.came for each in tablets]
    before = [len(each.kept) for each in tablets]
    for pid in Path(f"/proc/{servers.running['server'].pid}/task").parent.glob("task/*/children"):
        for child in map(int, pid.read_text().split()):
            resource.prlimit(child, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for each in tablets:
        each.work(threading.Event(), most=3)
    assert [len(each.kept) for each in tablets] > before
    servers.kill()
    nothing_lost(servers, tablets)


@pytest.mark.alone
@pytest.mark.heavy
def test_sixteen_who_write_at_once_never_meet_a_locked_database(servers: Servers) -> None:
    sixteen_write(servers, WRITES)


@pytest.mark.heavy
def test_with_djangos_own_transactions_sixteen_who_write_do_meet_a_locked_database(servers: Servers) -> None:
    """The control."""
    servers.changes |= {"CLINIC_WORKERS": "16", "TEST_DEFERRED": "yes"}
    tablets = servers.install(tablets=16)
    servers.serve()
    for thread in all_work(tablets, threading.Event(), most=40):
        thread.join()
    servers.kill()
    came = sum((each.came for each in tablets), Counter[int]())
    assert came[503], came  # so is answered what the database refused, and nothing else (clinic.web.unavailable)
