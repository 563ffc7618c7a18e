"""Is everything on record as it was written? Reads the whole database once, in batches, and changes nothing.

Each part reports what it checked, or the first row that is wrong. Nothing here relies on one table alone: the journal
is compared with the anchors outside the database, consents and files with the journal's rows about them, files with
the seal, and visits with their own rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography import x509
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower

from clinic.domain import hash_chain
from clinic.domain.digests import sha256
from clinic.domain.flow import Stage
from clinic.models import Journal, Tombstone, Visit
from clinic.storage.encrypted_fields import with_keys
from clinic.storage.patient_keys import Erased, Unreadable
from consent.models import Consent, ConsentStatusChange, SealedFile, SealedStatusChange, Timestamp
from consent.seal import anchors, installation_trust
from consent.seal.keys import EARLIER, SEAL_CERTIFICATE, certificate_in, fingerprint, roots
from consent.seal.pades import attached, verify
from consent.seal.timestamp import StampTrouble, check
from consent.status.consent_state import ACTION, MARK

BATCH = 500
KINDS = {action: kind.value for kind, action in ACTION.items()}
# The two ways from a status change to its visit: by a confirmed consent, or by a voided signature. With both in one
# query, the database would read every status change.
WAYS = ("consent__visit", "voiding__given__visit")


class Wrong(Exception):
    """The first row of a part that is not as it was written."""


@dataclass(frozen=True)
class AuditFinding:
    """The result of one part of the audit: its name, whether it is ``sound``, and the details in words."""

    part: str
    sound: bool
    words: str


def audit() -> Iterator[AuditFinding]:
    """Check everything, one part after the other, and yield its finding.

    Raise ``KeyTrouble`` without our root certificate: then nothing can be verified.
    """
    installation_trust.trust()
    # Anchors are read before the journal: every row they name is then in the database, even while the clinic works.
    marks: list[anchors.Anchor] = []
    anchored = _part("anchors", lambda: _anchors(marks))
    yield anchored
    yield _part("journal", lambda: _journal(marks if anchored.sound else None))
    yield _part("records", _records)
    yield _part("sealed files", _files)
    yield _part("timestamps", _timestamps)
    yield _part("visits", _visits)


def _part(name: str, run: Callable[[], str]) -> AuditFinding:
    try:
        return AuditFinding(name, True, run())
    except (Wrong, hash_chain.Broken, anchors.BadAnchor) as wrong:
        return AuditFinding(name, False, str(wrong))
    except DatabaseError as error:
        return AuditFinding(name, False, f"cannot be read: {error}")


def _anchors(marks: list[anchors.Anchor]) -> str:
    """Read the anchors into ``marks``, if all of them are valid."""
    path = settings.ANCHORS_FILE
    read = anchors.read(path)
    anchors.check(read, certificates(settings.KEYS_DIR), roots(settings.KEYS_DIR))
    marks.extend(read)
    return f"{len(read):,}, the last at row {read[-1].seq:,} on {read[-1].at}" if read else f"none yet in {path.name}"


def certificates(keys_dir: Path) -> dict[str, x509.Certificate]:
    """Return every sealing certificate in ``keys_dir``, earlier ones too, by its SHA-256 in hex."""
    paths = [keys_dir / SEAL_CERTIFICATE, *sorted((keys_dir / EARLIER).glob("*.cer"))]
    kept = [certificate_in(path) for path in paths if path.exists()]
    return {fingerprint(certificate): certificate for certificate in kept}


@dataclass
class _Mentioned:
    """What the journal mentions and must therefore exist, with the number of the row that mentions it."""

    records: dict[tuple[int, str], int] = field(default_factory=dict)  # (visit, digest)
    files: dict[tuple[int, str], int] = field(default_factory=dict)  # (visit, digest)
    after: dict[tuple[int, str], int] = field(default_factory=dict)  # (visit, kind)

    def add(self, row: hash_chain.ChainRow) -> None:
        if row.visit is None:
            return
        digest = str(row.data.get("digest", ""))
        if row.action == "visit moved" and row.data.get("to") == Stage.CONFIRMED:
            self.records[row.visit, digest] = row.seq
        elif row.action == "seal key used" or (row.action == "visit moved" and row.data.get("to") == Stage.SEALED):
            self.files[row.visit, digest] = row.seq
        elif row.action in KINDS:
            self.after[row.visit, KINDS[row.action]] = row.seq

    def check(self) -> None:
        """Raise ``Wrong`` if anything is gone; then start afresh."""
        records = Consent.objects.filter(sha256__in=_digests(self.records)).values_list("visit_id", "sha256")
        files = SealedFile.objects.filter(sha256__in=_digests(self.files)).values_list("consent__visit_id", "sha256")
        later = SealedStatusChange.objects.filter(sha256__in=_digests(self.files))
        later_files = later.values_list("after__consent__visit_id", "sha256")
        visits = [visit for visit, _ in self.after]
        kinds = set().union(
            *(ConsentStatusChange.objects.filter(**{f"{way}__in": visits}).values_list(way, "kind") for way in WAYS)
        )
        _all_exist("its consent", self.records, set(records))
        _all_exist("its sealed file", self.files, {*files, *later_files})
        _all_exist("what came after its consent", self.after, kinds)
        for mentioned in (self.records, self.files, self.after):
            mentioned.clear()


def _digests(mentioned: dict[tuple[int, str], int]) -> list[str]:
    return [digest for _, digest in mentioned]


def _all_exist(what: str, mentioned: dict[tuple[int, str], int], existing: set[Any]) -> None:
    for (visit, which), seq in mentioned.items():
        if (visit, which) not in existing:
            raise Wrong(f"row {seq}: {what} is gone (visit {visit}, {which})")


def _journal(marks: list[anchors.Anchor] | None) -> str:
    """Follow the chain, compare it with the anchors if they are valid, and look for everything that it mentions."""
    last, mentioned = hash_chain.START, _Mentioned()
    rows = hash_chain.anchored(
        _readable(Journal.objects.rows()), [hash_chain.Link(mark.seq, mark.hash) for mark in marks or ()]
    )
    while batch := list(islice(rows, BATCH)):
        for row in batch:
            if marks is not None and row.action == "journal anchored":
                _same_anchors(row, marks)
            mentioned.add(row)
        mentioned.check()
        last = batch[-1].link
    return f"{last.seq:,} rows, each follows the one before it; the last has the hash {last.hash}"


def _readable(rows: Iterator[hash_chain.ChainRow]) -> Iterator[hash_chain.ChainRow]:
    """Yield the rows. Raise ``Broken`` with the number of a row whose columns cannot be read."""
    last = 0
    try:
        for row in rows:
            last = row.seq
            yield row
    except (ValueError, TypeError) as error:
        raise hash_chain.Broken(last + 1, "cannot be read") from error


def _same_anchors(row: hash_chain.ChainRow, marks: list[anchors.Anchor]) -> None:
    """Compare the digest that the journal holds of the previous anchor with the anchors file."""
    before = int(row.data.get("number", 0)) - 1
    if before > len(marks):
        raise Wrong(f"row {row.seq}: there were {before} anchors then, and the file has {len(marks)}")
    if before > 0 and marks[before - 1].digest != row.data.get("digest"):
        raise Wrong(f"row {row.seq}: anchor {before} is another one than was written then")


def _records() -> str:
    """Check the digest of every record, and that the journal row it names still has the same hash."""
    count = erased = 0
    for what, visit, row in _kept_records():
        if _is_erased(row, visit):
            erased += 1
            continue
        digest = row.sha256 if isinstance(row, Consent) else row.record_sha256
        if (record := _opened(row, "record")) is None or sha256(record) != digest:
            raise Wrong(f"the record of {what} of visit {visit} was changed")
        _same_journal(json.loads(record).get("proof", {}), f"the record of {what} of visit {visit}")
        count += 1
    return f"{count:,}, each with its digest{_and(erased)}"


def _and(erased: int) -> str:
    return f"; {erased:,} erased, each with its tombstone" if erased else ""


def _is_erased(row: Consent | SealedFile | SealedStatusChange, visit: int) -> bool:
    """Say whether the key of a row was destroyed. Raise ``Wrong`` if it was and there is no tombstone."""
    try:
        _opened(row, "pdf" if isinstance(row, SealedFile) else "record")
    except Erased:
        if Tombstone.objects.filter(patient__visits=visit).exists():
            return True
        raise Wrong(f"the key of what was agreed at visit {visit} is gone, and there is no tombstone") from None
    return False


def _opened(row: Consent | SealedFile | SealedStatusChange, name: str) -> bytes | None:
    """Return what is encrypted in a row; ``None`` means that it was tampered with."""
    try:
        plain: bytes = getattr(row, name)
    except Unreadable:
        return None
    return plain


def _kept_records() -> Iterator[tuple[str, int, Consent | SealedStatusChange]]:
    for consent in with_keys(Consent.objects.order_by("pk").iterator(chunk_size=BATCH), BATCH):
        yield "the consent", consent.visit_id, consent
    later = SealedStatusChange.objects.select_related("after__consent__visit").defer("pdf", "after__consent__record")
    for change in with_keys(later.order_by("pk").iterator(chunk_size=BATCH), BATCH):
        yield "what came after the consent", change.after.visit.pk, change


def _same_journal(proof: dict[str, Any], what: str) -> None:
    """Check that the journal still has the row that a sealed record names: a witness beside the anchors."""
    seq = proof.get("journal_row", 0)
    if not Journal.objects.filter(seq=seq, hash=proof.get("journal_hash", "")).exists():
        raise Wrong(f"{what} names row {seq} of the journal, and that is another one now")


def _files() -> str:
    """Check every sealed file: its digest, its seal by the strict rule, and the record attached to it."""
    count = erased = 0
    for what, visit, file, source in _kept_files():
        if _is_erased(file, visit):
            erased += 1
            continue
        if problems := _file_problems(file, source):
            raise Wrong(f"the sealed file of {what} of visit {visit}: {' '.join(problems)}")
        count += 1
    return f"{count:,}, each as it was filed, sealed by us, whole, and with the record that is kept here{_and(erased)}"


def _kept_files() -> Iterator[tuple[str, int, SealedFile | SealedStatusChange, Consent | SealedStatusChange]]:
    for file in with_keys(SealedFile.objects.select_related("consent").order_by("pk").iterator(chunk_size=20), 20):
        yield "the consent", file.consent.visit_id, file, file.consent
    later = SealedStatusChange.objects.select_related("after__consent__visit").defer("after__consent__record")
    for change in with_keys(later.order_by("pk").iterator(chunk_size=20), 20):
        yield "what came after the consent", change.after.visit.pk, change, change


def _file_problems(file: SealedFile | SealedStatusChange, source: Consent | SealedStatusChange) -> list[str]:
    """Return what is wrong with a sealed file; ``source``: the row whose record must be attached to it."""
    if (pdf := _opened(file, "pdf")) is None:
        return ["It does not open as what was filed."]
    verdict = verify(pdf, installation_trust.trust(file.sealed_at), file.sha256)
    problems = list(verdict.problems)
    if not problems and attached(pdf) != _opened(source, "record"):
        problems.append("It carries another record than the one kept here.")
    if not problems and verdict.certificate_sha256 != file.certificate_sha256:
        problems.append("It is sealed with another certificate than is noted here.")
    return problems


def _timestamps() -> str:
    count, roots_of_time = 0, installation_trust.trust().stamp_roots
    for row in Timestamp.objects.order_by("pk").iterator(chunk_size=BATCH):
        digest = row.file_sha256
        if not any(model.objects.filter(sha256=digest).exists() for model in (SealedFile, SealedStatusChange)):
            raise Wrong(f"the timestamp of the file {digest}: there is no such file here")
        try:
            stamp = check(bytes(row.token), digest, roots_of_time) if row.token else None
        except StampTrouble as trouble:
            raise Wrong(f"the timestamp of the file {digest}: {trouble}") from trouble
        if stamp and (stamp.trusted is False or stamp.at != row.at):
            raise Wrong(f"the timestamp of the file {digest} is not the authority's")
        count += 1
    return f"{count:,} timestamps"


def _visits() -> str:
    """Compare every visit with its own rows, in one query, so that work going on cannot come between."""
    count = 0
    for visit in _stages().iterator(chunk_size=BATCH):
        if problem := _visit_problem(visit):
            raise Wrong(f"visit {visit['pk']} is “{visit['stage']}”: {problem}")
        count += 1
    return f"{count:,}, each in the stage that its rows say, with its consent and its file"


def _visit_problem(visit: dict[str, Any]) -> str:
    """Say what is wrong with one visit; "" if nothing is."""
    stage, journaled = visit["stage"], visit["journaled"] or Stage.EXPECTED.value
    if stage != journaled:
        return f"the journal says “{journaled}”"
    if (visit["record"] is None) == (stage in HAS_RECORD) or visit["record"] != visit["confirmed"]:
        return "its consent is not the one that was confirmed, or is not there"
    if (visit["file"] is None) == (stage == Stage.SEALED) or visit["file"] != visit["sealed"]:
        return "its sealed file is not the one that was filed, or is not there"
    for kind, mark in MARK.items():
        if (visit[mark] is not None) != visit[f"is_{kind.value}"]:
            return f"whether its consent was {kind.label.lower()} is told two ways"
    return ""


HAS_RECORD = frozenset({Stage.CONFIRMED.value, Stage.SEALED.value})


def _stages() -> QuerySet[Visit, dict[str, Any]]:
    """Every visit with what its own rows say: its last ``journaled`` stage, digests, its consent's status changes."""
    # Lower() keeps SQLite from its index on the action, by which it would read every move there is for each visit.
    moves = Journal.objects.alias(what=Lower("action")).filter(visit=OuterRef("pk"), what="visit moved")
    moves = moves.order_by("-seq")

    def last(key: str, **which: str) -> Subquery:
        return Subquery(moves.filter(**which).values(**{f"told_{key}": KeyTextTransform(key, "data")})[:1])

    def is_there(kind: str) -> Exists | Q:
        one, other = (Exists(ConsentStatusChange.objects.filter(**{way: OuterRef("pk")}, kind=kind)) for way in WAYS)
        return one | other

    rows: QuerySet[Visit, dict[str, Any]] = Visit.objects.order_by("pk").values(
        "pk",
        "stage",
        *MARK.values(),
        journaled=last("to"),
        confirmed=last("digest", data__to=Stage.CONFIRMED.value),
        record=F("consent__sha256"),
        sealed=last("digest", data__to=Stage.SEALED.value),
        file=F("consent__sealed__sha256"),
        **{f"is_{kind.value}": is_there(kind.value) for kind in MARK},
    )
    return rows
