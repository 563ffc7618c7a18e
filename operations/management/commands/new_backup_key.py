"""Make the key that opens backups, which must not stay on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from operations.backup_file import new_key


class Command(BaseCommand):
    help = (
        "Writes a new key into FILE, for a stick or a safe, and adds its recipient line to "
        "CLINIC_BACKUP_RECIPIENTS. Without FILE nobody can open a backup: keep two copies in two places."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a new file, outside the data folder")

    def handle(self, *args: Any, **options: Any) -> None:
        path, recipients = options["file"].resolve(), settings.BACKUP_RECIPIENTS
        if path.is_relative_to(settings.DATA_DIR.resolve()):
            raise CommandError(f"{path} is in the data folder: whoever takes the folder has the key.")
        identity, recipient = new_key(timezone.localtime())
        try:
            recipients.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8") as file:
                file.write(identity)
            with recipients.open("a", encoding="utf-8") as file:
                file.write(recipient)
        except OSError as error:
            raise CommandError(f"No key made: {error}.") from error
        self.stdout.write(f"{path} opens backups. Take it off this machine, and keep two copies in two places.")
        self.stdout.write(f"{recipients}: {recipient.strip()}")
