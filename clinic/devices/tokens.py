"""Devices themselves: recognise one by its token, renew that, lend a device, lock it."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from clinic.devices.holds import hand_over, take_back
from clinic.devices.tablets import revoke
from clinic.domain.digests import sha256
from clinic.models import Actor, Hold, Journal, SpentToken, Tablet, Visit
from clinic.models.tablets import TOKEN_GRACE, next_token

TOKEN_DAYS = {Tablet.Kind.CLINIC: 180, Tablet.Kind.LENT: 1, Tablet.Kind.PHONE: 15}  # a phone: from the earliest link on


def recognise(token: str) -> Tablet | None:
    """Return the device that carries this token, or ``None``.

    A token that was renewed stays good until five minutes after the new one was first seen, so that a lost response
    loses no tablet. After that it is a copy: the device is turned away, and the manager is told.
    """
    if tablet := Tablet.objects.with_token(token):
        if tablet.token_seen_at is None:
            Tablet.objects.filter(pk=tablet.pk).update(token_seen_at=timezone.now())
        return tablet
    spent = SpentToken.objects.filter(token_sha256=sha256(token)).select_related("tablet").first() if token else None
    if spent is None or spent.tablet.revoked_at:
        return None
    tablet = spent.tablet
    seen = tablet.token_seen_at
    if sha256(next_token(token)) == tablet.token_sha256 and (seen is None or timezone.now() - seen < TOKEN_GRACE):
        return tablet
    _replayed(tablet)
    return None


@transaction.atomic
def _replayed(tablet: Tablet) -> None:
    by = Actor(tablet=tablet)
    Journal.objects.record("tablet token replayed", by=by)
    revoke(tablet=tablet, by=by)
    Tablet.objects.filter(pk=tablet.pk).update(replayed_at=timezone.now())


def renew(*, tablet: Tablet, token: str) -> str:
    """Return the next token if it is due (daily, and after a hold); "" if the device keeps its own.

    A device that sends the token before, because it never got the new one, gets that again. Only a renewal waits for
    its turn to write. ``tablet``: as it was when the request came.
    """
    return _renew(tablet, token) if tablet.token_sha256 != sha256(token) or tablet.is_due else ""


@transaction.atomic
def _renew(tablet: Tablet, token: str) -> str:
    current = Tablet.objects.active().filter(pk=tablet.pk).first()
    if current is None:
        return ""
    if current.token_sha256 != sha256(token):
        return next_token(token) if current.token_seen_at is None else ""
    if not current.is_due:
        return ""
    too_old = timezone.now() - dt.timedelta(days=TOKEN_DAYS[Tablet.Kind(current.kind)])
    current.spent_tokens.filter(spent_at__lt=too_old).delete()
    return current.renew_token(token)


@transaction.atomic
def lend(*, visit: Visit, by: Actor) -> str:
    """Make the staff member's own device a tablet for this one visit; return its token.

    Raise ``NotAllowed`` as ``hand_over`` does.
    """
    name = f"Device of {by.staff.username}"[:60]
    tablet, _ = Tablet.objects.get_or_create(kind=Tablet.Kind.LENT.value, created_by=by.staff, defaults={"name": name})
    if tablet.site_id != by.site:  # its owner works in another clinic today
        tablet.site_id = by.staff.site_id
        tablet.save(update_fields=["site"])
    if hold := tablet.hold:
        take_back(hold=hold, by=by, why="moved")
    token = tablet.new_token()
    hand_over(visit=visit, tablet=tablet, by=by)
    Journal.objects.record("device lent", by=by, visit=visit)
    return token


def end_lending(*, tablet: Tablet) -> bool:
    """Drop a lent device's token once its visit is over on it; return whether that was so."""
    if tablet.kind != Tablet.Kind.LENT or tablet.hold:
        return False
    Tablet.objects.filter(pk=tablet.pk).update(token_sha256=None)
    return True


def lock(*, hold: Hold) -> None:
    """End the hold of a tablet that nobody touched. The answers stay."""
    take_back(hold=hold, by=Actor(tablet=hold.tablet), why="away")
