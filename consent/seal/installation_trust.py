"""From the settings: the sealing key, what files are judged by, and the timestamp authority."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from django.conf import settings

from consent.seal.keys import KeyTrouble, SealKey, fingerprint, revocations, roots
from consent.seal.pades import Trust
from consent.seal.pkcs11_key import HardwareKey
from consent.seal.timestamp import Authority


def hardware() -> HardwareKey | None:
    """Return the sealing key's PKCS#11 token; ``None`` if it is a file."""
    if not settings.PKCS11_MODULE:
        return None
    return HardwareKey(settings.PKCS11_MODULE, settings.PKCS11_TOKEN, settings.PKCS11_LABEL, settings.PKCS11_PIN)


def seal_key() -> SealKey:
    """Return the sealing key. Raise ``KeyTrouble`` if it cannot be used."""
    return SealKey.load(settings.KEYS_DIR, settings.SEAL_PASSPHRASE, hardware())


def root_sha256() -> str:
    """Return the SHA-256, in hex, of the root certificate in use; "" if there is none yet."""
    try:
        return fingerprint(roots(settings.KEYS_DIR)[0])
    except KeyTrouble:
        return ""


def trust(known_since: datetime | None = None) -> Trust:
    """Return what a file is judged by here. ``known_since``: since when the database holds the file.

    Raise ``KeyTrouble`` without a root, or if the list of revoked keys or the authority's roots cannot be read.
    """
    return Trust(roots(settings.KEYS_DIR), revocations(settings.KEYS_DIR), _stamp_roots(), known_since)


def authority() -> Authority | None:
    """Return the timestamp authority, ``None`` if none is set. Raise ``KeyTrouble`` if it has no roots."""
    if not settings.TSA_URL:
        return None
    return Authority(settings.TSA_URL, _stamp_roots())


def _stamp_roots() -> list[x509.Certificate]:
    if not settings.TSA_ROOTS:
        return []
    try:
        with open(settings.TSA_ROOTS, "rb") as file:
            return x509.load_pem_x509_certificates(file.read())
    except (OSError, ValueError) as error:
        raise KeyTrouble(f"CLINIC_TSA_ROOTS: {settings.TSA_ROOTS} does not hold certificates in PEM") from error
