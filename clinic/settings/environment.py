"""What the settings read from the environment.

Each function raises ``ImproperlyConfigured`` for a wrong value: it names the variable and what is allowed, and never
repeats a secret.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

ADDRESS = r"postgres(ql)?://[^/?]*/[^/?]+(\?(\w+=[^&]+(&|$))*)?"


def secret(name: str, *, least: int = 0) -> str:
    """Return the value of ``name``, or of the file that ``name_FILE`` names; "" if neither is set.

    ``least``: the fewest characters allowed.
    """
    value, path = os.environ.get(name, ""), os.environ.get(f"{name}_FILE")
    if value and path:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if path:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ImproperlyConfigured(f"{name}_FILE must name a text file that can be read.") from error
    if value and len(value) < least:
        raise ImproperlyConfigured(f"{name} must have {least} characters or more.")
    return value


def switch(name: str, word: str = "1") -> bool:
    """Return whether ``name`` is set to ``word``, the only value allowed."""
    if (value := os.environ.get(name, "")) not in ("", word):
        raise ImproperlyConfigured(f"{name} must be {word}, or not set.")
    return bool(value)


def hosts(name: str) -> list[str]:
    """Return the host names in ``name``, split at commas; [] if it is not set."""
    names = [host.strip() for host in os.environ.get(name, "").split(",") if host.strip()]
    if not all(re.fullmatch(r"[\w.-]+|\[[\da-fA-F:]+\]", host) for host in names):
        raise ImproperlyConfigured(f"{name} must be host names with commas, without https:// and without a port.")
    return names


def time_zone(name: str, default: str) -> str:
    """Return the name of the time zone in ``name``, or ``default``."""
    zone = os.environ.get(name) or default
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"{name} must be a time zone as {default}, not {zone}.") from error
    return zone


def database(name: str, *, pooled: bool, patience: int) -> dict[str, Any] | None:
    """Read ``postgresql://user:password@host:port/name?option=value``; ``None`` if ``name`` is not set.

    Options are libpq's, ``host`` a socket's folder. ``pooled``: it is reached through PgBouncer, which refuses settings
    of one connection; the role has them there (docs/scaling.md). ``patience``: how many seconds a writer waits.
    """
    address, parsed = secret(name), {}
    if not address:
        return None
    with suppress(ValueError):  # reported below: the error may repeat the password
        if re.fullmatch(ADDRESS, address):
            parsed = dict[str, Any](dj_database_url.parse(address, "clinic.storage.postgresql"))
    if not parsed:
        raise ImproperlyConfigured(f"{name} must read postgresql://user:password@host:port/name.")
    options = parsed.get("OPTIONS", {})
    if not pooled:
        options["options"] = f"{options.get('options', '')} -c lock_timeout={patience}s".strip()
    return parsed | {
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 60,
        "DISABLE_SERVER_SIDE_CURSORS": pooled,  # they outlive a transaction, and its server connection
        "HOST": options.pop("host", parsed["HOST"]),
        "OPTIONS": options,
    }
