"""How large the heavy proofs are. ``PROOF_TIER`` says for whom: ``ci``, ``release``, or else whoever waits for them."""

from __future__ import annotations

import os

TIER = os.environ.get("PROOF_TIER", "")
RELEASE = TIER == "release"


def size(ci: int, release: int, *, brief: int = 0) -> int:
    """Return how many of something this run is about; ``brief``: where `make test-all` has not the time that CI has."""
    return release if RELEASE else ci if TIER == "ci" or not brief else brief
