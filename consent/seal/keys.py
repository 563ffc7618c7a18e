"""The clinic's keys: a root that vouches for the sealing keys, and the sealing key in use. No Django, no PDF.

The folder of the keys, outside the database and its backups, holds:

    root.cer       the root's certificate; its private key, ``root.key``, is here only until it is taken away
    seal.cer       the certificate of the sealing key in use
    seal.key       its private key; missing when it is kept in hardware
    revoked.crl    which sealing keys are no longer ours, and since when; signed by the root
    earlier/       certificates of earlier keys (``*.cer``) and earlier roots (``*.root.cer``)

Private keys are P-256 in encrypted PKCS#8 files, readable by their owner alone. ``certificate_authority`` writes all.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurveSignatureAlgorithm,
)

from consent.seal.pkcs11_key import HardwareKey, HardwareTrouble

ROOT_CERTIFICATE, SEAL_CERTIFICATE, SEAL_KEY, REVOKED, EARLIER = (
    "root.cer",
    "seal.cer",
    "seal.key",
    "revoked.crl",
    "earlier",
)


class KeyTrouble(Exception):
    """The keys are missing, do not open, do not belong together, exist already, or were revoked."""


class Private(Protocol):
    """What a seal needs of a private key, wherever it is kept."""

    def sign(self, data: bytes, signature_algorithm: EllipticCurveSignatureAlgorithm) -> bytes:
        """Return the signature of ``data`` in DER."""

    def public_key(self) -> EllipticCurvePublicKey:
        """Return the public half."""


@dataclass(frozen=True)
class SealKey:
    """The sealing key, opened, with its certificate and the root that vouches for it."""

    private: Private
    certificate: x509.Certificate
    root: x509.Certificate

    @classmethod
    def load(cls, keys_dir: Path, passphrase: str, hardware: HardwareKey | None = None) -> SealKey:
        """Return the key in ``keys_dir``, or the one in ``hardware`` that belongs to the certificate there.

        Opened once per process, until the files change. Raise ``KeyTrouble``, in words for an administrator,
        if it is missing, does not open, does not match or was revoked.
        """
        if not passphrase and hardware is None:
            raise KeyTrouble("no passphrase is set")
        needed = (ROOT_CERTIFICATE, SEAL_CERTIFICATE, *(() if hardware else (SEAL_KEY,)))
        try:
            with _locked(keys_dir):
                changed = max((keys_dir / name).stat().st_mtime_ns for name in needed)
                key = _load(keys_dir, passphrase, hardware, changed)
        except OSError as error:
            raise KeyTrouble(f"there is no key in {keys_dir}") from error
        if since := revoked_since(key.certificate, revocations(keys_dir), roots(keys_dir)):
            raise KeyTrouble(f"the sealing key was revoked as of {since:%Y-%m-%d}; make a new one")
        return key

    @property
    def sha256(self) -> str:
        """The SHA-256 of the sealing certificate, in hex."""
        return fingerprint(self.certificate)


@contextmanager
def _locked(keys_dir: Path, *, writing: bool = False) -> Iterator[None]:
    """Lock the folder: shared for reading, or exclusive for writing."""
    folder = os.open(keys_dir, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX if writing else fcntl.LOCK_SH)
        yield
    finally:
        os.close(folder)


def changing(keys_dir: Path) -> AbstractContextManager[None]:
    """Keep readers out of the folder while a key is replaced."""
    return _locked(keys_dir, writing=True)


@cache
def _load(keys_dir: Path, passphrase: str, hardware: HardwareKey | None, changed: int) -> SealKey:
    try:
        certificate = certificate_in(keys_dir / SEAL_CERTIFICATE)
        root = certificate_in(keys_dir / ROOT_CERTIFICATE)
        certificate.verify_directly_issued_by(root)
        private: Private = hardware or open_private(keys_dir / SEAL_KEY, passphrase)
        same = private.public_key() == certificate.public_key()
    except OSError as error:
        raise KeyTrouble(f"{error.filename} cannot be read") from error
    except HardwareTrouble as trouble:
        raise KeyTrouble(str(trouble)) from trouble
    except KeyTrouble:
        raise
    except Exception as error:  # damaged file, another root: several libraries' errors
        raise KeyTrouble(f"the certificates in {keys_dir} are damaged or do not belong together") from error
    if not same:
        where = f"the key {hardware.label} in the token" if hardware else SEAL_KEY
        raise KeyTrouble(f"{where} and {SEAL_CERTIFICATE} in {keys_dir} do not belong together")
    return SealKey(private, certificate, root)


def open_private(path: Path, passphrase: str) -> EllipticCurvePrivateKey:
    """Return the private key in a file. Raise ``KeyTrouble`` if it does not open."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode())
    except OSError as error:
        raise KeyTrouble(f"{path} cannot be read") from error
    except Exception as error:  # wrong passphrase and damaged file: several errors
        raise KeyTrouble(f"the key in {path} does not open: wrong passphrase, or a damaged file") from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise KeyTrouble(f"{path} is not the kind of key that we use")
    return key


def certificate_in(path: Path) -> x509.Certificate:
    """Return the certificate in a file, PEM or DER. Raise ``OSError`` or ``ValueError``."""
    content = path.read_bytes()
    return (
        x509.load_pem_x509_certificate(content) if b"-----BEGIN" in content else x509.load_der_x509_certificate(content)
    )


def as_asn1(certificate: x509.Certificate) -> asn1.Certificate:
    """Return a certificate as pyHanko takes it."""
    return asn1.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def roots(keys_dir: Path) -> list[x509.Certificate]:
    """Return our root certificates, the one in use first; this needs no passphrase.

    Raise ``KeyTrouble`` if there is none.
    """
    try:
        earlier = sorted((keys_dir / EARLIER).glob("*.root.cer"))
        return [certificate_in(path) for path in (keys_dir / ROOT_CERTIFICATE, *earlier)]
    except (OSError, ValueError) as error:
        raise KeyTrouble(f"there is no root certificate in {keys_dir}") from error


def revocations(keys_dir: Path) -> x509.CertificateRevocationList | None:
    """Return the list of revoked sealing keys, ``None`` if none was ever revoked.

    Raise ``KeyTrouble`` if it cannot be read: a damaged list must not count as an empty one.
    """
    try:
        return x509.load_der_x509_crl((keys_dir / REVOKED).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise KeyTrouble(f"{keys_dir / REVOKED} cannot be read") from error


def revoked_since(
    certificate: x509.Certificate, revoked: x509.CertificateRevocationList | None, ours: list[x509.Certificate]
) -> datetime | None:
    """Return since when ``certificate`` is no longer ours, aware; ``None`` if it still is.

    Raise ``KeyTrouble`` if none of ``ours``, the roots, signed the list ``revoked``.
    """
    if revoked is None:
        return None
    if not any(revoked.is_signature_valid(root.public_key()) for root in ours):  # type: ignore[arg-type]
        raise KeyTrouble("the list of revoked keys is not signed by our root")
    entry = revoked.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        return None
    return entry.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc
