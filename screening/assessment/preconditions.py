"""What several verbs refuse in the same words."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Role, Visit
from screening.models import Claim, Screening

# What another request may have changed since this one read the visit.
CHANGES = (
    *("stage", "stage_since", "parked_at", "urgent_at", "urgent_taken_at", "wants_talk_at", "needs_time_at"),
    "at_home_at",
)


class ClaimedByAnother(NotAllowed):
    """A colleague reviews this visit; ``claim`` says who, and since when."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"{claim.by} has had this visit since {claim.since}. Nothing was saved.")
        self.claim = claim


def practitioner(by: Actor) -> None:
    """Refuse anyone who does not act as a practitioner."""
    if by.role is not Role.PRACTITIONER:
        raise NotAllowed("Only a practitioner does this.")


def fresh(visit: Visit, *stages: Stage) -> None:
    """Read the visit again, inside the transaction. Raise ``NotAllowed`` if it is in none of ``stages``."""
    visit.refresh_from_db(fields=CHANGES)
    if visit.at not in stages:
        raise NotAllowed(f"This visit has moved on. It is now “{visit.status}”.")


def sent(visit: Visit) -> Screening:
    """Return the latest screening that was sent. Raise ``NotAllowed`` if there is none."""
    latest = Screening.objects.filter(visit=visit).exclude(submitted_at=None).order_by("number").last()
    if latest is None:
        raise NotAllowed("The patient has not sent the answers yet.")
    return latest


def claimed(visit: Visit, by: Actor) -> Claim:
    """Return this practitioner's claim on the visit; make it if nobody has one.

    Raise ``ClaimedByAnother`` if a colleague has it, even by a moment: the table allows one open claim a visit.
    """
    if held := Claim.of(visit):
        return _mine(held, by)
    try:
        with transaction.atomic():
            claim = Claim.objects.create(visit=visit, by=by.staff)
    except IntegrityError:
        if held := Claim.of(visit):
            return _mine(held, by)
        raise
    Journal.objects.record("review claimed", by=by, visit=visit)
    return claim


def _mine(claim: Claim, by: Actor) -> Claim:
    if claim.by_id != by.staff.pk:
        raise ClaimedByAnother(claim)
    return claim


def reviewing(visit: Visit, by: Actor) -> None:
    """While a visit is in review, let only the practitioner who has it act; whoever acts first takes it on."""
    if visit.at is Stage.IN_REVIEW:
        claimed(visit, by)
