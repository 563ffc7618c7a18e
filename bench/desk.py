"""The desk as a clinic grows: 5 against 500 open visits, 5 against 100,000 patients.

    .venv/bin/python bench/desk.py [--patients 100000] [--visits 500]

Prints each page's time (processor time of one request, the least of many, so that a busy machine hardly shows), the
ratio and the queries. Exit status 1 if a page takes twice as long with many, or needs more queries.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.support.settings"

import django

django.setup()

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, setup_test_environment

from tests.support import load_clients
from tests.support.factories import practitioner, staff_client

FEW, RUNS, LIMIT = 5, 40, 2.0


@dataclass
class Page:
    """One measured page: its name and address, and a request's seconds and queries, with few rows and with many."""

    name: str
    address: str
    typed: dict[str, str] = field(default_factory=dict)  # posted to the search first
    seconds: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)

    def measure(self, desk: Client) -> None:
        if self.typed:
            desk.post(self.address, self.typed)
        assert desk.get(self.address).status_code == 200
        with CaptureQueriesContext(connection) as queries:
            desk.get(self.address)
        self.queries.append(len(queries))
        self.seconds.append(min(_time(lambda: desk.get(self.address)) for _ in range(RUNS)))

    @property
    def ratio(self) -> float:
        return self.seconds[1] / self.seconds[0]

    @property
    def holds(self) -> bool:
        return self.ratio < LIMIT and self.queries[0] == self.queries[1]

    def __str__(self) -> str:
        few, many = (1000 * seconds for seconds in self.seconds)
        queries = f"{self.queries[0]} and {self.queries[1]} queries"
        return (
            f"{self.name:34} {few:7.1f} ms {many:7.1f} ms  x{self.ratio:.2f}  {queries}{'' if self.holds else '  <--'}"
        )


def _time(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


QUEUE = [
    Page("queue", "/queue/"),
    Page("queue, all", "/queue/?who=all"),
    Page("queue, what is new", f"/queue/news/?at={time.time()}&rows=1,2,3,4,5"),
    Page("urgent call", "/urgent/"),
]
PATIENTS = [
    Page("search, 3 letters", "/patients/?found", {"name": "ana"}),
    Page("search, 3 letters of each of 2 names", "/patients/?found", {"name": "ana adl"}),
    Page("search, 2 names that nobody has", "/patients/?found", {"name": "ana ben"}),
    Page("search, birth date", "/patients/?found", {"born_day": "1", "born_month": "1", "born_year": "1930"}),
    Page("search, nobody", "/patients/?found", {"name": "qqq"}),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--visits", type=int, default=500)
    many = parser.parse_args()
    setup_test_environment()
    connection.creation.create_test_db(verbosity=0)
    try:
        me = practitioner()
        desk = staff_client(me)
        load_clients.in_review(FEW, by=me)
        for page in [*QUEUE, *PATIENTS]:
            page.measure(desk)
        load_clients.in_review(many.visits - FEW, by=me)
        for page in QUEUE:
            page.measure(desk)
        load_clients.patients(many.patients - many.visits, by=me)
        for page in PATIENTS:
            page.measure(desk)
        print(*QUEUE, *PATIENTS, sep="\n")
    finally:
        connection.creation.destroy_test_db(":memory:", verbosity=0)
    return 0 if all(page.holds for page in [*QUEUE, *PATIENTS]) else 1


if __name__ == "__main__":
    sys.exit(main())
