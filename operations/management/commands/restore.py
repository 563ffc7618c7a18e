"""Restore a backup into an empty folder, if all of it verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from psycopg import Error

from consent.seal.keys import KeyTrouble
from operations.backup_file import BadBackup
from operations.restore import restore


class Command(BaseCommand):
    help = (
        "Opens a backup and makes it the data folder DIR, which must be empty or not exist. Refuses unless the "
        "database is whole and everything in it is as it was written, up to the last anchor; then DIR is not made. "
        "Needs the certificates (CLINIC_KEYS_DIR), and no passphrase."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path, metavar="SRC", help="the backup")
        parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder to make")
        parser.add_argument("--key", type=Path, required=True, help="the file of the key that opens backups")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = options["key"].read_text(encoding="utf-8")
            manifest = restore(options["source"], options["to"].absolute(), key)
        except (BadBackup, KeyTrouble, OSError, ValueError, Error) as trouble:
            raise CommandError(f"Not restored, and nothing was left in {options['to']}: {trouble}.") from trouble
        self.stdout.write(
            f"{options['to']}: as it was on {manifest.at}, up to row {manifest.seq:,} of the journal; everything in it "
            "was verified."
        )
