"""The secrets of second factors, encrypted under the data keys: a stolen database signs nobody in."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.conf import settings

from clinic.storage import master_keys

PURPOSE = b"second factor"
ENCRYPTED = {"secret", "seed"}  # of an app, and of recovery codes


def encrypt(text: str) -> str:
    """Return ``text`` encrypted, as ASCII. Raise ``KeysetTrouble``."""
    return master_keys.encrypt(settings.DATA_KEYS, text, PURPOSE)


def decrypt(encrypted: str) -> str:
    """Return what ``encrypt`` was given. Raise ``ValueError`` for anything else, and ``KeysetTrouble``."""
    return master_keys.decrypt(settings.DATA_KEYS, encrypted, PURPOSE)


def encrypt_again() -> None:
    """Encrypt every seed under the current primary key. Raise ``ValueError`` if one does not open."""
    factors = list(Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN))
    for factor in factors:
        factor.data |= {name: encrypt(decrypt(factor.data[name])) for name in ENCRYPTED & factor.data.keys()}
    Authenticator.objects.bulk_update(factors, ["data"])
