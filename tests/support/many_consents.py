"""Make a clinic with so many sealed consents: ``python -m tests.support.many_consents COUNT``.

Each is signed, confirmed and sealed by the app's own verbs, with a record of its own. What takes most of the time is
left out: the pages are drawn once, and each record is attached to those.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import django


def main(count: int) -> None:
    """Make them, in an empty database."""
    django.setup()
    from consent.domain.record import canonical
    from consent.jobs import tasks
    from tests.support.consents import confirmed
    from tests.support.server_clinic import install

    install()
    copies: Any = importlib.import_module("bench.copies")
    drawn: list[bytes] = []
    draw = tasks.render

    def attached(record: Any) -> bytes:
        drawn[:] = drawn or [draw(record)]
        made: bytes = copies.attach(drawn[0], canonical(record))
        return made

    setattr(tasks, "render", attached)  # noqa: B010
    for _ in range(count):
        tasks.seal_consent.func(confirmed().pk)


if __name__ == "__main__":
    main(int(sys.argv[1]))
