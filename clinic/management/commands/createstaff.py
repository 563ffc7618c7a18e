"""Make a manager from the server's own terminal: the first one, or one who lost phone and codes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from clinic.accounts import enrolment
from clinic.models import Journal, Site, User
from clinic.models.actors import SYSTEM
from clinic.models.sites import FIRST
from clinic.records import staff as staff_records


class Command(BaseCommand):
    help = "Adds a manager, or takes an existing one (--again), and prints a link that works once, for 30 minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("full_name", nargs="?", default="", help="in quotes, as the journal will show it")
        parser.add_argument("--again", action="store_true", help="for an existing account: phone or password lost")
        parser.add_argument("--clinic", type=int, default=None, help="its number in a group; default: the first")
        parser.add_argument("--address", default="", help="where staff reach the app; default: from CLINIC_HOSTS")

    def handle(self, *args: Any, **options: Any) -> None:
        clinic, name = _clinic(options["clinic"]), options["username"]
        user = _existing(name, clinic) if options["again"] else _new(name, options["full_name"], clinic or FIRST)
        address = options["address"] or (f"https://{settings.HOSTS[0]}" if settings.HOSTS else "http://localhost:8000")
        token = enrolment.offer(user=user, by=SYSTEM)
        self.stdout.write(f"{user} opens this within 30 minutes; it works once:")
        self.stdout.write(f"{address.rstrip('/')}{reverse('enrol')}#{token}")


def _clinic(number: int | None) -> int | None:
    if number is not None and not Site.objects.filter(number=number).exists():
        numbers = Site.objects.values_list("number", flat=True)
        raise CommandError(f"--clinic: there is no clinic {number}; allowed: {', '.join(map(str, numbers))}.")
    return number


def _existing(username: str, clinic: int | None) -> User:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"username: nobody called {username} may sign in here.")
    if clinic:
        user.sites.add(*user.works_at, clinic)
        Journal.objects.record("staff changed", by=SYSTEM, staff=user.pk)
    return user


def _new(username: str, full_name: str, clinic: int) -> User:
    user = User(username=username.strip(), full_name=full_name.strip(), is_manager=True, site_id=clinic)
    user.set_unusable_password()
    try:
        user.full_clean()
    except ValidationError as error:
        problems = (f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
        raise CommandError(" ".join(problems)) from error
    staff_records.save_staff(user=user, by=SYSTEM)
    return user
