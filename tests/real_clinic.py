"""Make a clinic for real servers: tablets that patients hold, and consents that wait for their seal.

``python -m tests.real_clinic TABLETS CONSENTS`` prints one JSON line a tablet: its visit, its cookie, and what the form
of a page on it sends.
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
    from clinic.flow import Stage
    from clinic.models import Actor
    from tests.factories import make_visit, tablet_client
    from tests.open_pages import form_on

    visit = make_visit()
    visit.move(Stage.ANSWERING, by=Actor())
    held = tablet_client(visit)
    form = form_on(held.get("/tablet/questions/start/0/"))
    cookie = "; ".join(f"{name}={each.value}" for name, each in held.cookies.items())
    return {"visit": visit.pk, "cookie": cookie, "form": form}


def main(tablets: int, consents: int) -> None:
    """Make them, and print the tablets."""
    django.setup()
    from tests.test_withdrawing import confirmed

    install()
    for _ in range(tablets):
        print(json.dumps(tablet()))
    for _ in range(consents):
        confirmed()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
