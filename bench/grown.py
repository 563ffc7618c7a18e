"""One grown clinic in a process of its own: ``python -m bench.grown make SCREENINGS WHOLE_EVERY``, then ``ask``.

``ask`` reads the number of a page from each line of its input and answers with one sample of it, as ``bench.contender``
does. ``verify`` prints the processor seconds of the audit. ``BENCH_FOLDER`` names the folder, ``DATABASE_URL`` the
database if it is PostgreSQL.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"

import django

django.setup()

from urllib.parse import parse_qsl

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bench import copies as growing
from bench.days import REGULAR, REGULAR_VISITS, SHARES, TODAY, Days
from bench.rounds import Sample
from clinic.models import Patient, User, Visit
from clinic.storage import master_keys
from consent.seal.certificate_authority import make_keys
from operations.audit import audit
from screening.models import Screening
from tests.support import load_clients
from tests.support.factories import staff_client

UNIT = sum(SHARES.values())
YEARS = 10
# Who opens which page, after which search (#). {patient} and {visit} are the same person's in every clinic.
PAGES: dict[str, tuple[str, str]] = {
    "board": ("reception", "/board/"),
    "queue": ("physio", "/queue/?who=all"),
    "search by name": ("reception", "/patients/?found#name=xanthippe"),
    "search by birth date": ("reception", "/patients/?found#born_day=14&born_month=7&born_year=1931"),
    "patient's page": ("physio", "/patients/{patient}/"),
    "visit's page": ("physio", "/visits/{visit}/"),
    "journal": ("manager", "/manage/journal/"),
    "journal, one kind": ("manager", "/manage/journal/?what=consents"),
    "journal, one person": ("manager", "/manage/journal/?who=staff-{manager}"),
    "journal, one visit": ("manager", "/manage/journal/?visit={visit}"),
    "journal, one day": ("manager", "/manage/journal/?since={today}&until={today}"),
}


def make(screenings: int, whole_every: int, unit: int = UNIT) -> None:
    """Make the clinic in an empty database: its past, and today."""
    call_command("migrate", verbosity=0)
    if not growing.POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=MEMORY")
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA foreign_keys=OFF")
    days = Days()
    make_keys(settings.KEYS_DIR, settings.SEAL_PASSPHRASE, "Grown Clinic")
    master_keys.make(settings.DATA_KEYS)
    days.begin()
    _today(days, {"sealed": 1})  # what only the very first visit writes: the versions seen
    times = growing.Copies(screenings // unit, 365 * YEARS, whole_every)
    people = load_clients.patients(growing.patients_needed(times, unit), by=days.reception.staff)
    copied = growing.Unit.begin()
    _visits(days, people[:unit])
    copied.end([person.pk for person in people[:unit]])
    growing.grow(copied, times, _say)
    _today(days, TODAY)
    _regular(days)
    if not growing.POSTGRESQL:
        call_command("migrate", verbosity=0)


def _visits(days: Days, people: list[Patient]) -> None:
    """Make the visits that are copied, with the kinds mixed."""
    shares = [(number / count, kind) for kind, count in SHARES.items() for number in range(count)]
    for number, (_, kind) in enumerate(sorted(shares)[: len(people)]):
        days.make(kind, days.visit_of(people[number], number))


def _today(days: Days, kinds: dict[str, int]) -> None:
    wanted = [kind for kind, count in kinds.items() for _ in range(count)]
    for number, person in enumerate(load_clients.patients(len(wanted), by=days.reception.staff)):
        days.make(wanted[number], days.visit_of(person, number))


def _regular(days: Days) -> None:
    """Make the patient who is searched for and opened: the same one in every clinic."""
    name, born = REGULAR
    person = Patient.objects.create(name=name, born=born, created_by=days.reception.staff)
    person.index()
    for number in range(REGULAR_VISITS):
        days.make("sealed", days.visit_of(person, number))


_begun = time.monotonic()


def _say(words: str) -> None:
    print(f"{time.monotonic() - _begun:6.0f} s  {words}", file=sys.stderr, flush=True)


def ask() -> None:
    """Answer each line of the input until it ends: get that page once."""
    desks = {user.username: staff_client(user) for user in User.objects.all()}
    (person,) = Patient.objects.same_person(*REGULAR)
    visit = Visit.objects.filter(patient=person).latest("pk")
    manager = User.objects.get(username="manager").pk
    ids = {"patient": person.pk, "visit": visit.pk, "manager": manager, "today": f"{timezone.localdate():%Y-%m-%d}"}
    pages = [(desks[who], address.format(**ids)) for who, address in PAGES.values()]
    for line in sys.stdin:
        desk, address = pages[int(line) % len(pages)]
        address, _, typed = address.partition("#")
        if typed:  # posted to the search first
            desk.post(address, dict(parse_qsl(typed)))
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        answer = desk.get(address)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        assert answer.status_code == 200, (address, answer.status_code)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(Sample(cpu, wall, len(answer.content), peak)._asdict()), flush=True)


def verify() -> None:
    """Audit everything once; print the seconds and the number of screenings. Raise if something is wrong."""
    began = time.process_time()
    wrong = [finding for finding in audit() if not finding.sound]
    print(time.process_time() - began, Screening.objects.count())
    assert not wrong, wrong


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(*map(int, sys.argv[2:]))
    else:
        {"ask": ask, "verify": verify}[sys.argv[1]]()
