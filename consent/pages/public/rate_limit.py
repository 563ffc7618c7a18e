"""How often one address may ask the public page: counted in the database, so that all processes count together."""

from __future__ import annotations

import hashlib
import hmac
import time

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest

from consent.models import Asked

A_MINUTE = 30


def may_ask(request: HttpRequest) -> bool:
    """Count one question of this request's address. Say whether it is among the first thirty of this minute."""
    who, minute = _hashed(_address(request)), int(time.time()) // 60
    mine = Asked.objects.filter(who=who, minute=minute)
    if not mine.update(count=F("count") + 1):
        Asked.objects.filter(minute__lt=minute).delete()
        try:
            with transaction.atomic():
                Asked.objects.create(who=who, minute=minute)
        except IntegrityError:  # another process was faster with this minute's first question
            mine.update(count=F("count") + 1)
    return mine.get().count <= A_MINUTE


def _address(request: HttpRequest) -> str:
    """Return whose request it is. Behind the proxy that is set, its last word counts: earlier ones anyone can write."""
    if settings.SECURE_PROXY_SSL_HEADER:
        return str(request.headers.get("X-Forwarded-For", "")).rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def _hashed(address: str) -> str:
    return hmac.new(settings.INDEX_KEY.encode(), address.encode(), hashlib.sha256).hexdigest()
