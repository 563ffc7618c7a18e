"""What PostgreSQL alone has: roles, and one writer at a time by a lock of ours. `test_postgresql.py` runs this."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as real
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, transaction

from clinic.models import Journal
from clinic.models.actors import SYSTEM
from clinic.storage import append_only_triggers
from operations import postgres_dump
from tests.support.consents import confirmed

pytestmark = pytest.mark.django_db(transaction=True)


@contextlib.contextmanager
def serving_role() -> Iterator[None]:
    """Act as the role under which docs/operating.md has the app serve."""
    role = f"serves_{connection.settings_dict['NAME']}"  # a server's roles are shared; another process tests beside us
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role}")
        try:
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
            cursor.execute(f"SET ROLE {role}")
            yield
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE clinic_journal DISABLE TRIGGER ALL",
        "DROP TRIGGER guard_rows ON clinic_journal",
        "CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "TRUNCATE clinic_journal CASCADE",
        "SET session_replication_role = replica",
        "DELETE FROM clinic_journal",
    ],
)
def test_the_role_that_serves_writes_and_cannot_take_the_guards_away(sql: str) -> None:
    with serving_role():
        Journal.objects.record("looked", by=SYSTEM)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
        assert append_only_triggers.missing(connection) == []
        assert Journal.objects.count() == 1


def test_a_writer_that_waits_too_long_is_told_and_the_connection_goes_on() -> None:
    other = connection.copy("other")
    try:
        with other.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        with transaction.atomic():
            with pytest.raises(OperationalError, match="lock timeout"):
                other.set_autocommit(False)
            assert other.get_autocommit()
            with other.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM clinic_journal")  # who only reads does not wait
                assert cursor.fetchone() == (0,)
        other.set_autocommit(False)
        other.rollback()
    finally:
        other.close()


def restore(source: Path, to: Path, key: Path, database: str) -> str:
    """Restore into a database of this server, as on an empty machine; return what was said."""
    env = os.environ | {"DATABASE_URL": postgres_dump.url(postgres_dump.params(dbname=database))}
    env |= {"DJANGO_SETTINGS_MODULE": "clinic.settings", "CLINIC_KEYS_DIR": str(real.KEYS_DIR)}
    command = [
        sys.executable,
        str(real.BASE_DIR / "manage.py"),
        "restore",
        str(source),
        "--to",
        str(to),
        "--key",
        str(key),
    ]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_dump_is_proved_in_a_database_of_its_own_and_restored_into_an_empty_one(
    seal_keys: Any, settings: Any, tmp_path: Path
) -> None:
    settings.ANCHORS_FILE = tmp_path / "outside" / "anchors.jsonl"
    settings.BACKUP_RECIPIENTS = tmp_path / "backup.recipients"
    key, data, out = tmp_path / "backup.key", tmp_path / "data", StringIO()
    call_command("new_backup_key", key, stdout=StringIO())
    consent = confirmed()
    call_command("backup", to=tmp_path / "backups", stdout=out)
    source = Path(out.getvalue().splitlines()[0])
    assert Journal.objects.get(action="backup taken").data["kind"] == "verified"
    with psycopg.connect(**postgres_dump.params(), autocommit=True) as server:
        server.execute("CREATE DATABASE restored")
        try:
            assert "everything in it was verified" in restore(source, data, key, "restored")
            with psycopg.connect(**postgres_dump.params(dbname="restored")) as opened:
                assert opened.execute("SELECT sha256 FROM consent_sealedfile").fetchall() == [(consent.sealed.sha256,)]
                known = "SELECT reltuples FROM pg_class WHERE relname = 'consent_sealedfile'"  # -1: never looked at
                assert opened.execute(known).fetchone() == (1,)
            assert "is not empty" in restore(source, tmp_path / "again", key, "restored")
            assert not (tmp_path / "again").exists()
            left = server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'clinic_check%'").fetchall()
        finally:
            server.execute("DROP DATABASE restored WITH (FORCE)")
    assert left == []
