"""Everything that was agreed, frozen: the record, its canonical bytes and their digest. Pure: no Django.

The record holds words, not references: the question as it was worded, the answer, the flag's reason and source, the
statement in full. Editing the questionnaire next year cannot change what was agreed this year. Its canonical form is
RFC 8785 JSON, so that one record has one digest, whoever computes it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import rfc8785

from consent.domain.statement import Statement

FORMAT = "dry-needling-consent/1"
T = TypeVar("T")

Value = str | int | float | bool | None | tuple[str, ...]  # an answer; dates as ISO text
Point = tuple[int, int, int]  # x 0-600, y 0-200, milliseconds since the first point


@dataclass(frozen=True)
class Moment:
    """One instant, told three ways so that nobody has to convert: ISO local time, offset, UTC, and the zone's name."""

    local: str  # 2026-11-23T10:05:00
    offset: str  # +00:00
    utc: str  # 2026-11-23T10:05:00Z
    zone: str  # Europe/London

    def __post_init__(self) -> None:
        """Raise ``ValueError`` where the three do not tell the same instant."""
        if datetime.fromisoformat(self.local + self.offset) != datetime.fromisoformat(self.utc):
            raise ValueError(f"{self.local}{self.offset} and {self.utc} are not the same moment")

    @property
    def instant(self) -> datetime:
        """The instant, aware, in UTC."""
        return datetime.fromisoformat(self.utc)


def moment(when: datetime, zone: ZoneInfo | None = None) -> Moment:
    """Return ``when``, an aware datetime, as a ``Moment`` in ``zone`` (default: its own), to the second.

    Raise ``ValueError`` for a naive datetime: nobody could say which instant it is.
    """
    if when.utcoffset() is None:
        raise ValueError(f"{when!r} has no time zone")
    local = (when.astimezone(zone) if zone else when).replace(microsecond=0)
    return Moment(
        local=local.replace(tzinfo=None).isoformat(),
        offset=_offset(local.utcoffset() or timedelta()),
        utc=local.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z",
        zone=str(local.tzinfo),
    )


def _offset(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@dataclass(frozen=True)
class Clinic:
    """The clinic, as it called itself that day."""

    name: str
    address: str
    phone: str
    emergency_number: str


@dataclass(frozen=True)
class Proof:
    """What this record can be held against by others: a place in the journal, and the root of the clinic's seals.

    ``journal_row`` and ``journal_hash`` (SHA-256, hex) name the last row there was when the record was written;
    ``root`` is the SHA-256 of the root certificate, "" where there was none yet.
    """

    journal_row: int
    journal_hash: str
    root: str


@dataclass(frozen=True)
class RecordedPatient:
    """Who the patient is and how that was established. ``born`` is an ISO date."""

    name: str
    born: str
    identified: str
    identified_at: Moment


@dataclass(frozen=True)
class RecordedVisit:
    """The visit. ``day`` is an ISO date; ``appointment`` a time such as ``10:30``, or ""."""

    number: str
    day: str
    appointment: str


@dataclass(frozen=True)
class Answer:
    """One question as worded, with its answer as a value and in words."""

    section: str
    question: str
    wording: str
    value: Value
    words: str


@dataclass(frozen=True)
class OnPaper:
    """The paper form that was answered, by its code, and the practitioner who typed in what was on it."""

    form: str
    printed_at: Moment
    transcribed_by: str
    registration_number: str


@dataclass(frozen=True)
class RecordedScreening:
    """The questionnaire as it was answered, and the versions of what judged it."""

    questionnaire_version: str
    questionnaire_sha256: str
    rules_version: str
    number: int
    submitted_at: Moment
    filled_in_by: str
    answers: tuple[Answer, ...]
    on_paper: OnPaper | None = None


@dataclass(frozen=True)
class RecordedSource:
    """The authority that a flag rests on."""

    title: str
    edition: str
    link: str


@dataclass(frozen=True)
class RecordedDecision:
    """What a practitioner decided about one flag, and why."""

    outcome: str
    outcome_words: str
    reason: str
    precaution: str
    until: str
    by: str
    registration_number: str
    at: Moment
    identity_checked_at: Moment | None = None  # going ahead against a stop


@dataclass(frozen=True)
class RecordedFlag:
    """One flag, with its decision; a caution or a note needs none."""

    question: str
    short: str
    severity: str
    reason: str
    source: RecordedSource
    regions: tuple[str, ...]
    decision: RecordedDecision | None


@dataclass(frozen=True)
class RecordedPlan:
    """What the practitioner means to do, in words."""

    regions: tuple[str, ...]
    technique: str
    electro: bool
    sessions: int
    by: str
    at: Moment


@dataclass(frozen=True)
class TeachBack:
    """One question put to the patient after the talk, and how it was answered."""

    prompt: str
    result: str


@dataclass(frozen=True)
class NotSaidBack:
    """An earlier talk after which the patient could not say these back."""

    at: Moment
    by: str
    about: tuple[str, ...]


@dataclass(frozen=True)
class Talk:
    """The talk, what the patient gave back of it, and the patient's own questions."""

    took_place_at: Moment
    by: str
    teach_back: tuple[TeachBack, ...]
    questions: str
    questions_answered_by: str
    questions_answered_at: Moment | None
    not_said_back: tuple[NotSaidBack, ...] = ()


@dataclass(frozen=True)
class Interpreter:
    """The interpreter who took part."""

    name: str
    number: str
    language: str
    mode: str
    recorded_by: str
    at: Moment


@dataclass(frozen=True)
class Guardian:
    """The parent or guardian as the practitioner recorded them, and what was seen of their authority."""

    name: str
    relationship: str
    authority: str
    recorded_by: str
    at: Moment


@dataclass(frozen=True)
class RecordedCapacity:
    """What helped a patient who could not say it back, and how they showed that they can decide."""

    helped: str
    reason: str
    by: str
    at: Moment


@dataclass(frozen=True)
class Vitals:
    """What was measured, in words."""

    measured: str
    note: str
    by: str
    at: Moment


@dataclass(frozen=True)
class ConsentsAlone:
    """Why a patient under 18 may consent without a guardian, and who says so."""

    by: str
    reason: str
    at: Moment


@dataclass(frozen=True)
class Acknowledged:
    """One thing the patient ticked, as worded."""

    name: str
    text: str


@dataclass(frozen=True)
class ChoiceMade:
    """One choice put to the patient, with the answer in words."""

    text: str
    answer: str


@dataclass(frozen=True)
class Witness:
    """The staff member who saw what someone did to say yes, what that was, and how it is known who saw it."""

    name: str
    registration_number: str
    did: str
    identified: str


@dataclass(frozen=True)
class RecordedSignature:
    """One signature, drawn, typed, assisted or, at a session, a tap on yes, and where. Only a drawn one has strokes.

    An assisted one has a witness.
    """

    capacity: str
    capacity_words: str
    name: str
    relationship: str
    method: str
    strokes: tuple[tuple[Point, ...], ...]
    at: Moment
    tablet: str
    handed_by: str
    witness: Witness | None = None


@dataclass(frozen=True)
class Confirmation:
    """What the practitioner vouched for in the room, as worded."""

    by: str
    registration_number: str
    at: Moment
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """One main step of the visit."""

    at: Moment
    what: str
    by: str


@dataclass(frozen=True)
class RecordedCourse:
    """The consent that a session goes on with. Its digests are SHA-256 in hex: of the sealed file and of its record.

    ``session`` counts from 1, the visit of that consent; ``last_day`` is an ISO date; ``news``: what the text of that
    consent did not tell of the patient's own risks, as it stood on the screen this time.
    """

    number: str
    confirmed_at: Moment
    file_sha256: str
    record_sha256: str
    session: int
    most: int
    last_day: str
    news: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a session that the course has no room for, and a day that is not an ISO date."""
        if not 2 <= self.session <= self.most:
            raise ValueError(f"course.session: {self.session} is not allowed; allowed: 2 to {self.most}")
        date.fromisoformat(self.last_day)


@dataclass(frozen=True, kw_only=True)
class Record:
    """The whole of one consent. ``number`` is the one printed on the document, such as ``C-000012``; ``app_version``
    that of the software that wrote it, which a court would have to be shown.

    One with a ``course`` is a session of it: the patient said yes to going on, and signed nothing anew.
    """

    format: str = FORMAT
    app_version: str
    number: str
    clinic: Clinic
    patient: RecordedPatient
    visit: RecordedVisit
    screening: RecordedScreening
    flags: tuple[RecordedFlag, ...]
    plan: RecordedPlan
    talk: Talk
    interpreter: Interpreter | None
    consents_alone: ConsentsAlone | None
    statement: Statement
    acknowledged: tuple[Acknowledged, ...]
    choices: tuple[ChoiceMade, ...]
    signatures: tuple[RecordedSignature, ...]
    confirmation: Confirmation
    events: tuple[Event, ...]
    proof: Proof
    guardian: Guardian | None = None
    capacity: RecordedCapacity | None = None
    vitals: Vitals | None = None
    course: RecordedCourse | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for another format, or for a birthday or a day that is not an ISO date."""
        if self.format != FORMAT:
            raise ValueError(f"format: {self.format!r} is not known; allowed: {FORMAT}")
        date.fromisoformat(self.patient.born)
        date.fromisoformat(self.visit.day)


def canonical(record: Any) -> bytes:
    """Return a record, of a consent or of what came after it, as RFC 8785 JSON: a key a field.

    Raise ``rfc8785.CanonicalizationError`` for what that cannot hold.
    """
    return rfc8785.dumps(asdict(record))


def read(data: bytes) -> Record:
    """Return the record of a consent that ``data`` is the canonical form of; see ``read_as``."""
    return read_as(Record, data, FORMAT)


def format_of(data: bytes) -> str:
    """Return the format that ``data`` says it has; "" if it says none."""
    try:
        raw = json.loads(data.decode("utf-8"))
    except (RecursionError, ValueError):
        return ""
    said = raw.get("format") if isinstance(raw, dict) else None
    return said if isinstance(said, str) else ""


def read_as(kind: type[T], data: bytes, known: str) -> T:
    """Return the record of this kind, whose format is ``known``, that ``data`` is the canonical form of.

    Raise ``ValueError``, naming the place, for an unknown format, a field too many, too few or of another type, and for
    bytes that say the same but are not canonical: the digest is over bytes.
    """
    try:
        raw = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("record: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"record: not JSON in UTF-8: {error}") from error
    if not isinstance(raw, dict) or raw.get("format") != known:
        raise ValueError(f"record: not of format {known}")
    record = _read(kind, raw, "record")
    if canonical(record) != data:
        raise ValueError("record: these bytes are not in canonical form")
    return record


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: type[T], raw: object, where: str) -> T:
    """Return ``raw`` as ``kind``: a dataclass, a tuple, a union or a plain type."""
    kind_of: Any = kind
    if is_dataclass(kind):
        hints = _hints(kind)
        if not isinstance(raw, dict) or raw.keys() != hints.keys():
            raise ValueError(f"{where}: expected an object with {', '.join(hints)}")
        found = {
            # A plain value of the type that is wanted needs no second look; it is most of a record.
            name: raw[name] if type(raw[name]) is hint else _read(hint, raw[name], f"{where}.{name}")
            for name, hint in hints.items()
        }
        return kind(**found)
    if get_origin(kind_of) is tuple:
        return _read_tuple(get_args(kind_of), raw, where)  # type: ignore[return-value]
    if isinstance(kind_of, UnionType):
        return _read_union(get_args(kind_of), raw, where)  # type: ignore[no-any-return]
    if type(raw) is not kind_of:  # exactly: a bool is an int to isinstance
        raise ValueError(f"{where}: expected {kind_of.__name__}, not {type(raw).__name__}")
    return raw  # type: ignore[return-value]


def _read_tuple(items: tuple[Any, ...], raw: object, where: str) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        raise ValueError(f"{where}: expected a list")
    if items[-1] is ...:
        items = items[:1] * len(raw)
    if len(raw) != len(items):
        raise ValueError(f"{where}: expected {len(items)} items, not {len(raw)}")
    return tuple(
        value if type(value) is item else _read(item, value, f"{where}[{index}]")
        for index, (item, value) in enumerate(zip(items, raw, strict=True))
    )


def _read_union(kinds: tuple[Any, ...], raw: object, where: str) -> Any:
    if type(raw) in kinds:
        return raw
    chosen = [kind for kind in kinds if _fits(kind, raw)]
    if not chosen:
        raise ValueError(f"{where}: {type(raw).__name__} is not allowed here")
    return _read(chosen[0], raw, where)


def _fits(kind: Any, raw: object) -> bool:
    if is_dataclass(kind):
        return isinstance(raw, dict)
    return isinstance(raw, list) if get_origin(kind) is tuple else type(raw) is kind
