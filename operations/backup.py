"""Take a backup while the clinic works, and check a copy of the database before anybody relies on it.

No check inside a database can see that its last rows are missing. So an anchor is written first, and a copy that does
not reach it is refused.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from django.db import connection
from django.utils import timezone

from clinic.domain.digests import file_sha256
from clinic.models import Journal
from clinic.models.actors import SYSTEM
from clinic.storage import append_only_triggers
from consent.jobs.write_anchor import anchor
from consent.seal import anchors, installation_trust
from operations import backup_file, postgres_dump
from operations.backup_file import ANCHORS, COPY, BadBackup, Manifest
from operations.postgres_dump import Summary

DATABASE = "clinic.sqlite3"


@dataclass(frozen=True)
class Taken:
    """A backup on the disk: its path, SHA-256 in hex, manifest, and whether all of it was verified."""

    path: Path
    sha256: str
    manifest: Manifest
    verified: bool


def take(to: Path, *, verify: bool) -> Taken:
    """Write one encrypted backup into the folder ``to`` and note it in the journal.

    ``verify``: check the copy as ``verify --all`` does; otherwise only what is quick. Raise ``BadBackup`` if the copy
    is not sound or there is no recipient, ``KeyTrouble``, ``anchors.Busy``, ``anchors.BadAnchor`` and ``OSError``; then
    no backup is written.
    """
    recipients = settings.BACKUP_RECIPIENTS.read_text(encoding="utf-8")
    made = anchor()
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.DATA_DIR, prefix=".backup-") as name:
        folder = Path(name)
        summary = copy(folder)
        manifest = describe(folder, timezone.now(), summary)
        if manifest.seq < made.seq:
            raise BadBackup(f"the copy ends at row {manifest.seq}, before the anchor at row {made.seq}")
        prove(folder, manifest, verify=verify)
        path = to / f"{manifest.at.replace(':', '').replace('-', '')}{backup_file.SUFFIX}"
        backup_file.pack(folder, manifest, path, recipients)
    taken = Taken(path, file_sha256(path), manifest, verify)
    kind = "verified" if verify else "quick"
    Journal.objects.record("backup taken", by=SYSTEM, digest=taken.sha256, kind=kind, number=manifest.seq)
    return taken


def copy(folder: Path) -> Summary:
    """Copy the anchors and the database into ``folder``, with no anchor written in between; return its summary."""
    with anchors.alone(settings.ANCHORS_FILE):
        (folder / ANCHORS).write_bytes(settings.ANCHORS_FILE.read_bytes())
        if connection.vendor == "postgresql":
            return postgres_dump.dump(folder / COPY["postgresql"], tables())
        with (
            closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
            closing(sqlite3.connect(folder / DATABASE)) as target,
        ):
            source.backup(target)
    return summarize(folder / DATABASE)


def describe(folder: Path, at: dt.datetime, summary: Summary) -> Manifest:
    """Return the signed manifest of a copy with that summary. Raise ``KeyTrouble`` without the key."""
    key, engine = installation_trust.seal_key(), connection.vendor
    seq, last, counts = summary
    return Manifest(
        at=f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        engine=engine,
        seq=seq,
        hash=last,
        counts=counts,
        files={name: file_sha256(folder / name) for name in (ANCHORS, COPY[engine])},
        certificate=key.sha256,
    ).sign(lambda data: key.private.sign(data, ECDSA(SHA256())))


def tables() -> list[str]:
    """Return the tables whose rows a manifest counts."""
    return ["clinic_patient", "clinic_visit", *(guard.table for guard in append_only_triggers.guarded())]


def summarize(database: Path) -> Summary:
    """Return the number and hash of the journal's last row in a copy, and how many rows ``tables`` have.

    Raise ``BadBackup`` if it cannot be read.
    """
    try:
        with closing(sqlite3.connect(database)) as opened:
            last = opened.execute("SELECT seq, hash FROM clinic_journal ORDER BY seq DESC LIMIT 1").fetchone()
            count = {name: opened.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables()}  # noqa: S608
    except sqlite3.Error as error:
        raise BadBackup(f"the database in it cannot be read ({error})") from error
    return (*(last or (0, "")), count)


def prove(folder: Path, manifest: Manifest, *, verify: bool) -> None:
    """Check that the database in a copy is whole and has the rows that its manifest counts.

    With ``verify``, also that everything in it is as it was written. A dump of PostgreSQL is restored for that, into a
    database that is dropped again; without ``verify`` a dump is not checked. Raise ``BadBackup`` with the first thing
    that is wrong.
    """
    expected = (manifest.seq, manifest.hash, dict(manifest.counts))
    if manifest.engine == "postgresql":
        if verify:
            with postgres_dump.scratch(folder / COPY["postgresql"], tables()) as (address, summary):
                _same(summary, expected)
                _verify(folder, DATABASE_URL=address)
        return
    _is_whole(folder / DATABASE)
    _same(summarize(folder / DATABASE), expected)
    if verify:
        _verify(folder)


def _same(summary: Summary, expected: Summary) -> None:
    if summary != expected:
        raise BadBackup("the database in it does not have the rows that its manifest counts")


def _is_whole(database: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as opened:
            faults = [row[0] for row in opened.execute("PRAGMA integrity_check") if row[0] != "ok"]
            strays = opened.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        raise BadBackup(f"the database in it cannot be read ({error})") from error
    if faults or strays:
        raise BadBackup(f"the database in it is damaged: {(faults or strays)[0]}")


def _verify(folder: Path, **database: str) -> None:
    """Run ``verify --all`` on a copy, in a process of its own that is given no other database."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_URL")}
    env |= {
        "DJANGO_SETTINGS_MODULE": "clinic.settings",
        "CLINIC_DATA_DIR": str(folder),
        "CLINIC_ANCHORS_FILE": str(folder / ANCHORS),
        "CLINIC_KEYS_DIR": str(settings.KEYS_DIR),
        "CLINIC_DATA_KEYS": str(settings.DATA_KEYS),
        **database,
    }
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "verify", "--all"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        last_line = (done.stdout.splitlines() or done.stderr.splitlines() or ["no output"])[-1]
        raise BadBackup(f"what is in it is not as it was written; {last_line}")
