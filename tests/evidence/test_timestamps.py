"""Another authority's time: inside the seal, or pending and then beside the file. Against a real RFC 3161 responder."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings
from django_tasks import task_backends
from django_tasks_db.models import DBTaskResult

from clinic.web.json_logging import Lines
from consent.document.rendering import render
from consent.jobs.seal_document import LONGEST_WAIT, time_of, timestamp_file, wait
from consent.models import SealedFile, Timestamp
from consent.seal import installation_trust
from consent.seal.pades import Trust, seal, verify
from consent.seal.timestamp import Authority, StampTrouble, check, stamp
from tests.support.consents import confirmed
from tests.support.factories import receptionist, staff_client
from tests.support.sample_records import sample
from tests.support.tampering import Victim
from tests.support.timestamp_authority import Responder, responder

pytestmark = pytest.mark.thorough  # each asks an authority that it starts

DIGEST = "ab" * 32
QUEUE = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


@pytest.fixture(scope="module")
def clockwork(tmp_path_factory) -> Iterator[Responder]:
    with responder(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture
def authority(clockwork: Responder, tmp_path: Path, settings: Any) -> Responder:
    """The responder, well, set as this clinic's timestamp authority."""
    clockwork.mood = "well"
    roots = tmp_path / "tsa.pem"
    roots.write_bytes(clockwork.root.public_bytes(Encoding.PEM))
    settings.TSA_URL, settings.TSA_ROOTS = clockwork.url, str(roots)
    return clockwork


def test_a_token_tells_when_and_who(authority: Responder):
    token = stamp(DIGEST, Authority(authority.url, [authority.root]))
    said = check(token, DIGEST, [authority.root])
    assert abs(said.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert (said.by, said.trusted) == ("Clockwork Time Stamping (Clockwork)", True)
    assert check(token, DIGEST, []).trusted is None


def test_a_token_is_about_one_digest_and_every_byte_counts(authority: Responder):
    token = stamp(DIGEST, Authority(authority.url, [authority.root]))
    with pytest.raises(StampTrouble):
        check(token, "cd" * 32, [authority.root])
    rng = random.Random("token")
    for at in rng.sample(range(len(token)), 250):
        changed = bytearray(token)
        changed[at] ^= rng.randrange(1, 256)
        with pytest.raises(StampTrouble):
            check(bytes(changed), DIGEST, [])


@pytest.mark.parametrize("mood", ["down", "redirect", "nonsense"])
def test_an_authority_that_has_no_answer_is_trouble_and_nothing_else_is_asked(authority: Responder, mood: str):
    authority.mood = mood
    before = len(authority.asked)
    with pytest.raises(StampTrouble):
        stamp(DIGEST, Authority(authority.url, [authority.root]))
    assert authority.asked[before:] == ["/stamps/"]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://127.0.0.1:1/", "nowhere"])
def test_an_address_that_is_none_is_trouble(url: str, authority: Responder):
    with pytest.raises(StampTrouble):
        stamp(DIGEST, Authority(url, [authority.root]))


def test_a_stranger_among_authorities_is_not_believed(authority: Responder, seal_keys):
    with pytest.raises(StampTrouble, match="vouch"):
        stamp(DIGEST, Authority(authority.url, [seal_keys.root]))


def test_a_seal_with_a_timestamp_still_covers_the_whole_file(authority: Responder, seal_keys):
    pdf = seal(render(sample()), seal_keys, Authority(authority.url, [authority.root]))
    verdict = verify(pdf, Trust([seal_keys.root], stamp_roots=[authority.root]))
    assert verdict.good
    assert verdict.stamp is not None
    assert verdict.stamp.trusted
    by_a_stranger = verify(pdf, Trust([seal_keys.root], stamp_roots=[seal_keys.root]))
    assert not by_a_stranger.good
    taken_out = verify(pdf, [seal_keys.root])
    assert taken_out.good  # without a root for it, the timestamp is told of, and vouched for by nobody
    assert taken_out.stamp is not None
    assert taken_out.stamp.trusted is None


def test_a_timestamp_cannot_be_taken_out_of_the_seal_or_changed(authority: Responder, seal_keys):
    pdf = seal(render(sample()), seal_keys, Authority(authority.url, [authority.root]))
    victim = Victim(pdf)
    held = cms.ContentInfo.load(bytes.fromhex(victim.contents[1:-1].decode()), strict=False)
    held["content"]["signer_infos"][0]["unsigned_attrs"] = cms.CMSAttributes([])
    bare = held.dump(force=True).hex().upper().encode().ljust(len(victim.contents) - 2, b"0")
    without = victim.replaced(victim.gap, victim.after_gap, b"<%s>" % bare)
    assert not verify(without, [seal_keys.root]).good
    rng, used = random.Random("inside"), len(victim.contents.rstrip(b"0>"))
    for at in rng.sample(range(victim.gap + used // 3, victim.gap + used), 120):
        digit = rng.choice([each for each in b"0123456789ABCDEF" if each != pdf[at]])
        changed = victim.replaced(at, at + 1, bytes([digit]))
        assert not verify(changed, [seal_keys.root]).good, at


@pytest.mark.django_db
def test_a_consent_is_sealed_with_the_authoritys_time(authority: Responder, seal_keys):
    consent = confirmed()
    sealed = SealedFile.objects.get(consent=consent)
    kept = Timestamp.objects.get()
    assert (kept.file_sha256, kept.inside, kept.token) == (sealed.sha256, True, None)
    assert verify(bytes(sealed.pdf), installation_trust.trust(), sealed.sha256).stamp is not None
    assert "Clockwork" in time_of(sealed.sha256).words


@pytest.mark.django_db
def test_an_authority_that_is_down_leaves_a_visible_state_that_is_retried(
    authority: Responder, seal_keys, caplog: pytest.LogCaptureFixture
):
    authority.mood = "down"
    with override_settings(TASKS=QUEUE):
        task_backends.close_all()
        consent = confirmed()
        _work()  # the seal
        sealed = SealedFile.objects.get(consent=consent)
        kept = bytes(sealed.pdf)
        assert verify(kept, installation_trust.trust(), sealed.sha256).good
        assert time_of(sealed.sha256).words == "Sealed, timestamp pending"
        page = staff_client(receptionist()).get(f"/visits/{consent.visit_id}/").content.decode()
        assert "Sealed, timestamp pending" in page
        _work()  # the first try fails, and asks for another later
        again = DBTaskResult.objects.get(status="READY", task_path__endswith="timestamp_file")
        assert again.run_after > datetime.now(UTC)
        authority.mood = "well"
        DBTaskResult.objects.filter(pk=again.pk).update(run_after=datetime.now(UTC))
        _work()
    stamped = Timestamp.objects.get()
    assert not stamped.inside
    assert check(bytes(stamped.token or b""), sealed.sha256, [authority.root]).trusted
    assert "Clockwork" in time_of(sealed.sha256).words
    assert bytes(SealedFile.objects.get(consent=consent).pdf) == kept
    page = staff_client(receptionist()).get(f"/visits/{consent.visit_id}/").content.decode()
    assert "with a timestamp by Clockwork" in page
    told = [json.loads(Lines().format(each)) for each in caplog.records if each.name == "consent.jobs.seal_document"]
    assert [line["event"] for line in told] == ["sealed without a timestamp", "no timestamp yet"]
    assert all(line["error"][0] == "StampTrouble" for line in told)
    assert authority.url not in str(told)


def _work() -> None:
    """Do what is due now, as the worker would; the worker itself closes the connection that this test looks through."""
    for row in list(DBTaskResult.objects.ready()):
        row.set_successful(row.task.call(*row.args_kwargs["args"], **row.args_kwargs["kwargs"]))


@pytest.mark.parametrize(("tries", "minutes"), [(0, 1), (1, 2), (4, 16), (9, 360), (500, 360)])
def test_it_is_asked_again_later_and_later(tries: int, minutes: int):
    assert wait(tries) == timedelta(minutes=minutes) <= LONGEST_WAIT


@pytest.mark.django_db
def test_what_is_missing_can_be_asked_for_by_hand(authority: Responder, seal_keys, capsys):
    with override_settings(TSA_URL=""):
        consent = confirmed()
        with pytest.raises(CommandError):
            call_command("timestamp")
        assert "own clock" in time_of(consent.sealed.sha256).words
    authority.mood = "down"
    with pytest.raises(SystemExit):
        call_command("timestamp")
    authority.mood = "well"
    call_command("timestamp")
    assert Timestamp.objects.get().file_sha256 == consent.sealed.sha256
    call_command("timestamp")
    assert "1 kept, 0 missing" in capsys.readouterr().out


@pytest.mark.django_db
def test_asking_twice_keeps_one(authority: Responder, seal_keys):
    before = len(authority.asked)
    first = timestamp_file.call(DIGEST)
    assert timestamp_file.call(DIGEST) == first
    assert len(authority.asked) == before + 1


def test_no_authority_is_called_unless_one_is_set():
    assert settings.TSA_URL == ""
    assert installation_trust.authority() is None
