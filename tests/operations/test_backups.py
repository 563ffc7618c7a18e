"""A backup proves itself: what comes back is all that was acknowledged, and a copy that lost anything is refused."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as real
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from clinic.domain.digests import file_sha256
from clinic.models import Journal
from clinic.models.actors import SYSTEM
from consent.jobs.write_anchor import anchor
from operations import backup, backup_file
from tests.support.consents import confirmed
from tests.support.raw_database import back_up, lift_guards, put

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("sqlite" not in real.DATABASES["default"]["ENGINE"], reason="copies SQLite's file"),
]


@pytest.fixture
def busy() -> Iterator[list[int]]:
    """Write the journal all the time, from another connection; give the rows that were acknowledged so far."""
    said: list[int] = []
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            said.append(Journal.objects.record("looked", by=SYSTEM).seq)
            done.wait(0.01)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield said
    done.set()
    thread.join()


def restore(source: Path, to: Path, key: Path) -> str:
    """Restore it; return what stood in the way, or nothing."""
    try:
        call_command("restore", str(source), to=to, key=key, stdout=StringIO())
    except CommandError as trouble:
        return str(trouble)
    return ""


def rows(folder: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "clinic.sqlite3")) as opened:
        return [row[0] for row in opened.execute(sql)]


def test_a_backup_under_load_brings_back_all_that_was_acknowledged(
    backup_key: Path, tmp_path: Path, busy: list[int]
) -> None:
    consent = confirmed()
    acknowledged = list(busy)
    source = back_up()
    assert restore(source, tmp_path / "new" / "data", backup_key) == ""
    data = tmp_path / "new" / "data"
    assert set(acknowledged) <= set(rows(data, "SELECT seq FROM clinic_journal"))
    assert rows(data, "SELECT sha256 FROM consent_sealedfile") == [consent.sealed.sha256]
    assert (data / "anchors" / "anchors.jsonl").read_bytes() == real.ANCHORS_FILE.read_bytes()
    assert [path.name for path in data.parent.iterdir()] == ["data"]
    taken = Journal.objects.get(action="backup taken")
    assert taken.data["digest"] == file_sha256(source)
    assert taken.data["kind"] == "verified"


def test_a_backup_shows_nothing_and_holds_no_keys(backup_key: Path, tmp_path: Path) -> None:
    consent = confirmed()
    name = consent.visit.patient.name
    source = back_up(quick=True)
    closed = source.read_bytes()
    assert source.stat().st_mode & 0o077 == 0
    assert name.encode() not in closed
    (tmp_path / "open").mkdir()
    backup_file.unpack(source, tmp_path / "open", backup_key.read_text())
    inside = {path.name: path.read_bytes() for path in (tmp_path / "open").iterdir()}
    assert set(inside) == {"manifest.json", "clinic.sqlite3", "anchors.jsonl"}
    assert consent.sha256.encode() in inside["clinic.sqlite3"]
    assert name.encode() not in inside["clinic.sqlite3"]
    assert not any(b"PRIVATE KEY" in content for content in inside.values())
    assert sorted(path.name for path in real.BACKUP_DIR.iterdir()) == [source.name]
    assert list(real.DATA_DIR.glob(".backup-*")) == []


def packed(folder: Path, tmp_path: Path) -> Path:
    """Make a backup of ``folder`` by our own means, manifest and signature included."""
    path = tmp_path / f"made{backup_file.SUFFIX}"
    manifest = backup.describe(folder, timezone.now(), backup.summarize(folder / backup.DATABASE))
    backup_file.pack(folder, manifest, path, real.BACKUP_RECIPIENTS.read_text())
    return path


def test_a_plain_copy_of_the_file_lost_its_end_and_is_refused(backup_key: Path, tmp_path: Path) -> None:
    """The control: SQLite and the chain find nothing wrong with it; only the anchor knows what is missing."""
    Journal.objects.record("looked", by=SYSTEM)
    folder = tmp_path / "copy"
    folder.mkdir()
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as reader:
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        reader.execute("BEGIN").execute("SELECT count(*) FROM clinic_journal").fetchone()
        acknowledged = [Journal.objects.record("looked", by=SYSTEM).seq for _ in range(20)]
        anchor()
        shutil.copy(connection.settings_dict["NAME"], folder / "clinic.sqlite3")
    shutil.copy(real.ANCHORS_FILE, folder)
    assert not set(acknowledged) & set(rows(folder, "SELECT seq FROM clinic_journal"))
    manifest = backup.describe(folder, timezone.now(), backup.summarize(folder / backup.DATABASE))
    backup.prove(folder, manifest, verify=False)
    why = restore(packed(folder, tmp_path), tmp_path / "data", backup_key)
    assert "the journal was anchored at row" in why
    assert not (tmp_path / "data").exists()


def test_a_file_that_was_changed_behind_the_app_is_refused(backup_key: Path, tmp_path: Path) -> None:
    consent = confirmed()
    anchor()
    folder = tmp_path / "copy"
    folder.mkdir()
    lift_guards(connection)
    pdf = bytes(consent.sealed.pdf)
    put(consent.sealed, pdf=pdf[:1000] + bytes([pdf[1000] ^ 1]) + pdf[1001:])
    backup.copy(folder)
    why = restore(packed(folder, tmp_path), tmp_path / "data", backup_key)
    assert "sealed files: the sealed file of the consent" in why
    assert not (tmp_path / "data").exists()


def test_what_is_no_whole_backup_of_ours_is_refused_before_anything_is_made(backup_key: Path, tmp_path: Path) -> None:
    Journal.objects.record("looked", by=SYSTEM)
    source = back_up(quick=True)
    data = tmp_path / "new" / "data"
    other = tmp_path / "other.key"
    call_command("new_backup_key", other, stdout=StringIO())
    assert "does not open with this key" in restore(source, data, other)
    whole = source.read_bytes()
    for at in (0, len(whole) // 2, len(whole) - 1):
        changed = tmp_path / "changed.age"
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert "does not open with this key, is damaged" in restore(changed, data, backup_key)
    assert "is no backup" in restore(Path(connection.settings_dict["NAME"]), data, backup_key)
    data.mkdir()
    (data / "clinic.sqlite3").touch()
    assert "is not empty" in restore(source, data, backup_key)
    assert [path.name for path in data.parent.iterdir()] == ["data"]


def test_a_manifest_that_somebody_else_wrote_is_refused(backup_key: Path, tmp_path: Path) -> None:
    Journal.objects.record("looked", by=SYSTEM)
    opened = tmp_path / "open"
    opened.mkdir()
    backup_file.unpack(back_up(quick=True), opened, backup_key.read_text())
    manifest = backup_file.read_manifest(opened)
    with closing(sqlite3.connect(opened / "clinic.sqlite3")) as database:
        database.execute("CREATE TABLE theirs (it)")
    files = {**manifest.files, "clinic.sqlite3": file_sha256(opened / "clinic.sqlite3")}
    told = {name: getattr(manifest, name) for name in manifest.__dataclass_fields__}
    for forged, why in (
        (manifest, "clinic.sqlite3 is not the one"),
        (backup_file.Manifest(**{**told, "files": files}), "changed after it was signed"),
        (backup_file.Manifest(**{**told, "files": files, "certificate": "0" * 64}), "a key that is not ours"),
    ):
        path = tmp_path / "forged.age"
        backup_file.pack(opened, forged, path, real.BACKUP_RECIPIENTS.read_text())
        assert why in restore(path, tmp_path / "data", backup_key)


def test_nobody_named_is_no_backup(backup_key: Path) -> None:
    Journal.objects.record("looked", by=SYSTEM)
    real.BACKUP_RECIPIENTS.write_text("# nobody\n")
    with pytest.raises(CommandError, match="names nobody"):
        back_up(quick=True)
    real.BACKUP_RECIPIENTS.unlink()
    with pytest.raises(CommandError, match="new_backup_key"):
        back_up(quick=True)
    assert not Journal.objects.filter(action="backup taken").exists()


def test_the_key_that_opens_backups_is_never_made_among_the_data(backup_key: Path) -> None:
    with pytest.raises(CommandError, match="in the data folder"):
        call_command("new_backup_key", real.DATA_DIR / "backup.key")
    with pytest.raises(CommandError, match="No key made"):
        call_command("new_backup_key", backup_key)
