"""A backup as one file: a manifest, the copy of the database and the anchors, in a tar, in an age envelope. No Django.

The envelope is the age format (age-encryption.org/v1, X25519 and ChaCha20-Poly1305): the server knows only for whom to
close it, so that whoever steals the server and its backups opens none; and any age program opens it without us. Anybody
can close an envelope, so the manifest is signed with the sealing key, and holds the SHA-256 of the rest.
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
    """It is not a backup of ours, cannot be opened, or is not as it was made. In words for an administrator."""


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

    def sign(self, how: Callable[[bytes], bytes]) -> Manifest:
        """Return it signed. ``how`` makes the DER signature (ECDSA, SHA-256) of the bytes that it is given."""
        return Manifest(**{**asdict(self), "signature": base64.b64encode(how(self.signed)).decode()})

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
        told = json.loads((folder / MANIFEST).read_bytes())
        if set(told) != {each.name for each in fields(Manifest)}:
            raise BadBackup("its manifest has other fields than ours")
        return Manifest(**told)
    except (OSError, ValueError, TypeError) as error:
        raise BadBackup("its manifest cannot be read") from error


def pack(folder: Path, manifest: Manifest, to: Path, recipients: str) -> None:
    """Write the files of ``folder`` that ``manifest`` names, and itself, into the new file ``to``, down to the disk.

    ``recipients``: age recipients, one a line. Raise ``BadBackup`` for a line that is none, and ``OSError``.
    """
    (folder / MANIFEST).write_bytes(rfc8785.dumps(asdict(manifest)))
    plain = folder / "backup.tar"
    with tarfile.open(plain, "w") as tar:
        for name in (MANIFEST, *sorted(manifest.files)):
            tar.add(folder / name, arcname=name)
    with whole(to) as half, plain.open("rb") as source, half.open("wb") as sealed:
        pyrage.encrypt_io(source, sealed, _recipients(recipients))


def unpack(source: Path, folder: Path, key: str) -> None:
    """Open a backup with ``key``, the text of an age identity file, and put what is in it into ``folder``.

    Raise ``BadBackup`` if that key does not open it, one byte of it was changed, or it holds anything else.
    """
    plain = folder / "backup.tar"
    try:
        with source.open("rb") as sealed, plain.open("wb") as opened:
            pyrage.decrypt_io(sealed, opened, _identities(key))
        with tarfile.open(plain) as tar:
            _take_out(tar, folder)
    except (pyrage.DecryptError, OSError, tarfile.TarError) as error:
        raise BadBackup(f"it does not open with this key, is damaged, or is no backup ({error})") from error
    finally:
        plain.unlink(missing_ok=True)


def _take_out(tar: tarfile.TarFile, folder: Path) -> None:
    """Copy by name and content alone: Debian 12 has Python 3.11.2, and ``extractall`` a safe filter from 3.11.4 on."""
    allowed = {MANIFEST, ANCHORS, *COPY.values()}
    for each in tar:
        content = tar.extractfile(each) if each.isreg() and each.name in allowed else None
        if content is None:
            raise BadBackup("it holds something that is not a backup's")
        with (folder / each.name).open("wb") as file:
            shutil.copyfileobj(content, file)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a file beside ``path``, for its owner alone, that takes its place once it is whole and on the disk."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        half = Path(file.name)
    try:
        yield half
        to_disk(half)
        half.rename(path)
        to_disk(path.parent)
    finally:
        half.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def new_key(at: datetime) -> tuple[str, str]:
    """Return an age identity file's text, which opens backups, and the recipient's line, which closes them."""
    identity = pyrage.x25519.Identity.generate()
    closes = str(identity.to_public())
    return f"# opens backups; made {at:%Y-%m-%d}\n# public key: {closes}\n{identity}\n", f"{closes}\n"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _recipients(text: str) -> list[pyrage.x25519.Recipient]:
    try:
        found = [pyrage.x25519.Recipient.from_str(line) for line in _lines(text)]
    except pyrage.RecipientError as error:
        raise BadBackup("a line of the recipients' file is not an age recipient (age1…)") from error
    if not found:
        raise BadBackup("the recipients' file names nobody: nobody could open the backup")
    return found


def _identities(text: str) -> list[pyrage.x25519.Identity]:
    try:
        return [pyrage.x25519.Identity.from_str(line) for line in _lines(text)]
    except pyrage.IdentityError as error:
        raise BadBackup("the key file does not hold an age identity (AGE-SECRET-KEY-1…)") from error
