"""One machine for all processes of a run: what loads it with many processes of its own has it to itself.

Two such tests at once, or one beside half of the suite, measure the machine and not the app: a disk that stands still
for longer than a writer's patience refuses sixteen at once.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(tempfile.gettempdir())
RUN = "PYTEST_XDIST_TESTRUNUID"  # xdist gives all processes of a run one name
INSIDE = "CONSENT_TESTS_INSIDE"  # a test that itself runs tests: they are a part of it


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Run a test when its turn comes: beside others, once nobody waits to be alone; or alone, once they are done."""
    if RUN not in os.environ or INSIDE in os.environ:
        yield
        return
    door = _locked("door", fcntl.LOCK_EX)
    room = _locked("room", fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    os.environ[INSIDE] = "yes"
    try:
        if not alone:
            os.close(door)
        yield
    finally:
        del os.environ[INSIDE]
        os.close(room)
        if alone:
            os.close(door)


def _locked(name: str, how: int) -> int:
    file = os.open(
        FOLDER / f"consent-tests-{os.environ[RUN]}-{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    fcntl.flock(file, how)
    return file
