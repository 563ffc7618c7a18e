"""Let somebody try to sign in again at once, after too many wrong tries by whomever."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.accounts import lockout
from clinic.models import User
from clinic.models.actors import SYSTEM


class Command(BaseCommand):
    help = "Forgets the wrong tries at signing in as USERNAME; without it they are forgotten after five minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"username: there is nobody called {options['username']}.")
        lockout.unlock(user=user, by=SYSTEM)
        self.stdout.write(f"{user} may try again.")
