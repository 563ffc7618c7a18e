"""Adding, pairing and revoking tablets."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clinic.devices.holds import take_back
from clinic.domain.digests import sha256
from clinic.models import (
    Actor,
    Journal,
    Tablet,
)
from clinic.models.tablets import CODE_TRIES, read_code


@transaction.atomic
def add_tablet(*, name: str, by: Actor) -> Tablet:
    """Add a tablet, not paired yet."""
    tablet = Tablet.objects.create(name=name, created_by=by.staff, site_id=by.staff.site_id)
    Journal.objects.record("tablet added", by=Actor(user=by.user, role=by.role, tablet=tablet))
    return tablet


@transaction.atomic
def offer_code(*, tablet: Tablet, by: Actor) -> str:
    """Return a new pairing code for this tablet; an earlier code stops working."""
    code = tablet.new_code()
    Journal.objects.record("pairing code made", by=Actor(user=by.user, role=by.role, tablet=tablet))
    return code


@transaction.atomic
def pair(*, typed: str) -> tuple[Tablet, str] | None:
    """Pair the device that typed a code: return its tablet and the cookie's value, or ``None``.

    A wrong code costs each open code one of its five tries, so that guessing ends soon, whoever guesses.
    """
    waiting = Tablet.objects.exclude(code_sha256="").filter(
        code_expires_at__gt=timezone.now(), code_tries__lt=CODE_TRIES
    )
    digest = sha256(read_code(typed))
    for tablet in waiting:
        if tablet.code_sha256 == digest:
            if hold := tablet.hold:  # another device from now on: it begins with nothing on its screen
                take_back(hold=hold, by=Actor(tablet=tablet))
            token = tablet.new_token()
            Journal.objects.record("tablet paired", by=Actor(tablet=tablet))
            return tablet, token
    for tablet in waiting:
        tablet.code_tries += 1
        tablet.save(update_fields=["code_tries"])
        Journal.objects.record("pairing code missed", by=Actor(tablet=tablet), count=tablet.code_tries)
    return None


@transaction.atomic
def revoke(*, tablet: Tablet, by: Actor) -> None:
    """Turn a tablet away from its next request on, and end its hold."""
    if hold := tablet.hold:
        take_back(hold=hold, by=by, why="returned")
    Tablet.objects.filter(pk=tablet.pk).update(
        token_sha256=None, code_sha256="", code_expires_at=None, revoked_at=timezone.now()
    )
    Journal.objects.record("tablet revoked", by=Actor(user=by.user, role=by.role, tablet=tablet))
