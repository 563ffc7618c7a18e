"""The clinic's keys: a root that vouches for the sealing key, and the sealing key. No Django, no PDF.

Both private keys are P-256 in encrypted PKCS#8 files, readable by their owner alone, in a folder outside the database.
The root's key signs the next sealing certificate and nothing else: take ``root.key`` off the machine
once a copy is safe.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.x509.oid import NameOID

ROOT_DAYS = 3652  # ten years
SEAL_DAYS = 730  # two years
LONGEST_NAME = 64  # characters of a name in a certificate (RFC 5280, ub-organization-name)
FILES = ("root.key", "root.cer", "seal.key", "seal.cer")


class KeyTrouble(Exception):
    """The keys are missing, do not open, do not belong together, or are there already."""


@dataclass(frozen=True)
class SealKey:
    """The sealing key, opened, with its certificate and the root that vouches for it."""

    private: EllipticCurvePrivateKey
    certificate: x509.Certificate
    root: x509.Certificate

    @classmethod
    def load(cls, keys_dir: Path, passphrase: str) -> SealKey:
        """Return the key in ``keys_dir``, opened once a process as long as the files stay the same.

        Raise ``KeyTrouble``, in words for an administrator, if it is missing, does not open or does not match.
        """
        if not passphrase:
            raise KeyTrouble("no passphrase is set")
        try:
            changed = max((keys_dir / name).stat().st_mtime_ns for name in FILES if name != "root.key")
        except OSError as error:
            raise KeyTrouble(f"there is no key in {keys_dir}") from error
        return _load(keys_dir, passphrase, changed)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the sealing certificate, in hex."""
        return fingerprint(self.certificate)


@cache
def _load(keys_dir: Path, passphrase: str, changed: int) -> SealKey:
    try:
        private = serialization.load_pem_private_key((keys_dir / "seal.key").read_bytes(), passphrase.encode())
        certificate = x509.load_pem_x509_certificate((keys_dir / "seal.cer").read_bytes())
        root = x509.load_pem_x509_certificate((keys_dir / "root.cer").read_bytes())
        certificate.verify_directly_issued_by(root)
    except OSError as error:
        raise KeyTrouble(f"{error.filename} cannot be read") from error
    except Exception as error:  # wrong passphrase, damaged file, another root: several libraries' errors
        raise KeyTrouble(f"the key in {keys_dir} does not open: wrong passphrase, or damaged or mixed files") from error
    if not isinstance(private, EllipticCurvePrivateKey) or private.public_key() != certificate.public_key():
        raise KeyTrouble(f"seal.key and seal.cer in {keys_dir} do not belong together")
    return SealKey(private, certificate, root)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def roots(keys_dir: Path) -> list[x509.Certificate]:
    """Return the root certificates that are ours, which takes no passphrase. Raise ``KeyTrouble`` if there is none."""
    try:
        return [x509.load_pem_x509_certificate((keys_dir / "root.cer").read_bytes())]
    except (OSError, ValueError) as error:
        raise KeyTrouble(f"there is no root certificate in {keys_dir}") from error


def make_keys(keys_dir: Path, passphrase: str, clinic_name: str, *, now: datetime | None = None) -> SealKey:
    """Make the clinic's root and sealing key in ``keys_dir`` and return the sealing key.

    Raise ``KeyTrouble`` without a passphrase or a name, and where any of the files is there already: a new root would
    make strangers of all documents sealed before.
    """
    if not passphrase or not clinic_name.strip():
        raise KeyTrouble("a passphrase and the clinic's name are needed")
    there = [name for name in FILES if (keys_dir / name).exists()]
    if there:
        raise KeyTrouble(f"{keys_dir} already holds {', '.join(there)}; nothing was changed")
    now = now or datetime.now(UTC)
    root_key, seal_key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root = _certificate(clinic_name, "Root of the clinic's seal", root_key, None, now, ROOT_DAYS)
    leaf = _certificate(clinic_name, "The clinic's seal", seal_key, (root, root_key), now, SEAL_DAYS)
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys_dir.chmod(0o700)
    _write(keys_dir / "root.key", _private_pem(root_key, passphrase))
    _write(keys_dir / "root.cer", root.public_bytes(serialization.Encoding.PEM))
    _write(keys_dir / "seal.key", _private_pem(seal_key, passphrase))
    _write(keys_dir / "seal.cer", leaf.public_bytes(serialization.Encoding.PEM))
    return SealKey.load(keys_dir, passphrase)


def _certificate(
    clinic_name: str,
    role: str,
    key: EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, EllipticCurvePrivateKey] | None,
    now: datetime,
    days: int,
) -> x509.Certificate:
    """Return a certificate for ``key``: a root without an issuer, a sealing certificate with one."""
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, clinic_name.strip()[:LONGEST_NAME])
    subject = x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, role)])
    is_root = issuer is None
    issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(_usage(is_root), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _usage(is_root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_root,
        content_commitment=not is_root,  # "non-repudiation": pyHanko asks for it in a document's signer
        key_cert_sign=is_root,
        crl_sign=is_root,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: EllipticCurvePrivateKey, passphrase: str) -> bytes:
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _write(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, for its owner alone to read, down to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
