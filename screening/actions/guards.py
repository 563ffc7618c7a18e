"""What several verbs refuse in the same words."""

from __future__ import annotations

from clinic.flow import NotAllowed, Stage
from clinic.models import Actor, Role, Visit
from screening.models import Screening

# What another request may have changed since this one read the visit.
CHANGES = ("stage", "stage_since", "parked_at", "urgent_at", "urgent_taken_at", "wants_talk_at", "needs_time_at")


def practitioner(by: Actor) -> None:
    """Refuse anyone who does not act as a practitioner."""
    if by.role is not Role.PRACTITIONER:
        raise NotAllowed("Only a practitioner does this.")


def fresh(visit: Visit, *stages: Stage) -> None:
    """Read the visit as it is now, inside the transaction. Raise if it is not in one of ``stages``."""
    visit.refresh_from_db(fields=CHANGES)
    if visit.at not in stages:
        raise NotAllowed(f"This visit has moved on. It is now “{visit.status}”.")


def sent(visit: Visit) -> Screening:
    """Return the answers that were sent last."""
    latest = Screening.objects.filter(visit=visit).exclude(submitted_at=None).order_by("number").last()
    if latest is None:
        raise NotAllowed("The patient has not sent the answers yet.")
    return latest
