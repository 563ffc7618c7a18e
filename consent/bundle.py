"""The program for checking files without us, in one ZIP to download and keep. The same files give the same bytes."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

HERE = Path(__file__).resolve().parent
MODULES = (
    "__init__",
    "after_record",
    "hardware",
    "issuing",
    "keys",
    "record",
    "seal",
    "statement",
    "timestamp",
    "verify",
)
REQUIREMENTS = "requirements-verify.txt"


@cache
def verifier() -> bytes:
    """Return the ZIP: the folder ``consent`` with ``verify`` and what it imports, and the list of packages it needs."""
    files = {f"consent/{name}.py": HERE / f"{name}.py" for name in MODULES}
    files[REQUIREMENTS] = HERE.parent / REQUIREMENTS
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return made.getvalue()
