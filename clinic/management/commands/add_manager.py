"""Add a manager from the server's own terminal: the first one, whom nobody in the app could add."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic import actions
from clinic.forms import StaffForm
from clinic.models.journal import SYSTEM


class Command(BaseCommand):
    help = "Adds a manager and asks for the password, which may also come as one line of standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("full_name", help="in quotes, as it shall stand in the journal")

    def handle(self, *args: Any, **options: Any) -> None:
        typed = {
            "username": options["username"],
            "full_name": options["full_name"],
            "password": getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n"),
            "is_manager": True,
            "is_active": True,
        }
        form = StaffForm(typed)
        if not form.is_valid():
            raise CommandError(" ".join(f"{name}: {' '.join(map(str, texts))}" for name, texts in form.errors.items()))
        actions.save_staff(user=form.save(commit=False), by=SYSTEM)
        self.stdout.write(f"{options['full_name']} may sign in as {options['username']} and add the other staff.")
