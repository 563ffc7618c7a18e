"""From the rows of a visit to the facts that the patient's text depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinic.domain import body_regions
from consent.domain.statement import LIST, Facts, Statement, statement
from screening.assessment.review_state import Standing
from screening.domain.rules import Severity
from screening.models import Plan


@dataclass(frozen=True)
class Named:
    """What a text named of the plan: regions by their public names; ``technique`` and ``electro`` only if settled."""

    regions: frozenset[str] = frozenset()
    technique: str = ""
    electro: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Return this as it is kept beside the consent that was given."""
        return {"regions": sorted(self.regions), "technique": self.technique, "electro": self.electro}

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> Named:
        """Return what ``to_json`` wrote."""
        return cls(frozenset(json.get("regions", [])), json.get("technique", ""), json.get("electro"))

    @classmethod
    def of(cls, now: Standing) -> Named:
        """Return what a text written now names."""
        return cls.of_plan(now.plan) if now.plan else cls(_concrete(now.visit.planned_regions))

    @classmethod
    def of_plan(cls, plan: Plan) -> Named:
        """Return all that a plan settles."""
        return cls(_concrete(plan.regions), plan.technique, plan.electro)

    def beyond(self, regions: list[str], technique: str, electro: bool) -> list[str]:
        """Say what a plan holds that the text did not name, in words; empty if the signature covers it.

        Where a text left something open, it said that the physiotherapist settles it with the patient.
        """
        added = [name for name in regions if self.regions and not _concrete([name]) <= self.regions]
        beyond = [f"a new place: {body_regions.region_words(name)}" for name in added]
        if self.technique and technique != self.technique:
            beyond.append("another technique")
        if self.electro is False and electro:
            beyond.append("electrical stimulation")
        return beyond


def _concrete(regions: list[str]) -> frozenset[str]:
    return frozenset().union(*(body_regions.sides(name) for name in regions))


def facts(now: Standing) -> Facts:
    """Return what is known of a visit now, in words."""
    plan, policy = now.plan, now.policy
    regions = plan.regions if plan else now.visit.planned_regions
    practitioner = plan.by if plan else now.visit.practitioner
    return Facts(
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
        own_risks=tuple(dict.fromkeys(each.flag.question for each in now.flags if each.severity is not Severity.NOTE)),
        precautions=tuple(dict.fromkeys(now.precautions)),
    )


def untold(signed: Statement, now: Standing) -> list[str]:
    """Return what a text written now tells of this patient's own risks and precautions, and ``signed`` does not."""
    told = _own(signed)
    return [line for line in _own(statement(facts(now))) if line not in told]


def _own(text: Statement) -> list[str]:
    sections = (section for section in text.sections if section.id == "own_risks")
    return [line for section in sections for block in section.blocks if block.kind == LIST for line in block.lines]


def same_plan(plan: Plan | None, *, regions: list[str], technique: str, electro: bool, sessions: int) -> bool:
    """Say whether a plan says just this."""
    return plan is not None and (set(plan.regions), plan.technique, plan.electro, plan.sessions) == (
        set(regions),
        technique,
        electro,
        sessions,
    )
