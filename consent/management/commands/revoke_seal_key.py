"""Revoke a sealing key that was stolen or lost: what it seals from a given time on no longer counts."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from clinic.models import Journal
from clinic.models.actors import SYSTEM
from consent.management.commands.new_seal_key import read_passphrase
from consent.seal import certificate_authority
from consent.seal.keys import KeyTrouble


class Command(BaseCommand):
    help = (
        "Writes revoked.crl, signed by the root: seals of this certificate no longer count from the given time on. "
        "An older seal still counts if the database or a timestamp shows that it is older. The list is public, "
        "at /verify/revoked.crl."
    )
    requires_system_checks: list[str] = []  # one of them refuses the key that this revokes

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("certificate", help="the sealing certificate's SHA-256, in hex")
        parser.add_argument("--since", required=True, help="a date or a date and time: when it may have been stolen")
        parser.add_argument("--root-key", type=Path, required=True, help="the file of the root's private key")
        parser.add_argument("--root-passphrase-file", type=Path, help="if the root's key has a passphrase of its own")

    def handle(self, *args: Any, **options: Any) -> None:
        since = _moment(options["since"])
        try:
            written = certificate_authority.revoke(
                settings.KEYS_DIR,
                options["certificate"],
                since=since,
                root_key=options["root_key"],
                root_passphrase=read_passphrase(options["root_passphrase_file"]) or settings.SEAL_PASSPHRASE,
            )
        except KeyTrouble as trouble:
            raise CommandError(f"Nothing was changed: {trouble}.") from trouble
        Journal.objects.record("sealing key revoked", by=SYSTEM, certificate=options["certificate"].lower())
        self.stdout.write(f"{written}: seals of this certificate do not count from {since:%Y-%m-%d %H:%M %Z} on.")
        self.stdout.write("Make the next key now: manage.py new_seal_key --root-key FILE")


def _moment(text: str) -> datetime:
    """Return an aware time from a date (its start) or a date and time, in the clinic's zone unless it names its own."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--since {text}: give a date such as 2026-11-23, or 2026-11-23T14:05.") from error
    if len(text) == len("2026-11-23"):
        when = datetime.combine(when, time.min)
    return when if timezone.is_aware(when) else timezone.make_aware(when)
