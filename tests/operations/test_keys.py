"""The sealing key: made, changed for the next, kept in hardware, revoked. What was sealed before goes on verifying."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from django.core.checks import Error
from django.core.management import CommandError, call_command

from clinic.models import Journal
from consent.document.rendering import render
from consent.models import SealedFile
from consent.seal import certificate_authority, installation_trust
from consent.seal.keys import KeyTrouble, SealKey, fingerprint, revocations, roots
from consent.seal.pades import Trust, seal, verify
from consent.seal.pkcs11_key import HardwareKey, HardwareTrouble
from operations.checks import seal_key_opens
from tests.support.consents import confirmed
from tests.support.sample_records import sample

pytestmark = pytest.mark.thorough  # each makes keys, and seals with them

PASSPHRASE = "tests-only-passphrase-tests-only-passphrase"
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def drawn() -> bytes:
    return render(sample())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a root and a sealing key; the root's private key was taken away, to ``root.key`` beside it."""
    certificate_authority.make_keys(tmp_path / "keys", PASSPHRASE, "Murray Physiotherapy")
    (tmp_path / "keys" / "root.key").rename(tmp_path / "root.key")
    return tmp_path / "keys"


@pytest.fixture
def root_key(folder: Path) -> Path:
    return folder.parent / "root.key"


def load(folder: Path) -> SealKey:
    return SealKey.load(folder, PASSPHRASE)


# --- the next key --------------------------------------------------------------------------------------------------


def test_the_next_key_seals_and_what_the_last_one_sealed_still_verifies(folder: Path, root_key: Path, drawn: bytes):
    first = load(folder)
    before = seal(drawn, first)
    second = certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=root_key)
    after = seal(drawn, load(folder))
    assert first.sha256 != second.sha256 == load(folder).sha256
    assert verify(before, roots(folder)).good
    assert verify(after, roots(folder)).certificate_sha256 == second.sha256
    assert verify(after, roots(folder)).good
    assert (folder / "earlier" / f"{first.sha256}.cer").exists()
    assert first.private.public_key() != load(folder).private.public_key()


def test_after_two_changes_of_the_key_what_each_of_the_three_sealed_verifies(
    folder: Path, root_key: Path, drawn: bytes
):
    files = [seal(drawn, load(folder))]
    for _ in range(2):
        certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=root_key)
        files.append(seal(drawn, load(folder)))
    verdicts = [verify(each, roots(folder)) for each in files]
    assert all(each.good for each in verdicts)
    assert len({each.certificate_sha256 for each in verdicts}) == 3


def test_a_seal_still_verifies_years_after_its_certificate_ended(folder: Path, drawn: bytes, monkeypatch):
    pdf = seal(drawn, load(folder))

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=2000)

    monkeypatch.setattr("consent.seal.pades.datetime", Later)
    assert verify(pdf, roots(folder)).good


def test_a_certificate_that_has_ended_seals_nothing_that_counts(
    folder: Path, root_key: Path, drawn: bytes, monkeypatch
):
    monkeypatch.setattr(certificate_authority, "SEAL_DAYS", 0)
    key = certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=root_key, now=NOW)
    assert not verify(seal(drawn, key), roots(folder)).good


def test_only_the_roots_own_key_makes_the_next(folder: Path, tmp_path: Path, root_key: Path):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    certificate_authority.make_keys(tmp_path / "strangers", PASSPHRASE, "Murray Physiotherapy")
    with pytest.raises(KeyTrouble, match="not the key of"):
        certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=tmp_path / "strangers" / "root.key")
    with pytest.raises(KeyTrouble, match="does not open"):
        certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=root_key, root_passphrase="another")
    with pytest.raises(KeyTrouble, match="cannot be read"):
        certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=tmp_path / "nothing.key")
    with pytest.raises(KeyTrouble, match="the root ends"):
        certificate_authority.new_seal_key(
            folder, PASSPHRASE, root_key=root_key, now=NOW + timedelta(days=certificate_authority.ROOT_DAYS - 100)
        )
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_new_root_keeps_the_old_one_among_ours(folder: Path, drawn: bytes):
    before = seal(drawn, load(folder))
    old = roots(folder)[0]
    key = certificate_authority.new_root(folder, PASSPHRASE, "Murray Physiotherapy")
    after = seal(drawn, key)
    assert [fingerprint(each) for each in roots(folder)] == [fingerprint(key.root), fingerprint(old)]
    assert verify(before, roots(folder)).good
    assert verify(after, roots(folder)).good
    assert not verify(after, [old]).good
    with pytest.raises(KeyTrouble, match="still there"):
        certificate_authority.new_root(folder, PASSPHRASE, "Murray Physiotherapy")


def test_a_key_and_a_certificate_that_do_not_match_are_refused(folder: Path, root_key: Path, tmp_path: Path):
    certificate_authority.make_keys(tmp_path / "strangers", PASSPHRASE, "Murray Physiotherapy")
    (folder / "seal.key").unlink()
    (tmp_path / "strangers" / "seal.key").rename(folder / "seal.key")
    with pytest.raises(KeyTrouble, match="do not belong together"):
        load(folder)


# --- a stolen key --------------------------------------------------------------------------------------------------


def test_a_revoked_key_seals_no_more_and_its_undated_seals_do_not_count(folder: Path, root_key: Path, drawn: bytes):
    stolen = load(folder)
    pdf = seal(drawn, stolen)
    certificate_authority.revoke(folder, stolen.sha256, since=NOW - HOUR, root_key=root_key, root_passphrase=PASSPHRASE)
    with pytest.raises(KeyTrouble, match="revoked"):
        load(folder)
    listed = revocations(folder)
    verdict = verify(pdf, Trust(roots(folder), listed))
    assert not verdict.good
    assert "revoked" in verdict.problems[0]
    assert verify(pdf, Trust(roots(folder), listed, known_since=NOW - 2 * HOUR)).good
    assert not verify(pdf, Trust(roots(folder), listed, known_since=NOW)).good
    certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=root_key)
    assert verify(seal(drawn, load(folder)), Trust(roots(folder), listed)).good


def test_revoking_a_second_key_keeps_the_first_revoked(folder: Path, root_key: Path, drawn: bytes):
    one = load(folder)
    two = certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=root_key)
    for key in (one, two):
        certificate_authority.revoke(
            folder, key.sha256, since=NOW - HOUR, root_key=root_key, root_passphrase=PASSPHRASE
        )
    for key in (one, two):
        assert not verify(seal(drawn, key), Trust(roots(folder), revocations(folder))).good


def test_a_list_that_is_not_ours_or_is_damaged_counts_as_no_answer(folder: Path, tmp_path: Path, drawn: bytes):
    pdf = seal(drawn, load(folder))
    theirs = tmp_path / "strangers"
    key = certificate_authority.make_keys(theirs, PASSPHRASE, "Murray Physiotherapy")
    certificate_authority.revoke(
        theirs, key.sha256, since=NOW, root_key=theirs / "root.key", root_passphrase=PASSPHRASE
    )
    assert not verify(pdf, Trust(roots(folder), revocations(theirs))).good
    (folder / "revoked.crl").write_bytes(b"damaged")
    with pytest.raises(KeyTrouble, match=r"revoked\.crl"):
        load(folder)


def test_only_a_known_certificate_is_revoked(folder: Path, root_key: Path):
    with pytest.raises(KeyTrouble, match="no certificate here"):
        certificate_authority.revoke(folder, "ab" * 32, since=NOW, root_key=root_key, root_passphrase=PASSPHRASE)
    assert not (folder / "revoked.crl").exists()


# --- commands ------------------------------------------------------------------------------------------------------


@pytest.fixture
def keys_installed(folder: Path, settings) -> Path:
    settings.KEYS_DIR, settings.SEAL_PASSPHRASE = folder, PASSPHRASE
    return folder


@pytest.mark.django_db
def test_the_written_procedure_for_a_stolen_key_works(keys_installed: Path, root_key: Path, capsys):
    """docs/keys.md, step by step."""
    stolen = installation_trust.seal_key().sha256
    call_command("revoke_seal_key", stolen, since="2026-11-23", root_key=root_key)
    with pytest.raises(KeyTrouble):
        installation_trust.seal_key()
    call_command("new_seal_key", root_key=root_key)
    assert installation_trust.seal_key().sha256 != stolen
    told = list(Journal.objects.order_by("seq").values_list("action", "data"))
    assert [action for action, _ in told] == ["sealing key revoked", "sealing key changed"]
    assert told[0][1] == {"certificate": stolen}
    out = capsys.readouterr().out
    assert "do not count from 2026-11-23 00:00" in out


def test_the_check_before_serving_says_when_the_key_ends_or_cannot_be_used(keys_installed: Path, root_key: Path):
    assert seal_key_opens(None) == []
    ago = timedelta(days=certificate_authority.SEAL_DAYS - 100)
    old = certificate_authority.new_seal_key(keys_installed, PASSPHRASE, root_key=root_key, now=NOW - ago)
    assert [each.id for each in seal_key_opens(None)] == ["consent.W001"]
    certificate_authority.revoke(keys_installed, old.sha256, since=NOW, root_key=root_key, root_passphrase=PASSPHRASE)
    assert [each.id for each in seal_key_opens(None)] == ["consent.E002"]


@pytest.mark.django_db
def test_a_lost_root_is_followed_by_a_new_one(keys_installed: Path, drawn: bytes):
    before = seal(drawn, installation_trust.seal_key())
    call_command("new_seal_key", new_root=True)
    assert verify(before, installation_trust.trust()).good
    assert (keys_installed / "root.key").exists()


@pytest.mark.django_db
def test_what_cannot_be_done_is_said_and_changes_nothing(keys_installed: Path, tmp_path: Path, root_key: Path):
    key = installation_trust.seal_key().sha256
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("new_seal_key", root_key=tmp_path / "none.key")
    with pytest.raises(CommandError, match="--since"):
        call_command("revoke_seal_key", key, since="yesterday", root_key=root_key)
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("revoke_seal_key", "ab" * 32, since="2026-11-23", root_key=root_key)
    assert installation_trust.seal_key().sha256 == key
    assert not Journal.objects.exists()


# --- hardware ------------------------------------------------------------------------------------------------------

MODULES = ("/usr/lib/softhsm", "/usr/lib64/softhsm", "/usr/local/lib/softhsm", "/usr/lib64/pkcs11")


@pytest.fixture(scope="session")
def token(tmp_path_factory) -> Iterator[HardwareKey]:
    """A token of SoftHSM, made for this run alone; SoftHSM reads its settings once a process."""
    if not shutil.which("softhsm2-util"):
        pytest.fail("No SoftHSM: apt install softhsm2")
    machine = [Path(each) / "libsofthsm2.so" for each in MODULES]
    machine += sorted(Path("/usr/lib").glob("*/softhsm/libsofthsm2.so"))
    module = next((each for each in machine if each.exists()), None)
    assert module, f"softhsm2-util is here, and its library is not: {', '.join(MODULES)}"
    home = tmp_path_factory.mktemp("softhsm")
    (home / "tokens").mkdir()
    (home / "softhsm2.conf").write_text(f"directories.tokendir = {home / 'tokens'}\nlog.level = ERROR\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(home / "softhsm2.conf")
    labels = ["--label", "clinic", "--so-pin", "12345678", "--pin", "1234"]
    subprocess.run(["softhsm2-util", "--init-token", "--free", *labels], check=True, capture_output=True)
    yield HardwareKey(str(module), "clinic", "seal 2026", "1234")
    os.environ.pop("SOFTHSM2_CONF")
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


def test_a_key_in_hardware_seals(token: HardwareKey, tmp_path: Path, drawn: bytes):
    key = certificate_authority.make_keys(tmp_path / "keys", PASSPHRASE, "Murray Physiotherapy", hardware=token)
    assert not (tmp_path / "keys" / "seal.key").exists()
    pdf = seal(drawn, key)
    assert verify(pdf, [key.root]).good
    assert SealKey.load(tmp_path / "keys", "", token).sha256 == key.sha256
    assert "1234" not in repr(token)


def test_the_next_key_is_made_under_another_label(token: HardwareKey, folder: Path, root_key: Path, drawn: bytes):
    before = seal(drawn, load(folder))
    moved = HardwareKey(token.module, token.token, "seal 2028", token.pin)
    key = certificate_authority.new_seal_key(folder, PASSPHRASE, root_key=root_key, hardware=moved)
    assert verify(seal(drawn, key), roots(folder)).good
    assert verify(before, roots(folder)).good
    with pytest.raises(KeyTrouble, match="do not belong together"):
        SealKey.load(folder, PASSPHRASE, HardwareKey(token.module, token.token, "seal 2026", token.pin))


@pytest.mark.parametrize(
    "wrong", [{"pin": "9999"}, {"token": "another"}, {"label": "no such key"}, {"module": "libnothing.so"}]
)
def test_hardware_that_cannot_be_used_is_named(token: HardwareKey, wrong: dict[str, str]):
    broken = HardwareKey(**{"module": token.module, "token": token.token, "label": token.label, "pin": "1234", **wrong})
    with pytest.raises(HardwareTrouble) as trouble:
        broken.sign(b"data", ECDSA(SHA256()))
    assert "9999" not in str(trouble.value)


@pytest.mark.django_db
def test_a_consent_is_sealed_by_the_hardware_that_is_set(token: HardwareKey, tmp_path: Path, settings):

    settings.KEYS_DIR, settings.SEAL_PASSPHRASE = tmp_path / "keys", PASSPHRASE
    settings.PKCS11_MODULE, settings.PKCS11_TOKEN = token.module, token.token
    settings.PKCS11_LABEL, settings.PKCS11_PIN = token.label, token.pin
    call_command("init_keys", clinic="Murray Physiotherapy")
    consent = confirmed()
    sealed = SealedFile.objects.get(consent=consent)
    assert sealed.certificate_sha256 == installation_trust.seal_key().sha256
    assert verify(bytes(sealed.pdf), installation_trust.trust(), sealed.sha256).good


def test_half_a_setting_is_refused():
    env = {**os.environ, "CLINIC_PKCS11_MODULE": "module.so", "CLINIC_DATA_DIR": str(settings.DATA_DIR)}
    done = subprocess.run([sys.executable, "-c", "import clinic.settings"], env=env, capture_output=True, text=True)
    assert "CLINIC_PKCS11_LABEL" in done.stderr


def test_a_key_that_ends_soon_stops_no_server(keys_installed: Path, root_key: Path, monkeypatch):
    ago = timedelta(days=certificate_authority.SEAL_DAYS - 100)
    certificate_authority.new_seal_key(keys_installed, PASSPHRASE, root_key=root_key, now=NOW - ago)
    warned = seal_key_opens(None)
    assert warned
    monkeypatch.setattr("django.core.checks.run_checks", lambda **_: warned)
    sys.modules.pop("clinic.wsgi", None)
    importlib.import_module("clinic.wsgi")
    broken = [Error("The clinic's seal cannot be used.", id="consent.E002")]
    monkeypatch.setattr("django.core.checks.run_checks", lambda **_: broken)
    sys.modules.pop("clinic.wsgi")
    with pytest.raises(SystemExit, match="Not serving"):
        importlib.import_module("clinic.wsgi")
