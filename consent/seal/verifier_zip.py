"""The program that checks files without us, as a reproducible ZIP to download and keep."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    "consent/__init__.py",
    "consent/domain/__init__.py",
    "consent/domain/digests.py",
    "consent/domain/record.py",
    "consent/domain/statement.py",
    "consent/domain/status_record.py",
    "consent/seal/__init__.py",
    "consent/seal/certificate_authority.py",
    "consent/seal/keys.py",
    "consent/seal/pades.py",
    "consent/seal/pkcs11_key.py",
    "consent/seal/timestamp.py",
    "consent/verify.py",
)
REQUIREMENTS = "requirements/verify.txt"


@cache
def verifier() -> bytes:
    """Return the ZIP: ``consent.verify`` with what it imports, and the list of packages it needs."""
    files = {name: ROOT / name for name in (*MODULES, REQUIREMENTS)}
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
