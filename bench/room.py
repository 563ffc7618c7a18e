"""Patients who hold tablets, for a load test.

``python -m bench.room SIGNING ANSWERING``, in the environment of an installation that is migrated and has keys, prints
a line of JSON for each tablet (its cookie, its visit, whether it signs), and one for the practitioner who confirms.
"""

from __future__ import annotations

import json
import sys

import django
from django.conf import settings


def main(signing: int, answering: int) -> None:
    """Make the patients and tablets, and print them."""
    django.setup()
    from bench.days import Days
    from clinic.models import Visit
    from tests.support import load_clients
    from tests.support.factories import staff_client

    days = Days()
    days.begin()

    def held(visit: Visit, number: int) -> str:
        tablet = days._tablet(f"Tablet {number}")
        days.tablets = [tablet, tablet]
        days.make("asked" if number < signing else "answering", visit)
        return tablet.new_token()

    for number, person in enumerate(load_clients.patients(signing + answering, by=days.reception.staff)):
        visit = days.visit_of(person, number)
        cookie = f"{settings.TABLET_COOKIE_NAME}={held(visit, number)}"
        print(json.dumps({"cookie": cookie, "visit": visit.pk, "signs": number < signing}))
    session = staff_client(days.physio.staff).cookies[settings.SESSION_COOKIE_NAME].value
    print(json.dumps({"cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
