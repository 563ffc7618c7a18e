"""The settings of a grown clinic: the tests', with the measured database.

``BENCH_FOLDER`` holds the keys and, without ``DATABASE_URL``, the SQLite database between processes.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.settings import *  # noqa: F403
from tests.support.settings import ALLOWED_HOSTS, DATABASES

FOLDER = Path(os.environ["BENCH_FOLDER"])
KEYS_DIR = FOLDER / "keys"
DATA_KEYS = KEYS_DIR / "data.keys"
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
ANCHORS_FILE = FOLDER / "anchors.jsonl"
LOGGING_CONFIG = None  # logging each seal is not measured
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["NAME"] = FOLDER / "clinic.sqlite3"
