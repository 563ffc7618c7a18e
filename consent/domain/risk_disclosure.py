"""Was the patient told of a risk before agreeing? Finds the words of the text that name it. Pure: no Django."""

from __future__ import annotations

from collections.abc import Mapping

from consent.domain.statement import Statement
from screening.domain.adverse_events import EventKind

SECTIONS = ("risks", "own_risks", "lung")
# The words by which a text names each kind of event; "something else" has none: a person has to look.
NAMED: Mapping[EventKind, str] = {
    EventKind.FAINT: "faint",
    EventKind.BRUISE: "bruise",
    EventKind.BLEEDING: "bleed",
    EventKind.PAIN: "pain at the needle",
    EventKind.INFECTION: "an infection",
    EventKind.LUNG: "goes into a lung",
    EventKind.NERVE: "harm to a nerve",
    EventKind.NEEDLE: "a needle that breaks",
}


def disclosed(text: Statement, kind: str) -> str:
    """Return the line of a text that names the risk of a kind of event, or ""."""
    words = NAMED.get(EventKind(kind), "")
    lines = (
        line
        for section in text.sections
        if section.id in SECTIONS
        for block in section.blocks
        for line in block.lines
        if words and words in line.lower()
    )
    return next(lines, "")
