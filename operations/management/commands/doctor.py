"""Say in words what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from operations.doctor import ALL


class Command(BaseCommand):
    help = "Checks everything that must be well here. Says what is not and what to do about it, and then exits with 1."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        results = [(check, check.problem()) for check in ALL]
        for check, problem in results:
            self.stdout.write(f"{'WRONG' if problem else 'well '}  {check.name}{': ' * bool(problem)}{problem}")
            if problem:
                self.stdout.write(f"       {check.remedy}")
        wrong = sum(bool(problem) for _, problem in results)
        self.stdout.write(f"{wrong} of {len(results)} things need you." if wrong else "All is well.")
        if wrong:
            sys.exit(1)
