"""Is it fit for patients? Each fault flips `/readyz`, and `doctor` says it in words; neither tells of any patient."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as real
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult, get_date_max

from clinic.models import Journal
from clinic.models.actors import SYSTEM
from consent.jobs.requeue_stale import take_up
from consent.jobs.write_anchor import anchor
from consent.models import Heartbeat
from consent.seal import anchors
from operations import doctor, health
from tests.support.factories import make_patient
from tests.support.raw_database import lift_guards

NAMES = {"database", "disk", "outbox", "seal", "backup", "anchor", "guards", "migrations", "clock"}


@pytest.fixture
def well(db: None, seal_keys: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make an installation in which all nine are well; return the settings."""
    settings.ANCHORS_FILE = tmp_path / "anchors.jsonl"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5e9))
    anchor()
    Journal.objects.record("backup taken", by=SYSTEM, kind="verified", number=1)
    return settings


def ready(**headers: Any) -> tuple[int, set[str]]:
    """Return the status, and the names of the checks that failed."""
    answer = Client().get("/readyz", **headers)
    if answer.status_code == 404:
        return 404, set()
    found = json.loads(answer.content)
    assert set(found) == NAMES
    return answer.status_code, {name for name, is_well in found.items() if is_well is False}


def no_writing(settings: Any, patch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("database or disk is full")

    patch.setattr(Heartbeat.objects, "update_or_create", full)


def no_room(settings: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5e8))


def task(minutes: int, **fields: Any) -> DBTaskResult[Any, Any]:
    """Write a task that was asked for so many minutes ago."""
    made = DBTaskResult.objects.create(
        args_kwargs={"args": [], "kwargs": {}},
        task_path="consent.jobs.tasks.seal_consent",
        backend_name="default",
        **{"run_after": get_date_max(), **fields},
    )
    DBTaskResult.objects.filter(pk=made.pk).update(enqueued_at=timezone.now() - dt.timedelta(minutes=minutes))
    return made


def no_worker(settings: Any, patch: pytest.MonkeyPatch) -> None:
    task(6)


def dead_worker(settings: Any, patch: pytest.MonkeyPatch) -> None:
    task(6, status="RUNNING", started_at=timezone.now() - dt.timedelta(minutes=6), worker_ids=["gone"])


def no_passphrase(settings: Any, patch: pytest.MonkeyPatch) -> None:
    settings.SEAL_PASSPHRASE = "another"


def old_certificate(settings: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(health, "CERTIFICATE_LEFT", dt.timedelta(days=5000))


def no_backup(settings: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(health, "BACKUP_AGE", dt.timedelta(0))


def no_anchor(settings: Any, patch: pytest.MonkeyPatch) -> None:
    settings.ANCHORS_FILE.unlink()


def old_anchor(settings: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(anchors.Anchor, "when", timezone.now() - dt.timedelta(hours=3))


def no_guards(settings: Any, patch: pytest.MonkeyPatch) -> None:
    lift_guards(connection)


def new_code(settings: Any, patch: pytest.MonkeyPatch) -> None:
    MigrationRecorder(connection).record_unapplied("consent", "0001_initial")


def slow_clock(settings: Any, patch: pytest.MonkeyPatch) -> None:
    past = timezone.now() - dt.timedelta(minutes=5)
    patch.setattr(health, "timezone", SimpleNamespace(now=lambda: past))


FAULTS: dict[Callable[[Any, pytest.MonkeyPatch], None], str] = {
    no_writing: "database",
    no_room: "disk",
    no_worker: "outbox",
    dead_worker: "outbox",
    no_passphrase: "seal",
    old_certificate: "seal",
    no_backup: "backup",
    no_anchor: "anchor",
    old_anchor: "anchor",
    no_guards: "guards",
    new_code: "migrations",
    slow_clock: "clock",
}


def test_all_is_well(well: Any) -> None:
    assert ready() == (200, set())
    assert Heartbeat.objects.count() == 1
    later = timezone.now() + dt.timedelta(hours=1)
    task(60, run_after=later)  # to be asked again later: that is no backlog
    assert ready() == (200, set())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_each_fault_flips_it_and_no_other(
    well: Any, fault: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_patient("Zbigniew Quux")
    fault(well, monkeypatch)
    assert ready() == (503, {FAULTS[fault]})
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)
    said = out.getvalue()
    check = next(each for each in health.READY if each.name == FAULTS[fault])
    assert f"WRONG  {check.name}: " in said
    assert check.remedy in said
    assert "Quux" not in said


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "10.0.0.9"}, 404),
        ({"HTTP_X_FORWARDED_FOR": "10.0.0.9"}, 404),  # by way of the proxy, which comes from this machine as well
        ({"REMOTE_ADDR": "10.0.0.9", "HTTP_AUTHORIZATION": "Bearer ours"}, 200),
        ({"REMOTE_ADDR": "10.0.0.9", "HTTP_AUTHORIZATION": "Bearer theirs"}, 404),
    ],
)
def test_only_this_machine_or_who_has_the_token_may_ask(well: Any, headers: dict[str, str], status: int) -> None:
    well.READY_TOKEN = "ours"
    assert ready(**headers)[0] == status


def test_no_token_set_is_no_way_in(well: Any) -> None:
    assert ready(REMOTE_ADDR="10.0.0.9", HTTP_AUTHORIZATION="Bearer ")[0] == 404


def test_healthz_touches_nothing() -> None:
    """No database here: asking it for anything would fail this test."""
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_both_are_asked_without_tls(well: Any) -> None:
    well.SECURE_SSL_REDIRECT = True
    assert Client().get("/healthz").status_code == 200
    assert ready()[0] == 200
    assert Client().get("/login/").status_code == 301


# --- what doctor says beside it -------------------------------------------------------------------------------------


def test_a_share_is_told_from_a_disk() -> None:
    mounts = "/dev/sda1 / ext4 rw 0 0\nnas:/x /srv/data nfs4 rw 0 0\n/dev/sdb1 /srv/data/fast ext4 rw 0 0\n"
    assert doctor.filesystem(Path("/srv/data/clinic"), mounts) == "nfs4"
    assert doctor.filesystem(Path("/srv/data/fast/clinic"), mounts) == "ext4"
    assert doctor.filesystem(Path("/srv/database"), mounts) == "ext4"


def test_a_disk_is_encrypted_if_anything_below_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DEVICES", tmp_path)
    device = os.stat(real.DATA_DIR).st_dev
    assert "does not look encrypted" in doctor.encrypted()
    below = tmp_path / f"{os.major(device)}:{os.minor(device)}" / "slaves" / "dm-0" / "dm"
    below.mkdir(parents=True)
    (below / "uuid").write_text("CRYPT-LUKS2-0123-data\n")
    assert doctor.encrypted() == ""


def test_keys_that_others_may_read_are_named(settings: Any, tmp_path: Path) -> None:
    settings.KEYS_DIR = settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o700)
    key = tmp_path / "seal.key"
    key.touch(mode=0o600)
    assert doctor.private() == ""
    key.chmod(0o640)
    assert str(key) in doctor.private()
    (tmp_path / "root.key").touch()
    assert "root.key is still" in doctor.root_is_away()


def test_doctor_calls_the_button_what_the_page_calls_it() -> None:
    button = next(each.remedy for each in doctor.MORE if each.name == "seals").split("“")[2].split("”")[0]
    page = (Path(__file__).resolve().parents[2] / "templates/clinic/desk/visit.html").read_text(encoding="utf-8")
    assert f'{{% url \'seal_again\' visit.pk %}}">{{% csrf_token %}}<button class="btn btn-primary">{button}<' in page


def test_doctor_says_that_this_is_no_real_installation(well: Any) -> None:
    assert "no patients" in doctor.secure()
    well.REAL = True
    assert "W004" in doctor.secure()  # Django's: no HSTS
    assert real.SECURE_HSTS_SECONDS == 0


# --- what a worker that died left -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_worker_takes_up_what_it_had_begun_and_what_nobody_does() -> None:
    now = timezone.now()
    own = task(1, status="RUNNING", started_at=now, worker_ids=["other", "here"])
    dead = task(9, status="RUNNING", started_at=now - dt.timedelta(minutes=9), worker_ids=["gone"])
    theirs = task(1, status="RUNNING", started_at=now, worker_ids=["there"])
    done = task(9, status="SUCCESSFUL", started_at=now - dt.timedelta(minutes=9), worker_ids=["here"])
    assert take_up("here") == 2
    now_is = {each.pk: each.status for each in DBTaskResult.objects.all()}
    assert now_is == {own.pk: "READY", dead.pk: "READY", theirs.pk: "RUNNING", done.pk: "SUCCESSFUL"}
