"""Wrap every patient's key with a new one, and encrypt second factors under it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.records.reencrypt import rotate
from clinic.storage.master_keys import KeysetTrouble


class Command(BaseCommand):
    help = (
        "Adds a key to CLINIC_DATA_KEYS, wraps every patient's key with it and encrypts second factors under it. "
        "Records stay as they are. "
        "Running processes read the new file by themselves; on several hosts, stop them and copy it to each."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--drop-earlier",
            action="store_true",
            help="take the earlier keys out: backups from before then need an earlier copy of the file",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = rotate(drop_earlier=options["drop_earlier"])
        except (KeysetTrouble, OSError, ValueError) as trouble:
            raise CommandError(f"Not rotated: {trouble}.") from trouble
        self.stdout.write(f"The keys of {count:,} patients are wrapped anew. Keep a copy of {settings.DATA_KEYS}.")
