"""What a clearance for consent rests on, and whether it still holds. Pure: no Django."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import rfc8785

from clinic.domain.digests import sha256
from screening.domain.scope import Scope, ScopePart


class LapseReason(StrEnum):
    """Why a clearance lapsed. The words name no answer, because reception reads them too."""

    NOT_CLEARED = "not_cleared"
    ANSWERS = "answers"
    FLAG = "flag"
    REGION = "region"
    MUSCLE = "muscle"
    TECHNIQUE = "technique"
    DEPTH = "depth"
    ELECTRO = "electro"
    RULES = "rules"
    TIME = "time"

    @property
    def words(self) -> str:
        """The reason in words, to stand after a colon."""
        return _WORDS[self]


_WORDS = {
    LapseReason.NOT_CLEARED: "it was not cleared yet",
    LapseReason.ANSWERS: "an answer changed",
    LapseReason.FLAG: "there is a new flag",
    LapseReason.REGION: "a new place is planned",
    LapseReason.MUSCLE: "another muscle is planned",
    LapseReason.TECHNIQUE: "the technique is another one",
    LapseReason.DEPTH: "the needles go deeper",
    LapseReason.ELECTRO: "electrical stimulation is planned now",
    LapseReason.RULES: "the rules changed",
    LapseReason.TIME: "it was too long ago",
}
NO_RULE = {ScopePart.VISITS, ScopePart.PRACTITIONER, ScopePart.LAST_DAY}  # no rule looks at these


@dataclass(frozen=True)
class Covered:
    """What a clearance covers, or how things stand now.

    ``answers``: their SHA-256 in hex; ``flags``: keys of those that need a decision; ``scope``: what is planned;
    ``at``: when it was cleared, or now; ``answered_at``: when the oldest answer that changes by the day was given.
    Both aware.
    """

    answers: str
    rules_version: str
    flags: frozenset[str]
    scope: Scope
    at: dt.datetime
    answered_at: dt.datetime


def answers_digest(stored: Mapping[str, object]) -> str:
    """Return the SHA-256 (hex) of answers as they are stored, over their canonical JSON (RFC 8785)."""
    return sha256(rfc8785.dumps(dict(stored)))  # type: ignore[arg-type]


def lapsed(covered: Covered, now: Covered, *, hours: int) -> tuple[LapseReason, ...]:
    """Return why a clearance no longer holds, gravest first; () if it holds.

    ``hours``: how long it, and the answers of the day that it rests on, may be relied on. Less than was cleared is
    covered; so is what was left open then, because it is looked at again once it is settled.
    """
    longest = dt.timedelta(hours=hours)
    beyond = set(covered.scope.exceeded_by(now.scope)) - NO_RULE
    checks = {
        LapseReason.ANSWERS: now.answers != covered.answers,
        LapseReason.FLAG: bool(now.flags - covered.flags),
        **{LapseReason(part.value): part in beyond for part in ScopePart if part not in NO_RULE},
        LapseReason.RULES: now.rules_version != covered.rules_version,
        LapseReason.TIME: now.at - min(covered.at, covered.answered_at) > longest,
    }
    return tuple(reason for reason, applies in checks.items() if applies)
