"""What one consent covers, and when a visit needs a full new one. Pure: no Django.

The list is from the project's clinical notes, §2.5: a consent covers a course of the same regions, technique and
practitioner, for a number of sessions and days (settings; design judgement, because no law or guideline was found).
Within it a short screening, a "still happy to go ahead" and the practitioner's confirmation are enough.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from enum import StrEnum

from screening.domain.scope import Scope, ScopePart

GO_AHEAD = "I am still happy to go ahead as before. I know that I can stop at any time."


class FullConsentReason(StrEnum):
    """Why a full consent is asked for, gravest first."""

    ENDED = "ended"
    REACTED = "reacted"
    FLAG = "flag"
    CHANGED = "changed"
    REGION = "region"
    MUSCLE = "muscle"
    TECHNIQUE = "technique"
    DEPTH = "depth"
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
    FullConsentReason.ENDED: (
        "the consent of the course no longer stands",
        "What you signed before does not count any more.",
    ),
    FullConsentReason.REACTED: (
        "something happened after the last needling, or it is not known if it did",
        "We want to look with you at how it went last time.",
    ),
    FullConsentReason.FLAG: ("there is a new flag", "You told us about something new."),
    FullConsentReason.CHANGED: (
        "something changed after the patient said yes today",
        "Something changed after you said yes today.",
    ),
    FullConsentReason.REGION: ("a new place is planned", "The needles go to a new place."),
    FullConsentReason.MUSCLE: ("another muscle is planned", "The needles go to another muscle."),
    FullConsentReason.TECHNIQUE: ("the technique is another one", "The way the needles are used is new."),
    FullConsentReason.DEPTH: ("the needles go deeper", "The needles go deeper this time."),
    FullConsentReason.ELECTRO: ("electrical stimulation is planned now", "A small electric current is planned now."),
    FullConsentReason.PRACTITIONER: ("the practitioner is another one", "You see someone else this time."),
    FullConsentReason.YOUNG: ("the patient is under 18", "You are under 18, so we ask each time."),
    FullConsentReason.GREW_UP: ("the patient turned 18", "You are 18 now, so you sign for yourself."),
    FullConsentReason.HELPED: (
        "the patient signed with help",
        "Someone helped you to sign last time, so we ask each time.",
    ),
    FullConsentReason.TEXT: ("the text has changed", "The text has changed since you read it."),
    FullConsentReason.USED_UP: (
        "the sessions of the course are used up",
        "You have had all the visits that you signed for.",
    ),
    FullConsentReason.OVER: ("the course is over: it was too long ago", "It was a long time ago that you signed."),
}


# The reason for a full consent when a part of the scope is exceeded.
BEYOND = {
    ScopePart.REGION: FullConsentReason.REGION,
    ScopePart.MUSCLE: FullConsentReason.MUSCLE,
    ScopePart.TECHNIQUE: FullConsentReason.TECHNIQUE,
    ScopePart.DEPTH: FullConsentReason.DEPTH,
    ScopePart.ELECTRO: FullConsentReason.ELECTRO,
    ScopePart.PRACTITIONER: FullConsentReason.PRACTITIONER,
    ScopePart.VISITS: FullConsentReason.USED_UP,
    ScopePart.LAST_DAY: FullConsentReason.OVER,
}


@dataclass(frozen=True)
class Course:
    """What a consent covers, and how much of it was used.

    ``scope`` is all that it covers, visits and last day included; ``flags``: the keys of those that needed a decision
    then; ``sessions``: how many there were so far, the first included; ``helped``: signed with a witness's help.
    """

    began: dt.date
    scope: Scope
    text_version: str
    flags: frozenset[str]
    sessions: int
    minor: bool = False
    helped: bool = False
    stands: bool = True


@dataclass(frozen=True)
class Today:
    """What is known of a visit. Its scope leaves open what is settled only in the room.

    ``reacted``: something happened after the last needling, or nobody knows; ``changed``: the patient said yes at
    this visit already, and something changed since.
    """

    day: dt.date
    text_version: str
    scope: Scope = field(default_factory=Scope)
    flags: frozenset[str] = frozenset()
    minor: bool = False
    reacted: bool = False
    changed: bool = False


def why_full(course: Course, today: Today) -> tuple[FullConsentReason, ...]:
    """Return why a visit needs a full consent of its own, gravest first; () if the course covers it."""
    visit = replace(today.scope, visits=course.sessions + 1, last_day=today.day)
    reasons = {BEYOND[part] for part in course.scope.exceeded_by(visit)}
    others = {
        FullConsentReason.ENDED: not course.stands,
        FullConsentReason.REACTED: today.reacted,
        FullConsentReason.FLAG: bool(today.flags - course.flags),
        FullConsentReason.CHANGED: today.changed,
        FullConsentReason.YOUNG: today.minor,
        FullConsentReason.GREW_UP: course.minor and not today.minor,
        FullConsentReason.HELPED: course.helped,
        FullConsentReason.TEXT: today.text_version != course.text_version,
        FullConsentReason.OVER: today.day < course.began,
    }
    reasons |= {reason for reason, holds in others.items() if holds}
    return tuple(reason for reason in FullConsentReason if reason in reasons)
