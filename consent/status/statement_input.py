"""The facts of a visit that the patient's text depends on, from its rows."""

from __future__ import annotations

from clinic.domain import body_regions
from consent.domain.statement import LIST, Statement, StatementInput, statement
from screening.assessment.review_state import ReviewState
from screening.domain.rules import Severity


def facts(state: ReviewState) -> StatementInput:
    """Return what is known of a visit now, in words."""
    plan, policy = state.plan, state.policy
    regions = plan.regions if plan else state.visit.planned_regions
    practitioner = plan.by if plan else state.visit.practitioner
    return StatementInput(
        clinic_name=policy.clinic_name,
        clinic_phone=policy.clinic_phone,
        emergency_number=policy.emergency_number,
        cost=policy.cost,
        privacy=policy.privacy,
        practitioner=practitioner.full_name if practitioner else "",
        regions=tuple(body_regions.region_words(name) for name in regions),
        technique=plan.technique if plan else "",
        electro=plan.electro if plan else None,
        sessions=plan.sessions if plan else None,
        near_lung=body_regions.near_lung(regions),
        own_risks=tuple(dict.fromkeys(row.flag.question for row in state.flags if row.severity is not Severity.NOTE)),
        precautions=tuple(dict.fromkeys(state.precautions)),
    )


def untold(signed: Statement, state: ReviewState) -> list[str]:
    """Return this patient's own risks and precautions in the present text that are not in ``signed``."""
    read = _own(signed)
    return [line for line in _own(statement(facts(state))) if line not in read]


def _own(text: Statement) -> list[str]:
    sections = (section for section in text.sections if section.id == "own_risks")
    return [line for section in sections for block in section.blocks if block.kind == LIST for line in block.lines]
