"""The worker that seals, and sends copies: django-tasks' own, which first requeues what a dead worker left."""

from __future__ import annotations

import logging
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django_tasks_db.management.commands import db_worker

from consent.jobs.requeue_stale import take_up

log = logging.getLogger(__name__)


class Command(db_worker.Command):
    help = (
        "Does what the server asked for in the background. Two workers on one machine need different names "
        "(--worker-id), which must stay the same when they restart."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(worker_id=socket.gethostname()[:64])

    def handle(self, *, worker_id: str, **options: Any) -> None:
        try:
            take_up(worker_id)
            super().handle(worker_id=worker_id, **options)
        except Exception:  # its message may hold what the log must not, and does not, show
            log.exception("the worker stopped")
            sys.exit(1)
