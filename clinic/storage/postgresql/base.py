"""One writer at a time, as on SQLite.

Every verb reads what it decides on, writes, and writes the journal, in one transaction. SQLite lets one such
transaction run at a time (``BEGIN IMMEDIATE``). PostgreSQL lets two read the same state and both write: an answer could
be saved after the answers were sent, two wrong birth dates could count as one, and two journal rows could follow the
same one. So each transaction here begins with the same lock. It is held for milliseconds and released with the
transaction, pages that only read never take it, and as it always comes first there is no deadlock.
"""

from __future__ import annotations

from django.db.backends.postgresql import base

WRITER = 0x636C696E6963  # "clinic"; advisory locks are numbers, each database has its own


class OneWriterConnection(base.DatabaseWrapper):
    """A connection whose transactions wait for each other."""

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Begin a transaction (``autocommit`` false) with the writers' lock, or end one.

        Raise ``django.db.OperationalError`` if the lock is not free in time (``lock_timeout``).
        """
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if autocommit:
            return
        try:
            with self.wrap_database_errors:
                self.connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITER,))
        except Exception:
            self.rollback()
            super().set_autocommit(True)
            raise


DatabaseWrapper = OneWriterConnection  # the name that Django looks for
