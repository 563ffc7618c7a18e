"""Sessions of staff: how long they last, where they are open, and how to end them early."""

from __future__ import annotations

import datetime as dt
import time

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from clinic.accounts import reauthentication
from clinic.models import Actor, Journal, User

IDLE = dt.timedelta(minutes=15)
LONGEST = dt.timedelta(hours=10)
NOTED_EVERY = 30  # seconds; not every click is worth a write
SEEN = "seen"  # when the user last did something in this session: Unix seconds


def why_over(request: HttpRequest) -> str:
    """Return why this session is over by the server's clock: "idle", "age", or "" if it is not."""
    proofs, now = reauthentication.proofs(request), time.time()
    if not proofs or now - proofs[0]["at"] >= LONGEST.total_seconds():
        return "age"
    seen = request.session.get(SEEN, proofs[-1]["at"])
    return "idle" if now - seen >= IDLE.total_seconds() else ""


def note(request: HttpRequest) -> None:
    """Note that the user is active, at most once in half a minute."""
    now = time.time()
    if now - request.session.get(SEEN, reauthentication.proofs(request)[-1]["at"]) >= NOTED_EVERY:
        request.session[SEEN] = now
        UserSession.objects.filter(session_key=request.session.session_key).update(last_seen_at=timezone.now())


def open_of(user: User) -> list[UserSession]:
    """Return a person's open sessions, newest first."""
    return sorted(UserSession.objects.purge_and_list(user), key=lambda session: session.created_at, reverse=True)


@transaction.atomic
def end(*, user: User, by: Actor, only: int | None = None, but: str | None = None) -> int:
    """End a person's sessions at once; return how many. ``only``: one, by its id; ``but``: all but one, by its key."""
    ending = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    ending = ending.filter(pk=only) if only else ending
    count = sum(1 for session in ending if session.end() is None)
    if count:
        Journal.objects.record("sessions ended", by=by, staff=user.pk, count=count)
    return count
