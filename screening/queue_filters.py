"""The queue's filters: each choice is a link that can be kept, with how many it shows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.utils import timezone

from clinic.models import User
from clinic.templatetags.clinic_forms import SEVERITY_WORDS
from screening.queue import GRAVE, Line, Part

ANY = ""

# Each group with its choices; the first is what shows when none is chosen.
GROUPS: Mapping[str, Mapping[str, str]] = {
    "who": {ANY: "Needs me", "mine": "Mine", "nobody": "Unassigned", "all": "All"},
    "severity": {
        ANY: "Any severity",
        **{each.value: SEVERITY_WORDS[each.value] for each in GRAVE},
        "none": "Without a flag",
    },
    "stage": {ANY: "Any stage", Part.REVIEW.value: "To review", Part.CONFIRM.value: "To confirm"},
    "day": {ANY: "Any day", "today": "Today", "earlier": "Earlier days"},
}


@dataclass(frozen=True)
class Choice:
    """One link of a group: what it says, where it leads, and how many visits it would show."""

    label: str
    query: str
    count: int
    chosen: bool


def _who(line: Line, user: User, today: dt.date) -> tuple[str, ...]:
    found = ["all"]
    if line.needs(user):
        found.append(ANY)
    if line.is_of(user):
        found.append("mine")
    if not line.claimed_by:
        found.append("nobody")
    return tuple(found)


# Which choices of a group a line belongs to.
BELONGS: Mapping[str, Callable[[Line, User, dt.date], tuple[str, ...]]] = {
    "who": _who,
    "severity": lambda line, user, today: (ANY, line.severity or "none"),
    "stage": lambda line, user, today: (ANY, line.part.value),
    "day": lambda line, user, today: (ANY, "today" if line.day == today else "earlier"),
}


@dataclass(frozen=True)
class Filters:
    """What was chosen in each group, and the name that was searched for."""

    chosen: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(GROUPS, ANY))
    name: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str], name: str = "") -> Filters:
        """Read an address; what no group knows counts as not chosen."""
        chosen = {group: sent.get(group, ANY) for group in GROUPS}
        return cls({group: value if value in GROUPS[group] else ANY for group, value in chosen.items()}, name)

    @property
    def narrowed(self) -> bool:
        """Whether anything but "who" was chosen."""
        return bool(self.name) or any(value for group, value in self.chosen.items() if group != "who")

    def query(self, **changes: object) -> str:
        """Return the address's query with ``changes``; what is not chosen is left out."""
        wanted = {**self.chosen, "name": self.name, **changes}
        return urlencode({name: str(value) for name, value in wanted.items() if value})

    def choose(self, lines: Iterable[Line], user: User) -> tuple[list[Line], dict[str, list[Choice]]]:
        """Return the lines that fit, in their order, and the links of each group."""
        today = timezone.localdate()
        fitting: list[Line] = []
        counts: dict[str, Counter[str]] = {group: Counter() for group in GROUPS}
        for line in lines:
            belongs = {group: belongs_to(line, user, today) for group, belongs_to in BELONGS.items()}
            missed = [group for group, values in belongs.items() if self.chosen[group] not in values]
            if not missed:
                fitting.append(line)
            # A link's count is what it would show: the line may fail this group alone.
            for group in GROUPS if not missed else missed if len(missed) == 1 else ():
                counts[group].update(belongs[group])
        return fitting, {group: self._choices(group, counts[group]) for group in GROUPS}

    def _choices(self, group: str, counts: Counter[str]) -> list[Choice]:
        return [
            Choice(label, self.query(**{group: value}), counts[value], self.chosen[group] == value)
            for value, label in GROUPS[group].items()
        ]
