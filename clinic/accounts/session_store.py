"""Sessions in the database, encrypted: what a page says once after the next one (“Ann was added”) names people."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import tink
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as InDatabase

from clinic.storage import master_keys

PURPOSE = b"session"


class SessionStore(InDatabase):
    """Django's, with another form in the column; one that does not open is a session that has ended."""

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return a session as ASCII."""
        plain = json.dumps(session_dict, separators=(",", ":")).encode()
        return base64.b64encode(master_keys.wrapper(settings.DATA_KEYS).encrypt(plain, PURPOSE)).decode("ascii")

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """Return what ``encode`` was given; an empty session for anything else."""
        try:
            plain = master_keys.wrapper(settings.DATA_KEYS).decrypt(base64.b64decode(session_data), PURPOSE)
        except (tink.TinkError, binascii.Error):
            return {}
        found: dict[str, Any] = json.loads(plain)
        return found
