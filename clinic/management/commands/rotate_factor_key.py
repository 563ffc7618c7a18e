"""Encrypt what second factors rest on under another key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.accounts import mfa_secrets


class Command(BaseCommand):
    help = "Encrypts second factors under CLINIC_FACTOR_KEY; CLINIC_FACTOR_KEY_BEFORE opens them until this is done."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = mfa_secrets.rotate()
        except ValueError as trouble:
            raise CommandError(f"Not rotated: {trouble}") from trouble
        self.stdout.write(f"{count:,} second factors are encrypted anew. Take CLINIC_FACTOR_KEY_BEFORE away.")
