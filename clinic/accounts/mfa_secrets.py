"""What a second factor rests on, encrypted under a key of its own: a stolen database signs nobody in."""

from __future__ import annotations

import base64

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from clinic.models import Journal
from clinic.models.actors import SYSTEM

ENCRYPTED = {"secret", "seed"}  # of an app, and of recovery codes


def _box() -> MultiFernet:
    """Return what encrypts, and opens what the key before made too. Raise ``ImproperlyConfigured`` without a key."""
    if not settings.FACTOR_KEY:
        raise ImproperlyConfigured("Set CLINIC_FACTOR_KEY: no second factor is kept without it.")
    return MultiFernet([_fernet(key) for key in (settings.FACTOR_KEY, settings.FACTOR_KEY_BEFORE) if key])


def _fernet(key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"second factors 1").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def encrypt(text: str) -> str:
    """Return ``text`` encrypted and authenticated (Fernet), as ASCII."""
    return _box().encrypt(text.encode()).decode("ascii")


def decrypt(encrypted: str) -> str:
    """Return what ``encrypt`` was given. Raise ``ValueError`` for anything that this key did not make."""
    try:
        return _box().decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise ValueError("This second factor was not made with the present CLINIC_FACTOR_KEY.") from error


def rotate() -> int:
    """Encrypt every seed under the present key; return how many. Raise ``ValueError`` if one does not open."""
    with transaction.atomic():
        kept = list(Authenticator.objects.select_for_update().exclude(type=Authenticator.Type.WEBAUTHN))
        for each in kept:
            each.data |= {name: encrypt(decrypt(each.data[name])) for name in ENCRYPTED & each.data.keys()}
        Authenticator.objects.bulk_update(kept, ["data"])
        Journal.objects.record("factor key rotated", by=SYSTEM, count=len(kept))
    return len(kept)
