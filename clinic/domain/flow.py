"""The flow of a visit: its stages, the allowed moves, and whose turn it is. Pure: no Django."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where a visit is. ``parked``, ``urgent`` and ``sealing failed`` are marks on a visit, not stages."""

    EXPECTED = "expected"
    ANSWERING = "answering"
    IN_REVIEW = "in_review"
    CONSENTING = "consenting"
    SIGNED = "signed"
    CONFIRMED = "confirmed"
    SEALED = "sealed"
    STOPPED = "stopped"


class Turn(StrEnum):
    """Who has to act next."""

    RECEPTION = "reception"
    PATIENT = "patient"
    PRACTITIONER = "practitioner"
    SYSTEM = "system"
    NOBODY = "nobody"


MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.EXPECTED: frozenset({Stage.ANSWERING, Stage.STOPPED}),
    Stage.ANSWERING: frozenset({Stage.IN_REVIEW, Stage.CONSENTING, Stage.STOPPED}),
    Stage.IN_REVIEW: frozenset({Stage.ANSWERING, Stage.CONSENTING, Stage.STOPPED}),
    Stage.CONSENTING: frozenset({Stage.SIGNED, Stage.ANSWERING, Stage.IN_REVIEW, Stage.STOPPED}),
    Stage.SIGNED: frozenset({Stage.CONFIRMED, Stage.ANSWERING, Stage.IN_REVIEW, Stage.STOPPED}),
    Stage.CONFIRMED: frozenset({Stage.SEALED}),  # by the sealing task alone
    Stage.SEALED: frozenset(),
    Stage.STOPPED: frozenset(),
}

TURN: dict[Stage, Turn] = {
    Stage.EXPECTED: Turn.RECEPTION,
    Stage.ANSWERING: Turn.PATIENT,
    Stage.IN_REVIEW: Turn.PRACTITIONER,
    Stage.CONSENTING: Turn.PATIENT,
    Stage.SIGNED: Turn.PRACTITIONER,
    Stage.CONFIRMED: Turn.SYSTEM,
    Stage.SEALED: Turn.NOBODY,
    Stage.STOPPED: Turn.NOBODY,
}

# Status words for the front desk. They say where the visit is and never why (reception sees no answers).
WORDS: dict[Stage, str] = {
    Stage.EXPECTED: "Expected",
    Stage.ANSWERING: "Answering questions",
    Stage.IN_REVIEW: "Waiting for the physiotherapist",
    Stage.CONSENTING: "Ready to read and sign",
    Stage.SIGNED: "Signed, to be confirmed in the room",
    Stage.CONFIRMED: "Confirmed, being sealed",
    Stage.SEALED: "Sealed",
    Stage.STOPPED: "Not treated today",
}

ON_TABLET = frozenset({Stage.EXPECTED, Stage.ANSWERING, Stage.CONSENTING})
TREATED = (Stage.CONFIRMED, Stage.SEALED)  # or about to be, in the room
WITHDRAWABLE = frozenset({Stage.SIGNED, Stage.CONFIRMED, Stage.SEALED})  # there is a consent to take back
OPEN = frozenset(Stage) - {Stage.SEALED, Stage.STOPPED}


class NotAllowed(Exception):
    """A move or an act that the flow refuses. Its text is fit for a staff member's screen."""


def check_move(old: Stage, new: Stage) -> None:
    """Raise ``NotAllowed`` unless a visit may go from ``old`` to ``new``."""
    if new not in MOVES[old]:
        raise NotAllowed(f"A visit that is “{WORDS[old]}” cannot become “{WORDS[new]}”.")
