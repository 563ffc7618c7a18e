"""A clinic grown by copying: twenty-five visits made by the app's own actions, copied again and again, day by day.

The database itself copies rows (INSERT … SELECT) and shifts their keys and days. Encrypted values are bound to their
row and do not open in the copies: no page that is measured reads them. What is hashed or sealed, or names its place in
the journal, is made again for each copy: the journal, whose chain is whole from the first row to the last, the records
and the sealed files. The append-only triggers are off meanwhile.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pypdf
import rfc8785
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.utils import timezone

from clinic.domain import hash_chain
from clinic.domain.digests import sha256
from clinic.models import Journal, Patient, PatientToken, PolicyChange, Tablet, User, VersionSeen, Visit
from clinic.storage import append_only_triggers
from consent.models import Consent, SealedFile, Signature, SignedConsent
from consent.seal import installation_trust
from consent.seal.pades import seal
from screening.models import Screening

ROOMS = ("clinic", "screening", "consent")
MADE_ANEW = (Journal, Consent, SealedFile)
NOT_COPIED = (User, Tablet, PolicyChange, VersionSeen, Patient, PatientToken)
# Long texts that no desk page reads; the largest clinic has them for every thousandth visit only, to save disk.
LONG = {(SignedConsent, "statement"): "{}", (SignedConsent, "acknowledged"): "[]", (Signature, "strokes"): "[]"}
LONG |= {(Screening, "given_at"): "{}"}
VISITS_EACH = 5  # of one patient
END_OF_FILE = b"%%EOF\n"
BATCH = 40  # copies written at once
POSTGRESQL = connection.vendor == "postgresql"
ZONE = "+00" if POSTGRESQL else ""  # SQLite stores UTC without an offset


def tables() -> list[type[models.Model]]:
    """Return every table whose rows can be copied as they are, with whole numbers as keys."""
    ours = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in ROOMS]
    return [model for model in ours if model not in (*MADE_ANEW, *NOT_COPIED)]


def last_key(model: type[models.Model]) -> int:
    return model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0


@dataclass
class Unit:
    """What is copied: of each table, ``count`` rows after the key ``first``. A copy's keys are shifted by ``count``."""

    patients: list[int]
    first: dict[type[models.Model], int]
    count: dict[type[models.Model], int] = field(default_factory=dict)

    @classmethod
    def begin(cls) -> Unit:
        return cls([], {model: last_key(model) for model in (*tables(), *MADE_ANEW)})

    def end(self, patients: list[int]) -> None:
        self.patients = patients
        self.count = {model: last_key(model) - first for model, first in self.first.items()}

    @property
    def copied(self) -> list[type[models.Model]]:
        return [model for model in tables() if self.count[model]]


@dataclass(frozen=True)
class Copies:
    """How many copies, over how many days; every ``whole_every``-th copy has its long texts and files."""

    count: int
    days: int
    whole_every: int = 1

    def shift(self, number: int) -> int:
        """Return by how many days a copy is shifted: the first farthest back, the last to yesterday."""
        return -1 - self.days * (self.count - 1 - number) // max(1, self.count - 1) if self.count > 1 else -1

    def is_whole(self, number: int) -> bool:
        return number % self.whole_every == 0


def grow(unit: Unit, copies: Copies, log: Callable[[str], None] = lambda words: None) -> None:
    """Write the unit ``copies.count`` times, the unit itself being the first of them."""
    # Read first: what each copy's journal, records and files are made from.
    anew = Anew(unit, copies)
    with transaction.atomic(), connection.cursor() as cursor:
        _guards_down(cursor)
        _number_copies(cursor, copies)
        for model in unit.copied:
            log(model._meta.db_table)
            _copy(cursor, model, unit, copies)
        for table in (SealedFile, Consent, Journal):
            cursor.execute(f'DELETE FROM "{table._meta.db_table}" WHERE {_key(table)} > %s', [unit.first[table]])
    for start in range(0, copies.count, BATCH):
        with transaction.atomic(), connection.cursor() as cursor:
            if POSTGRESQL:
                cursor.execute("SET LOCAL session_replication_role = replica")
            anew.write(cursor, range(start, min(start + BATCH, copies.count)))
        if start % 1000 == 0:
            log(f"journal, copy {start}")
    _finish(unit)


def _guards_down(cursor: Any) -> None:
    if POSTGRESQL:
        cursor.execute("SET LOCAL session_replication_role = replica")  # foreign keys are not checked row by row
        for guard in append_only_triggers.guarded():
            cursor.execute(f'ALTER TABLE "{guard.table}" DISABLE TRIGGER USER')
        return
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')


def _number_copies(cursor: Any, copies: Copies) -> None:
    cursor.execute("CREATE TEMPORARY TABLE copies (n integer PRIMARY KEY, days integer, whole integer)")
    rows = [(number, copies.shift(number), int(copies.is_whole(number))) for number in range(copies.count)]
    cursor.executemany("INSERT INTO copies VALUES (%s, %s, %s)", rows)


def _key(model: type[models.Model]) -> str:
    return f'"{model._meta.pk.column}"'


def _copy(cursor: Any, model: type[models.Model], unit: Unit, copies: Copies) -> None:
    """Write a table's rows for all copies, and shift those of the unit itself to their day."""
    table, key = model._meta.db_table, _key(model)
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(_value(field, unit) for field in fields)
    cursor.execute(f'CREATE TEMPORARY TABLE unit AS SELECT * FROM "{table}" WHERE {key} > {unit.first[model]}')
    cursor.execute(f'DELETE FROM "{table}" WHERE {key} > {unit.first[model]}')
    cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {values} FROM copies, unit ORDER BY n, unit.{key}')
    cursor.execute("DROP TABLE unit")


def _value(field: Any, unit: Unit) -> str:
    """Return a column of a copy as an SQL expression over the unit's row and the copy's number."""
    column = f'unit."{field.column}"'
    target = field.related_model if field.is_relation else field.model if field.primary_key else None
    if target is Patient:
        return _patient(column, unit, "n")
    if target in unit.count:
        return f"{column} + n * {unit.count[target]}"
    if isinstance(field, models.DateField):
        return _day(column, is_time=isinstance(field, models.DateTimeField))
    if (short := LONG.get((field.model, field.name))) is not None:
        whole = f"CASE WHEN whole = 1 THEN {column} ELSE '{short}'"
        return f"{whole}::jsonb END" if POSTGRESQL else f"{whole} END"
    return column


def _patient(column: str, unit: Unit, number: str) -> str:
    """Return a patient's key in a copy: the same people come back in several copies, one after the other."""
    return f"{column} + ({number} / {VISITS_EACH}) * {len(unit.patients)}"


def _day(column: str, *, is_time: bool) -> str:
    if POSTGRESQL:
        return f"{column} + days * interval '1 day'" if is_time else f"{column} + days"
    moved = f"date(substr({column}, 1, 10), days || ' days')"
    return f"{moved} || substr({column}, 11)" if is_time else moved


class Anew:
    """Makes the journal, records and sealed files of each copy."""

    def __init__(self, unit: Unit, copies: Copies) -> None:
        self.unit, self.copies = unit, copies
        first = unit.first[Journal]
        self.rows = [Template.of(row) for row in Journal.objects.rows() if row.seq > first]
        self.last = hash_chain.Link(*Journal.objects.filter(seq=first).values_list("seq", "hash").get())
        self.consents = {
            consent.sha256: ConsentTemplate.of(consent)
            for consent in Consent.objects.filter(pk__gt=unit.first[Consent]).select_related("sealed")
        }
        self.count = {model._meta.label_lower: count for model, count in unit.count.items()}

    def write(self, cursor: Any, numbers: Iterable[int]) -> None:
        """Write the journal, records and files of these copies."""
        rows, consents, files = [], [], []
        for number in numbers:
            made: dict[str, str] = {}
            rows += self._journal(number, made, consents, files)
        _insert(cursor, Journal, rows)
        _insert(cursor, Consent, consents)
        _insert(cursor, SealedFile, files)

    def _journal(self, number: int, made: dict[str, str], consents: list[Any], files: list[Any]) -> list[Any]:
        """Return one copy's journal rows; add its consents and files where the journal first mentions them."""
        shift = self.copies.shift(number)
        visits = number * self.count["clinic.visit"]
        patients = number // VISITS_EACH * len(self.unit.patients)
        seq, before, hashes, rows = self.last.seq, self.last.hash, {}, []
        for row in self.rows:
            digest = row.data.get("digest")
            if digest in self.consents and digest not in made:
                original = self.consents[digest]
                consent, file = original.copy(self, number, hashes, dt.timedelta(days=shift))
                made[digest], made[original.row["file_sha256"]] = consent[4], file[3]
                consents.append(consent)
                files.append(file)
            seq += 1
            before, values = row.copy(seq, before, shift, visits, patients, self._data(row, number, made))
            hashes[row.seq] = before
            rows.append(values)
        self.last = hash_chain.Link(seq, before)
        return rows

    def seq(self, seq: int, number: int) -> int:
        return seq + number * len(self.rows)

    def _data(self, row: Template, number: int, made: dict[str, str]) -> str:
        if not row.varies:
            return row.data_text
        moved = dict(row.data)
        if "digest" in moved:
            moved["digest"] = made.get(moved["digest"], moved["digest"])
        for name in moved.keys() & NAMED:
            moved[name] += number * self.count[NAMED[name]]
        return _canonical(moved)


NAMED = {"flag": "screening.flag", "screening": "screening.screening", "hold": "clinic.hold"}


@dataclass(slots=True)
class Template:
    """A row of the unit's journal, with the parts of its canonical text that are the same in every copy.

    This takes a tenth of the time of `hash_chain.ChainRow.digest`; `verify` checks that the text is the same.
    """

    seq: int
    day: dt.date
    visit: int | None
    patient: int | None
    data: Any
    data_text: str
    varies: bool  # whether `data` differs from copy to copy
    time: str
    fixed: tuple[Any, ...]  # action, actor_kind, user, role, tablet
    head: str
    foot: str
    days: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, row: hash_chain.ChainRow) -> Template:
        at = row.at.astimezone(dt.UTC)
        head = f'{{"action":{_canonical(row.action)},"actor_kind":"{row.actor_kind}","at":"'
        fixed = (row.action, row.actor_kind, row.user, row.role, row.tablet)
        foot = f',"tablet":{_canonical(row.tablet)},"user":{_canonical(row.user)},"visit":'
        varies = not {"digest", *NAMED}.isdisjoint(row.data)
        data_text, time = _canonical(row.data), f"{at:%H:%M:%S.%f}"
        return cls(row.seq, at.date(), row.visit, row.patient, row.data, data_text, varies, time, fixed, head, foot)

    def copy(
        self, seq: int, before: str, shift: int, visits: int, patients: int, data: str
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the hash and the columns of a copy that follows the row with the hash ``before``."""
        day = self.days.get(shift)
        if day is None:
            self.days.clear()
            day = self.days[shift] = (self.day + dt.timedelta(days=shift)).isoformat()
        visit = None if self.visit is None else self.visit + visits
        patient = None if self.patient is None else self.patient + patients
        action, kind, user, role, tablet = self.fixed
        text = (
            f'{self.head}{day}T{self.time}Z","data":{data},"patient":{"null" if patient is None else patient}'
            f',"prev_hash":"{before}","role":"{role}","seq":{seq}{self.foot}{"null" if visit is None else visit}}}'
        )
        digest = sha256(hash_chain.FORMAT + text.encode())
        at = f"{day} {self.time}{ZONE}"
        return digest, (seq, at, action, kind, user, role, tablet, visit, patient, data, before, digest)


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _stored(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}{ZONE}"


@dataclass
class ConsentTemplate:
    """A consent of the unit: its row, its record, and its document as drawn, before the seal."""

    row: dict[str, Any]
    record: dict[str, Any]
    proof: int
    drawn: bytes
    by_length: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)  # a record, and the document with it

    @classmethod
    def of(cls, consent: Consent) -> ConsentTemplate:
        canonical = bytes(consent.record)
        row = Consent.objects.filter(pk=consent.pk).values().get()
        row |= {"file": consent.sealed.pk, "file_sha256": consent.sealed.sha256}
        row |= {"certificate": consent.sealed.certificate_sha256}
        record = json.loads(canonical)
        return cls(row, record, record["proof"]["journal_row"], unsealed(bytes(consent.sealed.pdf)))

    def copy(
        self, anew: Anew, number: int, hashes: dict[int, str], shift: dt.timedelta
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return the rows of a copy of the consent and its file, in the order of ``COLUMNS``."""
        count, row = anew.unit.count, self.row
        pk, file = row["id"] + number * count[Consent], row["file"] + number * count[SealedFile]
        record, pdf = b"", b""
        if anew.copies.is_whole(number):
            proof = {"journal_row": anew.seq(self.proof, number), "journal_hash": hashes[self.proof]}
            record = rfc8785.dumps({**self.record, "proof": {**self.record["proof"], **proof}})
            pdf = seal(self._with_record(record), installation_trust.seal_key())
        digest = sha256(record or b"record %d" % pk)
        sealed_sha256 = sha256(pdf or b"file %d" % pk)
        visit = row["visit_id"] + number * anew.count["clinic.visit"]
        if record:
            of = Consent(pk=pk, visit=Visit.objects.select_related("patient").get(pk=visit))
            record, pdf = _encrypted(of, "record", record), _encrypted(SealedFile(consent=of), "pdf", pdf)
        consent = (
            *(pk, visit, row["given_id"] + number * count[SignedConsent], record, digest, row["confirmed_by_id"]),
            _stored(row["confirmed_at"] + shift),
        )
        # The time of sealing is not shifted: the certificate is from today.
        return consent, (file, pk, pdf, sealed_sha256, row["certificate"], _stored(timezone.now()))

    def _with_record(self, record: bytes) -> bytes:
        """Return the document with this record attached; only the first of each length is assembled."""
        if len(record) not in self.by_length:
            self.by_length[len(record)] = record, attach(self.drawn, record)
        other, document = self.by_length[len(record)]
        return document.replace(other, record)


def _encrypted(row: Consent | SealedFile, name: str, value: bytes) -> bytes:
    """Return ``value`` as the column ``name`` of ``row`` stores it."""
    column: Any = row._meta.get_field(name)
    return column.sealed(value, row).as_bytes


def unsealed(pdf: bytes) -> bytes:
    """Return the document before its seal, which is a revision of its own."""
    return pdf[: pdf.index(END_OF_FILE) + len(END_OF_FILE)]


def attach(drawn: bytes, record: bytes) -> bytes:
    """Return the document with another record attached, uncompressed, so that one of the same length can replace it."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(drawn))
    specification = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"][1].get_object()
    plain = pypdf.generic.DecodedStreamObject()
    plain.set_data(record)
    plain[pypdf.generic.NameObject("/Type")] = pypdf.generic.NameObject("/EmbeddedFile")
    specification["/EF"][pypdf.generic.NameObject("/F")] = writer._add_object(plain)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


COLUMNS = {
    Journal: "seq at action actor_kind user_id role tablet_id visit_id patient_id data prev_hash hash".split(),
    Consent: "id visit_id given_id record sha256 confirmed_by_id confirmed_at".split(),
    SealedFile: "id consent_id pdf sha256 certificate_sha256 sealed_at".split(),
}


def _insert(cursor: Any, model: type[models.Model], rows: Iterable[tuple[Any, ...]]) -> None:
    table, names = model._meta.db_table, COLUMNS[model]
    columns = ", ".join(f'"{name}"' for name in names)
    if POSTGRESQL:
        with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as target:
            for row in rows:
                target.write_row(row)
        return
    values = ", ".join("?" * len(names))
    connection.connection.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({values})', rows)


def _finish(unit: Unit) -> None:
    """Put the triggers back, reset the key sequences, and update the planner's statistics."""
    with connection.cursor() as cursor:
        if POSTGRESQL:
            for guard in append_only_triggers.guarded():
                cursor.execute(f'ALTER TABLE "{guard.table}" ENABLE TRIGGER USER')
        for statement in connection.ops.sequence_reset_sql(no_style(), [*unit.copied, Consent, SealedFile]):
            cursor.execute(statement)
    append_only_triggers.install(connection)
    if POSTGRESQL:  # a server does this by itself within minutes; SQLite never does
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def patients_needed(copies: Copies, unit: int) -> int:
    """Return how many patients the copies of ``unit`` visits need."""
    return unit * -(-copies.count // VISITS_EACH)
