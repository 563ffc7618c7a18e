"""The limit on wrong tries at the sign-in: allauth counts them, in the cache that all processes share."""

from __future__ import annotations

from allauth.core.internal import ratelimit  # its public clear() asks for the address of a visitor: a command has none
from django.core.cache import cache
from django.http import HttpRequest

from clinic.models import Actor, Journal, User

APP, ACTION = "allauth.account", "login_failed"


def password_key(username: str) -> str:
    """Return the key under which an account's wrong passwords are counted, however its name is written."""
    return f"staff:{username.strip().lower()}"


def unlock(*, user: User, by: Actor) -> None:
    """Forget the wrong passwords and codes of an account, and record it."""
    for key in (password_key(user.username), f"mfa-auth-user-{user.pk}"):
        for rate in ratelimit.get_rates(app=APP, action=ACTION):
            if rate.per == "key":
                cache.delete(ratelimit.get_cache_key(HttpRequest(), app=APP, action=ACTION, rate=rate, key=key))
    Journal.objects.record("sign-in unlocked", by=by, staff=user.pk)
