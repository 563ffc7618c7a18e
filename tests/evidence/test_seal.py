"""The seal, tested by breaking it."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import BasicConstraints, KeyUsage
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, pdf_signer
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from clinic.domain.digests import sha256
from consent.document.rendering import render
from consent.domain.record import canonical
from consent.seal import certificate_authority
from consent.seal import pades as sealing
from consent.seal.certificate_authority import make_keys
from consent.seal.keys import KeyTrouble, SealKey, as_asn1, fingerprint, roots
from consent.seal.pades import NotSealable, Verdict, attached, seal, verify
from tests.support.repository import ROOT
from tests.support.sample_records import sample

pytestmark = pytest.mark.thorough  # each seals and checks files

PASSPHRASE = "tests-only-passphrase-tests-only-passphrase"


@cache
def drawn() -> bytes:
    return render(sample())


@dataclass(frozen=True)
class Sealed:
    key: SealKey
    pdf: bytes

    def verdict(self, pdf: bytes) -> Verdict:
        return verify(pdf, [self.key.root])


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    key = make_keys(tmp_path_factory.mktemp("ours") / "keys", PASSPHRASE, "Murray Physiotherapy")
    return Sealed(key, seal(drawn(), key))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """Somebody with the same software, who calls themself the same."""
    key = make_keys(tmp_path_factory.mktemp("theirs") / "keys", PASSPHRASE, "Murray Physiotherapy")
    return Sealed(key, seal(drawn(), key))


def appended(pdf: bytes) -> bytes:
    """The file with a revision after the seal, as an editor would save it: another title."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    info = writer.trailer["/Info"]
    info["/Title"] = generic.TextStringObject("Something else")
    writer.update_container(info)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def gap(pdf: bytes) -> range:
    """Where the signature itself stands: the one part that no signature covers."""
    start = pdf.rindex(b"/Contents <") + len(b"/Contents ")
    return range(start, pdf.index(b">", start) + 1)


# A good one


def test_a_sealed_document_is_intact_ours_and_whole(ours: Sealed) -> None:
    verdict = ours.verdict(ours.pdf)
    assert verdict.good
    assert (verdict.intact, verdict.ours, verdict.whole, verdict.matches) == (True, True, True, None)
    assert verdict.problems == ()
    assert verdict.certificate_sha256 == ours.key.sha256
    assert "O=Murray Physiotherapy" in verdict.signed_by
    assert verdict.at is not None
    assert abs(verdict.at - datetime.now(UTC)) < timedelta(minutes=10)


def test_the_seals_time_is_told_in_utc_wherever_the_clinic_is(ours: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever prints it writes UTC behind it."""
    monkeypatch.setattr("tzlocal.get_localzone", lambda: ZoneInfo("Australia/Melbourne"))
    at = ours.verdict(seal(drawn(), ours.key)).at
    assert at is not None
    assert at.utcoffset() == timedelta(0)
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=10)


def test_the_bytes_before_the_seal_are_untouched(ours: Sealed) -> None:
    assert ours.pdf.startswith(drawn())
    assert attached(ours.pdf) == canonical(sample())


def test_what_the_file_says_of_itself_stays_as_it_was_drawn(ours: Sealed) -> None:
    before, after = (PdfFileReader(BytesIO(pdf)) for pdf in (drawn(), ours.pdf))
    assert after.root["/Metadata"].data == before.root["/Metadata"].data
    assert dict(after.trailer["/Info"]) == dict(before.trailer["/Info"])


def test_it_is_a_pades_certification_that_allows_no_changes(ours: Sealed) -> None:
    [signature] = PdfFileReader(BytesIO(ours.pdf)).embedded_signatures
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.docmdp_level == fields.MDPPerm.NO_CHANGES
    assert signature.sig_object.get("/Reason") == "The clinic's seal: any later change shows"


def test_it_can_be_sealed_while_a_loop_runs(ours: Sealed) -> None:
    async def within() -> Verdict:
        return ours.verdict(seal(drawn(), ours.key))

    assert asyncio.run(within()).good


def test_a_seal_of_any_length_is_encoded_once_into_what_pyhanko_would_write(
    ours: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    [signature] = PdfFileReader(BytesIO(ours.pdf)).embedded_signatures
    signed = signature.signer_info["signed_attrs"].untag()
    anew: list[bool] = []
    encode = cms.SignedData._set_contents

    def noted(self: cms.SignedData, force: bool = False) -> None:
        anew.append(force)
        encode(self, force)

    monkeypatch.setattr(cms.SignedData, "_set_contents", noted)
    theirs: set[int] = set()
    for length in range(60, 60 + 256):  # of the signature: its last byte of length is each one once
        replay = sealing._Replay(ours.key.certificate, ours.key.root, b"s" * length)
        anew.clear()
        written = asyncio.run(replay.async_sign_prescribed_attributes("sha256", signed))
        assert not any(anew), length
        assert written == asyncio.run(Signer.async_sign_prescribed_attributes(replay, "sha256", signed)).dump()
        if any(anew):
            theirs.add(length)
    assert theirs, "asn1crypto no longer does so: _der has had its day"


def test_the_ledger_has_the_last_word(ours: Sealed) -> None:
    assert verify(ours.pdf, [ours.key.root], sha256(ours.pdf)).matches is True
    other = verify(ours.pdf, [ours.key.root], sha256(b""))
    assert other.matches is False
    assert not other.good


def test_an_old_file_stays_good_when_its_certificate_has_run_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime.now(UTC) - timedelta(days=certificate_authority.SEAL_DAYS + 30)
    key = make_keys(tmp_path / "keys", PASSPHRASE, "Clinic", now=then)
    assert key.certificate.not_valid_after_utc < datetime.now(UTC)
    late = verify(seal(drawn(), key), [key.root])
    assert not late.ours, "sealed after the certificate ran out"

    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return (then + timedelta(days=1)).astimezone(tz)

    monkeypatch.setattr(pdf_signer, "datetime", Then)
    in_time = verify(seal(drawn(), key), [key.root])
    assert in_time.at == (then + timedelta(days=1)).replace(microsecond=0)
    assert in_time.good


# Broken ones


def test_a_changed_byte_is_not_intact(ours: Sealed) -> None:
    at = ours.pdf.index(b"/MarkInfo")
    changed = ours.pdf[:at] + b"/MarkInfi" + ours.pdf[at + 9 :]
    verdict = ours.verdict(changed)
    assert not verdict.intact
    assert not verdict.good
    assert verdict.problems


def test_an_appended_revision_is_intact_and_ours_but_not_whole(ours: Sealed) -> None:
    verdict = ours.verdict(appended(ours.pdf))
    assert (verdict.intact, verdict.ours, verdict.whole) == (True, True, False)


@pytest.mark.parametrize("tail", [b"\n", b"%", b"%%EOF\n", b"\0" * 100])
def test_bytes_after_the_end_are_not_whole(ours: Sealed, tail: bytes) -> None:
    assert not ours.verdict(ours.pdf + tail).whole


def test_a_strangers_key_is_intact_and_not_ours(ours: Sealed, strangers: Sealed) -> None:
    verdict = ours.verdict(strangers.pdf)
    assert (verdict.intact, verdict.ours, verdict.whole) == (True, False, True)
    assert verdict.signed_by == ours.verdict(ours.pdf).signed_by  # a name proves nothing


def test_a_second_signature_is_not_good(ours: Sealed, strangers: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """By software that does not ask what the first one allows; pyHanko itself would refuse."""
    monkeypatch.setattr(PdfSigner, "_enforce_certification_constraints", lambda *_: None)
    metadata = PdfSignatureMetadata(field_name="Other", subfilter=fields.SigSeedSubFilter.PADES)
    for signer in (strangers, ours):
        writer = IncrementalPdfFileWriter(BytesIO(ours.pdf))
        out = PdfSigner(metadata, sealing._KeySigner(signer.key)).sign_pdf(writer, bytes_reserved=2 * sealing.RESERVED)
        verdict = ours.verdict(out.getvalue())
        assert not verdict.whole
        assert "There are 2 signatures; there must be one." in verdict.problems


def test_the_seal_cannot_be_moved_to_another_document(ours: Sealed) -> None:
    other = seal(render(sample(number="C-000013")), ours.key)
    mine, theirs = gap(ours.pdf), gap(other)
    moved = other[: theirs.start] + ours.pdf[mine.start : mine.stop] + other[theirs.stop :]
    assert not ours.verdict(moved).intact


def test_a_file_without_a_seal_is_nothing(ours: Sealed) -> None:
    verdict = ours.verdict(drawn())
    assert (verdict.intact, verdict.ours, verdict.whole) == (False, False, False)
    assert "0 signatures" in verdict.problems[0]


@pytest.mark.parametrize("junk", [b"", b"%PDF-1.7\n", b"hello", b"\0" * 5000, b"<html></html>"])
def test_what_is_no_pdf_is_nothing_and_raises_nothing(ours: Sealed, junk: bytes) -> None:
    verdict = ours.verdict(junk)
    assert (verdict.intact, verdict.ours, verdict.whole) == (False, False, False)
    assert verdict.problems
    assert attached(junk) is None


FLIPS = 300


def flipped(pdf: bytes, seed: int, where: Callable[[random.Random], int]) -> list[tuple[int, bytes]]:
    chance = random.Random(seed)
    made = []
    for _ in range(FLIPS // 2):
        at = where(chance)
        made.append((at, pdf[:at] + bytes([pdf[at] ^ (1 << chance.randrange(8))]) + pdf[at + 1 :]))
    return made


def test_no_flipped_bit_goes_unseen(ours: Sealed) -> None:
    hole = gap(ours.pdf)
    anywhere = flipped(ours.pdf, 1, lambda chance: chance.randrange(len(ours.pdf)))
    in_the_seal = flipped(ours.pdf, 2, lambda chance: chance.choice(hole))
    undetected = [at for at, pdf in [*anywhere, *in_the_seal] if ours.verdict(pdf).good]
    assert undetected == []


def test_the_seals_own_slack_is_seen(ours: Sealed) -> None:
    """The case of a hex digit and the padding: no signature covers them."""
    hole = gap(ours.pdf)
    digits = ours.pdf[hole.start : hole.stop]
    for changed in (digits.lower(), digits[:-2] + b"1>", digits.replace(b"00>", b"  >")):
        verdict = ours.verdict(ours.pdf[: hole.start] + changed + ours.pdf[hole.stop :])
        assert not verdict.intact


def bottom_line(ours: Sealed, pdf: bytes) -> bool:
    """What pyHanko alone would say."""
    [signature] = PdfFileReader(BytesIO(pdf)).embedded_signatures
    roots = [as_asn1(ours.key.root)]
    return bool(
        validate_pdf_signature(signature, ValidationContext(trust_roots=roots, allow_fetching=False)).bottom_line
    )


def test_pyhankos_bottom_line_alone_would_not_do(ours: Sealed) -> None:
    """The control: what this product must refuse and the library's summary calls valid."""
    hole = gap(ours.pdf)
    slack = ours.pdf[: hole.start] + ours.pdf[hole.start : hole.stop].lower() + ours.pdf[hole.stop :]
    for changed in (appended(ours.pdf), ours.pdf + b"\n% more\n", slack):
        assert bottom_line(ours, changed)
        assert not ours.verdict(changed).good


# We seal only what we made


def with_catalog_entry(name: str, value: generic.PdfObject) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(drawn()))
    writer.root[name] = value
    writer.update_root()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        (
            "/OpenAction",
            generic.DictionaryObject({generic.pdf_name("/S"): generic.pdf_name("/JavaScript")}),
            "OpenAction",
        ),
        ("/AA", generic.DictionaryObject(), "AA"),
        ("/OCProperties", generic.DictionaryObject(), "OCProperties"),
        ("/AcroForm", generic.DictionaryObject({generic.pdf_name("/XFA"): generic.ArrayObject()}), "a form"),
    ],
)
def test_a_document_with_anything_active_is_not_sealed(
    ours: Sealed, name: str, value: generic.PdfObject, complaint: str
) -> None:
    with pytest.raises(NotSealable, match=complaint):
        seal(with_catalog_entry(name, value), ours.key)


def test_a_document_that_was_edited_is_not_sealed(ours: Sealed) -> None:
    with pytest.raises(NotSealable, match="changed after it was drawn"):
        seal(appended(drawn()), ours.key)


def test_a_sealed_document_is_not_sealed_again(ours: Sealed) -> None:
    with pytest.raises(NotSealable):
        seal(ours.pdf, ours.key)


# What Poppler says


def pdfsig(pdf: bytes, folder: Path) -> str:
    file = folder / "file.pdf"
    file.write_bytes(pdf)
    done = subprocess.run(["pdfsig", str(file)], capture_output=True, text=True, check=False, env={"HOME": str(folder)})
    return done.stdout


def test_pdfsig_says_total_document_signed_exactly_where_we_say_whole(
    ours: Sealed, strangers: Sealed, tmp_path: Path
) -> None:
    assert shutil.which("pdfsig"), "apt install poppler-utils"
    at = ours.pdf.index(b"/MarkInfo")
    files = {
        "good": ours.pdf,
        "byte changed": ours.pdf[:at] + b"/MarkInfi" + ours.pdf[at + 9 :],
        "revision appended": appended(ours.pdf),
        "stranger": strangers.pdf,
        "not sealed": drawn(),
    }
    said = {name: "- Total document signed" in pdfsig(pdf, tmp_path) for name, pdf in files.items()}
    assert said == {name: ours.verdict(pdf).whole for name, pdf in files.items()}
    assert said == {
        "good": True,
        "byte changed": True,
        "revision appended": False,
        "stranger": True,
        "not sealed": False,
    }


def test_pdfsig_finds_the_signature_valid(ours: Sealed, tmp_path: Path) -> None:
    report = pdfsig(ours.pdf, tmp_path)
    assert "Signature is Valid" in report
    assert "SHA-256" in report
    assert "ETSI.CAdES.detached" in report


def test_qpdf_finds_nothing_wrong_with_the_sealed_file(ours: Sealed, tmp_path: Path) -> None:
    file = tmp_path / "sealed.pdf"
    file.write_bytes(ours.pdf)
    done = subprocess.run(["qpdf", "--check", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# Keys


def test_keys_are_encrypted_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    make_keys(folder, PASSPHRASE, "Clinic")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(each.name for each in folder.iterdir()) == ["root.cer", "root.key", "seal.cer", "seal.key"]
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
    for name in ("root.key", "seal.key"):
        pem = (folder / name).read_bytes()
        with pytest.raises(TypeError, match="encrypted"):
            load_pem_private_key(pem, None)
        assert load_pem_private_key(pem, PASSPHRASE.encode())


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    before = make_keys(tmp_path, PASSPHRASE, "Clinic")
    with pytest.raises(KeyTrouble, match="already holds"):
        make_keys(tmp_path, PASSPHRASE, "Clinic")
    assert SealKey.load(tmp_path, PASSPHRASE) == before


def test_the_certificates_say_what_they_are_for(ours: Sealed) -> None:
    root, leaf = ours.key.root, ours.key.certificate
    assert root.extensions.get_extension_for_class(BasicConstraints).value == BasicConstraints(ca=True, path_length=0)
    usage = leaf.extensions.get_extension_for_class(KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (True, True, False)
    assert (
        root.not_valid_after_utc - leaf.not_valid_after_utc
    ).days == certificate_authority.ROOT_DAYS - certificate_authority.SEAL_DAYS
    leaf.verify_directly_issued_by(root)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "seal.key").unlink(), "there is no key"),
        (lambda folder: replace(folder / "seal.key", b"junk"), "does not open"),
        (lambda folder: replace(folder / "seal.cer", (folder / "root.cer").read_bytes()), "do not belong together"),
    ],
)
def test_a_key_that_does_not_serve_is_refused_in_words(
    tmp_path: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    make_keys(tmp_path, PASSPHRASE, "Clinic")
    spoil(tmp_path)
    with pytest.raises(KeyTrouble, match=complaint):
        SealKey.load(tmp_path, PASSPHRASE)


def replace(file: Path, content: bytes) -> None:
    file.unlink()
    file.write_bytes(content)


@pytest.mark.parametrize(("passphrase", "complaint"), [("wrong", "does not open"), ("", "no passphrase")])
def test_a_wrong_passphrase_is_refused(tmp_path: Path, passphrase: str, complaint: str) -> None:
    make_keys(tmp_path, PASSPHRASE, "Clinic")
    with pytest.raises(KeyTrouble, match=complaint):
        SealKey.load(tmp_path, passphrase)


def test_another_clinics_root_does_not_vouch(tmp_path: Path) -> None:
    make_keys(tmp_path / "a", PASSPHRASE, "Clinic")
    make_keys(tmp_path / "b", PASSPHRASE, "Clinic")
    replace(tmp_path / "a" / "root.cer", (tmp_path / "b" / "root.cer").read_bytes())
    with pytest.raises(KeyTrouble, match="do not belong together"):
        SealKey.load(tmp_path / "a", PASSPHRASE)


def test_the_key_is_opened_once(tmp_path: Path) -> None:
    make_keys(tmp_path, PASSPHRASE, "Clinic")
    assert SealKey.load(tmp_path, PASSPHRASE) is SealKey.load(tmp_path, PASSPHRASE)


def test_roots_need_no_passphrase_and_say_when_missing(tmp_path: Path) -> None:
    key = make_keys(tmp_path / "keys", PASSPHRASE, "Clinic")
    assert roots(tmp_path / "keys") == [key.root]
    with pytest.raises(KeyTrouble, match="no root certificate"):
        roots(tmp_path)


@pytest.mark.parametrize(
    ("passphrase", "clinic", "why"),
    [("", "Clinic", "32 characters"), ("x" * 31, "Clinic", "32 characters"), (PASSPHRASE, "  ", "name is needed")],
)
def test_no_keys_without_a_long_passphrase_and_a_name(tmp_path: Path, passphrase: str, clinic: str, why: str) -> None:
    with pytest.raises(KeyTrouble, match=why):
        make_keys(tmp_path, passphrase, clinic)
    assert list(tmp_path.iterdir()) == []


def test_the_next_keys_need_a_long_passphrase_too(tmp_path: Path) -> None:
    key = make_keys(tmp_path, PASSPHRASE, "Clinic")
    with pytest.raises(KeyTrouble, match="32 characters"):
        certificate_authority.new_seal_key(
            tmp_path, "x" * 31, root_key=tmp_path / certificate_authority.ROOT_KEY, root_passphrase=PASSPHRASE
        )
    (tmp_path / certificate_authority.ROOT_KEY).rename(tmp_path / "offline.key")
    with pytest.raises(KeyTrouble, match="32 characters"):
        certificate_authority.new_root(tmp_path, "x" * 31, "Clinic")
    assert SealKey.load(tmp_path, PASSPHRASE) == key
    made = certificate_authority.new_seal_key(
        tmp_path, "x" * 32, root_key=tmp_path / "offline.key", root_passphrase=PASSPHRASE
    )
    assert made != key


def test_a_long_clinic_name_fits_the_certificate(tmp_path: Path) -> None:
    assert (
        "O=" + "ü" * certificate_authority.LONGEST_NAME
        in make_keys(tmp_path, PASSPHRASE, "ü" * 200).certificate.subject.rfc4514_string()
    )


@pytest.mark.django_db
def test_init_keys_makes_them_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings, "KEYS_DIR", tmp_path / "keys")
    call_command("init_keys", clinic="Murray Physiotherapy")
    key = SealKey.load(tmp_path / "keys", settings.SEAL_PASSPHRASE)
    assert fingerprint(key.root) in capsys.readouterr().out
    with pytest.raises(CommandError, match="already holds"):
        call_command("init_keys", clinic="Murray Physiotherapy")


@pytest.mark.django_db
def test_serving_without_keys_is_refused_with_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KEYS_DIR", tmp_path)
    [problem] = [
        each for each in run_checks(tags=["serving"], include_deployment_checks=True) if each.id == "consent.E002"
    ]
    assert "manage.py init_keys" in (problem.hint or "")
    assert [each for each in run_checks() if each.id == "consent.E002"] == [], "`migrate` and `init_keys` must go on"
    make_keys(tmp_path / "keys", settings.SEAL_PASSPHRASE, "Clinic")
    monkeypatch.setattr(settings, "KEYS_DIR", tmp_path / "keys")
    assert "consent.E002" not in {each.id for each in run_checks(tags=["serving"], include_deployment_checks=True)}


def test_sealing_and_checking_need_no_django(ours: Sealed, tmp_path: Path) -> None:
    (tmp_path / "file.pdf").write_bytes(ours.pdf)
    code = (
        "import sys; from pathlib import Path; from consent.seal.pades import verify;"
        "from consent.seal.keys import roots;"
        "verdict = verify(Path(sys.argv[1]).read_bytes(), roots(Path(sys.argv[2])));"
        "print(verdict.good, any(name.split('.')[0] == 'django' for name in sys.modules))"
    )
    (tmp_path / "root.cer").write_bytes(ours.key.root.public_bytes(Encoding.PEM))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file.pdf"), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert re.fullmatch(r"True False\s*", done.stdout), done.stderr
