"""Writers who wait evenly.

SQLite's own wait sleeps longer the longer it has waited, up to 100 ms, so that who came first loses to everyone who
comes later: with 16 writers, one of 10,000 posts waited more than ten seconds and was refused. Here each who waits asks
again after the same few milliseconds, so nobody is overtaken for long.
"""

from __future__ import annotations

import sqlite3
import time

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

WAIT = 0.004  # seconds, about as long as a transaction of ours takes


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions begin after those of the others, within ``timeout`` of its options."""

    def _start_transaction_under_autocommit(self) -> None:
        """Begin a transaction; raise ``OperationalError`` if the database stays locked for longer than ``timeout``."""
        (timeout,) = self.connection.execute("PRAGMA busy_timeout").fetchone()  # milliseconds
        until = time.monotonic() + timeout / 1000
        self.connection.execute("PRAGMA busy_timeout=0")
        try:
            while not self._began(last=time.monotonic() >= until):
                time.sleep(WAIT)
        finally:
            self.connection.execute(f"PRAGMA busy_timeout={timeout}")

    def _began(self, *, last: bool) -> bool:
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs leave it out
        except OperationalError as error:
            if last or getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True
