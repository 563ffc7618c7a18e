"""Restore a backup into an empty folder, and only if all of it verifies."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings
from django.db import connection

from consent.seal.keys import roots
from operations import backup, backup_file, postgres_dump
from operations.audit import certificates
from operations.backup_file import ANCHORS, MANIFEST, BadBackup, Manifest


def restore(source: Path, to: Path, key: str) -> Manifest:
    """Open the backup ``source`` with ``key`` (text of an age identity file), check it, and make it the folder ``to``.

    ``to`` becomes a data folder: the database, and the anchors where the settings expect them. It must be empty or not
    exist yet, and appears in one step, whole. A dump of PostgreSQL is first checked in a scratch database, and then
    restored in one transaction into the one of ``DATABASE_URL``, which must be empty. Raise ``BadBackup`` with what is
    wrong, ``KeyTrouble`` without our root certificate, and ``OSError``; then nothing is left behind.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BadBackup(f"{to} is not empty: nothing is ever restored over what is there")
    to.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=to.parent, prefix=f".{to.name}.restoring-"))
    try:
        backup_file.unpack(source, folder, key)
        manifest = _checked(folder)
        _lay_out(folder, backup_file.COPY[manifest.engine])
        if manifest.engine == "postgresql":
            postgres_dump.load(folder / backup_file.COPY["postgresql"])
        folder.rename(to)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    backup_file.to_disk(to.parent)
    return manifest


def _checked(folder: Path) -> Manifest:
    manifest = backup_file.read_manifest(folder)
    manifest.check(folder, certificates(settings.KEYS_DIR), roots(settings.KEYS_DIR))
    if manifest.engine != connection.vendor:
        raise BadBackup(f"it is of {manifest.engine}, and DATABASE_URL says {connection.vendor}")
    if manifest.engine == "postgresql" and not postgres_dump.is_empty():
        raise BadBackup("the database that DATABASE_URL names is not empty")
    backup.prove(folder, manifest, verify=True)
    return manifest


def _lay_out(folder: Path, database: str) -> None:
    """Move the files to where the settings expect them, for their owner alone, and wait for the disk."""
    place = folder / "anchors"
    place.mkdir(mode=0o700)
    (folder / ANCHORS).rename(place / ANCHORS)
    for path in (place / ANCHORS, folder / database, folder / MANIFEST):
        path.chmod(0o600)
        backup_file.to_disk(path)
    for path in (place, folder):
        backup_file.to_disk(path)
