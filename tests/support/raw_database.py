"""Ways into the database that the app does not have, for tests that need to have been there."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings as real
from django.core.management import call_command
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations

from clinic.storage.encrypted_fields import Encrypted

SQLITE = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
POSTGRESQL = """
    SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""


def lift_guards(connection: BaseDatabaseWrapper) -> None:
    """Drop every trigger, as whoever owns the database can. `migrate` puts them back."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute(SQLITE if sqlite else POSTGRESQL)
        for name, table in cursor.fetchall():
            cursor.execute(f'DROP TRIGGER "{name}"' + ("" if sqlite else f' ON "{table}"'))


def flush_past_guards() -> None:
    """Let the flush after a test that commits empty guarded tables too; its own `post_migrate` guards them again."""
    flush = BaseDatabaseOperations.execute_sql_flush

    def without_guards(self: Any, sql_list: Any) -> None:
        lift_guards(self.connection)
        flush(self, sql_list)

    BaseDatabaseOperations.execute_sql_flush = without_guards  # type: ignore[method-assign]


def encrypted_fields() -> Iterator[Encrypted]:
    """Yield every encrypted column of every table."""
    for model in apps.get_models():
        yield from (field for field in model._meta.concrete_fields if isinstance(field, Encrypted))


def put(row: models.Model, **values: Any) -> None:
    """Put other values into a row's encrypted columns, as whoever has the database and the keys can."""
    fields = {name: row._meta.get_field(name) for name in values}
    told = {name: field.sealed(values[name], row) for name, field in fields.items() if isinstance(field, Encrypted)}
    type(row)._base_manager.filter(pk=row.pk).update(**told)


def back_up(**options: Any) -> Path:
    out = StringIO()
    call_command("backup", to=real.BACKUP_DIR, stdout=out, **options)
    return Path(out.getvalue().splitlines()[0])
