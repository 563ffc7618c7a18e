"""Servers that are killed under load, and what must be there afterwards."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter

from tests.support.proof_size import size
from tests.support.real_servers import WORKER, Servers, Tablet, all_work

SEED = 20260328

WRITES = size(2_000, 200_000)


def nothing_lost(servers: Servers, tablets: list[Tablet]) -> None:
    """Every question that was acknowledged is there once, none is there twice or half, and the chain holds."""
    there = Counter(
        (visit, text) for visit, text in json.loads(servers.run("-m", "tests.support.server_clinic", "asked"))
    )
    assert [(each.visit, said) for each in tablets for said in each.kept if (each.visit, said) not in there] == []
    assert [row for row, times in there.items() if times > 1] == []
    told = servers.rows("SELECT count(*) FROM clinic_journal WHERE action = 'question asked'")
    assert told == [(sum(there.values()),)]
    if "DATABASE_URL" not in servers.changes:
        assert servers.rows("PRAGMA integrity_check") == [("ok",)]
    assert "everything is as it was written" in servers.run("manage.py", "verify", "--all")


def all_sealed(servers: Servers) -> None:
    """Every consent has its one sealed file, and no task is left."""
    sealed = servers.rows("SELECT count(DISTINCT consent_id) FROM consent_sealedfile")
    assert servers.rows("SELECT count(*) FROM consent_consent") == sealed
    assert servers.rows("SELECT count(*) FROM consent_sealedfile") == sealed
    left = servers.rows("SELECT status, count(*) FROM django_tasks_database_dbtaskresult GROUP BY status")
    assert {status for status, _ in left} == {"SUCCESSFUL"}, left


def killed_again_and_again(servers: Servers, cycles: int) -> None:
    chance = random.Random(SEED)
    tablets = servers.install(tablets=8, consents=cycles)
    took = []
    for _ in range(cycles):
        done = threading.Event()
        took.append(servers.serve())
        servers.start("worker", WORKER)
        threads = all_work(tablets, done)
        time.sleep(chance.uniform(0.5, 2.5))
        servers.kill()
        done.set()
        for thread in threads:
            thread.join()
    servers.serve()
    over = threading.Event()
    over.set()
    for thread in all_work(tablets, over):  # what nobody knew to be kept
        thread.join()
    servers.kill()
    assert all(each.kept and not each.unsure for each in tablets)
    servers.run(*WORKER, "--batch")
    nothing_lost(servers, tablets)
    all_sealed(servers)
    kept, cut = sum(len(each.kept) for each in tablets), sum(each.came[0] for each in tablets)
    print(f"{cycles} kills: {kept} acknowledged, {cut} unanswered; restart {max(took):.2f} s at most")


def sixteen_write(servers: Servers, writes: int) -> None:
    servers.changes["CLINIC_WORKERS"] = "16"
    tablets = servers.install(tablets=16, consents=20)
    servers.serve()
    servers.start("worker", WORKER)
    for thread in all_work(tablets, threading.Event(), most=writes // 16):
        thread.join()
    servers.kill()
    servers.run(*WORKER, "--batch")
    assert sum((each.came for each in tablets), Counter()) == Counter({200: writes // 16 * 16})
    assert "database is locked" not in (servers.folder / "worker.log").read_text(errors="replace")
    nothing_lost(servers, tablets)
    all_sealed(servers)
