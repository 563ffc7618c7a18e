"""Get the timestamps that are still missing, now."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consent.jobs.seal_document import keep_timestamp, without_time
from consent.models import Timestamp
from consent.seal import installation_trust
from consent.seal.timestamp import StampTrouble


class Command(BaseCommand):
    help = (
        "Gets a timestamp for every sealed file that has none: after the authority was down for long, or for files "
        "older than the setting. Exits with 1 if any is still missing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if (authority := installation_trust.authority()) is None:
            raise CommandError("No timestamp authority is set (CLINIC_TSA_URL).")
        for digest in without_time():
            try:
                keep_timestamp(digest, authority)
            except StampTrouble as trouble:
                self.stderr.write(f"{trouble}.")
                break  # the next would fail the same way
        missing = len(without_time())
        self.stdout.write(f"Timestamps: {Timestamp.objects.count()} kept, {missing} missing.")
        if missing:
            sys.exit(1)
