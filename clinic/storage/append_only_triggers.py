"""Triggers that keep rows which are written once, whoever asks for a change: the app, a script, a person.

Which tables: those of ``AppendOnly`` and ``FrozenWhenSet`` models, and the many-to-many tables of the former. What is
refused: UPDATE and DELETE; on PostgreSQL also TRUNCATE; on SQLite also an INSERT that would take the place of a row,
because REPLACE deletes without asking the triggers where ``recursive_triggers`` is off.

Triggers are no part of Django's migrations, and SQLite loses them whenever a migration rebuilds a table. So ``migrate``
puts them back each time (``clinic.apps``), and the server does not start while one is missing (``clinic.checks``). A
migration that has to change such rows, or to drop a column that a trigger names, drops the trigger itself.

Whoever owns the database can drop triggers. The journal's chain and its anchors are there to show that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from clinic.storage.append_only import AppendOnly, FrozenWhenSet

BEFORE_UPDATE_OR_DELETE, BEFORE_TRUNCATE = 1 + 2 + 8 + 16, 2 + 32  # the bits of PostgreSQL's pg_trigger.tgtype

REFUSE = """
BEGIN
    RAISE EXCEPTION '% is written once: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
"""
REFUSE_FINAL = """
BEGIN
    IF to_jsonb(OLD) ->> TG_ARGV[0] IS NULL THEN
        IF TG_OP = 'DELETE' AND TG_ARGV[2] = 'discardable' THEN
            RETURN OLD;
        ELSIF TG_OP = 'UPDATE' AND to_jsonb(OLD) - TG_ARGV[1]::text[] = to_jsonb(NEW) - TG_ARGV[1]::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is written once: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
"""
FUNCTIONS = {"guard_refuse": REFUSE, "guard_refuse_final": REFUSE_FINAL}


@dataclass(frozen=True)
class Guarded:
    """A table and what is refused there. ``final`` is "" where rows never change; all else are names of columns."""

    table: str
    unique: tuple[tuple[str, ...], ...]
    final: str = ""
    fixed: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    discardable: bool = False


def guarded() -> list[Guarded]:
    """Return every table that is to be guarded, by name."""
    guards = []
    for model in apps.get_models(include_auto_created=True):
        owner: Any = model._meta.auto_created or model  # of a many-to-many table: the model that declares it
        if issubclass(owner, AppendOnly):
            guards.append(Guarded(model._meta.db_table, _unique(model)))
        elif issubclass(model, FrozenWhenSet):
            guards.append(_until(model))
    return sorted(guards, key=lambda guard: guard.table)


def _until(model: type[FrozenWhenSet]) -> Guarded:
    may_change = _columns(model, model.open_fields)
    return Guarded(
        model._meta.db_table,
        _unique(model),
        final=_columns(model, [model.final])[0],
        fixed=tuple(name for name in _columns(model) if name not in may_change),
        open=may_change,
        discardable=model.discardable,
    )


def _columns(model: type[models.Model], names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the columns of the named fields, or of all."""
    columns = {field.name: str(field.column) for field in model._meta.concrete_fields}
    return tuple(columns.values() if names is None else (columns[name] for name in names))


def _unique(model: type[models.Model]) -> tuple[tuple[str, ...], ...]:
    """Return the columns of each constraint by which one row would take another's place."""
    alone = [(field.name,) for field in model._meta.concrete_fields if field.unique]
    together = [*model._meta.unique_together, *(rule.fields for rule in model._meta.total_unique_constraints)]
    return tuple(_columns(model, names) for names in [*alone, *together])


def install(connection: BaseDatabaseWrapper) -> None:
    """Install every guard on the tables that exist."""
    with transaction.atomic(connection.alias), connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        ready = [guard for guard in guarded() if guard.table in tables and _has_columns(connection, cursor, guard)]
        for statement in _statements(connection, ready):
            cursor.execute(statement)


def _has_columns(connection: BaseDatabaseWrapper, cursor: Any, guard: Guarded) -> bool:
    """Return whether a table is as the models have it; after `migrate ROOM NUMBER` it may not be, and is not served."""
    columns = {column.name for column in connection.introspection.get_table_description(cursor, guard.table)}
    return columns.issuperset([*filter(None, [guard.final]), *guard.fixed, *guard.open, *sum(guard.unique, ())])


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of the tables where a guard is gone, switched off, or not what it should be."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            existing = dict(cursor.fetchall())
            return [
                guard.table
                for guard in guarded()
                if any(existing.get(name) != sql for name, sql in _sqlite_triggers(guard).items())
            ]
        cursor.execute(POSTGRESQL_TRIGGERS, [list(FUNCTIONS)])
        rows = set(cursor.fetchall())
    return [guard.table for guard in guarded() if not rows >= _postgresql_rows(guard)]


def _statements(connection: BaseDatabaseWrapper, tables: list[Guarded]) -> Iterable[str]:
    if connection.vendor == "sqlite":
        for guard in tables:
            for name, sql in _sqlite_triggers(guard).items():
                yield f'DROP TRIGGER IF EXISTS "{name}"'
                yield sql
        return
    for name, body in FUNCTIONS.items():
        yield f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
    for guard in tables:
        yield from _postgresql_triggers(guard)


def _sqlite_triggers(guard: Guarded) -> dict[str, str]:
    """Return the triggers of a table, by name."""
    clash = " OR ".join(" AND ".join(f'"{name}" = NEW."{name}"' for name in columns) for columns in guard.unique)
    taken = f'SELECT 1 FROM "{guard.table}" WHERE {clash}'  # noqa: S608 (names of our own models)
    when = {"update": "", "delete": "", "insert": f" WHEN EXISTS ({taken})"}
    if guard.final:
        is_final = f'OLD."{guard.final}" IS NOT NULL'
        changed = "".join(f' OR OLD."{column}" IS NOT NEW."{column}"' for column in guard.fixed)
        when["update"] = f" WHEN {is_final}{changed}"
        when["delete"] = f" WHEN {is_final}" if guard.discardable else ""
    return {
        f"guard_{what}_{guard.table}": f'CREATE TRIGGER "guard_{what}_{guard.table}" '
        f'BEFORE {what.upper()} ON "{guard.table}"{condition} '
        f"BEGIN SELECT RAISE(ABORT, '{guard.table} is written once: {what.upper()} is refused'); END"
        for what, condition in when.items()
    }


def _call(guard: Guarded) -> tuple[str, tuple[str, ...]]:
    """Return the function that guards a table's rows, and its arguments."""
    if not guard.final:
        return "guard_refuse", ()
    kept = "discardable" if guard.discardable else "kept"
    return "guard_refuse_final", (guard.final, f"{{{','.join(guard.open)}}}", kept)


def _postgresql_triggers(guard: Guarded) -> Iterable[str]:
    function, arguments = _call(guard)
    listed = ", ".join(f"'{argument}'" for argument in arguments)
    yield (
        f'CREATE OR REPLACE TRIGGER guard_rows BEFORE UPDATE OR DELETE ON "{guard.table}" '
        f"FOR EACH ROW EXECUTE FUNCTION {function}({listed})"
    )
    yield (
        f'CREATE OR REPLACE TRIGGER guard_truncate BEFORE TRUNCATE ON "{guard.table}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse()"
    )
    for name in ("guard_rows", "guard_truncate"):  # ALWAYS: also where session_replication_role skips triggers
        yield f'ALTER TABLE "{guard.table}" ENABLE ALWAYS TRIGGER {name}'


# What the catalogue holds, as `_postgresql_rows` writes it: no column list, no condition, always on.
POSTGRESQL_TRIGGERS = """
    SELECT c.relname, t.tgname, t.tgtype, p.proname, p.prosrc, encode(t.tgargs, 'escape')
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE c.relnamespace = current_schema()::regnamespace AND p.proname = ANY(%s)
      AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr = ''
"""


def _postgresql_rows(guard: Guarded) -> set[tuple[Any, ...]]:
    function, arguments = _call(guard)
    stored = "".join(f"{argument}\\000" for argument in arguments)
    return {
        (guard.table, "guard_rows", BEFORE_UPDATE_OR_DELETE, function, FUNCTIONS[function], stored),
        (guard.table, "guard_truncate", BEFORE_TRUNCATE, "guard_refuse", REFUSE, ""),
    }
