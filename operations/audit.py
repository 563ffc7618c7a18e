"""Is everything on record as it was written? Reads the whole database once, piece by piece, and changes nothing.

Each part answers with what it looked at, or with the first row that is wrong. Nothing here trusts what the database
says of itself alone: the journal is held against the anchors outside it, consents and files against the journal's rows
about them, files against the seal, and visits against their own rows.
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

PIECE = 500
KINDS = {action: kind.value for kind, action in ACTION.items()}
# From what came after a consent to its visit: it was confirmed before, or it was not. Asked for both at once, a
# database reads all that ever came after one.
WAYS = ("consent__visit", "voiding__given__visit")


class Wrong(Exception):
    """The first row of a part that is not as it was written."""


@dataclass(frozen=True)
class Found:
    """What one part of the check says: ``part`` by name, whether it is ``sound``, and how in words."""

    part: str
    sound: bool
    words: str


def audit() -> Iterator[Found]:
    """Check everything, one part after the other, and yield what each says.

    Raise ``KeyTrouble`` without our root certificate: then nothing can be verified.
    """
    installation_trust.trust()
    # Before the journal: what is anchored is in the database already, so that work going on is no finding.
    marks: list[anchors.Anchor] = []
    anchored = _part("anchors", lambda: _anchors(marks))
    yield anchored
    yield _part("journal", lambda: _journal(marks if anchored.sound else None))
    yield _part("records", _records)
    yield _part("sealed files", _files)
    yield _part("timestamps", _timestamps)
    yield _part("visits", _visits)


def _part(name: str, look: Callable[[], str]) -> Found:
    try:
        return Found(name, True, look())
    except (Wrong, hash_chain.Broken, anchors.BadAnchor) as wrong:
        return Found(name, False, str(wrong))
    except DatabaseError as error:
        return Found(name, False, f"cannot be read: {error}")


def _anchors(marks: list[anchors.Anchor]) -> str:
    """Read the anchors into ``marks``, if all of them are good."""
    path = settings.ANCHORS_FILE
    read = anchors.read(path)
    anchors.check(read, certificates(settings.KEYS_DIR), roots(settings.KEYS_DIR))
    marks.extend(read)
    return f"{len(read):,}, the last at row {read[-1].seq:,} on {read[-1].at}" if read else f"none yet in {path.name}"


def certificates(keys_dir: Path) -> dict[str, x509.Certificate]:
    """Return every sealing certificate that is kept, earlier ones too, by its SHA-256 in hex."""
    there = [keys_dir / SEAL_CERTIFICATE, *sorted((keys_dir / EARLIER).glob("*.cer"))]
    found = [certificate_in(path) for path in there if path.exists()]
    return {fingerprint(certificate): certificate for certificate in found}


@dataclass
class _Spoken:
    """What the journal spoke of and must be there, each with the row that spoke of it."""

    records: dict[tuple[int, str], int] = field(default_factory=dict)  # (visit, digest)
    files: dict[tuple[int, str], int] = field(default_factory=dict)  # (visit, digest)
    after: dict[tuple[int, str], int] = field(default_factory=dict)  # (visit, kind)

    def hear(self, row: hash_chain.ChainRow) -> None:
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
        """Raise ``Wrong`` for what is gone, and forget what was heard."""
        records = Consent.objects.filter(sha256__in=_digests(self.records)).values_list("visit_id", "sha256")
        files = SealedFile.objects.filter(sha256__in=_digests(self.files)).values_list("consent__visit_id", "sha256")
        later = SealedStatusChange.objects.filter(sha256__in=_digests(self.files))
        later_files = later.values_list("after__consent__visit_id", "sha256")
        visits = [visit for visit, _ in self.after]
        kinds = set().union(
            *(ConsentStatusChange.objects.filter(**{f"{way}__in": visits}).values_list(way, "kind") for way in WAYS)
        )
        _all_there("its consent", self.records, set(records))
        _all_there("its sealed file", self.files, {*files, *later_files})
        _all_there("what came after its consent", self.after, kinds)
        for heard in (self.records, self.files, self.after):
            heard.clear()


def _digests(heard: dict[tuple[int, str], int]) -> list[str]:
    return [digest for _, digest in heard]


def _all_there(what: str, heard: dict[tuple[int, str], int], there: set[Any]) -> None:
    for (visit, which), seq in heard.items():
        if (visit, which) not in there:
            raise Wrong(f"row {seq}: {what} is gone (visit {visit}, {which})")


def _journal(marks: list[anchors.Anchor] | None) -> str:
    """Walk the chain, hold it against the anchors if they are good, and look for everything that it spoke of."""
    last, spoken = hash_chain.START, _Spoken()
    rows = hash_chain.anchored(
        _readable(Journal.objects.rows()), [hash_chain.Link(mark.seq, mark.hash) for mark in marks or ()]
    )
    while piece := list(islice(rows, PIECE)):
        for row in piece:
            if marks is not None and row.action == "journal anchored":
                _same_anchors(row, marks)
            spoken.hear(row)
        spoken.check()
        last = piece[-1].link
    return f"{last.seq:,} rows, each follows the one before it; the last has the hash {last.hash}"


def _readable(rows: Iterator[hash_chain.ChainRow]) -> Iterator[hash_chain.ChainRow]:
    """Yield the rows; what the database cannot give back as the journal writes it is the next row's fault."""
    last = 0
    try:
        for row in rows:
            last = row.seq
            yield row
    except (ValueError, TypeError) as error:
        raise hash_chain.Broken(last + 1, "cannot be read") from error


def _same_anchors(row: hash_chain.ChainRow, marks: list[anchors.Anchor]) -> None:
    """Hold what the journal says of the anchors file against the file: the line before, by its digest."""
    before = int(row.data.get("number", 0)) - 1
    if before > len(marks):
        raise Wrong(f"row {row.seq}: there were {before} anchors then, and the file has {len(marks)}")
    if before > 0 and marks[before - 1].digest != row.data.get("digest"):
        raise Wrong(f"row {row.seq}: anchor {before} is another one than was written then")


def _records() -> str:
    """Check the digest of every record, and that the place in the journal which it names is still the same."""
    count = erased = 0
    for what, visit, each in _kept_records():
        if _is_erased(each, visit):
            erased += 1
            continue
        digest = each.sha256 if isinstance(each, Consent) else each.record_sha256
        if (record := _opened(each, "record")) is None or sha256(record) != digest:
            raise Wrong(f"the record of {what} of visit {visit} was changed")
        _same_journal(json.loads(record).get("proof", {}), f"the record of {what} of visit {visit}")
        count += 1
    return f"{count:,}, each with its digest{_and(erased)}"


def _and(erased: int) -> str:
    return f"; {erased:,} erased, each with its tombstone" if erased else ""


def _is_erased(row: Consent | SealedFile | SealedStatusChange, visit: int) -> bool:
    """Say whether the key of a row was destroyed. Raise ``Wrong`` if it was, and nothing says by whom."""
    try:
        _opened(row, "pdf" if isinstance(row, SealedFile) else "record")
    except Erased:
        if Tombstone.objects.filter(patient__visits=visit).exists():
            return True
        raise Wrong(f"the key of what was agreed at visit {visit} is gone, and there is no tombstone") from None
    return False


def _opened(row: Consent | SealedFile | SealedStatusChange, name: str) -> bytes | None:
    """Return what is encrypted in a row, or nothing if it is not what was encrypted there."""
    try:
        found: bytes = getattr(row, name)
    except Unreadable:
        return None
    return found


def _kept_records() -> Iterator[tuple[str, int, Consent | SealedStatusChange]]:
    for first in with_keys(Consent.objects.order_by("pk").iterator(chunk_size=PIECE), PIECE):
        yield "the consent", first.visit_id, first
    later = SealedStatusChange.objects.select_related("after__consent__visit").defer("pdf", "after__consent__record")
    for each in with_keys(later.order_by("pk").iterator(chunk_size=PIECE), PIECE):
        yield "what came after the consent", each.after.visit.pk, each


def _same_journal(proof: dict[str, Any], what: str) -> None:
    """Hold the row of the journal that a sealed record names against the journal: a witness beside the anchors."""
    seq = proof.get("journal_row", 0)
    if not Journal.objects.filter(seq=seq, hash=proof.get("journal_hash", "")).exists():
        raise Wrong(f"{what} names row {seq} of the journal, and that is another one now")


def _files() -> str:
    """Check every sealed file: its digest, its seal by the strict rule, and the record that it carries."""
    count = erased = 0
    for what, visit, each, beside in _kept_files():
        if _is_erased(each, visit):
            erased += 1
            continue
        if problems := _file_problems(each, beside):
            raise Wrong(f"the sealed file of {what} of visit {visit}: {' '.join(problems)}")
        count += 1
    return f"{count:,}, each as it was filed, sealed by us, whole, and with the record that is kept here{_and(erased)}"


def _kept_files() -> Iterator[tuple[str, int, SealedFile | SealedStatusChange, Consent | SealedStatusChange]]:
    for first in with_keys(SealedFile.objects.select_related("consent").order_by("pk").iterator(chunk_size=20), 20):
        yield "the consent", first.consent.visit_id, first, first.consent
    later = SealedStatusChange.objects.select_related("after__consent__visit").defer("after__consent__record")
    for each in with_keys(later.order_by("pk").iterator(chunk_size=20), 20):
        yield "what came after the consent", each.after.visit.pk, each, each


def _file_problems(each: SealedFile | SealedStatusChange, beside: Consent | SealedStatusChange) -> list[str]:
    """Return what is wrong with a sealed file; ``beside``: the row of the record that it must carry."""
    if (pdf := _opened(each, "pdf")) is None:
        return ["It does not open as what was filed."]
    verdict = verify(pdf, installation_trust.trust(each.sealed_at), each.sha256)
    problems = list(verdict.problems)
    if not problems and attached(pdf) != _opened(beside, "record"):
        problems.append("It carries another record than the one kept here.")
    if not problems and verdict.certificate_sha256 != each.certificate_sha256:
        problems.append("It is sealed with another certificate than is noted here.")
    return problems


def _timestamps() -> str:
    count, roots_of_time = 0, installation_trust.trust().stamp_roots
    for each in Timestamp.objects.order_by("pk").iterator(chunk_size=PIECE):
        if not any(
            model.objects.filter(sha256=each.file_sha256).exists() for model in (SealedFile, SealedStatusChange)
        ):
            raise Wrong(f"the timestamp of the file {each.file_sha256}: there is no such file here")
        try:
            said = check(bytes(each.token), each.file_sha256, roots_of_time) if each.token else None
        except StampTrouble as trouble:
            raise Wrong(f"the timestamp of the file {each.file_sha256}: {trouble}") from trouble
        if said and (said.trusted is False or said.at != each.at):
            raise Wrong(f"the timestamp of the file {each.file_sha256} is not the authority's")
        count += 1
    return f"{count:,} timestamps"


def _visits() -> str:
    """Hold every visit against its own rows, each visit in one reading of the database."""
    count = 0
    for each in _stages().iterator(chunk_size=PIECE):
        if problem := _visit_problem(each):
            raise Wrong(f"visit {each['pk']} is “{each['stage']}”: {problem}")
        count += 1
    return f"{count:,}, each in the stage that its rows say, with its consent and its file"


def _visit_problem(each: dict[str, Any]) -> str:
    """Say what is wrong with one visit; "" if nothing is."""
    stage, said = each["stage"], each["said"] or Stage.EXPECTED.value
    if stage != said:
        return f"the journal says “{said}”"
    if (each["record"] is None) == (stage in HAS_RECORD) or each["record"] != each["confirmed"]:
        return "its consent is not the one that was confirmed, or is not there"
    if (each["file"] is None) == (stage == Stage.SEALED) or each["file"] != each["sealed"]:
        return "its sealed file is not the one that was filed, or is not there"
    for kind, mark in MARK.items():
        if (each[mark] is not None) != each[f"is_{kind.value}"]:
            return f"whether its consent was {kind.label.lower()} is told two ways"
    return ""


HAS_RECORD = frozenset({Stage.CONFIRMED.value, Stage.SEALED.value})


def _stages() -> QuerySet[Visit, dict[str, Any]]:
    """Every visit with what its own rows say: ``said`` its last stage, the digests, what came after its consent."""
    # By the visit's rows: asked by the action as it stands, SQLite reads all that ever moved, for each visit anew.
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
        said=last("to"),
        confirmed=last("digest", data__to=Stage.CONFIRMED.value),
        record=F("consent__sha256"),
        sealed=last("digest", data__to=Stage.SEALED.value),
        file=F("consent__sealed__sha256"),
        **{f"is_{kind.value}": is_there(kind.value) for kind in MARK},
    )
    return rows
