"""Fifty tablets sign in the same instant while fifty others go on (a release: a hundred then): no error, all is sealed.

`make bench PARTS=load` measures the same.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.support.proof_size import RELEASE, size
from tests.support.real_servers import free_port

pytestmark = pytest.mark.heavy

WAVES, CALM = (50, 100) if RELEASE else (50,), 50
REPEATS = size(1, 10)
MINUTES = int(os.environ.get("SOAK", size(0, 30)))
EACH_MINUTE = 4  # signatures


@pytest.mark.alone
@pytest.mark.parametrize("repeat", range(REPEATS))
def test_nobody_is_refused_and_every_consent_is_sealed(repeat: int) -> None:
    load: Any = importlib.import_module("bench.load")
    with load.clinic(sum(WAVES), CALM) as (folder, tablets, physio):
        signing, calm = [each for each in tablets if each.signs], [each for each in tablets if not each.signs]
        assert (len(signing), len(calm)) == (sum(WAVES), CALM)
        for count in WAVES:
            some, signing = signing[:count], signing[count:]
            wave = load.wave(folder, some, calm, physio)
            assert wave.wrong == []
            print(
                f"{count} signatures at once: p95 {load.p95(wave.acknowledged):.2f} s; sealed after {wave.sealed:.0f} s"
            )
            print(f"{CALM} other tablets meanwhile: p95 {load.p95(wave.calm):.3f} s")
        assert load._sealed(folder) == sum(WAVES)


@pytest.mark.alone
@pytest.mark.skipif(not MINUTES, reason="a release's size alone: PROOF_TIER=release, or SOAK=2 for two minutes")
def test_a_long_day_takes_no_more_memory_and_meets_no_error() -> None:
    load: Any = importlib.import_module("bench.load")
    with load.clinic(EACH_MINUTE * MINUTES, CALM) as (folder, tablets, physio):
        signing, calm = [each for each in tablets if each.signs], [each for each in tablets if not each.signs]
        for each in calm:
            each.open(load.QUESTIONS)
        over, held = threading.Event(), []
        others = [
            threading.Thread(target=load._goes_on, args=[each, over, load.PAUSE * number / CALM])
            for number, each in enumerate(calm)
        ]
        for thread in others:
            thread.start()
        for minute in range(MINUTES):
            until = time.monotonic() + 60
            some = signing[EACH_MINUTE * minute : EACH_MINUTE * (minute + 1)]
            assert load.wave(folder, some, [], physio).wrong == []
            time.sleep(max(0.0, until - time.monotonic()))
            held.append(resident(folder))
        over.set()
        for thread in others:
            thread.join()
        assert [said for each in calm for said in each.wrong] == []
    warm = median(held[: 1 + MINUTES // 4])
    print(f"{MINUTES} minutes: {warm / 1e6:.0f} MB when warm, {held[-1] / 1e6:.0f} MB at the end")
    assert held[-1] < 1.1 * warm


def resident(folder: Path) -> int:
    """Return the bytes that the processes of an installation hold together, what they share counted once."""
    mine = f"CLINIC_DATA_DIR={folder}".encode()
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mine in (process / "environ").read_bytes().split(b"\0"):
                told = (process / "smaps_rollup").read_text().split()
                found += int(told[told.index("Pss:") + 1]) * 1024
    return found


def test_an_error_is_counted() -> None:
    """The control: nobody answers there."""
    load: Any = importlib.import_module("bench.load")
    tablet = load.Tablet(free_port(), "")
    tablet.ask("/tablet/")
    assert tablet.wrong == ["/tablet/: ConnectionRefusedError"]
