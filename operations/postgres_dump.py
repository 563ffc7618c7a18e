"""Backups with PostgreSQL's own tools: ``pg_dump`` of one snapshot, and ``pg_restore`` into an empty database."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from django.db import connection
from psycopg import sql
from psycopg.conninfo import make_conninfo

from operations.backup_file import BadBackup

# The number and hash of the journal's last row, and how many rows each table has.
Summary = tuple[int, str, dict[str, int]]


def dump(path: Path, tables: Sequence[str]) -> Summary:
    """Write one snapshot of the whole database, in pg_dump's custom format; return its summary."""
    with psycopg.connect(**params()) as opened:
        opened.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        snapshot = _one(opened, "SELECT pg_export_snapshot()")[0]
        summary = summarize(opened, tables)
        _run("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={path}", _address(params()))
    return summary


def summarize(opened: psycopg.Connection[Any], tables: Sequence[str]) -> Summary:
    """Return the number and hash of the journal's last row, and how many rows the tables have."""
    last = _one(opened, "SELECT seq, hash FROM clinic_journal ORDER BY seq DESC LIMIT 1")
    count = {name: _one(opened, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))[0] for name in tables}
    return (*(last or (0, "")), count)


@contextmanager
def scratch(path: Path, tables: Sequence[str]) -> Iterator[tuple[str, Summary]]:
    """Restore a dump into a database of its own; give its ``DATABASE_URL``, and its summary.

    The database is dropped afterwards. Raise ``BadBackup`` if it cannot be restored.
    """
    name = f"clinic_check_{secrets.token_hex(6)}"
    database = sql.Identifier(name)
    with psycopg.connect(**params(), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(database))
        try:
            load(path, name)
            with psycopg.connect(**params(dbname=name)) as opened:
                summary = summarize(opened, tables)
            yield url(params(dbname=name)), summary
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def load(path: Path, name: str = "") -> None:
    """Restore a dump into the database ``name``, or into ours, in one transaction. Raise ``BadBackup``.

    A dump holds no planner statistics, and without them the first pages could take minutes: hence the ANALYZE.
    """
    where = params(dbname=name) if name else params()
    _run("pg_restore", "--no-owner", "--single-transaction", f"--dbname={_address(where)}", str(path))
    with psycopg.connect(**where, autocommit=True) as opened:
        opened.execute("ANALYZE")


def is_empty() -> bool:
    """Say whether our database has no tables."""
    return not connection.introspection.table_names()


def params(**changes: str) -> dict[str, Any]:
    """Return the libpq parameters of our database, with ``changes``."""
    ours = {name: value for name, value in connection.get_connection_params().items() if name in LIBPQ}
    return {**ours, **changes}


LIBPQ = frozenset({"dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"})


def _address(where: dict[str, Any]) -> str:
    """Return the connection string without the password: everybody may read the arguments of a process."""
    return make_conninfo(**{name: value for name, value in where.items() if name != "password"})


def url(where: dict[str, Any]) -> str:
    """Return the ``DATABASE_URL`` of libpq parameters, password included."""
    user, password, port = (quote(str(where.get(name, "")), safe="") for name in ("user", "password", "port"))
    rest = {name: value for name, value in where.items() if name not in ("dbname", "user", "password", "port")}
    return f"postgresql://{user}:{password}@:{port}/{quote(where['dbname'])}?{urlencode(rest)}".replace("@:/", "@/")


def _one(opened: psycopg.Connection[Any], query: Any) -> Any:
    return opened.execute(query).fetchone()


def _run(*command: str) -> None:
    env = os.environ | {"PGPASSWORD": str(params().get("password") or "")}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise BadBackup(f"{command[0]} is not installed: apt install postgresql-client") from error
    if done.returncode:
        raise BadBackup(f"{command[0]}: {done.stderr.strip()}")
