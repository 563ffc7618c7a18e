"""How often something may happen in one minute: counted in the cache, which all processes share.

``cache.incr`` would lose counts: it reads, then writes. Here both are in one transaction, and those run one at a time
(``clinic.storage.sqlite``, ``clinic.storage.postgresql``). The minute is part of the key, so that no count expires
while it is in use.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import ip_network

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

MINUTE = 60
EVERYBODY = ""  # counts whoever asks


def address(request: HttpRequest) -> str:
    """Return whose request it is: the address as allauth takes it; of an IPv6 address the /64, which is one customer's.

    Behind the proxy that is set, the last word of X-Forwarded-For counts: earlier ones anyone can write. Raise
    ``PermissionDenied`` if there is none.
    """
    found = str(get_adapter().get_client_ip(request))
    return str(ip_network(f"{found}/64", strict=False)) if ":" in found else found


def allow(action: str, limits: Mapping[str, int]) -> bool:
    """Say whether each of these (an address, or ``EVERYBODY``) may do ``action`` once more this minute, and count it.

    What is refused is not counted and writes nothing: a flood costs a read.
    """
    keys = {_key(action, who): limit for who, limit in limits.items()}
    if _reached(cache.get_many(keys), keys):
        return False
    with transaction.atomic():
        counts = cache.get_many(keys)
        if _reached(counts, keys):
            return False
        cache.set_many({key: counts.get(key, 0) + 1 for key in keys}, MINUTE)
    return True


def _key(action: str, who: str) -> str:
    """Return the key of this minute's count. No address is kept as such."""
    told = salted_hmac("rate limit", who, secret=settings.INDEX_KEY, algorithm="sha256").hexdigest()
    return f"{action}:{told}:{int(time.time()) // MINUTE}"


def _reached(counts: Mapping[str, int], limits: Mapping[str, int]) -> bool:
    return any(counts.get(key, 0) >= limit for key, limit in limits.items())
