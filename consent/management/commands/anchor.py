"""Anchor the journal, for a timer to call every hour, and before each backup."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from consent.jobs.write_anchor import anchor
from consent.seal.anchors import BadAnchor, Busy
from consent.seal.keys import KeyTrouble


class Command(BaseCommand):
    help = (
        "Adds one signed line to CLINIC_ANCHORS_FILE, outside the database: the number and the hash of the journal's "
        "last row. `verify --all` compares them, and so finds a journal whose end was cut off or that was rewritten."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = anchor()
        except (KeyTrouble, BadAnchor, Busy, OSError) as trouble:
            raise CommandError(f"No anchor written to {settings.ANCHORS_FILE}: {trouble}.") from trouble
        self.stdout.write(f"Anchor {made.number}: row {made.seq}, {made.hash}")
