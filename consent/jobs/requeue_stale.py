"""What a worker that was killed left behind: tasks that say they are being done, and nobody does them.

Every task here may run twice: a document that is filed already is not made again.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

DEAD_AFTER = dt.timedelta(minutes=5)  # no task takes as long, not even one that waits for a timestamp


@transaction.atomic
def take_up(worker: str) -> int:
    """Put back into the queue what ``worker``, which starts just now, had begun, and what any worker began long ago.

    Return how many tasks that were.
    """
    now, count = timezone.now(), 0
    for each in DBTaskResult.objects.select_for_update().filter(status="RUNNING"):
        is_own = each.worker_ids[-1:] == [worker]
        if is_own or each.started_at is None or now - each.started_at > DEAD_AFTER:
            each.status, each.started_at = "READY", None
            each.save(update_fields=["status", "started_at"])
            count += 1
    return count
