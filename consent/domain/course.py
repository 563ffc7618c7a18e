"""What one consent covers, and when a visit needs a full new one. Pure: no Django.

The list is that of the project's clinical notes, §2.5: a consent covers a course of the same regions, technique and
practitioner, for so many sessions and days (settings; design judgement, because no law or guideline was found). Within
it a short screening, a "still happy to go ahead" and the practitioner's confirmation are enough.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from clinic.domain.body_regions import concrete

GO_AHEAD = "I am still happy to go ahead as before. I know that I can stop at any time."


class Why(StrEnum):
    """Why a full consent is asked for, gravest first."""

    ENDED = "ended"
    REACTED = "reacted"
    FLAG = "flag"
    CHANGED = "changed"
    REGION = "region"
    TECHNIQUE = "technique"
    ELECTRO = "electro"
    PRACTITIONER = "practitioner"
    YOUNG = "young"
    GREW_UP = "grew_up"
    HELPED = "helped"
    TEXT = "text"
    USED_UP = "used_up"
    OVER = "over"

    @property
    def words(self) -> str:
        """The reason for a practitioner, to stand after a colon."""
        return _WORDS[self][0]

    @property
    def kindly(self) -> str:
        """The reason for the patient, as a sentence. It names no answer: others may look at the tablet."""
        return _WORDS[self][1]


_WORDS = {
    Why.ENDED: ("the consent of the course no longer stands", "What you signed before does not count any more."),
    Why.REACTED: (
        "something happened after the last needling, or it is not known if it did",
        "We want to look with you at how it went last time.",
    ),
    Why.FLAG: ("there is a new flag", "You told us about something new."),
    Why.CHANGED: ("something changed after the patient said yes today", "Something changed after you said yes today."),
    Why.REGION: ("a new place is planned", "The needles go to a new place."),
    Why.TECHNIQUE: ("the technique is another one", "The way the needles are used is new."),
    Why.ELECTRO: ("electrical stimulation is planned now", "A small electric current is planned now."),
    Why.PRACTITIONER: ("the practitioner is another one", "You see someone else this time."),
    Why.YOUNG: ("the patient is under 18", "You are under 18, so we ask each time."),
    Why.GREW_UP: ("the patient turned 18", "You are 18 now, so you sign for yourself."),
    Why.HELPED: ("the patient signed with help", "Someone helped you to sign last time, so we ask each time."),
    Why.TEXT: ("the text has changed", "The text has changed since you read it."),
    Why.USED_UP: ("the sessions of the course are used up", "You have had all the visits that you signed for."),
    Why.OVER: ("the course is over: it was too long ago", "It was a long time ago that you signed."),
}


@dataclass(frozen=True)
class Course:
    """What a consent covers, and how much of it was used.

    ``regions`` are public names; ``practitioner`` the id of who confirmed it; ``flags`` the keys of those that needed a
    decision then; ``sessions`` how many there were so far, the first included; ``helped``: not signed by hand.
    """

    began: dt.date
    regions: frozenset[str]
    technique: str
    electro: bool
    practitioner: int
    text_version: str
    flags: frozenset[str]
    sessions: int
    minor: bool = False
    helped: bool = False
    stands: bool = True

    def last_day(self, days: int) -> dt.date:
        """Return the last day of a course of so many days."""
        return self.began + dt.timedelta(days=days)


@dataclass(frozen=True)
class Today:
    """What is known of a visit. What is settled only in the room is left open: "", nothing, no regions.

    ``reacted``: something happened after the last needling, or nobody knows; ``changed``: a "yes" was said at this
    visit already, and something changed since.
    """

    day: dt.date
    text_version: str
    regions: frozenset[str] = frozenset()
    technique: str = ""
    electro: bool | None = None
    practitioner: int | None = None
    flags: frozenset[str] = frozenset()
    minor: bool = False
    reacted: bool = False
    changed: bool = False


def why_full(course: Course, today: Today, *, most: int, days: int) -> tuple[Why, ...]:
    """Return why a visit needs a full consent of its own, gravest first; () where the course covers it.

    ``most``: sessions that one consent covers, the first included; ``days``: for how many days after the first.
    """
    found = {
        Why.ENDED: not course.stands,
        Why.REACTED: today.reacted,
        Why.FLAG: bool(today.flags - course.flags),
        Why.CHANGED: today.changed,
        Why.REGION: not concrete(today.regions) <= concrete(course.regions),
        Why.TECHNIQUE: bool(today.technique) and today.technique != course.technique,
        Why.ELECTRO: bool(today.electro) and not course.electro,
        Why.PRACTITIONER: today.practitioner not in (None, course.practitioner),
        Why.YOUNG: today.minor,
        Why.GREW_UP: course.minor and not today.minor,
        Why.HELPED: course.helped,
        Why.TEXT: today.text_version != course.text_version,
        Why.USED_UP: course.sessions >= most,
        Why.OVER: not course.began <= today.day <= course.last_day(days),
    }
    return tuple(why for why, holds in found.items() if holds)
