"""Fifty tablets sign in the same instant while fifty others go on; on CI a hundred then: no error, and all is sealed.

`make bench PARTS=load` measures the same.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from tests.test_demo import free_port
from tests.tier import TIER, size

pytestmark = pytest.mark.heavy

WAVES, CALM = (50, 100) if TIER else (50,), 50
REPEATS = size(1, 10)


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


def test_an_error_is_counted() -> None:
    """The control: nobody answers there."""
    load: Any = importlib.import_module("bench.load")
    tablet = load.Tablet(free_port(), "")
    tablet.ask("/tablet/")
    assert tablet.wrong == ["/tablet/: ConnectionRefusedError"]
