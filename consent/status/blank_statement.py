"""The consent text on paper: from the clinic's facts alone, before anything is known of the patient."""

from __future__ import annotations

from clinic.models import PolicyChange
from clinic.models.sites import FIRST
from consent.domain.statement import Statement, StatementInput, on_paper


def clinics_facts(site: int | None = FIRST) -> StatementInput:
    """Return the clinic's facts as they are now, and none of any patient."""
    policy = PolicyChange.objects.policy(site)
    return StatementInput(
        clinic_name=policy.clinic_name,
        clinic_phone=policy.clinic_phone,
        emergency_number=policy.emergency_number,
        cost=policy.cost,
        privacy=policy.privacy,
    )


def blank_text(site: int | None = FIRST) -> Statement:
    """Return the consent text of a blank form."""
    return on_paper(clinics_facts(site))
