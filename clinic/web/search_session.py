"""What staff look for, kept in their session and encrypted: no name and no birth date stands in an address.

An address goes into the browser's history, and into whatever log is on the way (ASVS 5.0, 14.2.1). With the words in
the session instead, "back" and "reload" show the same list again.
"""

from __future__ import annotations

import base64
import binascii
import json

import tink
from django.conf import settings
from django.http import HttpRequest

from clinic.storage import master_keys

PURPOSE = b"what staff look for"


def keep(request: HttpRequest, page: str, typed: dict[str, str]) -> None:
    """Keep what was typed into the search of ``page``, in place of what was there."""
    sealed = master_keys.wrapper(settings.DATA_KEYS).encrypt(json.dumps(typed).encode(), PURPOSE + page.encode())
    request.session[page] = base64.b64encode(sealed).decode("ascii")


def kept(request: HttpRequest, page: str) -> dict[str, str]:
    """Return what was typed there last in this session; nothing if nothing was, or it does not open any more."""
    try:
        sealed = base64.b64decode(request.session.get(page, ""), validate=True)
        typed: dict[str, str] = json.loads(
            master_keys.wrapper(settings.DATA_KEYS).decrypt(sealed, PURPOSE + page.encode()) if sealed else b"{}"
        )
    except (binascii.Error, tink.TinkError):  # of a keyset that is gone
        return {}
    return typed
