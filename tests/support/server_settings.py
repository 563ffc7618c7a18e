"""The real settings, for servers that a test starts: no manifest to build first, and controls that must go wrong."""

from __future__ import annotations

import os

from clinic.settings import *  # noqa: F403
from clinic.settings import ALLOWED_HOSTS, DATABASES, STORAGES

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
if synchronous := os.environ.get("TEST_SYNCHRONOUS"):
    options = DATABASES["default"]["OPTIONS"]
    options["init_command"] = options["init_command"].replace("synchronous=FULL", f"synchronous={synchronous}")
if os.environ.get("TEST_DEFERRED"):  # Django's own way: who read first may not write once another has
    DATABASES["default"]["OPTIONS"]["transaction_mode"] = "DEFERRED"
if os.environ.get("TEST_COUNTED_APART"):  # each process has a limiter of its own
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
