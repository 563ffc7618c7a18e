"""Two hosts, each with a server and a worker, on one PostgreSQL database: any of them may die at any instant.

The hosts are folders: what two hosts share is the address of the database, the secrets and a copy of the keys.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.killed_servers import SEED, WRITES, all_sealed, killed_again_and_again, nothing_lost, sixteen_write
from tests.support.proof_size import size
from tests.support.real_servers import GUNICORN, WORKER, WRAPPER, Servers, all_work, environment

pytestmark = pytest.mark.heavy


@pytest.fixture
def address() -> Iterator[str]:
    """Start a database server; give the address of an empty database in it."""
    waits = "import os, sys; print(os.environ['DATABASE_URL'], flush=True); sys.stdin.read()"
    command = [*WRAPPER, WRAPPER[0], "-c", waits]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), text=True, **pipes) as process:  # type: ignore[call-overload]
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture
def hosts(address: str, tmp_path: Path) -> Iterator[list[Servers]]:
    """Give two hosts that are not installed yet."""
    found = [Servers(tmp_path / name, changes={"DATABASE_URL": address}) for name in ("north", "south")]
    for each in found:
        each.folder.mkdir()
        each.secrets = found[0].secrets
    yield found
    for each in found:
        each.kill()


def begin(host: Servers, name: str) -> None:
    """Start the server or the worker of a host; the worker keeps its name from one life to the next."""
    host.start(name, GUNICORN if name == "server" else (*WORKER, "--worker-id", host.folder.name))


@pytest.mark.parametrize("cycles", [size(3, 100)])
def test_one_server_and_one_worker_of_two_killed_again_and_again_lose_nothing(
    hosts: list[Servers], cycles: int
) -> None:
    chance = random.Random(SEED)
    north, south = hosts
    tablets = north.install(tablets=8, consents=2 * cycles)
    shutil.copytree(north.folder / "keys", south.folder / "keys")
    for number, each in enumerate(tablets):
        each.port, each.spare = (north.port, south.port) if number % 2 else (south.port, north.port)
    for host in hosts:
        host.serve()
    done = threading.Event()
    threads = all_work(tablets, done)
    for host in hosts:
        begin(host, "worker")
    for _ in range(cycles):
        time.sleep(chance.uniform(0.5, 2.5))
        victims = [(chance.choice(hosts), "server"), (chance.choice(hosts), "worker")]
        for host, name in victims:
            host.kill(name)
        time.sleep(chance.uniform(0, 0.5))
        for host, name in victims:
            begin(host, name)
        victims[0][0].wait()
    done.set()
    for thread in threads:
        thread.join()
    done.set()
    for thread in all_work(tablets, done):  # what nobody knew to be kept
        thread.join()
    for host in hosts:
        host.kill()
        host.run(*WORKER, "--batch", "--worker-id", host.folder.name)
    assert all(each.kept and not each.unsure for each in tablets)
    nothing_lost(north, tablets)
    all_sealed(north)
    kept, cut = sum(len(each.kept) for each in tablets), sum(each.came[0] for each in tablets)
    print(f"{cycles} kills of a server and a worker: {kept} acknowledged, {cut} unanswered")


@pytest.fixture
def lone(address: str, tmp_path: Path) -> Iterator[Servers]:
    """Give one host on that database."""
    found = Servers(tmp_path / "lone", changes={"DATABASE_URL": address})
    found.folder.mkdir()
    yield found
    found.kill()


@pytest.mark.parametrize("cycles", [size(4, 500)])
def test_on_postgresql_too_nothing_is_lost_doubled_or_broken_by_kills(lone: Servers, cycles: int) -> None:
    killed_again_and_again(lone, cycles)


@pytest.mark.alone
def test_on_postgresql_too_sixteen_who_write_at_once_are_never_refused(lone: Servers) -> None:
    sixteen_write(lone, WRITES)
