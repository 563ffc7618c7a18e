"""Asks staff again who they are, before acts for which a machine left signed in must not be enough."""

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

# ASVS 5.0, 6.3.1 asks for a limit on guesses and names none. Design judgement: enough for slips of the keyboard.
WRONG_TRIES = 5
RECENT = dt.timedelta(minutes=5)


def proofs(request: HttpRequest) -> list[dict[str, Any]]:
    """Return how the user proved who they are in this session, oldest first: ``method``, and ``at`` in Unix seconds."""
    return get_authentication_records(request, request.user) if isinstance(request.user, User) else []


def is_let_in(request: HttpRequest) -> bool:
    """Return whether this is a staff member who used a second factor in this session."""
    if not isinstance(request.user, User):
        return False
    return not settings.SECOND_FACTOR or any(record["method"] == "mfa" for record in proofs(request))


def is_fresh(request: HttpRequest) -> bool:
    """Return whether the user proved who they are within the last five minutes."""
    records = proofs(request)
    return bool(records) and time.time() - records[-1]["at"] < RECENT.total_seconds()


def page_for_proof(request: HttpRequest) -> str:
    """Return the name of the page that asks for the proof still missing before a second factor changes; "" if none is.

    A passkey is enough: its device asks for a finger, a face or a PIN. Otherwise it takes the password and a code:
    either alone can be watched, or lie on the desk. The first factor is added with the password.
    """
    has = set(Authenticator.objects.filter(user_id=request.user.pk).values_list("type", flat=True))
    since = time.time() - RECENT.total_seconds()
    recent = {proof.get("type", proof["method"]) for proof in proofs(request) if proof["at"] > since}
    if not has or Authenticator.Type.WEBAUTHN in recent:
        return ""
    if "password" not in recent:
        return "account_reauthenticate"
    if recent == {"password"}:
        return "mfa_reauthenticate_webauthn" if has == {Authenticator.Type.WEBAUTHN} else "mfa_reauthenticate"
    return ""


@dataclass(frozen=True)
class Rechecked:
    """Proof that a staff member typed their own password just now. Made by ``check_again`` alone."""

    user: int  # primary key
    at: dt.datetime


def check_again(*, by: Actor, password: str, visit: Visit) -> Rechecked:
    """Check the password of the staff member who acts, and record the result in the journal.

    Raise ``NotAllowed`` for a wrong one, and for any after ``WRONG_TRIES`` wrong ones within ``RECENT``.
    """
    at, refusal = timezone.now(), ""
    with transaction.atomic():
        # Locked, so that guesses sent side by side are counted one after the other.
        user = User.objects.select_for_update().get(pk=by.staff.pk)
        wrong = Journal.objects.filter(user=user, action="identity check refused", at__gt=at - RECENT).count()
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
