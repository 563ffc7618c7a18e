"""Make a clinic for real servers: tablets that patients hold, and consents that wait for their seal.

``python -m tests.support.server_clinic TABLETS CONSENTS`` prints one JSON line a tablet: its visit, its cookie, and
what the form of a page on it sends. ``python -m tests.support.server_clinic asked`` prints, as JSON, each question that
is in the database, with its visit: the clinic's keys alone open it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django
from django.core.management import call_command


def install() -> None:
    """Make the tables and the keys."""
    call_command("migrate", verbosity=0)
    call_command("init_keys", stdout=sys.stderr)


def tablet() -> dict[str, Any]:
    """Hand a tablet to a patient who answers; return what it holds."""
    from clinic.domain.flow import Stage
    from clinic.models import Actor
    from tests.support.factories import make_visit, tablet_client
    from tests.support.page_opener import form_on

    visit = make_visit()
    visit.move(Stage.ANSWERING, by=Actor())
    held = tablet_client(visit)
    form = form_on(held.get("/tablet/questions/start/0/"))
    cookie = "; ".join(f"{name}={each.value}" for name, each in held.cookies.items())
    return {"visit": visit.pk, "cookie": cookie, "form": form}


def main(tablets: int, consents: int) -> None:
    """Make them, and print the tablets."""
    django.setup()
    from tests.support.consents import confirmed

    install()
    for _ in range(tablets):
        print(json.dumps(tablet()))
    for _ in range(consents):
        confirmed()


def asked() -> None:
    """Print the questions."""
    django.setup()
    from screening.models import PatientQuestion

    print(json.dumps([(each.visit_id, each.text) for each in PatientQuestion.objects.all()]))


if __name__ == "__main__":
    if sys.argv[1:] == ["asked"]:
        asked()
    else:
        main(*map(int, sys.argv[1:]))
