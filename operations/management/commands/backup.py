"""Take an encrypted backup while the clinic works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from psycopg import Error

from consent.seal.anchors import BadAnchor, Busy
from consent.seal.keys import KeyTrouble
from operations import backup
from operations.backup_file import BadBackup


class Command(BaseCommand):
    help = (
        "Writes one encrypted file with the database, the anchors and a signed manifest, but no keys. The copy is "
        "checked first, as by `verify --all`. Who can open it: CLINIC_BACKUP_RECIPIENTS, see `new_backup_key`."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=settings.BACKUP_DIR, help="the folder; default: %(default)s")
        parser.add_argument(
            "--quick", action="store_true", help="check no seals: for the backups between two that were verified"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            taken = backup.take(options["to"], verify=not options["quick"])
        except FileNotFoundError as missing:
            raise CommandError(
                f"No backup: {missing.filename} is missing. See `manage.py new_backup_key`."
            ) from missing
        except (BadBackup, BadAnchor, Busy, KeyTrouble, OSError, Error) as trouble:
            raise CommandError(f"No backup: {trouble}.") from trouble
        self.stdout.write(f"{taken.path}")
        self.stdout.write(
            f"Journal up to row {taken.manifest.seq:,}; {'verified' if taken.verified else 'not verified (--quick)'}. "
            f"SHA-256: {taken.sha256}"
        )
