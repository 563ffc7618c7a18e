"""How staff get a password and second factors of their own: by a link that works once."""

from __future__ import annotations

import secrets

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils import timezone

from clinic.accounts import lockout, sessions
from clinic.domain.digests import sha256
from clinic.models import Actor, Enrolment, Journal, User


@transaction.atomic
def offer(*, user: User, by: Actor) -> str:
    """Return the token of a new link, to be shown once; earlier links of the same person stop working."""
    user.enrolments.filter(used_at=None).delete()
    token = secrets.token_urlsafe(32)
    Enrolment.objects.create(user=user, token_sha256=sha256(token))
    Journal.objects.record("enrolment link made", by=by, staff=user.pk)
    return token


def find(token: str) -> Enrolment | None:
    """Return the link that a token opens; ``None`` if it is unknown, used, expired, or of somebody who left."""
    link = Enrolment.objects.select_related("user").filter(token_sha256=sha256(token.strip())).first()
    return link if link and link.is_open else None


@transaction.atomic
def enrol(*, link: Enrolment, password: str) -> User | None:
    """Use the link: set the password, drop earlier second factors and sessions. ``None`` if it was used already."""
    if not Enrolment.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()):
        return None
    user, by = link.user, Actor(user=link.user)
    user.set_password(password)
    user.save(update_fields=["password"])
    Authenticator.objects.filter(user=user).delete()
    Journal.objects.record("enrolled", by=by)
    sessions.end(user=user, by=by)
    lockout.unlock(user=user, by=by)
    return user
