"""The real settings, on a fresh data folder, with what a test must not wait for taken out."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for name in [name for name in os.environ if name.startswith("CLINIC_")]:
    del os.environ[name]  # what is set on this machine must not decide a test

_folder = Path(tempfile.mkdtemp(prefix="clinic-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["CLINIC_DATA_DIR"] = str(_folder)
os.environ["CLINIC_SECRET_KEY"] = "tests-only-not-a-secret-tests-only-not-a-secret"
os.environ["CLINIC_DATA_KEYS"] = str(_folder / "data.keys")
os.environ["CLINIC_SEAL_PASSPHRASE"] = "tests-only-passphrase-tests-only-passphrase"

from clinic.settings import *  # noqa: E402, F403
from clinic.settings import DATA_KEYS, DATABASES, REGISTER_KEYS, STORAGES  # noqa: E402
from clinic.storage import master_keys  # noqa: E402

master_keys.make(DATA_KEYS)
master_keys.make(REGISTER_KEYS)

# A file, as in the clinic: the live server writes from its own threads. Only the wait for the disk is left out.
# With DATABASE_URL set (`.ci/with_postgres.py pytest`), Django makes a database of the tests' own beside the one named.
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = DATABASES["default"]["OPTIONS"]["init_command"].replace(
        "synchronous=FULL", "synchronous=OFF"
    )

# The live server serves through the finders, which know no hashed names; `test_house` builds the real manifest.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Counted in the process, and forgotten between tests (`conftest.forgotten_tries`); test_limiter counts in the database.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
