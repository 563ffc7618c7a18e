"""A staff member says on the patient's tablet who they are, for one signature and without a session."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.http import HttpRequest

from clinic.domain.flow import NotAllowed
from clinic.models import Actor, Hold, Journal, User

MOST_TRIES = 5  # for one hold: whoever holds the tablet could guess at passwords
NOT_KNOWN = "The user name or the password is not right. Type both again."
TOO_MANY = "There were too many wrong tries. Sign in another way, or give the tablet back and ask for it once more."


def refused(hold: Hold) -> int:
    """Return how often somebody was refused as a witness under this hold."""
    return Journal.objects.filter(action="witness refused", visit=hold.visit, data__hold=hold.pk).count()


def witness(request: HttpRequest, *, hold: Hold, username: str, password: str, by: Actor) -> int:
    """Return the id of the staff member whose user name and password these are. Nobody is signed in by it.

    A page says how many tries there were when it was made; one that is sent twice is compared, and counts, once. Raise
    ``NotAllowed``, in words for the tablet, if they are nobody's, or after too many tries.
    """
    missed = refused(hold)
    if missed >= MOST_TRIES:
        raise NotAllowed(TOO_MANY)
    if request.POST.get("tries", str(missed)) != str(missed):
        raise NotAllowed(NOT_KNOWN)
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User) and user.roles:
        return user.pk
    Journal.objects.record("witness refused", by=by, visit=hold.visit, hold=hold.pk)
    raise NotAllowed(NOT_KNOWN)
