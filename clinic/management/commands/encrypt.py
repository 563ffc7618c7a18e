"""Encrypt what is still in clear from before there were keys."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinic.domain.flow import NotAllowed
from clinic.records.reencrypt import encrypt_all
from clinic.storage.master_keys import KeysetTrouble


class Command(BaseCommand):
    help = (
        "Gives every patient a key and encrypts all that is kept of them in clear, in one transaction; once, after the "
        "upgrade that brought it, with the server and the worker stopped. Makes CLINIC_DATA_KEYS if it is not there."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = encrypt_all()
        except (KeysetTrouble, NotAllowed) as trouble:
            raise CommandError(f"Nothing was encrypted: {str(trouble).rstrip('.')}.") from trouble
        self.stdout.write(f"{count:,} values encrypted. Keep a copy of {settings.DATA_KEYS} apart from the backups.")
        self.stdout.write("Backups from before hold the same in clear: destroy them when newer ones are proven.")
