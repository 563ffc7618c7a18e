"""Whether an adverse event was foreseen: which flags warned of it, and which of them were overridden. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from screening.assessment.review_state import FlagState, review_state
from screening.domain.adverse_events import RELATED, EventKind, Related
from screening.domain.rules import Severity
from screening.models import AdverseEvent, Decision

AGAINST = (Severity.URGENT, Severity.STOP, Severity.DEFER)


@dataclass(frozen=True)
class Foreseen:
    """The flags of the visit that warned of the event, and why they count as warnings."""

    flags: tuple[FlagState, ...]
    related: Related

    @property
    def overridden(self) -> tuple[FlagState, ...]:
        """The flags of severity defer or graver that a practitioner went ahead against."""
        return tuple(
            about
            for about in self.flags
            if about.severity in AGAINST and about.decision and about.decision.outcome != Decision.Outcome.NOT_TODAY
        )


def foreseen(event: AdverseEvent) -> Foreseen:
    """Return the flags of the event's visit that warned of it; flags of severity note do not count."""
    related = RELATED[EventKind(event.kind)]
    raised = review_state(event.visit).flags
    about = (state for state in raised if state.flag.question in related.questions)
    warned = (state for state in about if state.severity is not Severity.NOTE)
    return Foreseen(tuple(warned), related)
