"""Is this installation fit for patients? Nine checks, each cheap enough to run every minute.

A check returns "" or what is wrong, in words for an operator at the machine, never for the network.
The limits are those of the installation guide: a backup that was verified is a day old at most, an anchor two hours.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.utils import timezone
from django_tasks_db.models import DBTaskResult, get_date_max

from clinic.models import Journal
from clinic.storage import append_only_triggers
from consent.models import Heartbeat
from consent.seal import anchors, installation_trust

FREE_BYTES = 1_000_000_000
LONGEST_QUEUE = dt.timedelta(minutes=5)
CERTIFICATE_LEFT = dt.timedelta(days=30)
BACKUP_AGE = dt.timedelta(hours=26)
ANCHOR_AGE = dt.timedelta(hours=2)
CLOCK_SLACK = dt.timedelta(seconds=60)


@dataclass(frozen=True)
class Check:
    """One check: ``look`` returns "" or what is wrong; ``remedy`` says what an operator can do about it."""

    name: str
    look: Callable[[], str]
    remedy: str

    def problem(self) -> str:
        """Return what is wrong, "" if nothing. A check that breaks is itself what is wrong."""
        try:
            return self.look()
        except Exception as error:  # the other checks must still run
            return f"{type(error).__name__}: {error}"


def database() -> str:
    """Write one row, to see that the database can be written."""
    Heartbeat.objects.update_or_create(pk=1, defaults={"at": timezone.now()})
    return ""


def disk() -> str:
    """Check the free space on the disk of the data."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    return "" if free > FREE_BYTES else f"only {free / 1e9:.2f} GB are free where {settings.DATA_DIR} is"


def outbox() -> str:
    """Look for tasks that wait too long for the worker, or that a worker began and never ended."""
    limit = timezone.now() - LONGEST_QUEUE
    at_once = Q(run_after=get_date_max(), enqueued_at__lt=limit)
    waiting = DBTaskResult.objects.filter(Q(run_after__lt=limit) | at_once, status="READY").count()
    stuck = DBTaskResult.objects.filter(status="RUNNING", started_at__lt=limit).count()
    return f"{waiting} tasks wait and {stuck} were begun, for more than five minutes" if waiting or stuck else ""


def seal() -> str:
    """Open the sealing key, and check that its certificate lasts."""
    ends = installation_trust.seal_key().certificate.not_valid_after_utc
    return "" if ends - timezone.now() > CERTIFICATE_LEFT else f"the sealing certificate ends on {ends:%Y-%m-%d}"


def backed_up() -> str:
    """Check the age of the last verified backup."""
    taken = Journal.objects.filter(action="backup taken", data__kind="verified").order_by("-seq").first()
    if taken and timezone.now() - taken.at < BACKUP_AGE:
        return ""
    return f"the last verified backup is of {taken.at:%Y-%m-%d %H:%M}" if taken else "no verified backup was ever taken"


def anchored() -> str:
    """Check the age of the last anchor."""
    written = anchors.read(settings.ANCHORS_FILE)
    if written and timezone.now() - written[-1].when < ANCHOR_AGE:
        return ""
    return f"the journal was last anchored at {written[-1].at}" if written else "the journal was never anchored"


def guarded() -> str:
    """Check that the database still refuses to change what is written once."""
    bare = append_only_triggers.missing(connection)
    return f"the database does not guard {', '.join(bare)}" if bare else ""


def migrated() -> str:
    """Look for migrations that were not applied."""
    executor = MigrationExecutor(connection)
    left = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(left)} migrations are not applied, the first is {left[0][0]}" if left else ""


def clock() -> str:
    """Compare the clock with the journal's last row, and with the database server's clock."""
    now, last = timezone.now(), Journal.objects.order_by("-seq").values_list("at", flat=True).first()
    if last and last - now > CLOCK_SLACK:
        return f"it is {now:%Y-%m-%d %H:%M} UTC here, and the journal was written at {last:%Y-%m-%d %H:%M} UTC"
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            theirs = cursor.fetchone()[0]
        if abs(theirs - timezone.now()) > CLOCK_SLACK:
            return f"the database server's clock says {theirs:%Y-%m-%d %H:%M:%S %Z}"
    return ""


READY: tuple[Check, ...] = (
    Check("database", database, "Is its disk full, or its server down? `journalctl -u consent` names the error."),
    Check("disk", disk, "Delete old backups that are kept elsewhere too, or use a larger disk."),
    Check("outbox", outbox, "Restart the worker: `systemctl restart consent-worker`. It takes up what was left."),
    Check(
        "seal", seal, "Passphrase and keys in place? A certificate that ends: `manage.py new_seal_key`, docs/keys.md."
    ),
    Check("backup", backed_up, "Run `manage.py backup`, and see why its timer did not run: `systemctl list-timers`."),
    Check("anchor", anchored, "Run `manage.py anchor`, and see why its timer did not run: `systemctl list-timers`."),
    Check(
        "guards",
        guarded,
        "First `manage.py verify --all`: somebody may have tampered with it. Then `manage.py migrate`.",
    ),
    Check("migrations", migrated, "Run `manage.py backup`, then `manage.py migrate`."),
    Check("clock", clock, "Set the time by a time server: `timedatectl set-ntp true`."),
)
