"""Sessions in the database, encrypted: the messages that wait in them (“Ann was added”) name people."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as InDatabase

from clinic.storage import master_keys

PURPOSE = b"session"


class SessionStore(InDatabase):
    """Django's store, with an encrypted column; a session that cannot be decrypted has ended."""

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return a session as ASCII."""
        return master_keys.encrypt(settings.DATA_KEYS, json.dumps(session_dict, separators=(",", ":")), PURPOSE)

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """Return what ``encode`` was given; an empty session for anything else."""
        try:
            session: dict[str, Any] = json.loads(master_keys.decrypt(settings.DATA_KEYS, session_data, PURPOSE))
        except ValueError:
            return {}
        return session
