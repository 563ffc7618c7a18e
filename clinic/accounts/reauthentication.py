"""Who acts is asked again before the few acts that a machine left signed in must not be enough for."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from clinic.domain.flow import NotAllowed
from clinic.models import Actor, Journal, User, Visit

# ASVS 5.0, 6.3.1 asks for a limit on guesses and names none. Design judgement: as many as at a slip of the keyboard.
WRONG_TRIES = 5
LATELY = dt.timedelta(minutes=5)


def shown(request: HttpRequest) -> list[dict[str, Any]]:
    """Return what whoever asks has shown in this session, oldest first: ``method``, and ``at`` in seconds (Unix)."""
    return get_authentication_records(request, request.user) if isinstance(request.user, User) else []


def is_let_in(request: HttpRequest) -> bool:
    """Say whether a staff member asks who showed a second factor in this session."""
    if not isinstance(request.user, User):
        return False
    return not settings.SECOND_FACTOR or any(record["method"] == "mfa" for record in shown(request))


def is_fresh(request: HttpRequest) -> bool:
    """Say whether whoever asks showed who they are within the last five minutes."""
    records = shown(request)
    return bool(records) and time.time() - records[-1]["at"] < LATELY.total_seconds()


def to_show_again(request: HttpRequest) -> str:
    """Return the name of the page that asks for what must be shown lately before a second factor changes; "" if none.

    A passkey is enough: its device asks for a finger, a face or a PIN. Otherwise it takes the password and a code,
    because one of them alone can be overlooked, or lie on the desk. The first factor is added with the password.
    """
    has = set(Authenticator.objects.filter(user_id=request.user.pk).values_list("type", flat=True))
    since = time.time() - LATELY.total_seconds()
    lately = {each.get("type", each["method"]) for each in shown(request) if each["at"] > since}
    if not has or Authenticator.Type.WEBAUTHN in lately:
        return ""
    if "password" not in lately:
        return "account_reauthenticate"
    if lately == {"password"}:
        return "mfa_reauthenticate_webauthn" if has == {Authenticator.Type.WEBAUTHN} else "mfa_reauthenticate"
    return ""


@dataclass(frozen=True)
class Rechecked:
    """Proof that a staff member typed their own password just now. Made by ``check_again`` alone."""

    user: int  # primary key
    at: dt.datetime


def check_again(*, by: Actor, password: str, visit: Visit) -> Rechecked:
    """Check the password of the staff member who acts, and write in the journal how that went.

    Raise ``NotAllowed`` for a wrong one, and for any after ``WRONG_TRIES`` wrong ones ``LATELY``.
    """
    at, refusal = timezone.now(), ""
    with transaction.atomic():
        # Locked, so that guesses sent side by side are counted one after the other.
        user = User.objects.select_for_update().get(pk=by.staff.pk)
        wrong = Journal.objects.filter(user=user, action="identity check refused", at__gt=at - LATELY).count()
        if wrong >= WRONG_TRIES:
            refusal = "Too many wrong passwords. Wait five minutes, or ask a colleague to decide."
        elif user.check_password(password):
            Journal.objects.record("identity checked again", by=by, visit=visit)
        else:
            Journal.objects.record("identity check refused", by=by, visit=visit, count=wrong + 1)
            refusal = "This is not your password. Type the one that you sign in with."
    if refusal:  # raised out here, so that the try stays on record
        raise NotAllowed(refusal)
    return Rechecked(user=user.pk, at=at)
