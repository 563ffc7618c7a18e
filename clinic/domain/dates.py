"""How dates and times are written on every screen and in the documents: "3 December 2026", "14:05". No Django."""

from __future__ import annotations

import datetime as dt

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day_in_words(day: dt.date) -> str:
    """Return a day as people write it, whatever the machine's locale: "3 December 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def moment_in_words(at: dt.datetime, today: dt.date | None = None) -> str:
    """Return a moment as its own time zone has it: "3 December 2026, 14:05", and "14:05" where that is ``today``."""
    return f"{at:%H:%M}" if at.date() == today else f"{day_in_words(at)}, {at:%H:%M}"
