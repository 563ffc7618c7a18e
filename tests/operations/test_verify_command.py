"""`manage.py verify FILE`: what it says of each kind of file, and how it exits."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from clinic.domain.digests import sha256
from consent.document import rendering
from consent.document.rendering import render
from consent.domain.record import Record, canonical
from consent.models import Consent, SealedFile, SignedConsent
from consent.seal.certificate_authority import make_keys
from consent.seal.keys import SealKey
from consent.seal.pades import seal
from tests.support.factories import hold, make_screening, make_tablet, make_visit, practitioner
from tests.support.raw_database import lift_guards, put
from tests.support.sample_records import sample

pytestmark = pytest.mark.django_db


@dataclass
class Said:
    """What the command printed, and its exit code."""

    text: str
    code: int

    @property
    def verdict(self) -> dict[str, str]:
        """Its first four lines."""
        return dict(line.split(": ", 1) for line in self.text.splitlines()[:4])


GOOD = {"intact": "yes", "ours": "yes", "whole": "yes", "record": "matches"}


def verify(pdf: bytes, folder: Path) -> Said:
    file = folder / "file.pdf"
    file.write_bytes(pdf)
    out = StringIO()
    try:
        call_command("verify", str(file), stdout=out)
    except SystemExit as left:
        return Said(out.getvalue(), int(str(left.code)))
    return Said(out.getvalue(), 0)


def file_away(record: Record, pdf: bytes) -> SealedFile:
    """Write the rows that a confirmed and sealed visit leaves."""
    visit, physio = make_visit(), practitioner()
    tablet, _ = make_tablet()
    given = SignedConsent.objects.create(
        visit=visit,
        screening=make_screening(visit),
        hold=hold(visit, tablet),
        statement={},
        statement_version="1",
        statement_sha256="0" * 64,
        acknowledged=[],
        choices={},
    )
    data = canonical(record)
    consent = Consent.objects.create(
        visit=visit, given=given, record=data, sha256=sha256(data), confirmed_by=physio, confirmed_at=timezone.now()
    )
    return SealedFile.objects.create(consent=consent, pdf=pdf, sha256=sha256(pdf), certificate_sha256="0" * 64)


@pytest.fixture(scope="module")
def sealed_pdf(seal_keys: SealKey) -> bytes:
    return seal(render(sample()), seal_keys)


def test_a_good_file_passes_each_question(sealed_pdf: bytes, tmp_path: Path, seal_keys: SealKey) -> None:
    file_away(sample(), sealed_pdf)
    said = verify(sealed_pdf, tmp_path)
    assert said.verdict == GOOD
    assert said.code == 0
    assert f"file SHA-256: {sha256(sealed_pdf)}" in said.text
    assert f"attached record SHA-256: {sha256(canonical(sample()))}" in said.text
    assert "drawn again: the same pages, byte for byte" in said.text
    assert seal_keys.sha256 in said.text


def test_a_good_file_that_this_database_does_not_hold_fails(sealed_pdf: bytes, tmp_path: Path) -> None:
    said = verify(sealed_pdf, tmp_path)
    assert said.verdict == {**GOOD, "record": "no record here"}
    assert said.code == 1


def test_a_changed_byte_fails(sealed_pdf: bytes, tmp_path: Path) -> None:
    file_away(sample(), sealed_pdf)
    at = sealed_pdf.index(b"/MarkInfo")
    said = verify(sealed_pdf[:at] + b"/MarkInfi" + sealed_pdf[at + 9 :], tmp_path)
    assert said.verdict["intact"] == "no"
    assert said.verdict["record"] == "does not match"
    assert said.code == 1
    assert "A byte under the seal was changed." in said.text


def test_an_appended_byte_fails_although_intact_and_ours(sealed_pdf: bytes, tmp_path: Path) -> None:
    file_away(sample(), sealed_pdf)
    said = verify(sealed_pdf + b"\n% more\n", tmp_path)
    assert said.verdict == {"intact": "yes", "ours": "yes", "whole": "no", "record": "does not match"}
    assert said.code == 1


def test_a_strangers_seal_fails_although_intact_and_whole(sealed_pdf: bytes, tmp_path: Path) -> None:
    file_away(sample(), sealed_pdf)
    stranger = make_keys(tmp_path / "keys", "another passphrase, as long as they must be", "Test Clinic")
    said = verify(seal(render(sample()), stranger), tmp_path)
    assert said.verdict == {"intact": "yes", "ours": "no", "whole": "yes", "record": "does not match"}
    assert said.code == 1


def test_a_record_changed_in_the_database_fails(sealed_pdf: bytes, tmp_path: Path) -> None:
    filed = file_away(sample(), sealed_pdf)
    other = canonical(sample(number="C-999999"))
    lift_guards(connection)  # behind the app's back: the database itself refuses it
    put(filed.consent, record=other)
    said = verify(sealed_pdf, tmp_path)
    assert said.verdict == {**GOOD, "record": "does not match"}
    assert said.code == 1


def test_a_page_that_says_other_than_its_record_is_told(
    tmp_path: Path, seal_keys: SealKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed by us and filed, but the pages were not drawn from the record that is attached to them."""
    with monkeypatch.context() as patched:
        patched.setattr(rendering, "_day", lambda iso: "1 January 2000")
        crooked = seal(render(sample()), seal_keys)
    file_away(sample(), crooked)
    said = verify(crooked, tmp_path)
    assert said.verdict == GOOD
    assert "drawn again: other bytes" in said.text


@pytest.mark.parametrize("junk", [b"", b"%PDF-1.7", b"not a PDF"])
def test_what_is_no_pdf_fails_without_a_traceback(junk: bytes, tmp_path: Path, seal_keys: SealKey) -> None:
    said = verify(junk, tmp_path)
    assert said.verdict == {"intact": "no", "ours": "no", "whole": "no", "record": "no record here"}
    assert said.code == 1


def test_a_missing_file_is_named(tmp_path: Path, seal_keys: SealKey) -> None:
    with pytest.raises(CommandError, match=r"missing\.pdf cannot be read"):
        call_command("verify", str(tmp_path / "missing.pdf"))


def test_without_our_root_it_says_so(sealed_pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KEYS_DIR", tmp_path)
    (tmp_path / "file.pdf").write_bytes(sealed_pdf)
    with pytest.raises(CommandError, match="root certificate"):
        call_command("verify", str(tmp_path / "file.pdf"))
