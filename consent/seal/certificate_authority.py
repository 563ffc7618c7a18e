"""Make the root and sealing key, replace a sealing key, and revoke one. No Django, no PDF.

The last two need the root's private key, which is kept off the machine: bring it back only for this.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.x509.oid import NameOID

from consent.seal.keys import (
    EARLIER,
    REVOKED,
    ROOT_CERTIFICATE,
    SEAL_CERTIFICATE,
    SEAL_KEY,
    KeyTrouble,
    SealKey,
    certificate_in,
    changing,
    fingerprint,
    open_private,
    revocations,
    roots,
)
from consent.seal.pkcs11_key import HardwareKey, HardwareTrouble

ROOT_KEY = "root.key"
ROOT_DAYS = 3652  # ten years
SEAL_DAYS = 730  # two years
# As for the secret key. `cryptography` stretches a passphrase little (PBKDF2, 2,048 rounds): its length must protect.
LEAST_PASSPHRASE = 32  # characters
LONGEST_NAME = 64  # characters of a name in a certificate (RFC 5280, ub-organization-name)
CLOCKS_DIFFER = timedelta(minutes=5)

Issuer = tuple[x509.Certificate, EllipticCurvePrivateKey]


def make_keys(
    keys_dir: Path,
    passphrase: str,
    clinic_name: str,
    *,
    hardware: HardwareKey | None = None,
    now: datetime | None = None,
) -> SealKey:
    """Make the clinic's root and sealing key in ``keys_dir`` and return the sealing key.

    With ``hardware`` the sealing key is made in the token, unless it holds one of that label. Raise ``KeyTrouble``
    without a long passphrase or a name, or if any of the files exists: under a new root, documents sealed before would
    no longer count as ours.
    """
    _check_passphrase(passphrase)
    if not clinic_name.strip():
        raise KeyTrouble("the clinic's name is needed")
    existing = [name for name in (ROOT_KEY, ROOT_CERTIFICATE, SEAL_KEY, SEAL_CERTIFICATE) if (keys_dir / name).exists()]
    if existing:
        raise KeyTrouble(f"{keys_dir} already holds {', '.join(existing)}; nothing was changed")
    now = now or datetime.now(UTC)
    public, private = _key_pair(hardware)  # this can fail, so it comes before anything is written
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys_dir.chmod(0o700)
    root = _write_root(keys_dir, passphrase, clinic_name, now)
    _write_seal(keys_dir, passphrase, _certificate(clinic_name, "The clinic's seal", public, root, now), private)
    return SealKey.load(keys_dir, passphrase, hardware)


def new_seal_key(
    keys_dir: Path,
    passphrase: str,
    *,
    root_key: Path,
    root_passphrase: str = "",
    hardware: HardwareKey | None = None,
    now: datetime | None = None,
) -> SealKey:
    """Replace the sealing key in use and return the new one. Seals made before still verify.

    ``root_key`` is the file of the root's private key, opened with ``root_passphrase`` or else ``passphrase``. The
    earlier certificate is kept, the earlier private key file is not. Raise ``KeyTrouble`` and change nothing if the
    root's key is not the one of ``root.cer``, or the root ends before the next key would.
    """
    _check_passphrase(passphrase)
    root = _root(keys_dir, root_key, root_passphrase or passphrase)
    now = now or datetime.now(UTC)
    if root[0].not_valid_after_utc < now + timedelta(days=SEAL_DAYS):
        raise KeyTrouble(f"the root ends on {root[0].not_valid_after_utc:%Y-%m-%d}: make a new root (--new-root)")
    public, private = _key_pair(hardware)
    certificate = _certificate(_organisation(root[0]), "The clinic's seal", public, root, now)
    with changing(keys_dir):
        _keep_earlier(keys_dir, SEAL_CERTIFICATE, "cer")
        _write_seal(keys_dir, passphrase, certificate, private)
    return SealKey.load(keys_dir, passphrase, hardware)


def new_root(
    keys_dir: Path,
    passphrase: str,
    clinic_name: str,
    *,
    hardware: HardwareKey | None = None,
    now: datetime | None = None,
) -> SealKey:
    """Make a new root and a sealing key, because the root's private key is lost or the root ends soon.

    The earlier root's certificate is kept, so that what was sealed under it still verifies. Raise ``KeyTrouble`` and
    change nothing if the earlier root's private key is still in the folder.
    """
    if (keys_dir / ROOT_KEY).exists():
        raise KeyTrouble(f"{keys_dir / ROOT_KEY} is still there: use it for the next sealing key, or remove it first")
    _check_passphrase(passphrase)
    if not clinic_name.strip():
        raise KeyTrouble("the clinic's name is needed")
    now = now or datetime.now(UTC)
    public, private = _key_pair(hardware)
    with changing(keys_dir):
        _keep_earlier(keys_dir, ROOT_CERTIFICATE, "root.cer")
        _keep_earlier(keys_dir, SEAL_CERTIFICATE, "cer")
        root = _write_root(keys_dir, passphrase, clinic_name, now)
        _write_seal(keys_dir, passphrase, _certificate(clinic_name, "The clinic's seal", public, root, now), private)
    return SealKey.load(keys_dir, passphrase, hardware)


def revoke(
    keys_dir: Path,
    certificate_sha256: str,
    *,
    since: datetime,
    root_key: Path,
    root_passphrase: str,
    now: datetime | None = None,
) -> Path:
    """Revoke a certificate: its seals no longer count from ``since`` on. Return the path of the list, which is public.

    ``certificate_sha256``: of the certificate in use or an earlier one, in hex. Raise ``KeyTrouble`` if it is not known
    here, or if the root's key is not ours.
    """
    root = _root(keys_dir, root_key, root_passphrase)
    paths = [keys_dir / SEAL_CERTIFICATE, *(keys_dir / EARLIER).glob("*.cer")]
    by_sha256 = {fingerprint(certificate): certificate for certificate in map(certificate_in, paths)}
    if (certificate := by_sha256.get(certificate_sha256.lower())) is None:
        raise KeyTrouble(f"no certificate here has the SHA-256 {certificate_sha256}")
    now = now or datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root[0].subject)
        .last_update(now)
        .next_update(root[0].not_valid_after_utc)
    )
    for revoked in revocations(keys_dir) or ():
        if revoked.serial_number != certificate.serial_number:
            builder = builder.add_revoked_certificate(revoked)
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(certificate.serial_number)
        .revocation_date(now)
        .add_extension(x509.InvalidityDate(since.astimezone(UTC).replace(tzinfo=None)), critical=False)
        .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        .build()
    )
    signed = builder.add_revoked_certificate(entry).sign(root[1], hashes.SHA256())
    _replace(keys_dir / REVOKED, signed.public_bytes(serialization.Encoding.DER), mode=0o444)
    return keys_dir / REVOKED


def _check_passphrase(passphrase: str) -> None:
    if len(passphrase) < LEAST_PASSPHRASE:
        raise KeyTrouble(f"the passphrase (CLINIC_SEAL_PASSPHRASE) needs {LEAST_PASSPHRASE} characters or more")


def _key_pair(hardware: HardwareKey | None) -> tuple[EllipticCurvePublicKey, EllipticCurvePrivateKey | None]:
    """Return the next key: its public half, and its private half unless the hardware keeps it."""
    if hardware is None:
        private = generate_private_key(SECP256R1())
        return private.public_key(), private
    try:
        if not hardware.exists():
            hardware.make()
        return hardware.public_key(), None
    except HardwareTrouble as trouble:
        raise KeyTrouble(str(trouble)) from trouble


def _root(keys_dir: Path, root_key: Path, passphrase: str) -> Issuer:
    certificate, private = roots(keys_dir)[0], open_private(root_key, passphrase)
    if certificate.public_key() != private.public_key():
        raise KeyTrouble(f"{root_key} is not the key of {keys_dir / ROOT_CERTIFICATE}")
    return certificate, private


def _organisation(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)


def _write_root(keys_dir: Path, passphrase: str, clinic_name: str, now: datetime) -> Issuer:
    private = generate_private_key(SECP256R1())
    certificate = _certificate(clinic_name, "Root of the clinic's seal", private.public_key(), private, now)
    _replace(keys_dir / ROOT_KEY, _private_pem(private, passphrase))
    _replace(keys_dir / ROOT_CERTIFICATE, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, private


def _write_seal(
    keys_dir: Path, passphrase: str, certificate: x509.Certificate, private: EllipticCurvePrivateKey | None
) -> None:
    if private is None:
        (keys_dir / SEAL_KEY).unlink(missing_ok=True)
    else:
        _replace(keys_dir / SEAL_KEY, _private_pem(private, passphrase))
    _replace(keys_dir / SEAL_CERTIFICATE, certificate.public_bytes(serialization.Encoding.PEM))


def _keep_earlier(keys_dir: Path, name: str, ending: str) -> None:
    certificate = certificate_in(keys_dir / name)
    (keys_dir / EARLIER).mkdir(mode=0o700, exist_ok=True)
    kept = keys_dir / EARLIER / f"{fingerprint(certificate)}.{ending}"
    _replace(kept, certificate.public_bytes(serialization.Encoding.PEM))


def _certificate(
    clinic_name: str, role: str, key: EllipticCurvePublicKey, issuer: Issuer | EllipticCurvePrivateKey, now: datetime
) -> x509.Certificate:
    """Return a certificate for ``key``: a sealing certificate under an issuer, or a root signed by its own key."""
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, clinic_name.strip()[:LONGEST_NAME])
    subject = x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, role)])
    is_root = not isinstance(issuer, tuple)
    issuer_name, issuer_key = issuer if isinstance(issuer, tuple) else (None, issuer)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name.subject if issuer_name else subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=ROOT_DAYS if is_root else SEAL_DAYS))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(_usage(is_root), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
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


def _replace(path: Path, content: bytes, mode: int = 0o400) -> None:
    """Write a file under another name, wait for the disk, then rename it: whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
