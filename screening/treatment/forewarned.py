"""Was an adverse event foreseen: which flags warned of it, and did somebody go ahead all the same? Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from screening.assessment.review_state import FlagState, review_state
from screening.domain.adverse_events import RELATED, EventKind, Related
from screening.domain.rules import Severity
from screening.models import AdverseEvent, Decision

AGAINST = (Severity.URGENT, Severity.STOP, Severity.DEFER)


@dataclass(frozen=True)
class Foreseen:
    """The flags of the visit that warned of the event, and why they are said to; those that were overridden."""

    flags: tuple[FlagState, ...]
    related: Related

    @property
    def overridden(self) -> tuple[FlagState, ...]:
        """The flags that said "not today" or graver, and were decided otherwise."""
        return tuple(
            each
            for each in self.flags
            if each.severity in AGAINST and each.decision and each.decision.outcome != Decision.Outcome.NOT_TODAY
        )


def foreseen(event: AdverseEvent) -> Foreseen:
    """Return what the review of the event's visit knew of its risk. Notes warned of nothing."""
    related = RELATED[EventKind(event.kind)]
    raised = review_state(event.visit).flags
    warned = (each for each in raised if each.flag.question in related.questions and each.severity is not Severity.NOTE)
    return Foreseen(tuple(warned), related)
