"""A backup as one file: a manifest, the copy of the database and the anchors, in a tar, in an age envelope. No Django.

The envelope is the age format (age-encryption.org/v1, X25519 and ChaCha20-Poly1305): the server knows only whom
to encrypt for, so whoever steals the server and its backups can open none; and any age program opens it without us.
Anybody can encrypt, so the manifest is signed with the sealing key, and holds the SHA-256 of the rest.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import pyrage
import rfc8785
from cryptography import x509

from clinic.domain.digests import file_sha256
from consent.seal.anchors import is_signed, issued_by

FORMAT = b"dn-backup-1\n"
MANIFEST, ANCHORS = "manifest.json", "anchors.jsonl"
COPY = {"sqlite": "clinic.sqlite3", "postgresql": "clinic.dump"}
SUFFIX = ".backup.age"


class BadBackup(Exception):
    """Not a backup of ours, or it cannot be opened or made, or was changed. In words for an administrator."""


@dataclass(frozen=True)
class Manifest:
    """What is in a backup. ``at``: UTC, ISO 8601; ``engine``: a key of ``COPY``; ``seq`` and ``hash``: of the journal's
    last row; ``counts``: rows by table; ``files``: SHA-256 by name, in hex; ``certificate``: SHA-256 of the sealing
    certificate, in hex; ``signature``: base64.
    """

    at: str
    engine: str
    seq: int
    hash: str
    counts: Mapping[str, int]
    files: Mapping[str, str]
    certificate: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """The bytes under the signature: the format's name and the canonical JSON (RFC 8785) of all other fields."""
        return FORMAT + rfc8785.dumps({name: value for name, value in asdict(self).items() if name != "signature"})

    def sign(self, signer: Callable[[bytes], bytes]) -> Manifest:
        """Return it signed. ``signer`` returns the DER signature (ECDSA, SHA-256) of bytes."""
        return Manifest(**{**asdict(self), "signature": base64.b64encode(signer(self.signed)).decode()})

    def check(
        self, folder: Path, certificates: Mapping[str, x509.Certificate], roots: Sequence[x509.Certificate]
    ) -> None:
        """Check who signed it, and the files in ``folder`` against it. Raise ``BadBackup``."""
        certificate = certificates.get(self.certificate)
        if certificate is None or not issued_by(certificate, roots):
            raise BadBackup("its manifest is signed with a key that is not ours")
        if not is_signed(self.signed, self.signature, certificate):
            raise BadBackup("its manifest was changed after it was signed")
        if set(self.files) != {ANCHORS, COPY.get(self.engine)}:
            raise BadBackup("its manifest does not name the database and the anchors")
        for name, digest in self.files.items():
            if file_sha256(folder / name) != digest:
                raise BadBackup(f"{name} is not the one that its manifest names")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest in ``folder``, not yet checked. Raise ``BadBackup``."""
    try:
        values = json.loads((folder / MANIFEST).read_bytes())
        if set(values) != {field.name for field in fields(Manifest)}:
            raise BadBackup("its manifest has other fields than ours")
        return Manifest(**values)
    except (OSError, ValueError, TypeError) as error:
        raise BadBackup("its manifest cannot be read") from error


def pack(folder: Path, manifest: Manifest, to: Path, recipients: str) -> None:
    """Write ``manifest`` and the files of ``folder`` that it names into the new file ``to``, and wait for the disk.

    ``recipients``: age recipients, one a line. Raise ``BadBackup`` for a line that is not one, and ``OSError``.
    """
    (folder / MANIFEST).write_bytes(rfc8785.dumps(asdict(manifest)))
    plain = folder / "backup.tar"
    with tarfile.open(plain, "w") as tar:
        for name in (MANIFEST, *sorted(manifest.files)):
            tar.add(folder / name, arcname=name)
    with whole(to) as partial, plain.open("rb") as source, partial.open("wb") as sealed:
        pyrage.encrypt_io(source, sealed, _recipients(recipients))


def unpack(source: Path, folder: Path, key: str) -> None:
    """Open a backup with ``key``, the text of an age identity file, and extract it into ``folder``.

    Raise ``BadBackup`` if that key does not open it, a byte of it was changed, or it holds anything else.
    """
    plain = folder / "backup.tar"
    try:
        with source.open("rb") as sealed, plain.open("wb") as opened:
            pyrage.decrypt_io(sealed, opened, _identities(key))
        with tarfile.open(plain) as tar:
            _extract(tar, folder)
    except (pyrage.DecryptError, OSError, tarfile.TarError) as error:
        raise BadBackup(f"it does not open with this key, is damaged, or is no backup ({error})") from error
    finally:
        plain.unlink(missing_ok=True)


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Copy name and content alone: ``extractall`` has no safe filter in Debian 12's Python 3.11.2."""
    allowed = {MANIFEST, ANCHORS, *COPY.values()}
    for member in tar:
        content = tar.extractfile(member) if member.isreg() and member.name in allowed else None
        if content is None:
            raise BadBackup("it holds something that does not belong in a backup")
        with (folder / member.name).open("wb") as file:
            shutil.copyfileobj(content, file)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a file beside ``path``, readable by its owner alone, that replaces it once it is whole and on the disk."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        partial = Path(file.name)
    try:
        yield partial
        to_disk(partial)
        partial.rename(path)
        to_disk(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def new_key(at: datetime) -> tuple[str, str]:
    """Return the text of an age identity file, which opens backups, and the recipient line to encrypt them for."""
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    return f"# opens backups; made {at:%Y-%m-%d}\n# public key: {recipient}\n{identity}\n", f"{recipient}\n"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _recipients(text: str) -> list[pyrage.x25519.Recipient]:
    try:
        recipients = [pyrage.x25519.Recipient.from_str(line) for line in _lines(text)]
    except pyrage.RecipientError as error:
        raise BadBackup("a line of the recipients' file is not an age recipient (age1…)") from error
    if not recipients:
        raise BadBackup("the recipients' file names nobody: nobody could open the backup")
    return recipients


def _identities(text: str) -> list[pyrage.x25519.Identity]:
    try:
        return [pyrage.x25519.Identity.from_str(line) for line in _lines(text)]
    except pyrage.IdentityError as error:
        raise BadBackup("the key file does not hold an age identity (AGE-SECRET-KEY-1…)") from error
