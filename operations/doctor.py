"""The checks of ``manage.py doctor`` beyond the nine of ``health``."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.core.checks import WARNING, run_checks
from django.db import connection

from clinic.models import Visit
from consent.document import rendering
from operations.health import READY, Check

MOUNTS, DEVICES = Path("/proc/self/mounts"), Path("/sys/dev/block")
NETWORK_SHARES = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs"})
OURS = ("SECRET_KEY", "INDEX_KEY", "SEAL_PASSPHRASE", "PKCS11_PIN", "READY_TOKEN")
SECRETS = ("DATABASE_URL", *(f"CLINIC_{name}" for name in OURS))


def libraries() -> str:
    """Look for the libraries that draw documents."""
    missing = rendering.missing_libraries()
    if not missing:
        return ""
    return f"{', '.join(missing)} is missing: consents cannot be drawn, or take three to four times as long"


def secure() -> str:
    """Run Django's deployment checks, and ours."""
    if not settings.REAL:
        return "CLINIC_HOSTS is not set: this serves plain HTTP on localhost, to try things out, and no patients"
    checks = run_checks(include_deployment_checks=True)
    problems = [check for check in checks if check.is_serious(WARNING) and not check.is_silenced()]
    return "; ".join(f"{problem.msg} ({problem.id})" for problem in problems)


def local() -> str:
    """Check that SQLite's file is on a disk of this machine: its locks fail on a network share."""
    if connection.vendor != "sqlite":
        return ""
    kind = filesystem(settings.DATA_DIR.resolve(), MOUNTS.read_text(encoding="utf-8"))
    return f"{settings.DATA_DIR} is on a network share ({kind})" if kind in NETWORK_SHARES else ""


def filesystem(path: Path, mounts: str) -> str:
    """Return the kind of file system that ``path`` is on, from the text of /proc/self/mounts; "" if none fits."""
    parts = [line.split() for line in mounts.splitlines()]
    fitting = [(len(at), kind) for _, at, kind, *_ in parts if path.is_relative_to(at)]
    return max(fitting, default=(0, ""))[1]


def private() -> str:
    """Check that only the owner may read the data, the keys and the secrets."""
    files = [Path(os.environ[f"{name}_FILE"]) for name in SECRETS if os.environ.get(f"{name}_FILE")]
    watched = [settings.DATA_DIR, settings.KEYS_DIR, settings.DATA_KEYS, *settings.KEYS_DIR.glob("*.key"), *files]
    loose = [str(path) for path in watched if path.exists() and path.stat().st_mode & 0o077]
    return f"others may read {', '.join(loose)}" if loose else ""


def root_is_away() -> str:
    """Check that the root's private key is not kept here: whoever takes it can make keys that count as ours."""
    path = settings.KEYS_DIR / "root.key"
    return f"{path} is still on this machine" if path.exists() else ""


def encrypted() -> str:
    """Check that the disk under the data is encrypted: a stolen machine must not be a leak."""
    device = os.stat(settings.DATA_DIR).st_dev
    block = DEVICES / f"{os.major(device)}:{os.minor(device)}"
    return "" if _is_crypt(block) else "the disk under the data does not look encrypted (no dm-crypt found)"


def _is_crypt(device: Path) -> bool:
    """Say whether a block device, or one below it, is dm-crypt."""
    kind = device / "dm" / "uuid"
    if kind.exists() and kind.read_text(encoding="utf-8").startswith("CRYPT-"):
        return True
    below = device / "slaves"
    return below.exists() and any(_is_crypt(lower) for lower in below.iterdir())


def sealed() -> str:
    """Look for consents whose seal failed."""
    failed = Visit.objects.exclude(sealing_failed_at=None).count()
    return f"{failed} consents are confirmed and could not be sealed" if failed else ""


MORE: tuple[Check, ...] = (
    Check("libraries", libraries, "apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"),
    Check("settings", secure, "See docs/operating.md, The environment."),
    Check("local disk", local, "Move the data to a disk of this machine, or use PostgreSQL."),
    Check("permissions", private, "chmod 0700 the folders and 0400 the files; all belong to the user that serves."),
    Check("root key", root_is_away, "Copy it to two sticks, check that they can be read, and delete it here."),
    Check(
        "encryption",
        encrypted,
        "Set the machine up on an encrypted disk (LUKS), or make sure that something else encrypts it.",
    ),
    Check("seals", sealed, "Once “seal” is well, press “Try again” on the page of each of these visits."),
)
ALL = (*READY, *MORE)
