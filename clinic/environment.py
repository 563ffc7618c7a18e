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
    """Return what ``name`` holds, or the file that ``name_FILE`` names; "" if neither is set.

    ``least``: how many characters it must have.
    """
    found, path = os.environ.get(name, ""), os.environ.get(f"{name}_FILE")
    if found and path:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if path:
        try:
            found = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ImproperlyConfigured(f"{name}_FILE must name a text file that can be read.") from error
    if found and len(found) < least:
        raise ImproperlyConfigured(f"{name} must have {least} characters or more.")
    return found


def switch(name: str, word: str = "1") -> bool:
    """Say whether ``name`` is set to ``word``, the one value that it may have."""
    if (found := os.environ.get(name, "")) not in ("", word):
        raise ImproperlyConfigured(f"{name} must be {word}, or not set.")
    return bool(found)


def hosts(name: str) -> list[str]:
    """Return the host names that ``name`` holds with commas; none if it is not set."""
    found = [host.strip() for host in os.environ.get(name, "").split(",") if host.strip()]
    if not all(re.fullmatch(r"[\w.-]+|\[[\da-fA-F:]+\]", host) for host in found):
        raise ImproperlyConfigured(f"{name} must be host names with commas, without https:// and without a port.")
    return found


def time_zone(name: str, default: str) -> str:
    """Return the name of a time zone."""
    found = os.environ.get(name) or default
    try:
        ZoneInfo(found)
    except (OSError, ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"{name} must be a time zone as {default}, not {found}.") from error
    return found


def database(name: str, *, pooled: bool, patience: int) -> dict[str, Any] | None:
    """Read ``postgresql://user:password@host:port/name?option=value``; return nothing if ``name`` is not set.

    Options are libpq's, ``host`` a socket's folder. ``pooled``: it is reached through PgBouncer, which refuses what one
    connection alone would have; the role has it there (docs/scaling.md). ``patience``: how many seconds a writer waits.
    """
    address, found = secret(name), {}
    if not address:
        return None
    with suppress(ValueError):  # said below: the address may hold a password
        if re.fullmatch(ADDRESS, address):
            found = dict[str, Any](dj_database_url.parse(address, "clinic.storage.postgresql"))
    if not found:
        raise ImproperlyConfigured(f"{name} must read postgresql://user:password@host:port/name.")
    options = found.get("OPTIONS", {})
    if not pooled:
        options["options"] = f"{options.get('options', '')} -c lock_timeout={patience}s".strip()
    return found | {
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 60,
        "DISABLE_SERVER_SIDE_CURSORS": pooled,  # they outlive a transaction, and its server connection
        "HOST": options.pop("host", found["HOST"]),
        "OPTIONS": options,
    }
