"""Many patients and many open visits, written fast: for tests and measurements of a clinic that has grown."""

from __future__ import annotations

import datetime as dt
import itertools
from functools import lru_cache

from django.db import connection, models
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Patient, PatientToken, User, Visit
from clinic.models.patients import tokens
from screening.domain import rules
from screening.domain.rules import Severity
from screening.models import Assessment, Flag, Screening
from tests.support.factories import answered

FIRST = "Ana Ben Cleo Dov Eva Finn Gita Hugo Ines Jan Kofi Lena Mila Noor Omar Pia Rui Sara Tom Uma".split()
LAST = "Adler Berg Costa Duarte Ekman Fox Grau Hill Ito Jones Klein Lund Moser Novak Okafor Pires".split()
SYLLABLES = "ba ce di fo gu ka le mi no pu ra se ti vo zu".split()
ABOUT = ("pregnancy", "epilepsy", "cancer")
GRAVITY = (Severity.STOP, Severity.REVIEW, Severity.DEFER)
BATCH = 5000


@lru_cache(maxsize=20_000)
def _tokens(name: str, born: dt.date) -> tuple[str, ...]:
    return tuple(sorted(set(tokens(name, born))))


def patients(count: int, *, by: User) -> list[Patient]:
    """Write ``count`` patients, indexed for search. Their names repeat, as a town's do: a few hundred start alike."""
    family = ["".join(part).capitalize() for part in itertools.product(SYLLABLES, repeat=3)]
    people = [
        Patient(
            name=f"{FIRST[number % len(FIRST)]} {LAST[number % len(LAST)]}-{family[number % len(family)]}",
            born=dt.date(1930, 1, 1) + dt.timedelta(days=number % 28_000),
            created_by=by,
        )
        for number in range(count)
    ]
    made = Patient.objects.bulk_create(people, batch_size=BATCH)
    index = ((token, each.pk) for each in made for token in _tokens(each.name, each.born))
    rows = (PatientToken(token=token, patient_id=pk) for token, pk in index)
    while some := list(itertools.islice(rows, BATCH * 10)):
        PatientToken.objects.bulk_create(some, batch_size=BATCH)
    _counted(Patient, PatientToken)
    return made


def in_review(count: int, *, by: User) -> list[Visit]:
    """Write ``count`` visits that wait for a review, each with its answers and three flags."""
    now, today = timezone.now(), timezone.localdate()
    said = answered(pregnancy="yes", epilepsy="yes", cancer="yes")
    visits = Visit.objects.bulk_create(
        Visit(
            patient=person,
            day=today,
            time=dt.time(8 + number % 10, number % 60),
            stage=Stage.IN_REVIEW.value,
            stage_since=now - dt.timedelta(minutes=number % 90),
            created_by=by,
        )
        for number, person in enumerate(patients(count, by=by))
    )
    screenings = Screening.objects.bulk_create(Screening(visit=visit, submitted_at=now, **said) for visit in visits)
    runs = Assessment.objects.bulk_create(
        Assessment(screening=each, rules_version=rules.VERSION, policy={}, outcome="stop") for each in screenings
    )
    flags = Flag.objects.bulk_create(
        Flag(screening=each, key=f"{about}:{gravity}", question=about, severity=gravity.value, reason="…", source={})
        for each in screenings
        for about, gravity in zip(ABOUT, GRAVITY, strict=True)
    )
    through = Assessment.flags.through
    of = {each.screening_id: each.pk for each in runs}
    through.objects.bulk_create(through(assessment_id=of[each.screening_id], flag_id=each.pk) for each in flags)
    _counted(Visit, Screening, Assessment, Flag, through)
    return visits


def _counted(*tables: type[models.Model]) -> None:
    """Have PostgreSQL look at how much there is now, as its server does by itself within a minute of a commit.

    A test's rows are never committed: what is planned for an empty table takes over a minute where there are thousands.
    """
    if connection.vendor == "postgresql":
        names = ", ".join(connection.ops.quote_name(each._meta.db_table) for each in tables)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {names}")
