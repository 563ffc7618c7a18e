"""What a second factor rests on, encrypted under a key of its own: a stolen database signs nobody in."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def _box() -> Fernet:
    """Return what encrypts. Raise ``ImproperlyConfigured`` without a key."""
    if not settings.FACTOR_KEY:
        raise ImproperlyConfigured("Set CLINIC_FACTOR_KEY: no second factor is kept without it.")
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"second factors 1").derive(
        settings.FACTOR_KEY.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))


def encrypt(text: str) -> str:
    """Return ``text`` encrypted and authenticated (Fernet), as ASCII."""
    return _box().encrypt(text.encode()).decode("ascii")


def decrypt(encrypted: str) -> str:
    """Return what :func:`encrypt` was given. Raise ``ValueError`` for anything that this key did not make."""
    try:
        return _box().decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise ValueError("This second factor was not made with the present CLINIC_FACTOR_KEY.") from error
