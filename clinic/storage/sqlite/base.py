"""Writers that wait evenly.

SQLite's own wait sleeps longer the longer it has waited, up to 100 ms, so that the first writer loses to those that
come later: with 16 writers, one of 10,000 posts waited more than ten seconds and was refused. Here each waiting writer
asks again after the same few milliseconds, so none is overtaken for long.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3 import base

WAIT = 4  # milliseconds, about as long as a transaction of ours takes


class Connection(sqlite3.Connection):
    """A connection that knows how long its statements wait for those of others."""

    patience = 0.0  # seconds


class EvenCursor(base.SQLiteCursorWrapper):
    """A cursor that waits evenly, outside a transaction: ``BEGIN IMMEDIATE``, and a statement that stands alone.

    Inside one there is nothing to wait for, as the transaction began with the right to write. Raises
    ``sqlite3.OperationalError`` if the database stays locked for longer than ``timeout`` of its options.
    """

    connection: Connection

    def execute(self, query: str, params: Any = None) -> Any:
        try:
            return super().execute(query, params)
        except sqlite3.OperationalError as error:
            return self._again(super().execute, query, params, error)

    def executemany(self, query: str, param_list: Any) -> Any:
        if not isinstance(param_list, list | tuple):
            param_list = list(param_list)  # it may have to be read twice
        try:
            return super().executemany(query, param_list)
        except sqlite3.OperationalError as error:
            return self._again(super().executemany, query, param_list, error)

    def _again(self, ask: Callable[..., Any], query: str, params: Any, error: sqlite3.OperationalError) -> Any:
        until = time.monotonic() + self.connection.patience
        while not self.connection.in_transaction and _busy(error) and time.monotonic() < until:
            try:
                return ask(query, params)
            except sqlite3.OperationalError as still:
                error = still
        raise error


def _busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


class FairConnection(base.DatabaseWrapper):
    """A connection whose statements wait their turn, for up to ``timeout`` of its options (seconds)."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        """Open the file with SQLite's own wait, and let it wait at most ``WAIT`` at a time from then on."""
        connection: Connection = super().get_new_connection({**conn_params, "factory": Connection})
        connection.patience = conn_params.get("timeout", 5.0)
        connection.execute(f"PRAGMA busy_timeout={WAIT}")
        return connection

    def create_cursor(self, name: str | None = None) -> EvenCursor:
        """Return a cursor of this connection."""
        cursor: EvenCursor = self.connection.cursor(factory=EvenCursor)
        return cursor


DatabaseWrapper = FairConnection  # the name that Django looks for
