"""Put a backup back, into an empty folder, and only if all of it holds."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings
from django.db import connection

from consent import archive, backup, postgres
from consent.archive import ANCHORS, MANIFEST, BadBackup, Manifest
from consent.audit import certificates
from consent.keys import roots


def restore(source: Path, to: Path, key: str) -> Manifest:
    """Open the backup ``source`` with ``key`` (an age identity file's text), prove it, and make it the folder ``to``.

    ``to`` then is a data folder: the database, and the anchors where they are looked for. It must be empty or not be
    there yet, and appears in one step, whole. A dump of PostgreSQL goes into the database of ``DATABASE_URL``, which
    must be empty, in one transaction, once it was proved in another. Raise :class:`~consent.archive.BadBackup` with
    what does not hold, ``KeyTrouble`` without our root certificate, and ``OSError``; then nothing is left.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BadBackup(f"{to} is not empty: nothing is ever restored over what is there")
    to.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=to.parent, prefix=f".{to.name}.restoring-"))
    try:
        archive.unpack(source, folder, key)
        manifest = _checked(folder)
        _lay_out(folder, archive.COPY[manifest.engine])
        if manifest.engine == "postgresql":
            postgres.load(folder / archive.COPY["postgresql"])
        folder.rename(to)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    archive.to_disk(to.parent)
    return manifest


def _checked(folder: Path) -> Manifest:
    manifest = archive.read_manifest(folder)
    manifest.check(folder, certificates(settings.KEYS_DIR), roots(settings.KEYS_DIR))
    if manifest.engine != connection.vendor:
        raise BadBackup(f"it is of {manifest.engine}, and DATABASE_URL says {connection.vendor}")
    if manifest.engine == "postgresql" and not postgres.is_empty():
        raise BadBackup("the database that DATABASE_URL names is not empty")
    backup.prove(folder, manifest, verify=True)
    return manifest


def _lay_out(folder: Path, database: str) -> None:
    """Put the files where the settings look for them, for their owner alone, down to the disk."""
    place = folder / "anchors"
    place.mkdir(mode=0o700)
    (folder / ANCHORS).rename(place / ANCHORS)
    for path in (place / ANCHORS, folder / database, folder / MANIFEST):
        path.chmod(0o600)
        archive.to_disk(path)
    for path in (place, folder):
        archive.to_disk(path)
