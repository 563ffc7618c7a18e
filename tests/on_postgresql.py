"""What PostgreSQL alone has: roles, and one writer at a time by a lock of ours. `test_postgresql.py` runs this."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from clinic import guards
from clinic.models import Journal
from clinic.models.journal import SYSTEM

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@contextlib.contextmanager
def serving_role() -> Iterator[None]:
    """Act as the role under which docs/operating.md has the app serve."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE consent_serves")
        try:
            cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO consent_serves")
            cursor.execute("SET ROLE consent_serves")
            yield
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY consent_serves")
            cursor.execute("DROP ROLE consent_serves")


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
        assert guards.missing(connection) == []
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
