"""Fixtures that more than one file needs: the tablet-sized browser, its guards, and a seal key."""

from __future__ import annotations

import gc
import logging
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from hypothesis import settings as hypothesis_settings

from clinic.domain.flow import Stage
from clinic.models import Visit
from clinic.storage import rate_limit
from tests.support import run_alone
from tests.support.factories import make_visit, tablet_client
from tests.support.page_guards import AXE_TAGS, wait_for_whole_pages, watch
from tests.support.proof_size import RELEASE
from tests.support.raw_database import flush_past_guards
from tests.support.skips import pytest_sessionfinish

__all__ = ["pytest_sessionfinish"]  # a hook

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's sync API keeps a loop in the main thread

# A busy machine is slow, and that is no finding: examples are counted, not timed.
hypothesis_settings.register_profile("steady", deadline=None)
hypothesis_settings.load_profile("steady")

flush_past_guards()
wait_for_whole_pages()

FAST_FOLDERS, NOT_FAST = {"domain", "house", "pages"}, ("browser", "thorough", "heavy")
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Mark what asks the database, drives a browser, seals or is fast, before ``-m`` chooses; leave browsers for last.

    A journey is a minute's walk with the tablet held across, for a release upright too; each page by itself is looked
    at both ways. What must be alone comes first of all, so that it never waits for minutes of another process; what is
    heavy comes first of what drives a browser, so that no process is left with it at the end.
    """
    upright = [each for each in items if each.get_closest_marker("journey") and "portrait" in each.name and not RELEASE]
    config.hook.pytest_deselected(items=upright)
    items[:] = [each for each in items if each not in upright]
    for item in items:
        fixtures = set(getattr(item, "fixturenames", []))
        if fixtures & {"db", "transactional_db", "live_server"} or item.get_closest_marker("django_db"):
            item.add_marker("database")
        if fixtures & {"page", "context", "browser"}:
            item.add_marker("browser")
        if "seal_keys" in fixtures:
            item.add_marker("thorough")  # each seals a document or more
        if item.path.parent.name in FAST_FOLDERS and not any(map(item.get_closest_marker, NOT_FAST)):
            item.add_marker("fast")
    yield
    items.sort(key=_when)


def _when(item: pytest.Item) -> tuple[bool, bool]:
    browser, alone, heavy = (item.get_closest_marker(name) is not None for name in ("browser", "alone", "heavy"))
    return browser, not (heavy if browser else alone)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None]:
    """Give what is marked ``alone`` the machine to itself, whatever the other processes of this run are at."""
    with run_alone.turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later collection of garbage; it walks all of it in vain."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def forgotten_tries() -> None:
    """Let no test be refused for what another one tried."""
    cache.clear()


@pytest.fixture
def same_minute(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let the minute in which tries are counted not end, until the test says another ``time``."""
    clock = SimpleNamespace(time=lambda: 6e8)
    monkeypatch.setattr(rate_limit, "time", clock)
    return clock


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Launch the system's Chromium: ``$CHROMIUM``, or the first known one on the path."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.fail(f"No browser: install one of {', '.join(BROWSERS)}, or name it in $CHROMIUM.")
    return {**browser_type_launch_args, "executable_path": found}


@pytest.fixture(scope="session", params=[(1180, 820), (820, 1180)], ids=["landscape", "portrait"])
def browser_context_args(browser_context_args: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """Be a 10-inch tablet, held either way."""
    width, height = request.param
    return {
        **browser_context_args,
        "viewport": {"width": width, "height": height},
        "device_scale_factor": 2,
        "has_touch": True,
        "locale": "en-GB",
    }


@pytest.fixture
def offline_guard(context: Any, live_server: Any) -> Iterator[list[str]]:
    """Fail the test when a page asks anything of another host, misses a file, breaks, or breaks its own policy.

    Yields what was noticed so far; a test that means to cause one of these removes it from the list.
    """
    noticed: list[str] = []
    watch(context, live_server.url, noticed)
    yield noticed
    assert not noticed, "\n".join(noticed)


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], None]:
    """Give a check of a page against WCAG 2.2 AA and axe's best practices; it fails with what to fix."""
    from axe_playwright_python.sync_playwright import Axe

    checker = Axe()

    def check(page: Any) -> None:
        result = checker.run(page, options={"runOnly": {"type": "tag", "values": AXE_TAGS}})
        assert result.violations_count == 0, f"{page.url}\n{result.generate_report()}"

    return check


@pytest.fixture(scope="session")
def seal_keys() -> Any:
    """Make the clinic's keys once, in ``settings.KEYS_DIR``; give the loaded ``SealKey``."""
    from consent.seal.certificate_authority import make_keys
    from consent.seal.keys import SealKey

    if not settings.KEYS_DIR.exists():
        make_keys(settings.KEYS_DIR, settings.SEAL_PASSPHRASE, "Test Clinic")
    return SealKey.load(settings.KEYS_DIR, settings.SEAL_PASSPHRASE)


@pytest.fixture
def backup_key(seal_keys: Any, settings: Any, tmp_path: Path) -> Path:
    """Have a place for anchors, and a key that opens backups; return its file."""
    settings.ANCHORS_FILE = tmp_path / "outside" / "anchors.jsonl"
    settings.BACKUP_RECIPIENTS = tmp_path / "backup.recipients"
    settings.BACKUP_DIR = tmp_path / "backups"
    call_command("new_backup_key", tmp_path / "backup.key", stdout=StringIO())
    return tmp_path / "backup.key"


@pytest.fixture
def visit() -> Visit:
    return make_visit(stage=Stage.ANSWERING)


@pytest.fixture
def tablet(visit: Visit) -> Client:
    return tablet_client(visit)


@pytest.fixture(scope="module")
def whole(django_db_setup: None, django_db_blocker: Any, seal_keys: Any) -> Iterator[Any]:
    """One clinic for the module: each request is taken back, so that the next finds it as it was."""
    from tests.support.full_clinic import WholeClinic

    logging.disable(logging.WARNING)  # thousands of refusals, each of which is meant
    with django_db_blocker.unblock(), transaction.atomic():
        yield WholeClinic()
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)


@pytest.fixture
def clinic(
    browser: Any,
    browser_context_args: dict[str, Any],
    context: Any,
    live_server: Any,
    axe: Any,
    seal_keys: Any,
    offline_guard: list[str],
) -> Iterator[Any]:
    """Be a clinic at one desk with one tablet, both in a browser."""
    from tests.support.journeys import Clinic

    tablet = browser.new_context(**browser_context_args)
    watch(tablet, live_server.url, offline_guard)
    yield Clinic(context.new_page(), tablet.new_page(), live_server.url, axe)
    tablet.close()
