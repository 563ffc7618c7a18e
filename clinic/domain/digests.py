"""The one source of SHA-256, except in the verifier that runs without us: ``consent.domain.digests``. No Django."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256(data: bytes | str) -> str:
    """Return the SHA-256 of bytes, or of a text in UTF-8, in lower-case hex, as ``sha256sum`` prints it."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
