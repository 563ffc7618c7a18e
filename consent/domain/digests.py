"""SHA-256 for the modules in the verifier's ZIP, which must not import ``clinic``; all others use ``clinic``'s."""

from __future__ import annotations

import hashlib


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in lower-case hex, as ``sha256sum`` prints it."""
    return hashlib.sha256(data).hexdigest()
