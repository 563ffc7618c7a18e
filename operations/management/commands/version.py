"""Print which version runs here."""

from __future__ import annotations

from platform import python_version
from typing import Any

import django
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Prints the version of this software, and of Django and Python under it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{settings.VERSION} (Django {django.get_version()}, Python {python_version()})")
