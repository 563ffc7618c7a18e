"""How large the heavy proofs are: each in under a minute, or with ``PROOF_TIER=release`` at the size of a release."""

from __future__ import annotations

import os

RELEASE = os.environ.get("PROOF_TIER") == "release"


def size(daily: int, release: int) -> int:
    """Return how many of something this run is about."""
    return release if RELEASE else daily
