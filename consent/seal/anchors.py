"""Anchors: where the journal was, at a time, under the clinic's seal, in a file outside the database. No Django.

A chain cannot see its own missing end, nor that all of it was written anew. An anchor can: one JSON line with the
number and the hash of the journal's last row, how many rows there were, and when, signed with the sealing key. Lines
are numbered, so that one taken out of the middle shows; and the journal's own row about each anchor holds the digest of
the line before it, so that the journal and the file vouch for each other.
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
    """A line of the file is not an anchor, not one of ours, or not in its place. ``number`` counts lines from 1."""

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
    """Return a signed anchor. ``sign`` makes the DER signature (ECDSA, SHA-256) of the bytes that it is given."""
    bare = Anchor(number, seq, hash, count, at.astimezone(UTC).strftime(WHEN), certificate)
    return Anchor(**{**asdict(bare), "signature": base64.b64encode(sign(bare.signed)).decode()})


def read(path: Path) -> list[Anchor]:
    """Return the anchors of a file, none if there is no file. Raise ``BadAnchor`` at the first bad line.

    A last line without its end was never written whole (a power cut), and is no anchor.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = content[: content.rfind(b"\n") + 1]
    return [_parsed(number, line) for number, line in enumerate(whole.splitlines(keepends=True), start=1)]


def _parsed(number: int, line: bytes) -> Anchor:
    kinds = {each.name: (int if each.type == "int" else str) for each in fields(Anchor)}
    try:
        told = json.loads(line)
        if {name: type(value) for name, value in told.items()} != kinds:
            raise BadAnchor(number, "is not an anchor")
        found = Anchor(**told)
        exact = found.line() == line and found.when is not None
    except (ValueError, AttributeError) as error:
        raise BadAnchor(number, "is not an anchor") from error
    if not exact:
        raise BadAnchor(number, "is not written as an anchor is")
    return found


def check(
    found: Sequence[Anchor], certificates: Mapping[str, x509.Certificate], roots: Sequence[x509.Certificate]
) -> None:
    """Check the order, the numbers and the signature of every anchor. Raise ``BadAnchor`` at the first bad one.

    ``certificates``: the sealing certificates, earlier ones too, by the SHA-256 of each in hex.
    """
    seq = 0
    for number, each in enumerate(found, start=1):
        if each.number != number:
            raise BadAnchor(number, f"has the number {each.number}: a line is missing, doubled or moved")
        if each.seq < seq or each.count != each.seq:
            raise BadAnchor(number, "does not fit a journal that only grows, without gaps")
        seq = each.seq
        certificate = certificates.get(each.certificate)
        if certificate is None or not issued_by(certificate, roots):
            raise BadAnchor(number, "is signed with a certificate that is not ours")
        if not certificate.not_valid_before_utc <= each.when <= certificate.not_valid_after_utc:
            raise BadAnchor(number, "was signed when its certificate was not valid")
        if not is_signed(each.signed, each.signature, certificate):
            raise BadAnchor(number, "was changed after it was signed")


def issued_by(certificate: x509.Certificate, roots: Sequence[x509.Certificate]) -> bool:
    """Say whether one of ``roots`` vouches for a sealing certificate."""
    for root in roots:
        try:
            certificate.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def is_signed(data: bytes, signature: str, certificate: x509.Certificate) -> bool:
    """Say whether ``signature``, in base64, is of ``data`` by the key that ``certificate`` is for."""
    public = certificate.public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    try:
        public.verify(base64.b64decode(signature, validate=True), data, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error):
        return False
    return True


class Busy(Exception):
    """Another process writes an anchor just now."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing anchors until the block ends. Raise ``Busy`` if one does so now."""
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
    """Add one anchor at the end of the file, in one write, down to the disk. Hold ``alone`` around it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        content = path.read_bytes()
        if not content.endswith(b"\n"):  # the rest of a line that a power cut left
            os.ftruncate(file, content.rfind(b"\n") + 1)
        line = anchor.line()
        if os.write(file, line) != len(line):
            raise OSError(f"{path} took only a part of the line: is the disk full?")
        os.fsync(file)
    finally:
        os.close(file)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # of a new file, its name as well
    finally:
        os.close(folder)
