"""Behind the app's back: rows changed, taken out, swapped, cut off or written anew, and each time it shows.

One thousand changes: eight hundred on a journal of three thousand rows in memory, because the whole of it would be read
for each, and two hundred with SQL on a database whose guards were lifted, found by what `verify --all` runs.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from clinic.domain import hash_chain
from clinic.domain.hash_chain import Broken, ChainRow, Link
from clinic.models import Journal, Patient, Visit
from clinic.models.actors import SYSTEM
from consent.jobs import write_anchor
from consent.models import Consent, SealedFile
from consent.seal import anchors
from operations.audit import Wrong, _same_journal, audit
from tests.support.factories import make_visit
from tests.support.proof_size import size
from tests.support.query_plans import plans, read_whole
from tests.support.raw_database import lift_guards, put

ROWS, ANCHORED_EVERY = 3000, 100
SEED = 20260327
TIMES = size(1, 10)


# --- in memory -----------------------------------------------------------------------------------------------------


def grown(count: int, chance: random.Random) -> list[ChainRow]:
    """Return a sound journal."""
    rows: list[ChainRow] = []
    at, last = dt.datetime(2026, 3, 27, 8, tzinfo=dt.UTC), hash_chain.START
    for seq in range(1, count + 1):
        at += dt.timedelta(microseconds=chance.randrange(1, 10**8))
        visit = chance.randrange(1, 90)
        row = ChainRow(
            seq=seq,
            at=at,
            action=chance.choice(["visit moved", "answers saved", "flag decided", "document opened"]),
            actor_kind="staff",
            user=chance.randrange(1, 9),
            role=chance.choice(["reception", "practitioner", "manager"]),
            tablet=chance.choice([None, 1, 2]),
            visit=visit,
            patient=visit,
            data={"number": chance.randrange(9), "from": "signed", "to": chance.choice(["confirmed", "stopped"])},
            prev_hash=last.hash,
        )
        rows.append(dataclasses.replace(row, hash=row.digest()))
        last = rows[-1].link
    return rows


@pytest.fixture(scope="module")
def journal() -> list[ChainRow]:
    return grown(ROWS, random.Random(SEED))


@pytest.fixture(scope="module")
def marks(journal: list[ChainRow]) -> list[Link]:
    """Where the journal was anchored: at every hundredth row, the last one included."""
    return [row.link for row in journal[ANCHORED_EVERY - 1 :: ANCHORED_EVERY]]


CHANGES: dict[str, Callable[[ChainRow], Any]] = {
    "seq": lambda row: row.seq + 1,
    "at": lambda row: row.at + dt.timedelta(microseconds=1),
    "action": lambda row: row.action + " ",
    "actor_kind": lambda row: "system",
    "user": lambda row: None,
    "role": lambda row: "",
    "tablet": lambda row: 3,
    "visit": lambda row: row.visit + 1 if row.visit else 1,
    "patient": lambda row: None,
    "data": lambda row: {**row.data, "to": "sealed"},
    "prev_hash": lambda row: row.prev_hash[::-1],
    "hash": lambda row: "0" * 64,
}


def edited(rows: Sequence[ChainRow], place: int, chance: random.Random) -> Iterable[ChainRow]:
    column = chance.choice(list(CHANGES))
    changed = dataclasses.replace(rows[place], **{column: CHANGES[column](rows[place])})
    return itertools.chain(rows[:place], [changed], rows[place + 1 :])


def taken_out(rows: Sequence[ChainRow], place: int, chance: random.Random) -> Iterable[ChainRow]:
    return itertools.chain(rows[:place], rows[place + chance.randrange(1, 4) :])


def swapped(rows: Sequence[ChainRow], place: int, chance: random.Random) -> Iterable[ChainRow]:
    """Two rows in each other's place, each with the other's number."""
    other = min(place + chance.randrange(1, 50), len(rows) - 1)
    mixed = list(rows)
    mixed[place] = dataclasses.replace(rows[other], seq=rows[place].seq)
    mixed[other] = dataclasses.replace(rows[place], seq=rows[other].seq)
    return mixed


def cut(rows: Sequence[ChainRow], place: int, chance: random.Random) -> Iterable[ChainRow]:
    return rows[:place]


def written_anew(rows: Sequence[ChainRow], place: int, chance: random.Random) -> Iterator[ChainRow]:
    """A row changed or left out, and everything after it numbered and hashed again: what an owner could do."""
    yield from rows[:place]
    last = rows[place - 1].link
    rest = list(rows[place:])
    rest[0:1] = chance.choice([[], [dataclasses.replace(rest[0], visit=4711)]])
    for row in rest:
        fresh = dataclasses.replace(row, seq=last.seq + 1, prev_hash=last.hash, hash="")
        fresh = dataclasses.replace(fresh, hash=fresh.digest())
        last = fresh.link
        yield fresh


def flagged(rows: Iterable[ChainRow], marks: Sequence[Link], after: Link = hash_chain.START) -> int:
    """Return the number of the first bad row, 0 if all is well."""
    try:
        for _ in hash_chain.anchored(rows, marks, after=after):
            pass
    except Broken as broken:
        return broken.seq
    return 0


KINDS: list[tuple[Callable[..., Iterable[ChainRow]], int]] = [
    (edited, 250),
    (taken_out, 150),
    (swapped, 150),
    (cut, 150),
    (written_anew, 100),
]


def test_a_sound_journal_is_not_flagged(journal, marks):
    assert flagged(journal, marks) == 0


@pytest.mark.parametrize("column", CHANGES)
def test_every_column_is_under_the_hash(journal, column):
    assert set(CHANGES) == {field.name for field in dataclasses.fields(ChainRow)}
    row = journal[7]
    changed = [*journal[:7], dataclasses.replace(row, **{column: CHANGES[column](row)}), *journal[8:20]]
    assert flagged(changed, []) == row.seq


def test_eight_hundred_changes_are_all_flagged_and_the_control_without_anchors_misses_the_cuts(journal, marks):
    chance = random.Random(SEED + 1)
    found: dict[str, int] = {}
    control: dict[str, int] = {}
    for change, count in KINDS:
        for _ in range(TIMES * count):
            place = chance.randrange(2, ROWS - 60)
            # The rows before are as they were, and were checked above: reading begins a little before the change.
            start = max(place - 20, 1)
            after, near = journal[start - 1].link, journal[start:]
            state = chance.getstate()
            seq = flagged(change(near, place - start, chance), marks, after)
            chance.setstate(state)
            alone = flagged(change(near, place - start, chance), [], after) if change is not written_anew else 0
            found[change.__name__] = found.get(change.__name__, 0) + (seq > 0)
            control[change.__name__] = control.get(change.__name__, 0) + (alone > 0)
            assert seq == 0 or place < seq, "flagged before the change"
    assert found == {change.__name__: TIMES * count for change, count in KINDS}
    assert sum(found.values()) == TIMES * 800
    assert control == {**found, "cut": 0, "written_anew": 0}


def test_a_journal_written_anew_is_a_sound_chain_to_whoever_has_no_anchor(journal, marks):
    anew = list(written_anew(journal[:400], 350, random.Random(1)))
    assert flagged(anew, []) == 0
    assert flagged(anew, marks[:4]) == 400


def test_what_was_written_since_the_last_anchor_can_be_cut_unseen(journal, marks):
    """The limit of anchors, and why they are written every hour."""
    assert flagged(journal[:2950], marks[:-1]) == 0
    assert flagged(journal[:2899], marks[:-1]) == 2900


# --- the file of the anchors ---------------------------------------------------------------------------------------


@pytest.fixture
def file(settings, tmp_path):
    settings.ANCHORS_FILE = tmp_path / "elsewhere" / "anchors.jsonl"
    return settings.ANCHORS_FILE


def well() -> bool:
    return all(found.sound for found in audit())


def first_wrong() -> str:
    return next((f"{found.part}: {found.words}" for found in audit() if not found.sound), "")


@pytest.fixture
def anchored(db, seal_keys, file):
    """Five anchors, ten rows before each."""
    for _ in range(5):
        for _ in range(10):
            Journal.objects.record("signed in", by=SYSTEM)
        write_anchor.anchor()
    return file


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="reads SQLite's plans")
def test_each_visit_is_held_against_its_own_rows_and_not_against_all_there_are(anchored):
    with plans() as lines:
        assert well()
    of_visits = lines[lines.index("SCAN clinic_visit") :]
    assert any("clinic_journal_visit_id" in line for line in of_visits)
    assert not any("journal_action" in line or line.startswith("SCAN U") for line in of_visits)
    assert "consent_consentstatuschange" not in read_whole(lines)


def test_an_anchor_is_one_line_signed_with_the_seal_key(anchored, seal_keys):
    read = anchors.read(anchored)
    assert [each.number for each in read] == [1, 2, 3, 4, 5]
    assert [each.seq for each in read] == [11, 22, 33, 44, 55]
    assert (read[-1].seq, read[-1].hash) == (Journal.objects.head().seq, Journal.objects.head().hash)
    assert {each.certificate for each in read} == {seal_keys.sha256}
    assert anchored.stat().st_mode & 0o077 == 0
    assert well()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(anchors.Anchor)])
def test_a_changed_anchor_is_flagged_whichever_field_it_is(anchored, field):
    lines = anchors.read(anchored)
    was = getattr(lines[2], field)
    now = was + 1 if isinstance(was, int) else was[:-4] + ("AAA=" if field == "signature" else "0000")
    now = "2026-01-01T00:00:00Z" if field == "at" else now
    changed: dict[str, Any] = {field: now}
    lines[2] = dataclasses.replace(lines[2], **changed)
    anchored.write_bytes(b"".join(each.line() for each in lines))
    assert first_wrong().startswith("anchors: line 3")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: [lines[0], *lines[2:]], "line 2"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1"),
        (lambda lines: [*lines, lines[-1]], "line 6"),
        (lambda lines: [*lines, b"\n"], "line 6"),
        (lambda lines: [*lines, b"[]\n"], "line 6"),
        (lambda lines: [b'{"a": 1}\n', *lines], "line 1"),
        (lambda lines: [b"\xff\xfe\n", *lines], "line 1"),
        (lambda lines: [lines[0].replace(b'"at"', b' "at"'), *lines[1:]], "line 1"),
        (lambda lines: lines[:-2], "there were 4 anchors then"),
        (lambda lines: [], "there were 1 anchors then"),
    ],
)
def test_a_line_taken_out_moved_doubled_or_strange_is_flagged(anchored, change, says):
    anchored.write_bytes(b"".join(change(anchored.read_bytes().splitlines(keepends=True))))
    assert says in first_wrong()


def test_an_anchor_by_a_stranger_is_flagged(anchored):
    stranger = generate_private_key(SECP256R1())
    *before, last = anchors.read(anchored)
    fields = {name: getattr(last, name) for name in ("number", "seq", "hash", "count", "certificate")}
    forged = anchors.make(**fields, at=last.when, sign=lambda data: stranger.sign(data, ECDSA(SHA256())))
    anchored.write_bytes(b"".join(each.line() for each in [*before, forged]))
    assert first_wrong() == "anchors: line 5: was changed after it was signed"


def test_a_line_that_a_power_cut_left_half_written_is_no_anchor_and_the_next_takes_its_place(anchored):
    whole = anchored.read_bytes()
    anchored.write_bytes(whole[:-30])
    assert len(anchors.read(anchored)) == 4
    assert well()  # the journal says that a fifth was about to be written, and no more
    write_anchor.anchor()
    assert [each.number for each in anchors.read(anchored)] == [1, 2, 3, 4, 5]
    assert well()


def test_only_one_process_writes_an_anchor_at_a_time(anchored):
    with anchors.alone(anchored):
        with pytest.raises(anchors.Busy):
            write_anchor.anchor()
        write_anchor.anchor_if_due()  # says nothing: somebody else is at it
    assert len(anchors.read(anchored)) == 5


def test_an_anchor_is_due_after_an_hour(anchored, monkeypatch):
    write_anchor.anchor_if_due()
    assert len(anchors.read(anchored)) == 5
    later = timezone.now() + write_anchor.EVERY + dt.timedelta(seconds=2)
    monkeypatch.setattr(timezone, "now", lambda: later)
    write_anchor.anchor_if_due()
    assert len(anchors.read(anchored)) == 6


def test_what_prevents_an_anchor_is_logged_and_does_not_stop_the_worker(db, seal_keys, file, caplog):
    file.parent.write_text("not a folder")
    write_anchor.anchor_if_due()
    assert "could not be anchored" in caplog.text
    with pytest.raises(CommandError, match=r"anchors\.jsonl"):
        call_command("anchor")


def test_the_command_says_what_it_anchored(db, seal_keys, file):
    said = io.StringIO()
    call_command("anchor", stdout=said)
    assert said.getvalue() == f"Anchor 1: row 1, {Journal.objects.get().hash}\n"


# --- the database --------------------------------------------------------------------------------------------------


@pytest.fixture
def anchored_day(db, seal_keys, file, settings):
    """A working day with a sealed consent, anchored at its end, in a database whose guards somebody lifted."""
    settings.DEMO = True
    call_command("load_demo", stdout=io.StringIO())
    write_anchor.anchor()
    lift_guards(connection)


def run(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        assert cursor.rowcount != 0, sql


JOURNAL = {
    "action": "UPDATE clinic_journal SET action = action || 'x' WHERE seq = %s",
    "data": "UPDATE clinic_journal SET data = '{}' WHERE seq = %s AND data <> '{}'",
    "user": "UPDATE clinic_journal SET user_id = (SELECT max(id) FROM clinic_user) WHERE seq = %s",
    "visit": "UPDATE clinic_journal SET visit_id = (SELECT max(id) + 1 FROM clinic_visit) WHERE seq = %s",
    "hash": "UPDATE clinic_journal SET hash = prev_hash WHERE seq = %s",
    "out": "DELETE FROM clinic_journal WHERE seq = %s",
    "moved": "UPDATE clinic_journal SET seq = -seq WHERE seq = %s",
}


CUT = "DELETE FROM clinic_journal WHERE seq >= %s"


def attempts(last: int, chance: random.Random) -> Iterator[tuple[str, Callable[[], None], int]]:
    """Yield 200 changes (at the release ten times as many) with SQL: what kind, how, and which row must be named."""
    kinds = [kind for kind in JOURNAL if kind not in ("data", "user")]
    for number in range(TIMES * 100):
        seq, kind = chance.randrange(2, last), kinds[number % len(kinds)]
        yield kind, partial(run, JOURNAL[kind], seq), 1 if kind == "moved" else seq
    for _ in range(TIMES * 50):
        one = chance.randrange(2, last - 20)
        other = one + chance.randrange(1, 19)
        yield "swapped", partial(swap, one, other), one
    for _ in range(TIMES * 50):
        seq = chance.randrange(2, last + 1)
        yield "cut", partial(run, CUT, seq), seq


def swap(one: int, other: int) -> None:
    for old, new in ((one, -1), (other, one), (-1, other)):
        run("UPDATE clinic_journal SET seq = %s WHERE seq = %s", new, old)


def undone(act: Callable[[], None], look: Callable[[], Any]) -> Any:
    """Do something to the database, look, and undo it."""
    with transaction.atomic():
        act()
        seen = look()
        transaction.set_rollback(True)
    return seen


def test_two_hundred_changes_with_sql_are_all_flagged_by_their_row(anchored_day, file):
    assert well()
    last = Journal.objects.head().seq
    flagged_rows = []
    for kind, act, seq in attempts(last, random.Random(SEED + 2)):
        said = undone(act, first_wrong)
        assert said.startswith(f"journal: row {seq}:"), (kind, seq, said)
        flagged_rows.append(seq)
    assert len(flagged_rows) == TIMES * 200
    assert well()


def test_the_control_without_anchors_sees_no_tail_cut(anchored_day, file):
    def chain_alone() -> int:
        return len(list(hash_chain.followed(Journal.objects.rows())))

    last = Journal.objects.head().seq
    for seq in range(last - 9, last + 1):
        assert undone(partial(run, CUT, seq), chain_alone) == seq - 1


NO_CHECKS, CHECKS = "PRAGMA ignore_check_constraints = ON", "PRAGMA ignore_check_constraints = OFF"
NOT_JSON = "UPDATE clinic_journal SET data = '{' WHERE seq = 9"
TAMPERED: list[tuple[list[str], str]] = [
    (["UPDATE consent_consent SET record = X'7b7d'"], "records: the record of the consent of visit"),
    ([f"UPDATE consent_consent SET sha256 = '{'4' * 64}'"], "journal: row"),
    (["UPDATE consent_sealedfile SET pdf = X'255044462d312e37'"], "sealed files: the sealed file of the consent"),
    (["UPDATE consent_sealedfile SET certificate_sha256 = sha256"], "sealed files: the sealed file of the consent"),
    ([f"UPDATE consent_sealedfile SET sha256 = '{'4' * 64}'"], "journal: row"),
    (["DELETE FROM consent_sealedfile"], "journal: row"),
    (["DELETE FROM consent_sealedfile", "DELETE FROM consent_consent"], "journal: row"),
    (["UPDATE clinic_visit SET stage = 'stopped' WHERE stage = 'sealed'"], "visits: visit"),
    (["UPDATE clinic_visit SET stage = 'sealed' WHERE stage = 'expected'"], "visits: visit"),
    (["UPDATE clinic_visit SET stage = 'confirmed' WHERE stage = 'signed'"], "visits: visit"),
    (["UPDATE clinic_visit SET withdrawn_at = stage_since WHERE stage = 'sealed'"], "visits: visit"),
]
# PostgreSQL's types refuse these by themselves.
TAMPERED_SQLITE = [
    ([NO_CHECKS, NOT_JSON, CHECKS], "journal: row 9:"),
    (["UPDATE clinic_journal SET at = 'noon' WHERE seq = 9"], "journal: row 9:"),
    (["UPDATE clinic_journal SET visit_id = 'two' WHERE seq = 9"], "journal: row 9:"),
]


def test_what_is_filed_and_where_a_visit_is_cannot_be_changed_unseen(anchored_day):
    sqlite = connection.vendor == "sqlite"
    for statements, says in [*TAMPERED, *(TAMPERED_SQLITE if sqlite else [])]:

        def act(statements: list[str] = statements) -> None:
            for each in statements:
                run(each if sqlite else re.sub(r"X'(\w+)'", r"'\\x\1'", each))

        said = undone(act, first_wrong)
        assert said.startswith(says), (statements, said)


def test_a_journal_written_anew_under_a_sealed_consent_is_flagged_though_every_anchor_is_gone(anchored_day, file):
    """The sealed record names a row of the journal by its hash: who rewrites the chain would have to seal anew."""
    rows = [each for each in Journal.objects.rows() if each.action != "journal anchored"]
    fresh = list(written_anew(rows, 2, random.Random(SEED)))
    assert len(fresh) == len(rows) - 1
    file.unlink()

    def act() -> None:
        run("DELETE FROM clinic_journal")
        Journal.objects.bulk_create(map(as_model, fresh))

    assert undone(act, first_wrong).startswith("records: the record of the consent of visit")


@pytest.mark.parametrize("proof", [{}, {"journal_row": 0, "journal_hash": "0" * 64}])
def test_a_record_that_names_no_row_of_the_journal_is_wrong(db, proof):
    with pytest.raises(Wrong):
        _same_journal(proof, "the record of the consent of visit 1")


def as_model(row: ChainRow) -> Journal:
    told = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    keys = {f"{name}_id": told.pop(name) for name in ("user", "tablet", "visit", "patient")}
    return Journal(**told, **keys)


def test_a_flipped_byte_anywhere_in_a_sealed_file_is_flagged(anchored_day):
    filed = SealedFile.objects.get()
    chance = random.Random(SEED + 3)
    for place in chance.sample(range(len(filed.pdf)), 25):
        pdf = bytearray(filed.pdf)
        pdf[place] ^= 1

        def act(pdf: bytes = bytes(pdf)) -> None:
            put(filed, pdf=pdf)

        assert undone(act, first_wrong).startswith("sealed files: ")


# --- the command ---------------------------------------------------------------------------------------------------


def verify_all() -> tuple[int, str]:
    said = io.StringIO()
    try:
        call_command("verify", "--all", stdout=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue()
    return 0, said.getvalue()


def test_verify_all_says_that_a_good_database_is_good(anchored_day):
    status, said = verify_all()
    assert status == 0, said
    assert said.endswith("everything is as it was written\n")
    for part in ("anchors: 2,", "journal: ", "records: 1,", "sealed files: 1,", f"visits: {Visit.objects.count()}"):
        assert part in said
    assert not any(patient.name in said for patient in Patient.objects.all())


def test_verify_all_names_the_first_bad_row_and_fails(anchored_day):
    run(JOURNAL["action"], 17)
    run(JOURNAL["action"], 40)
    status, said = verify_all()
    assert status == 1
    assert "first wrong: journal: row 17: was changed after it was written" in said
    assert "row 40" not in said


def test_verify_all_of_an_empty_database_is_good(db, seal_keys, file):
    assert verify_all()[0] == 0


def test_verify_asks_for_a_file_or_for_all():
    with pytest.raises(CommandError, match="required"):
        call_command("verify")


def test_verify_all_asks_the_database_as_often_for_a_long_journal_in_pieces(
    anchored_day, django_assert_max_num_queries
):
    visit = make_visit()
    for _ in range(1200):
        Journal.objects.record("visit opened", by=SYSTEM, visit=visit)
    write_anchor.anchor()
    with django_assert_max_num_queries(40):
        assert well()
    assert Consent.objects.count() == 1
