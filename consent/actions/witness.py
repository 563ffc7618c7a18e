"""A staff member proves who they are on the patient's tablet, for one signature, without signing in."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.http import HttpRequest

from clinic.domain.flow import NotAllowed
from clinic.models import Actor, Hold, Journal, User

MOST_TRIES = 5  # for one hold: whoever holds the tablet could guess at passwords
NOT_KNOWN = "The user name or the password is not right. Type both again."
TOO_MANY = "There were too many wrong tries. Sign in another way, or give the tablet back and ask for it once more."


def refused(hold: Hold) -> int:
    """Return how many tries to be a witness were refused under this hold."""
    return Journal.objects.filter(action="witness refused", visit=hold.visit, data__hold=hold.pk).count()


def witness(request: HttpRequest, *, hold: Hold, username: str, password: str, by: Actor) -> int:
    """Return the id of the staff member with this user name and password, without signing them in.

    The page sends how many tries there were when it was made, so that a page sent twice counts once. Raise
    ``NotAllowed``, in words for the tablet, if they are wrong, or after too many tries.
    """
    tries = refused(hold)
    if tries >= MOST_TRIES:
        raise NotAllowed(TOO_MANY)
    if request.POST.get("tries", str(tries)) != str(tries):
        raise NotAllowed(NOT_KNOWN)
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User) and user.roles:
        return user.pk
    Journal.objects.record("witness refused", by=by, visit=hold.visit, hold=hold.pk)
    raise NotAllowed(NOT_KNOWN)
