"""The record: frozen, read back strictly, one digest."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic.domain.digests import sha256
from consent.domain.record import FORMAT, Moment, canonical, moment, read
from tests.support.sample_records import sample

VARIATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "minor": {"minor": True, "typed": True},
    "interpreter": {"interpreter": True},
    "nothing to flag": {"precautions": False},
    "long": {"text": "long " * 800},
    "hostile": {"text": "<b>\u202e]]>\x00 \\u0000 𝄞 \"'"},
}


@pytest.mark.parametrize("how", VARIATIONS.values(), ids=VARIATIONS.keys())
def test_what_is_written_is_read_back(how: dict[str, Any]) -> None:
    record = sample(**how)
    assert read(canonical(record)) == record


@settings(max_examples=40)
@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_back(text: str) -> None:
    record = sample(text=text)
    assert read(canonical(record)) == record


def test_the_canonical_form_is_sorted_json_without_spaces() -> None:
    data = canonical(sample())
    written = json.loads(data)
    again = json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert data == again
    assert written["format"] == FORMAT


def test_the_digest_is_that_of_sha256sum() -> None:
    data = canonical(sample())
    assert sha256(data) == hashlib.sha256(data).hexdigest()


def test_one_changed_word_is_another_digest() -> None:
    record = sample()
    other = dataclasses.replace(record, patient=dataclasses.replace(record.patient, name="Maria Nowakk"))
    assert sha256(canonical(record)) != sha256(canonical(other))


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample().number = "C-1"  # type: ignore[misc]


def changed(**at_top: Any) -> bytes:
    written = json.loads(canonical(sample()))
    written.update(at_top)
    return json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def deeper(*path: str | int, value: Any) -> bytes:
    written = json.loads(canonical(sample()))
    place: Any = written
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def without(name: str) -> bytes:
    written = json.loads(canonical(sample()))
    del written[name]
    return json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


SPACED = json.dumps(json.loads(canonical(sample())), sort_keys=True, ensure_ascii=False).encode()
TWICE = canonical(sample()).replace(b'{"acknowledged"', b'{"number":"C-000013","acknowledged"', 1)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (changed(format="dry-needling-consent/2"), "not of format"),
        (changed(extra=1), "record: expected an object"),
        (without("plan"), "record: expected an object"),
        (without("course"), "record: expected an object"),
        (changed(plan=None), "record.plan"),
        (changed(flags={}), "record.flags: expected a list"),
        (deeper("plan", "sessions", value=True), "record.plan.sessions: expected int, not bool"),
        (deeper("plan", "electro", value=1), "record.plan.electro: expected bool, not int"),
        (deeper("signatures", 0, "strokes", value=[[[1, 2]]]), "expected 3 items"),
        (deeper("signatures", 0, "strokes", value=[[[1, 2, 3.5]]]), "expected int, not float"),
        (deeper("screening", "answers", 0, "value", value={"a": 1}), "dict is not allowed"),
        (deeper("screening", "answers", 0, "value", value=float("nan")), "nan"),
        (deeper("patient", "born", value="1.5.1990"), "isoformat"),
        (deeper("visit", "day", value="today"), "isoformat"),
        (deeper("confirmation", "at", "utc", value="2026-11-23T10:05:00Z"), "not the same moment"),
        (SPACED, "not in canonical form"),
        (TWICE, "not in canonical form"),
        (canonical(sample()) + b"\n", "not in canonical form"),
        (canonical(sample())[:-1], "not JSON in UTF-8"),
        (b"\xff\xfe", "not JSON in UTF-8"),
        (b"null", "not of format"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_anything_else_is_refused_by_name(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(data)


def test_a_lone_surrogate_has_no_canonical_form() -> None:
    with pytest.raises(ValueError, match=r"(?i)surrogate|utf-8"):
        canonical(sample(text="\ud800"))


def test_a_witness_stands_in_the_record_and_reads_back() -> None:
    seen = sample(assisted=True)
    assert read(canonical(seen)) == seen
    assert json.loads(canonical(seen))["signatures"][0]["witness"]["name"] == "Rae Reception"


LONDON = ZoneInfo("Europe/London")


def test_a_moment_is_told_three_ways() -> None:
    summer = dt.datetime(2026, 7, 1, 9, 5, 30, 999, tzinfo=dt.UTC)
    assert moment(summer, LONDON) == Moment("2026-07-01T10:05:30", "+01:00", "2026-07-01T09:05:30Z", "Europe/London")


@pytest.mark.parametrize(
    ("zone", "offset"), [("Asia/Kathmandu", "+05:45"), ("America/St_Johns", "-02:30"), ("Europe/London", "+01:00")]
)
def test_offsets_of_any_sort(zone: str, offset: str) -> None:
    assert moment(dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC), ZoneInfo(zone)).offset == offset


@pytest.mark.parametrize("fold", [0, 1])
def test_the_hour_that_comes_twice_is_told_apart(fold: int) -> None:
    told = moment(dt.datetime(2026, 10, 25, 1, 30, fold=fold, tzinfo=LONDON))
    assert told.local == "2026-10-25T01:30:00"
    assert told.offset == ("+00:00" if fold else "+01:00")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        moment(dt.datetime(2026, 7, 1, 12))


@given(
    st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC)),
    st.sampled_from(["Europe/London", "Australia/Lord_Howe", "America/New_York", "Asia/Kolkata"]),
)
def test_a_moment_keeps_its_instant(when: dt.datetime, zone: str) -> None:
    assert moment(when, ZoneInfo(zone)).instant == when.replace(microsecond=0)
