"""One grown clinic in a process of its own: ``python -m bench.grown make SCREENINGS``, then ``ask`` or ``verify``.

``BENCH_FOLDER`` names its folder, ``DATABASE_URL`` its database where that is PostgreSQL.
"""

from __future__ import annotations

import os
import sys
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from bench import copies as growing
from bench.days import REGULAR, REGULAR_VISITS, SHARES, TODAY, Days
from clinic.models import Patient
from tests import crowd

UNIT = sum(SHARES.values())
YEARS = 10
LARGEST_WHOLE = 10_000  # screenings; above, every thousandth copy alone has its long texts and sealed bytes


def make(screenings: int, unit: int = UNIT) -> None:
    """Make the clinic in an empty database: what was, and today."""
    call_command("migrate", verbosity=0)
    if not growing.POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=MEMORY")
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA foreign_keys=OFF")
    days = Days()
    days.begin(settings.KEYS_DIR, settings.SEAL_PASSPHRASE)
    _today(days, {"sealed": 1})  # what is written at the first visit of all alone: versions that were not seen before
    times = growing.Copies(screenings // unit, 365 * YEARS, 1 if screenings <= LARGEST_WHOLE else 1000)
    people = crowd.patients(growing.patients_needed(times, unit), by=days.reception.staff)
    copied = growing.Unit.begin()
    _fifty(days, people[:unit])
    copied.end([each.pk for each in people[:unit]])
    growing.grow(copied, times, _say)
    _today(days, TODAY)
    _regular(days)
    if not growing.POSTGRESQL:
        call_command("migrate", verbosity=0)


def _fifty(days: Days, people: list[Patient]) -> None:
    """Make the visits that are copied, kinds mixed as they come."""
    shares = [(number / count, kind) for kind, count in SHARES.items() for number in range(count)]
    for number, (_, kind) in enumerate(sorted(shares)[: len(people)]):
        days.make(kind, days.visit_of(people[number], number))


def _today(days: Days, kinds: dict[str, int]) -> None:
    wanted = [kind for kind, count in kinds.items() for _ in range(count)]
    for number, person in enumerate(crowd.patients(len(wanted), by=days.reception.staff)):
        days.make(wanted[number], days.visit_of(person, number))


def _regular(days: Days) -> None:
    """Make the patient who is looked for and looked at: the same one however large the clinic is."""
    name, born = REGULAR
    person = Patient.objects.create(name=name, born=born, created_by=days.reception.staff)
    person.index()
    for number in range(REGULAR_VISITS):
        days.make("sealed", days.visit_of(person, number))


_begun = time.monotonic()


def _say(words: str) -> None:
    print(f"{time.monotonic() - _begun:6.0f} s  {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    make(int(sys.argv[2]))
    _say("made")
