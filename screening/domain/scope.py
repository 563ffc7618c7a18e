"""What was planned, signed, cleared or done, as one value, and what goes beyond it. Pure: no Django.

The signature, the clearance, a course and a session all ask the same question, and ask it here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from clinic.domain.body_regions import concrete, in_order, near_lung, region_words

# Deep muscles that a region does not include unless they are named: they cannot be pressed (Board Notice 121).
ONLY_BY_NAME = frozenset({"psoas", "iliacus", "tibialis_posterior"})


class ScopePart(StrEnum):
    """A part of a scope, gravest first."""

    REGION = "region"
    MUSCLE = "muscle"
    TECHNIQUE = "technique"
    DEPTH = "depth"
    ELECTRO = "electro"
    VISITS = "visits"
    PRACTITIONER = "practitioner"
    LAST_DAY = "last_day"


@dataclass(frozen=True)
class Scope:
    """What is needled, how, how often and by whom. A part that is empty or ``None`` is left open.

    ``regions`` are concrete public names; ``depth`` is "superficial" or "deep"; ``visits`` includes the first;
    ``practitioner`` is an id; ``last_day`` is the last day on which it counts.
    """

    regions: frozenset[str] = frozenset()
    muscles: frozenset[str] = frozenset()
    technique: str = ""
    depth: str = ""
    electro: bool | None = None
    visits: int | None = None
    practitioner: int | None = None
    last_day: dt.date | None = None

    @classmethod
    def of(cls, regions: Iterable[str], muscles: Iterable[str] = (), **parts: Any) -> Self:
        """Return a scope; regions without a side mean both. Raise ``ValueError`` naming one that is unknown."""
        return cls(concrete(regions), frozenset(muscles), **parts)

    @property
    def near_lung(self) -> bool:
        """Whether any region is near the lung."""
        return near_lung(self.regions)

    @property
    def places(self) -> tuple[str, ...]:
        """The regions by name, from head to foot."""
        return in_order(self.regions)

    @property
    def words(self) -> str:
        """The regions in words: "neck, left calf"."""
        return ", ".join(region_words(name) for name in self.places)

    def exceeded_by(self, other: Scope) -> tuple[ScopePart, ...]:
        """Return the parts in which ``other`` goes beyond this, gravest first; () if it does not.

        Less is never beyond, nor is a part that one of the two leaves open. A region covers its muscles except
        ``ONLY_BY_NAME``; where muscles are named, only those.
        """
        only = self.muscles or other.muscles - ONLY_BY_NAME
        beyond = {
            ScopePart.REGION: bool(self.regions) and bool(other.regions - self.regions),
            ScopePart.MUSCLE: bool(self.regions) and bool(other.muscles - only),
            ScopePart.TECHNIQUE: bool(self.technique and other.technique) and other.technique != self.technique,
            ScopePart.DEPTH: self.depth == "superficial" and other.depth == "deep",
            ScopePart.ELECTRO: self.electro is False and other.electro is True,
            ScopePart.VISITS: None not in (self.visits, other.visits) and other.visits > self.visits,  # type: ignore[operator]
            ScopePart.PRACTITIONER: None not in (self.practitioner, other.practitioner)
            and other.practitioner != self.practitioner,
            ScopePart.LAST_DAY: None not in (self.last_day, other.last_day) and other.last_day > self.last_day,  # type: ignore[operator]
        }
        return tuple(part for part, is_beyond in beyond.items() if is_beyond)

    def beyond_in_words(self, other: Scope) -> list[str]:
        """Return in words, for a practitioner, in which parts ``other`` goes beyond this."""
        added = replace(other, regions=other.regions - self.regions, muscles=other.muscles - self.muscles)
        words = {
            ScopePart.REGION: f"a new place: {added.words}",
            ScopePart.MUSCLE: f"another muscle: {', '.join(sorted(added.muscles)).replace('_', ' ')}",
            ScopePart.TECHNIQUE: "another technique",
            ScopePart.DEPTH: "deeper needles",
            ScopePart.ELECTRO: "electrical stimulation",
            ScopePart.VISITS: f"{other.visits} visits instead of {self.visits}",
            ScopePart.PRACTITIONER: "another practitioner",
            ScopePart.LAST_DAY: "a later day",
        }
        return [words[part] for part in self.exceeded_by(other)]

    def to_json(self) -> dict[str, Any]:
        """Return the parts that are settled, as JSON can hold them."""
        kept: dict[str, Any] = {
            "regions": list(self.places),
            "muscles": sorted(self.muscles),
            "technique": self.technique,
            "depth": self.depth,
            "electro": self.electro,
            "visits": self.visits,
            "practitioner": self.practitioner,
            "last_day": self.last_day.isoformat() if self.last_day else None,
        }
        return {name: value for name, value in kept.items() if value not in ("", None, [])}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return what ``to_json`` wrote."""
        day = kept.get("last_day")
        scope = cls.of(**{"regions": (), **kept})
        return replace(scope, last_day=dt.date.fromisoformat(day)) if day else scope
