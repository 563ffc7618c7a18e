"""One practitioner at a time reviews a visit: claiming it, letting go, taking it over."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Visit
from screening.assessment import preconditions
from screening.models import Claim


@transaction.atomic
def claim(*, visit: Visit, by: Actor) -> Claim:
    """Make this practitioner the one who reviews the visit; claiming twice does no harm.

    Raise ``ClaimedByAnother`` if a colleague was first, ``NotAllowed`` if there is nothing to review.
    """
    preconditions.practitioner(by)
    preconditions.fresh(visit, Stage.IN_REVIEW)
    return preconditions.claimed(visit, by)


@transaction.atomic
def release(*, visit: Visit, by: Actor) -> None:
    """Let a claimed visit go, so that anyone can review it. Raise ``NotAllowed`` if it is not this practitioner's."""
    preconditions.practitioner(by)
    if not _end(visit, Claim.End.RELEASED, by=by.staff):
        raise NotAllowed("You do not have this visit.")
    Journal.objects.record("review let go", by=by, visit=visit)


@transaction.atomic
def take_over(*, claim: Claim, by: Actor) -> Claim:
    """Take the visit from the colleague who has it by ``claim``, the one that was on the screen.

    Raise ``ClaimedByAnother`` if somebody else has it by now.
    """
    preconditions.practitioner(by)
    visit = claim.visit
    preconditions.fresh(visit, Stage.IN_REVIEW)
    if claim.by_id != by.staff.pk and _end(visit, Claim.End.TAKEN, pk=claim.pk):
        Journal.objects.record("review taken over", by=by, visit=visit, staff=claim.by_id)
    return preconditions.claimed(visit, by)


def close_claim(visit: Visit) -> None:
    """End the claim with its review."""
    _end(visit, Claim.End.CLOSED)


def _end(visit: Visit, why: Claim.End, **which: object) -> int:
    """End the visit's claim, in one statement, so that only one of two people ends it. Return 1 if this did, else 0."""
    open_claims = Claim.objects.filter(visit=visit, ended_at=None, **which)
    return open_claims.update(ended_at=timezone.now(), ended_why=why.value)
