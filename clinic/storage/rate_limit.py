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
EVERYBODY = ""  # counts all callers together


def address(request: HttpRequest) -> str:
    """Return the client's address, as allauth finds it; of an IPv6 address the /64, which is one customer's.

    Behind the configured proxy the last entry of X-Forwarded-For counts: anyone can write the earlier ones. Raise
    ``PermissionDenied`` if there is none.
    """
    client = str(get_adapter().get_client_ip(request))
    return str(ip_network(f"{client}/64", strict=False)) if ":" in client else client


def allow(action: str, limits: Mapping[str, int]) -> bool:
    """Return whether each of these (an address, or ``EVERYBODY``) may do ``action`` once more this minute; count it.

    A refusal is not counted and writes nothing: a flood costs reads.
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
    """Return the key of this minute's count. No address is stored in clear."""
    digest = salted_hmac("rate limit", who, secret=settings.INDEX_KEY, algorithm="sha256").hexdigest()
    return f"{action}:{digest}:{int(time.time()) // MINUTE}"


def _reached(counts: Mapping[str, int], limits: Mapping[str, int]) -> bool:
    return any(counts.get(key, 0) >= limit for key, limit in limits.items())
