"""What each transaction changes, seen in the SQL itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import connection

from clinic.models import Journal

CHANGES = re.compile(r'^\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM) "(\w+)"(?: SET (.*?) WHERE)?', re.DOTALL)
ROOMS = ("clinic_", "screening_", "consent_")
JOURNAL = Journal._meta.db_table
# What is no act of anybody: when a device was last heard of, and that the worker lives.
SEEN = {"seen_at", "token_seen_at", "token_at", "token_sha256", "last_login"}
APART = ("consent_heartbeat",)


class Watched:
    """The tables of ours that each transaction changes; ``bare``: where it told the journal nothing."""

    def __init__(self) -> None:
        self.now: set[str] = set()
        self.bare: list[frozenset[str]] = []
        self.told = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        found = execute(sql, params, many, context)
        changed = CHANGES.match(sql)
        if changed and changed[1].startswith(ROOMS) and not changed[1].startswith(APART):
            columns = set(re.findall(r'"(\w+)" = ', changed[2] or ""))
            if not columns or columns - SEEN:
                self.now.add(changed[1])
        if not connection.in_atomic_block:
            self.ends()
        return found

    def tells(self) -> bool:
        """Whether the transaction that is open has told the journal something."""
        return JOURNAL in self.now

    def ends(self) -> None:
        """Judge the transaction that ends here."""
        self.told += self.tells()
        if self.now and not self.tells():
            self.bare.append(frozenset(self.now))
        self.now = set()
