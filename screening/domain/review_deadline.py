"""When a review is due, and how long a patient has waited, in words. Pure: no Django."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum


class Due(StrEnum):
    """How a wait compares with its deadline."""

    LATER = "later"
    SOON = "soon"
    OVERDUE = "overdue"


SOON_PART = 3  # the last third of the time that a review may take


def deadline(since: dt.datetime, appointment: dt.datetime | None, minutes: int) -> dt.datetime:
    """Return when the review is due: ``minutes`` after ``since``, but not before the appointment."""
    after = since + dt.timedelta(minutes=minutes)
    return max(after, appointment) if appointment else after


def standing(due: dt.datetime, now: dt.datetime, minutes: int) -> Due:
    """Return how ``now`` compares with the deadline of a review that may take ``minutes``."""
    if now >= due:
        return Due.OVERDUE
    return Due.SOON if now >= due - dt.timedelta(minutes=minutes / SOON_PART) else Due.LATER


def waited(minutes: int) -> str:
    """Return a time in words: "12 min", "1 h 5 min", "3 days"."""
    hours, rest = divmod(max(minutes, 0), 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {rest} min" if hours else f"{rest} min"
