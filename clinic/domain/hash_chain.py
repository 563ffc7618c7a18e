"""The journal's chain: every row carries the hash of the one before it. Pure: no Django.

Changes behind the app's back show: a changed row no longer matches its hash; a row removed, added or moved breaks the
numbers or the link. Two things the chain cannot show by itself: that its end is missing, and that everything from some
row on was rewritten. For these there are marks outside the database: number and hash of the last row at some time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785

from clinic.domain.digests import sha256

FORMAT = b"dn-journal-1\n"
LONGEST_TEXT = 200  # characters of a text in `data`: a digest, a name from our own lists, never a sentence


@dataclass(frozen=True, slots=True)
class Link:
    """The end of the chain: the number and the hash of its last row. Rows are numbered from 1 without gaps."""

    seq: int
    hash: str


START = Link(0, "0" * 64)


@dataclass(frozen=True, slots=True)
class ChainRow:
    """One row of the journal, with every column of its table. People and things are named by their keys alone."""

    seq: int
    at: datetime
    action: str
    actor_kind: str
    user: int | None
    role: str
    tablet: int | None
    visit: int | None
    patient: int | None
    data: Mapping[str, Any]
    prev_hash: str
    hash: str = ""

    def digest(self) -> str:
        """Return the SHA-256, in hex, of the format's name and the canonical JSON (RFC 8785) of all but ``hash``.

        Raise ``ValueError`` if ``data`` cannot be written canonically.
        """
        content: dict[str, Any] = {
            "seq": self.seq,
            "at": stamp(self.at),
            "action": self.action,
            "actor_kind": self.actor_kind,
            "user": self.user,
            "role": self.role,
            "tablet": self.tablet,
            "visit": self.visit,
            "patient": self.patient,
            "data": dict(self.data),
            "prev_hash": self.prev_hash,
        }
        return sha256(FORMAT + rfc8785.dumps(content))

    @property
    def link(self) -> Link:
        """The end of the chain after this row."""
        return Link(self.seq, self.hash)


def stamp(at: datetime) -> str:
    """Return an aware time as it is hashed: UTC, to the microsecond, as it is stored."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def plain(data: Mapping[str, Any]) -> dict[str, str | int | bool | None]:
    """Return ``data`` with values of the plainest types, which every database gives back as they were.

    Raise ``ValueError`` naming a field whose value is anything else, or a text that is too long for the journal.
    """
    kept: dict[str, str | int | bool | None] = {}
    for name, value in data.items():
        if isinstance(value, str) and len(value) <= LONGEST_TEXT:
            kept[name] = str.__str__(value)  # of an enumeration, its value
        elif value is None or isinstance(value, int):
            kept[name] = value
        else:
            raise ValueError(f"{name}: the journal takes whole numbers and texts up to {LONGEST_TEXT} characters.")
    return kept


class Broken(Exception):
    """The chain is broken. ``seq`` is the first wrong row; the text says what is wrong with it."""

    def __init__(self, seq: int, what: str) -> None:
        super().__init__(f"row {seq}: {what}")
        self.seq = seq


def followed(rows: Iterable[ChainRow], *, after: Link = START) -> Iterator[ChainRow]:
    """Yield each row once it is known to follow the one before.

    ``rows`` are in the order of their numbers and begin right after ``after``. Raise ``Broken`` at the first that
    does not follow.
    """
    last = after
    for row in rows:
        if row.seq != last.seq + 1:
            raise Broken(
                last.seq + 1, "is missing" if row.seq > last.seq else f"is there twice, or out of order: {row.seq}"
            )
        if row.prev_hash != last.hash:
            raise Broken(row.seq, "does not follow the row before it")
        try:
            holds = row.digest() == row.hash
        except (ValueError, TypeError, AttributeError):
            holds = False
        if not holds:
            raise Broken(row.seq, "was changed after it was written")
        last = row.link
        yield row


def anchored(rows: Iterable[ChainRow], marks: Iterable[Link], *, after: Link = START) -> Iterator[ChainRow]:
    """Yield the rows of ``followed``, checked against the ``marks`` made after ``after``.

    Raise ``Broken`` also where a row is not the one that was marked, or the chain ends before the last mark.
    """
    expected = {mark.seq: mark.hash for mark in marks if mark.seq > after.seq}
    last = after
    for row in followed(rows, after=after):
        if expected.pop(row.seq, row.hash) != row.hash:
            raise Broken(row.seq, "is not the row that was anchored: the journal was written anew")
        last = row.link
        yield row
    if expected:
        raise Broken(last.seq + 1, f"is missing: the journal was anchored at row {max(expected)} and ends before it")
