"""Anyone asks: is this file one of yours, and does it still stand? On the public page, and without us."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client

from clinic.storage import rate_limit
from consent import actions
from consent.document import rendering
from consent.document.rendering import render
from consent.models import SealedFile, SealedStatusChange
from consent.seal import verifier_zip
from consent.seal.certificate_authority import make_keys
from consent.seal.pades import seal
from tests.support.consents import SPOKEN, again_for, confirmed, reception
from tests.support.factories import acting, practitioner
from tests.support.repository import ROOT
from tests.support.sample_records import sample


def ask(sha256: str, **headers: Any) -> Any:
    return Client().post("/verify/", {"sha256": sha256}, **headers)


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


# --- the page ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_current_consent_is_current_and_nobody_is_named(seal_keys):
    consent = confirmed()
    page = ask(consent.sealed.sha256)
    said = words(page)
    assert page.status_code == 200
    assert '<h2 id="answer">Current</h2>' in said
    assert f"sealed by {json.loads(bytes(consent.record))['clinic']['name']} on" in said
    visit = consent.visit
    for secret in (visit.patient.name, consent.confirmed_by.full_name, f"C-{visit.pk:06d}", str(visit.patient.born)):
        assert secret not in said


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["withdrawn", "superseded", "in_error"])
def test_a_consent_that_no_longer_stands_says_so(seal_keys, kind: str):
    consent = confirmed()
    if kind == "withdrawn":
        actions.withdraw(visit=consent.visit, **SPOKEN, reason="Felt unwell.", by=reception())
    elif kind == "superseded":
        again_for(consent)
        actions.supersede(consent=consent, reason="The plan changed.", by=acting(practitioner()))
    else:
        actions.enter_in_error(consent=consent, reason="Another patient's.", by=acting(practitioner()))
    said = words(ask(consent.sealed.sha256))
    assert {"withdrawn": "Withdrawn at", "superseded": "Superseded at", "in_error": "Entered in error at"}[kind] in said
    assert "no longer stands" in said
    assert "Felt unwell" not in said
    later = SealedStatusChange.objects.get(after__consent=consent)
    assert "It is not a consent" in words(ask(later.sha256))


@pytest.mark.django_db
def test_a_file_with_one_letter_changed_is_unknown(seal_keys):
    pdf = bytearray(SealedFile.objects.get(consent=confirmed()).pdf)
    pdf[500] ^= 1
    said = words(ask(hashlib.sha256(pdf).hexdigest()))
    assert '<h2 id="answer">Unknown</h2>' in said


@pytest.mark.django_db
@pytest.mark.parametrize(
    "typed", ["{} ", "  {}  consent-C-000012.pdf", "\\{} *odd\\nname.pdf", "{0:}"], ids=["plain", "sum", "odd", "bare"]
)
def test_what_sha256sum_prints_may_be_pasted_whole(seal_keys, typed: str):
    digest = confirmed().sealed.sha256
    assert "Current" in words(ask(typed.format(digest.upper())))


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["", " ", "abc", "x" * 64, "0" * 65, "\x00" * 64, "é" * 64])
def test_what_is_no_sha256_is_told_what_one_is(typed: str):
    page = ask(typed)
    assert page.status_code == 422
    assert "There is a problem" in words(page)


@pytest.mark.django_db
def test_no_login_no_cookie_and_no_token_are_needed(seal_keys):
    client = Client(enforce_csrf_checks=True)
    page = client.get("/verify/")
    assert page.status_code == 200
    assert client.post("/verify/", {"sha256": "ab" * 32}).status_code == 200
    assert not client.cookies


@pytest.mark.django_db
def test_no_file_is_ever_sent():
    page = Client().get("/verify/").content.decode()
    chooser = page[page.index('type="file"') - 80 :].split(">")[0]
    assert " name=" not in chooser
    assert "multipart" not in page


# --- how often -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_thirty_questions_a_minute_from_one_address(same_minute):
    answers = [ask("ab" * 32, REMOTE_ADDR="192.0.2.7").status_code for _ in range(32)]
    assert answers == [200] * 30 + [429] * 2
    assert ask("ab" * 32, REMOTE_ADDR="192.0.2.8").status_code == 200
    last = ask("ab" * 32, REMOTE_ADDR="192.0.2.7")
    assert last["Retry-After"] == "60"
    assert "more than 30 questions" in words(last)
    same_minute.time = lambda: 6e8 + 60
    assert ask("ab" * 32, REMOTE_ADDR="192.0.2.7").status_code == 200


@pytest.mark.django_db
def test_the_addresses_of_one_ipv6_customer_count_together_and_none_is_kept(same_minute):
    answers = [ask("ab" * 32, REMOTE_ADDR=f"2001:db8:0:7::{number:x}").status_code for number in range(31)]
    assert answers == [200] * 30 + [429]
    assert ask("ab" * 32, REMOTE_ADDR="2001:db8:0:8::1").status_code == 200
    assert "2001:db8" not in str([rate_limit._key("verify", who) for who in ("2001:db8:0:7::", "2001:db8:0:8::")])


@pytest.mark.django_db
def test_an_address_that_somebody_made_up_counts_only_behind_the_proxy_that_is_set(settings, same_minute):
    for number in range(30):
        ask("ab" * 32, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert ask("ab" * 32, HTTP_X_FORWARDED_FOR="203.0.113.1").status_code == 429
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(30):
        ask("ab" * 32, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}, 203.0.113.1")
    assert ask("ab" * 32, HTTP_X_FORWARDED_FOR="198.51.100.99, 203.0.113.1").status_code == 429
    assert ask("ab" * 32, HTTP_X_FORWARDED_FOR="203.0.113.1, 203.0.113.2").status_code == 200


# --- what is handed out --------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_root_certificate_is_handed_out_with_its_fingerprint(seal_keys):
    der = Client().get("/verify/root.cer").content
    assert x509.load_der_x509_certificate(der) == seal_keys.root
    for address in ("/verify/", "/verify/help/"):
        assert hashlib.sha256(der).hexdigest() in Client().get(address).content.decode()


@pytest.mark.django_db
def test_what_is_not_there_is_not_handed_out():
    for address in ("/verify/revoked.crl", f"/verify/{'ab' * 32}.tst"):
        assert Client().get(address).status_code == 404


@pytest.mark.django_db
def test_the_help_names_what_other_programs_miss():
    page = words(Client().get("/verify/help/"))
    for said in ("pdfsig consent.pdf", "Not total document signed", "pyhanko sign validate", "Adobe", "--also"):
        assert said in page


# --- without us ----------------------------------------------------------------------------------------------------

# Refuses what the small environment does not have, and what would reach for the network or a database.
GATE = """
import sys, importlib.abc
class Gate(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {REFUSED}:
            raise ImportError("not in the small environment: " + name)
sys.meta_path.insert(0, Gate())
sys.path.insert(0, sys.argv.pop(1))
import runpy
runpy.run_module("consent.verify", run_name="__main__", alter_sys=True)
"""
REFUSED = {"django", "django_tasks", "clinic", "screening", "weasyprint", "pkcs11", "psycopg", "sqlite3", "tests"}


def offline(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the verifier from ``folder`` in a process of its own that can import no more than it may."""
    gate = GATE.replace("{REFUSED}", repr(REFUSED))
    command = [sys.executable, "-I", "-c", gate, str(folder), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env={}, check=False)


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory) -> Path:
    """The ZIP that the help page offers, unpacked: nothing else of ours is there."""
    folder: Path = tmp_path_factory.mktemp("verifier")
    zipfile.ZipFile(io.BytesIO(verifier_zip.verifier())).extractall(folder)
    return folder


@pytest.fixture
def root(tmp_path: Path, seal_keys) -> Path:
    path = tmp_path / "root.cer"
    path.write_bytes(seal_keys.root.public_bytes(Encoding.DER))
    return path


def written(path: Path, content: Any) -> Path:
    path.write_bytes(bytes(content))
    return path


@pytest.mark.django_db
def test_the_offline_verifier_knows_good_tampered_and_foreign(unpacked: Path, root: Path, tmp_path: Path, seal_keys):
    sealed = SealedFile.objects.get(consent=confirmed())
    good = offline(unpacked, written(tmp_path / "good.pdf", sealed.pdf), "--root", root)
    assert (good.returncode, good.stderr) == (0, "")
    assert "intact (no byte under the seal changed):    yes" in good.stdout
    assert sealed.consent.sha256 in good.stdout
    assert "whether this consent was withdrawn" in good.stdout
    changed = bytearray(sealed.pdf)
    changed[700] ^= 1
    for number, bad in enumerate((changed, bytes(sealed.pdf) + b"\n", bytes(sealed.pdf)[:-9], b"%PDF-1.7\n", b"")):
        done = offline(unpacked, written(tmp_path / f"bad{number}.pdf", bad), "--root", root)
        assert done.returncode == 1, done.stdout
        assert done.stdout.startswith("NOT VERIFIED")
    theirs = make_keys(tmp_path / "theirs", "tests-only-passphrase-tests-only-passphrase", "Test Clinic")
    foreign = written(tmp_path / "foreign.pdf", seal(render(sample()), theirs))
    done = offline(unpacked, foreign, "--root", root)
    assert done.returncode == 1
    assert "ours   (sealed with a key of this clinic):  no" in done.stdout


@pytest.mark.django_db
def test_a_withdrawal_counts_when_its_own_file_is_given(unpacked: Path, root: Path, tmp_path: Path, seal_keys):
    consent, other = confirmed(), confirmed()
    for one in (consent, other):
        actions.withdraw(visit=one.visit, **SPOKEN, reason="", by=reception())
    file = written(tmp_path / "consent.pdf", SealedFile.objects.get(consent=consent).pdf)
    after = SealedStatusChange.objects.get(after__consent=consent)
    withdrawal = written(tmp_path / "withdrawal.pdf", after.pdf)
    another = written(tmp_path / "another.pdf", SealedStatusChange.objects.get(after__consent=other).pdf)
    broken = written(tmp_path / "broken.pdf", bytes(after.pdf) + b"\n")

    def run(*also: Path) -> dict[str, Any]:
        given = [part for each in also for part in ("--also", each)]
        done = offline(unpacked, file, "--root", root, "--json", *given)
        said: dict[str, Any] = json.loads(done.stdout)
        assert said["exit_status"] == done.returncode
        return said

    assert run()["exit_status"] == 0
    assert any("withdrawn" in each for each in run()["cannot_see"])
    assert run(withdrawal)["exit_status"] == 3
    assert run(withdrawal)["later"][0].startswith("Withdrawn at ")
    assert run(another)["exit_status"] == 0
    assert run(another, withdrawal)["exit_status"] == 3
    assert run(broken)["exit_status"] == 1
    itself = offline(unpacked, withdrawal, "--root", root)
    assert itself.returncode == 0
    assert "withdrawn: about C-" in itself.stdout


@pytest.mark.django_db
def test_a_file_that_is_not_there_or_no_certificate_is_asked_wrongly(unpacked: Path, root: Path, tmp_path: Path):
    for arguments in ((tmp_path / "none.pdf", "--root", root), (root, "--root", tmp_path), (root,)):
        assert offline(unpacked, *arguments).returncode == 2
    nonsense = written(tmp_path / "nonsense.cer", b"nonsense")
    done = offline(unpacked, root, "--root", nonsense)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_record_that_is_not_the_one_the_file_names_is_noticed(
    unpacked: Path, root: Path, tmp_path: Path, seal_keys, monkeypatch: pytest.MonkeyPatch
):
    """Even where our own key sealed it: the digest is computed from the record inside."""
    with monkeypatch.context() as patched:
        patched.setattr(rendering, "sha256", lambda data: "0" * 64)
        other = render(sample())
    done = offline(unpacked, written(tmp_path / "other.pdf", seal(other, seal_keys)), "--root", root)
    assert done.returncode == 1
    assert "intact (no byte under the seal changed):    yes" in done.stdout
    assert "not the one whose SHA-256" in done.stdout


def test_the_verifier_to_download_is_complete_and_always_the_same(unpacked: Path):
    assert "usage" in offline(unpacked, "--help").stdout
    files = sorted(path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*.*[yt]"))
    assert files == sorted([*verifier_zip.MODULES, verifier_zip.REQUIREMENTS])
    verifier_zip.verifier.cache_clear()
    assert (
        hashlib.sha256(verifier_zip.verifier()).digest() == hashlib.sha256(verifier_zip.verifier.__wrapped__()).digest()
    )


def test_the_small_environment_needs_no_django_and_no_database():
    locked = (ROOT / verifier_zip.REQUIREMENTS).read_text(encoding="utf-8")
    names = {line.split("==")[0] for line in locked.splitlines() if "==" in line}
    assert {"pyhanko", "cryptography", "rfc8785"} <= names
    assert not {"django", "weasyprint", "psycopg", "python-pkcs11"} & names
    assert "--hash=sha256:" in locked
    main = (ROOT / "requirements/run.txt").read_text(encoding="utf-8")
    assert [pin for pin in names if f"\n{pin}==" not in main] == []


# --- in a browser --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["/verify/", "/verify/help/"])
def test_the_public_pages_are_accessible(page, live_server, offline_guard, axe, address):
    page.goto(f"{live_server.url}{address}")
    axe(page)


@pytest.mark.django_db(transaction=True)
def test_the_browser_computes_the_sha256_itself(page, live_server, offline_guard, axe, tmp_path):
    """The server runs on this machine's own address, where browsers compute without HTTPS as well."""
    content = b"not one of ours"
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.goto(f"{live_server.url}/verify/")
    page.set_input_files("[data-file]", written(tmp_path / "some.pdf", content))
    page.get_by_role("heading", name="Unknown").wait_for()
    assert hashlib.sha256(content).hexdigest() in page.inner_text("main")
    assert f"sha256={hashlib.sha256(content).hexdigest()}" in sent
    axe(page)
