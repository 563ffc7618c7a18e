"""The queue's filters: each choice is a link that can be bookmarked, with how many visits it shows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from django.utils import timezone

from clinic.web.form_tags import SEVERITY_WORDS
from screening.review.queue import GRAVE, SEVERITIES, QueueLine, QueuePart

ANY = ""
NAMED = "named"  # in the address instead of the name searched for, which is kept in the session

# Each group with its choices; the first is what shows when none is chosen.
GROUPS: Mapping[str, Mapping[str, str]] = {
    "who": {ANY: "Needs me", "mine": "Mine", "nobody": "Unassigned", "all": "All"},
    "severity": {
        ANY: "Any severity",
        **{severity.value: SEVERITY_WORDS[severity.value] for severity in GRAVE},
        "none": "Without a flag",
    },
    "stage": {ANY: "Any stage", QueuePart.REVIEW.value: "To review", QueuePart.CONFIRM.value: "To confirm"},
    "day": {ANY: "Any day", "today": "Today", "earlier": "Earlier days"},
}


@dataclass(frozen=True)
class FilterChoice:
    """One link of a group: what it says, where it leads, and how many visits it would show."""

    label: str
    query: str
    count: int
    chosen: bool


class Sort(NamedTuple):
    """All that the filters look at in a line. Hundreds of lines fall into a few sorts."""

    needs_me: bool
    mine: bool
    claimed: bool
    rank: int
    part: QueuePart
    today: bool

    @classmethod
    def of(cls, line: QueueLine, me: int, today: dt.date) -> Sort:
        return cls(line.needs(me), line.is_of(me), line.claimed_by is not None, line.rank, line.part, line.day == today)

    @property
    def belongs(self) -> dict[str, tuple[str, ...]]:
        """The choices of each group under which its lines show."""
        who = {ANY: self.needs_me, "mine": self.mine, "nobody": not self.claimed, "all": True}
        return {
            "who": tuple(choice for choice, fits in who.items() if fits),
            "severity": (ANY, SEVERITIES[self.rank] or "none"),
            "stage": (ANY, self.part.value),
            "day": (ANY, "today" if self.today else "earlier"),
        }


@dataclass(frozen=True)
class Filters:
    """What was chosen in each group, and the name that was searched for."""

    chosen: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(GROUPS, ANY))
    name: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str], name: str = "") -> Filters:
        """Read an address; unknown values count as not chosen."""
        chosen = {group: sent.get(group, ANY) for group in GROUPS}
        return cls({group: value if value in GROUPS[group] else ANY for group, value in chosen.items()}, name)

    @property
    def narrowed(self) -> bool:
        """Whether anything but "who" was chosen."""
        return bool(self.name) or any(value for group, value in self.chosen.items() if group != "who")

    def query(self, **changes: object) -> str:
        """Return the address's query with ``changes``; what is not chosen is left out."""
        wanted = {**self.chosen, NAMED: "1" if self.name else "", **changes}
        return urlencode({name: str(value) for name, value in wanted.items() if value})

    def choose(self, lines: Sequence[QueueLine], me: int) -> tuple[list[QueueLine], dict[str, list[FilterChoice]]]:
        """Return the lines that fit, in their order, and the links of each group, as practitioner ``me`` sees them."""
        today = timezone.localdate()
        sorts = [Sort.of(line, me, today) for line in lines]
        missed: dict[Sort, set[str]] = {}
        counts: dict[str, Counter[str]] = {group: Counter() for group in GROUPS}
        for sort, number in Counter(sorts).items():
            missed[sort] = {group for group, values in sort.belongs.items() if self.chosen[group] not in values}
            for group, values in sort.belongs.items():
                # A link's count is what it would show, so a line counts if no other group hides it.
                if missed[sort] <= {group}:
                    counts[group].update(dict.fromkeys(values, number))
        fitting = [line for line, sort in zip(lines, sorts, strict=True) if not missed[sort]]
        return fitting, {group: self._choices(group, counts[group]) for group in GROUPS}

    def _choices(self, group: str, counts: Counter[str]) -> list[FilterChoice]:
        return [
            FilterChoice(label, self.query(**{group: value}), counts[value], self.chosen[group] == value)
            for value, label in GROUPS[group].items()
        ]
