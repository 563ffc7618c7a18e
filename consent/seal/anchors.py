"""Anchors: where the journal stood at a time, signed with the sealing key, in a file outside the database. No Django.

A hash chain cannot show that its end is missing or that all of it was rewritten. An anchor can: one signed JSON line
with the number and hash of the journal's last row, the number of rows, and the time. Lines are numbered, so that a
missing one shows; and the journal's row about each anchor holds the digest of the line before it, so that the journal
and the file vouch for each other.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import rfc8785
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from clinic.domain.digests import sha256

FORMAT = b"dn-anchor-1\n"
WHEN = "%Y-%m-%dT%H:%M:%SZ"


class BadAnchor(Exception):
    """A line of the file is not an anchor, is not ours, or is out of place. ``number`` counts lines from 1."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"line {number}: {what}")
        self.number = number


@dataclass(frozen=True)
class Anchor:
    """One line. ``number``: of the line, from 1; ``seq`` and ``hash``: of the journal's last row; ``count``: how many
    rows there were; ``at``: UTC; ``certificate``: SHA-256 of the sealing certificate, in hex; ``signature``: base64.
    """

    number: int
    seq: int
    hash: str
    count: int
    at: str
    certificate: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """The bytes under the signature: the format's name and the canonical JSON (RFC 8785) of all other fields."""
        return FORMAT + rfc8785.dumps({name: value for name, value in asdict(self).items() if name != "signature"})

    @property
    def when(self) -> datetime:
        """``at`` as an aware time."""
        return datetime.strptime(self.at, WHEN).replace(tzinfo=UTC)

    def line(self) -> bytes:
        """Return the anchor as it stands in the file, with its end of line."""
        return rfc8785.dumps(asdict(self)) + b"\n"

    @property
    def digest(self) -> str:
        """The SHA-256 of the line, in hex."""
        return sha256(self.line())


def make(
    *, number: int, seq: int, hash: str, count: int, at: datetime, certificate: str, sign: Callable[[bytes], bytes]
) -> Anchor:
    """Return a signed anchor. ``sign`` returns the DER signature (ECDSA, SHA-256) of bytes."""
    bare = Anchor(number, seq, hash, count, at.astimezone(UTC).strftime(WHEN), certificate)
    return Anchor(**{**asdict(bare), "signature": base64.b64encode(sign(bare.signed)).decode()})


def read(path: Path) -> list[Anchor]:
    """Return the anchors of a file, none if there is no file. Raise ``BadAnchor`` at the first bad line.

    A last line without a line end was not written whole (a power cut), and does not count.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = content[: content.rfind(b"\n") + 1]
    return [_parsed(number, line) for number, line in enumerate(whole.splitlines(keepends=True), start=1)]


def _parsed(number: int, line: bytes) -> Anchor:
    types = {field.name: (int if field.type == "int" else str) for field in fields(Anchor)}
    try:
        values = json.loads(line)
        if {name: type(value) for name, value in values.items()} != types:
            raise BadAnchor(number, "is not an anchor")
        anchor = Anchor(**values)
        exact = anchor.line() == line and anchor.when is not None
    except (ValueError, AttributeError) as error:
        raise BadAnchor(number, "is not an anchor") from error
    if not exact:
        raise BadAnchor(number, "is not written as an anchor is")
    return anchor


def check(
    anchors: Sequence[Anchor], certificates: Mapping[str, x509.Certificate], roots: Sequence[x509.Certificate]
) -> None:
    """Check the order, numbers and signature of every anchor. Raise ``BadAnchor`` at the first bad one.

    ``certificates``: the sealing certificates, earlier ones too, by the SHA-256 of each in hex.
    """
    seq = 0
    for number, anchor in enumerate(anchors, start=1):
        if anchor.number != number:
            raise BadAnchor(number, f"has the number {anchor.number}: a line is missing, doubled or moved")
        if anchor.seq < seq or anchor.count != anchor.seq:
            raise BadAnchor(number, "does not fit a journal that only grows, without gaps")
        seq = anchor.seq
        certificate = certificates.get(anchor.certificate)
        if certificate is None or not issued_by(certificate, roots):
            raise BadAnchor(number, "is signed with a certificate that is not ours")
        if not certificate.not_valid_before_utc <= anchor.when <= certificate.not_valid_after_utc:
            raise BadAnchor(number, "was signed when its certificate was not valid")
        if not is_signed(anchor.signed, anchor.signature, certificate):
            raise BadAnchor(number, "was changed after it was signed")


def issued_by(certificate: x509.Certificate, roots: Sequence[x509.Certificate]) -> bool:
    """Say whether one of ``roots`` issued a certificate."""
    for root in roots:
        try:
            certificate.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def is_signed(data: bytes, signature: str, certificate: x509.Certificate) -> bool:
    """Say whether ``signature``, in base64, was made over ``data`` with the key of ``certificate``."""
    public = certificate.public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    try:
        public.verify(base64.b64decode(signature, validate=True), data, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error):
        return False
    return True


class Busy(Exception):
    """Another process is writing an anchor."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing anchors until the block ends. Raise ``Busy`` if one is at it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Busy(f"{path} is being written by another process") from error
    finally:
        os.close(lock)


def append(path: Path, anchor: Anchor) -> None:
    """Append one anchor to the file in one write, and wait for the disk. Call it within ``alone``."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        content = path.read_bytes()
        if not content.endswith(b"\n"):  # what a power cut left of a line
            os.ftruncate(file, content.rfind(b"\n") + 1)
        line = anchor.line()
        if os.write(file, line) != len(line):
            raise OSError(f"{path} took only part of the line: is the disk full?")
        os.fsync(file)
    finally:
        os.close(file)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a new file's name too
    finally:
        os.close(folder)
