"""What a visit was cleared for consent on, and whether that still holds. Pure: no Django."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

import rfc8785

from clinic.domain.body_regions import concrete


class Why(StrEnum):
    """Why a clearance lapsed. The words name no answer: reception reads them too."""

    ANSWERS = "answers"
    FLAG = "flag"
    REGION = "region"
    ELECTRO = "electro"
    RULES = "rules"
    TIME = "time"

    @property
    def words(self) -> str:
        """The reason in words, to stand after a colon."""
        return _WORDS[self]


_WORDS = {
    Why.ANSWERS: "an answer changed",
    Why.FLAG: "there is a new flag",
    Why.REGION: "a new place is planned",
    Why.ELECTRO: "electrical stimulation is planned now",
    Why.RULES: "the rules changed",
    Why.TIME: "it was too long ago",
}


@dataclass(frozen=True)
class Covered:
    """What a clearance covers, or how things stand now.

    ``answers``: their SHA-256 in hex; ``flags``: keys of those that need a decision; ``regions``: public names, none
    while the place was left open; ``electro``: nothing while that was; ``at``: when it was cleared, or now;
    ``answered_at``: when the oldest answer was given that holds for its day only. Both aware.
    """

    answers: str
    rules_version: str
    flags: frozenset[str]
    regions: frozenset[str]
    electro: bool | None
    at: dt.datetime
    answered_at: dt.datetime


def answers_digest(stored: Mapping[str, object]) -> str:
    """Return the SHA-256 (hex) of answers as they are stored, over their canonical JSON (RFC 8785)."""
    return sha256(rfc8785.dumps(dict(stored))).hexdigest()  # type: ignore[arg-type]


def lapsed(covered: Covered, now: Covered, *, hours: int) -> tuple[Why, ...]:
    """Return why what was cleared no longer holds, gravest first; () if it does.

    ``hours``: how long a clearance, and the answers of the day that it rests on, may be relied on. Less than was
    cleared is covered; so is what was left open then, because it is looked at again when it is settled.
    """
    longest = dt.timedelta(hours=hours)
    found = {
        Why.ANSWERS: now.answers != covered.answers,
        Why.FLAG: bool(now.flags - covered.flags),
        Why.REGION: bool(covered.regions) and not concrete(now.regions) <= concrete(covered.regions),
        Why.ELECTRO: covered.electro is False and now.electro is True,
        Why.RULES: now.rules_version != covered.rules_version,
        Why.TIME: now.at - min(covered.at, covered.answered_at) > longest,
    }
    return tuple(why for why, holds in found.items() if holds)
