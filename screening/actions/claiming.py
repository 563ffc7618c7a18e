"""One practitioner at a time reviews a visit: claiming it, letting go, taking it over."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clinic.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Visit
from screening.actions import guards
from screening.models import Claim


@transaction.atomic
def claim(*, visit: Visit, by: Actor) -> Claim:
    """Make this practitioner the one who reviews the visit; again is no harm.

    Raise :class:`~screening.actions.guards.ClaimedByAnother`, which says who was first, or
    :class:`~clinic.flow.NotAllowed` where nothing is to be reviewed.
    """
    guards.practitioner(by)
    guards.fresh(visit, Stage.IN_REVIEW)
    return guards.claimed(visit, by)


@transaction.atomic
def release(*, visit: Visit, by: Actor) -> None:
    """Let a claimed visit go, so that anyone can review it. Raise if it is not this practitioner's."""
    guards.practitioner(by)
    if not _ends(visit, Claim.End.RELEASED, by=by.staff):
        raise NotAllowed("You do not have this visit.")
    Journal.objects.record("review let go", by=by, visit=visit)


@transaction.atomic
def take_over(*, claim: Claim, by: Actor) -> Claim:
    """Take the visit from the colleague who has it by ``claim``, which is the one that was shown.

    Raise :class:`~screening.actions.guards.ClaimedByAnother` if somebody else has it by now.
    """
    guards.practitioner(by)
    visit = claim.visit
    guards.fresh(visit, Stage.IN_REVIEW)
    if claim.by_id != by.staff.pk and _ends(visit, Claim.End.TAKEN, pk=claim.pk):
        Journal.objects.record("review taken over", by=by, visit=visit, staff=claim.by_id)
    return guards.claimed(visit, by)


def close_claim(visit: Visit) -> None:
    """End the claim with its review."""
    _ends(visit, Claim.End.CLOSED)


def _ends(visit: Visit, why: Claim.End, **which: object) -> int:
    """End the visit's claim, in one statement, so that of two people one ends it. Return how many: one or none."""
    open_claims = Claim.objects.filter(visit=visit, ended_at=None, **which)
    return open_claims.update(ended_at=timezone.now(), ended_why=why.value)
