"""`consent.verify` in this process: each sentence that it prints, and what its exit status rests on.

`tests/evidence/test_verifying.py` runs it as a stranger does, without us. What is asked here is the wording, option by
option.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from argparse import Namespace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction

from clinic.domain.digests import sha256
from consent import actions, verify
from consent.models import SealedFile, SealedStatusChange
from consent.seal.pades import attached
from tests.support.consents import SPOKEN, confirmed, reception

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
WITHDRAWN = "whether this consent was withdrawn, superseded or entered in error later: only the clinic knows, or the "
WITHDRAWN += "sealed PDF of that, given with --also"
LATER = r"Withdrawn at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* [+-]\d\d:\d\d, says withdrawal\.pdf"
REVOKED = "whether the key was revoked: give the clinic's list with --revoked"


@cache
def files(root: bytes) -> dict[str, bytes]:
    """Return a consent's file, what came after it and after another, and our root; mutants find them made."""
    with transaction.atomic():
        consent, other = confirmed(), confirmed()
        for one in (consent, other):
            actions.withdraw(visit=one.visit, **SPOKEN, reason="", by=reception())
        after, another = (bytes(SealedStatusChange.objects.get(after__consent=each).pdf) for each in (consent, other))
        pdf = bytes(SealedFile.objects.get(consent=consent).pdf)
        transaction.set_rollback(True)
    made = {"consent.pdf": pdf, "longer.pdf": pdf + b"\n", "withdrawal.pdf": after, "withdrawal+.pdf": after + b"\n"}
    return made | {"another.pdf": another, "root.cer": root, "nonsense": b"nonsense"}


@pytest.fixture
def given(seal_keys: Any, tmp_path: Path) -> dict[str, str]:
    """Put them into a folder; give its name, and what the verifier must find out."""
    made = files(seal_keys.root.public_bytes(Encoding.DER))
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    told = {"folder": str(tmp_path), "file": sha256(made["consent.pdf"]), "key": seal_keys.sha256}
    return told | {"record": sha256(attached(made["consent.pdf"]) or b"")}


@pytest.fixture
def said(given: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a way to ask; it returns the exit status and what was printed, JSON as what it stands for."""
    monkeypatch.chdir(given["folder"])

    def ask(*arguments: str, root: str = "root.cer") -> tuple[int, Any]:
        status = verify.main([*arguments, "--root", root])
        out, err = capsys.readouterr()
        return status, json.loads(out) if "--json" in arguments else out + err

    return ask


def test_of_a_good_file_everything_is_told(said: Any, given: dict[str, Any]) -> None:
    status, text = said("consent.pdf")
    lines = text.splitlines()
    assert status == 0
    assert lines[:5] == [
        "good: nothing speaks against this file",
        "",
        "intact (no byte under the seal changed):    yes",
        "ours   (sealed with a key of this clinic):  yes",
        "whole  (nothing was added after the seal):  yes",
    ]
    assert "time vouched for   by the clinic's own clock alone" in lines
    assert f"record SHA-256     {given['record']}" in lines
    assert f"file SHA-256       {given['file']}" in lines
    assert f"certificate        {given['key']}" in lines
    assert lines[-3:] == ["Not seen:", f"  - {WITHDRAWN}", f"  - {REVOKED}"]
    assert "Problems:" not in lines
    assert "Later:" not in lines


def test_as_json_the_same_is_told(said: Any, given: dict[str, Any]) -> None:
    status, found = said("consent.pdf", "--json")
    assert (status, found["exit_status"]) == (0, 0)
    assert (found["intact"], found["ours"], found["whole"]) == (True, True, True)
    assert found["record"].startswith("consent C-")
    assert found["sealed_by"]
    assert found["sealed_at"].endswith(" UTC")
    assert (found["file"], found["file_sha256"]) == ("consent.pdf", given["file"])
    assert (found["record_sha256"], found["certificate_sha256"]) == (given["record"], given["key"])
    assert (found["later"], found["problems"], found["cannot_see"]) == ([], [], [WITHDRAWN, REVOKED])


def test_what_was_added_after_the_seal_is_a_problem(said: Any) -> None:
    status, found = said("longer.pdf", "--json")
    assert status == found["exit_status"] == 1
    assert found["verdict"] == "NOT VERIFIED: do not rely on this file"
    assert found["problems"]
    assert not found["whole"]


def test_what_is_no_sealed_file_of_ours_carries_no_record(said: Any, given: dict[str, Any]) -> None:
    status, text = said("nonsense")
    assert status == 1
    assert "The file does not carry its record." in text
    for empty in ("sealed by          -", "sealed at          -", "record inside      -", "record SHA-256     -"):
        assert empty in text.splitlines()
    assert f"file SHA-256       {sha256(b'nonsense')}" in text


@pytest.mark.parametrize(
    ("also", "status", "later", "why"),
    [
        (["withdrawal.pdf"], 3, 1, ""),
        (["another.pdf"], 0, 0, "anything more from another.pdf: it is about another file"),
        (["another.pdf", "withdrawal.pdf"], 3, 1, "anything more from another.pdf: it is about another file"),
        (["consent.pdf"], 1, 0, ""),
        (["withdrawal+.pdf"], 1, 0, ""),
        (["nonsense"], 1, 0, ""),
    ],
)
def test_what_came_after_counts_if_it_is_good_and_about_this_file(
    said: Any, also: list[str], status: int, later: int, why: str
) -> None:
    came, found = said("consent.pdf", "--json", *(part for each in also for part in ("--also", each)))
    assert (came, len(found["later"])) == (status, later)
    assert found["cannot_see"] == [*([] if also else [WITHDRAWN]), REVOKED, *([why] if why else [])]
    assert all(re.fullmatch(LATER, each) for each in found["later"])
    assert [each for each in found["problems"] if not each.startswith(f"{also[0]} cannot be used: ")] == []
    assert bool(found["problems"]) is (status == 1)
    if later:
        assert found["verdict"] == "good, but it no longer stands"


def test_a_withdrawal_tells_what_it_is_about(said: Any) -> None:
    status, found = said("withdrawal.pdf", "--json")
    assert status == 0
    assert ", withdrawn: about C-" in found["record"]


def test_a_timestamp_that_is_none_is_a_problem(said: Any) -> None:
    status, found = said("consent.pdf", "--json", "--timestamp", "nonsense")
    assert status == 1
    assert found["problems"][0].startswith("nonsense: ")
    assert found["cannot_see"][-1] == "who vouches for the timestamp: give the authority's root with --tsa-root"
    _, found = said("consent.pdf", "--json", "--timestamp", "nonsense", "--tsa-root", "root.cer")
    assert found["cannot_see"] == [WITHDRAWN, REVOKED]


def test_what_cannot_be_used_is_asked_wrongly(said: Any) -> None:
    status, text = said("consent.pdf", root="nonsense")
    assert (status, text) == (2, "nonsense: not a certificate in DER or PEM\n")
    assert said("consent.pdf", "--revoked", "nonsense")[0] == 2
    status, text = said("none.pdf")
    assert status == 2
    assert "none.pdf" in text
    with pytest.raises(SystemExit) as ended:
        verify.main(["consent.pdf"])
    assert ended.value.code == 2


WHEN = dt.datetime(2026, 3, 27, 8, 30, 5, tzinfo=dt.UTC)
BY_NOW = "it was there by 2026-03-27 08:30:05 UTC, says Their TSA"


@pytest.mark.parametrize(
    ("trusted", "time", "known", "problems"),
    [
        (True, BY_NOW, WHEN, []),
        (None, f"{BY_NOW} (nobody vouches for it here)", None, []),
        (False, "", None, ["its.tst: not by an authority that --tsa-root vouches for."]),
    ],
)
def test_a_timestamp_beside_the_file_counts_as_far_as_somebody_vouches_for_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool | None,
    time: str,
    known: dt.datetime | None,
    problems: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("its.tst").write_bytes(b"token")
    trust, found = verify.Trust(roots=[], stamp_roots=["theirs"]), verify.Finding(file="x")  # type: ignore[list-item]

    def check(token: bytes, digest: str, roots: Any) -> Any:
        assert (token, digest, roots) == (b"token", "abc", ["theirs"])
        return SimpleNamespace(trusted=trusted, at=WHEN, by="Their TSA")

    monkeypatch.setattr(verify, "check", check)
    judged = verify._beside(Namespace(timestamp=Path("its.tst")), "abc", trust, found)
    assert (found.time, judged.known_since, found.problems) == (time, known, problems)
    assert (judged.roots, judged.stamp_roots) == (trust.roots, trust.stamp_roots)


EMPTY = """\
NOT VERIFIED

intact (no byte under the seal changed):    no
ours   (sealed with a key of this clinic):  yes
whole  (nothing was added after the seal):  no

sealed by          -
sealed at          -
time vouched for   by nobody
record inside      -
record SHA-256     -
                   computed from the record inside; compare with the one printed on the pages
file SHA-256       abc
certificate        -

Problems:
  - one
  - two

Later:
  - three

Not seen:
  - four"""
FULL = """\
sealed by          Test Clinic
sealed at          noon
time vouched for   by nobody
record inside      consent C-1
record SHA-256     def
                   computed from the record inside; compare with the one printed on the pages
file SHA-256       abc
certificate        123"""


def test_each_line_stands_in_its_place() -> None:
    found = verify.Finding(file="x", verdict="NOT VERIFIED", ours=True, time="by nobody", file_sha256="abc")
    found.problems, found.later, found.cannot_see = ["one", "two"], ["three"], ["four"]
    assert verify._text(found) == EMPTY
    found = verify.Finding(file="x", time="by nobody", file_sha256="abc", sealed_by="Test Clinic", sealed_at="noon")
    found.record, found.record_sha256, found.certificate_sha256 = "consent C-1", "def", "123"
    assert verify._text(found).endswith(f"\n\n{FULL}")
