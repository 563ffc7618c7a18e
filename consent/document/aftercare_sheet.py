"""What a patient takes home after a treatment: what was needled, and the aftercare of the text that was signed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from clinic.domain.body_regions import near_lung, region_words
from clinic.domain.policy import Policy
from clinic.models import PolicyChange, Visit
from consent.domain.statement import AFTERCARE, EIGHT_OF_100, LUNG, NEEDLE, Block, Statement, TextSection, statement
from consent.models import SignedConsent
from consent.status.statement_input import facts
from screening.assessment.review_state import review_state
from screening.models import Plan, Session

PICTURES = (EIGHT_OF_100, NEEDLE)


@dataclass(frozen=True)
class Sheet:
    """One visit's aftercare sheet. ``at`` is when it was treated, aware; ``None`` while no session is recorded."""

    visit: Visit
    clinic: Policy
    regions: tuple[str, ...]  # in words
    sections: tuple[TextSection, ...]
    at: dt.datetime | None = None
    by: str = ""
    electro: bool = False

    @property
    def text(self) -> str:
        """The sheet as plain text, for an e-mail, in the words of the paper one."""
        treatment = [f"Where: {', '.join(self.regions)}"] if self.regions else []
        if self.at:
            treatment.append(f"By: {self.by}")
        parts = ["\n".join([section.heading, *_lines(section)]) for section in self.sections]
        return "\n\n".join(["\n".join(treatment), *parts])


def _lines(section: TextSection) -> list[str]:
    return [f"- {line}" if block.kind == "list" else line for block in section.blocks for line in block.lines]


def sheet(visit: Visit) -> Sheet:
    """Return the sheet of a visit, in the words that were signed there, or else the present ones."""
    session, plan = Session.of(visit), Plan.of(visit)
    regions = session.regions if session else plan.regions if plan else []
    wanted = (AFTERCARE, LUNG) if near_lung(regions) else (AFTERCARE,)
    sections = {section.id: _without_pictures(section) for section in patient_text(visit).sections}
    return Sheet(
        visit=visit,
        clinic=PolicyChange.objects.policy(visit.patient.site_id),
        regions=tuple(region_words(name) for name in regions),
        sections=tuple(sections[name] for name in wanted),
        at=session.treated_at if session else None,
        by=session.by.full_name if session else "",
        electro=session.electro if session else False,
    )


def patient_text(visit: Visit) -> Statement:
    """Return the text that the patient agreed to at a visit, or else the present one."""
    given = SignedConsent.of(visit)
    return Statement.from_json(given.statement) if given else statement(facts(review_state(visit)))


def _without_pictures(section: TextSection) -> TextSection:
    blocks: tuple[Block, ...] = tuple(block for block in section.blocks if block.kind not in PICTURES)
    return TextSection(section.id, section.heading, blocks)
