"""What came after a consent, frozen: the record that its own sealed PDF shows and carries. Pure: no Django.

It cites the first document by the SHA-256 of its file and of its record, and changes neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from consent.domain.record import Clinic, Moment, Proof, read_as

FORMAT = "dry-needling-consent-after/1"
WITHDRAWN, SUPERSEDED, IN_ERROR = "withdrawn", "superseded", "in_error"
KINDS = (WITHDRAWN, SUPERSEDED, IN_ERROR)


@dataclass(frozen=True)
class PatientNamed:
    """Whose consent it was. ``born`` is an ISO date."""

    name: str
    born: str


@dataclass(frozen=True)
class First:
    """The consent that this is about. The digests are SHA-256 in hex: of the sealed file, and of the record in it."""

    number: str
    confirmed_at: Moment
    confirmed_by: str
    sealed_at: Moment
    file_sha256: str
    record_sha256: str

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a digest that is none."""
        _digest(self.file_sha256, "first.file_sha256")
        _digest(self.record_sha256, "first.record_sha256")


@dataclass(frozen=True)
class Replacement:
    """The consent that holds instead."""

    number: str
    confirmed_at: Moment
    record_sha256: str

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a digest that is none."""
        _digest(self.record_sha256, "replaced_by.record_sha256")


@dataclass(frozen=True)
class Withdrawal:
    """Who took consent back, and how. ``name`` is that of a guardian or representative, "" for the patient."""

    who: str
    who_words: str
    name: str
    how: str
    how_words: str


@dataclass(frozen=True)
class By:
    """Who noted it: a staff member with role, or a tablet (``identified_at``: the birth date was confirmed on it)."""

    name: str
    role: str
    registration_number: str
    tablet: str
    identified_at: Moment | None


@dataclass(frozen=True, kw_only=True)
class StatusRecord:
    """The whole of it. ``at``: when it was said or found; ``written_at``: when it was noted here."""

    format: str = FORMAT
    number: str
    kind: str
    kind_words: str
    clinic: Clinic
    patient: PatientNamed
    first: First
    withdrawal: Withdrawal | None
    replaced_by: Replacement | None
    reason: str
    by: By
    at: Moment
    written_at: Moment
    proof: Proof

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for another format or kind, and for a withdrawal that does not say who."""
        if self.format != FORMAT:
            raise ValueError(f"format: {self.format!r} is not known; allowed: {FORMAT}")
        if self.kind not in KINDS:
            raise ValueError(f"kind: {self.kind!r} is not known; allowed: {', '.join(KINDS)}")
        if (self.kind == WITHDRAWN) != (self.withdrawal is not None):
            raise ValueError("withdrawal: stands in the record of a withdrawal, and in no other")


def _digest(value: str, where: str) -> None:
    if not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError(f"{where}: {value!r} is not a SHA-256 in hex")


def read(data: bytes) -> StatusRecord:
    """Return the record that ``data`` is the canonical form of. Raise ``ValueError``, as ``record.read`` does."""
    return read_as(StatusRecord, data, FORMAT)
