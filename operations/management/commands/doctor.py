"""Tell an operator in words what is wrong here, and what to do about it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from operations.doctor import ALL


class Command(BaseCommand):
    help = "Looks at everything that must be well here, says in words what is not, and what to do. Exits with 1 then."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = [(check, check.problem()) for check in ALL]
        for check, problem in found:
            self.stdout.write(f"{'WRONG' if problem else 'well '}  {check.name}{': ' * bool(problem)}{problem}")
            if problem:
                self.stdout.write(f"       {check.remedy}")
        wrong = sum(bool(problem) for _, problem in found)
        self.stdout.write(f"{wrong} of {len(found)} things need you." if wrong else "All is well.")
        if wrong:
            sys.exit(1)
