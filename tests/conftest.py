"""Fixtures that more than one file needs: the tablet-sized browser, its guards, and a seal key."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from hypothesis import settings as hypothesis_settings

from clinic.storage import rate_limit
from tests.support import run_alone
from tests.support.page_guards import wait_for_whole_pages, watch
from tests.support.raw_database import flush_past_guards

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's sync API keeps a loop in the main thread

# A busy machine is slow, and that is no finding: examples are counted, not timed.
hypothesis_settings.register_profile("steady", deadline=None)
hypothesis_settings.load_profile("steady")

flush_past_guards()
wait_for_whole_pages()

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Mark what asks the database and what drives a browser, before ``-m`` chooses; leave browsers for last.

    Playwright's event loop stays in the main thread of its process, and no other loop can be run there after it.
    ``-m "not browser"`` is the fast part: what is marked thorough or heavy is left out of it. A journey is a minute's
    walk: held across it is in every run, held upright among the heavy ones; each page by itself is looked at both ways.
    What must be alone comes first of all, so that it never waits for minutes of another process; what is heavy comes
    first of what drives a browser, so that no process is left with it at the end.
    """
    for item in items:
        asked_for = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", []))
        if asked_for or item.get_closest_marker("django_db"):
            item.add_marker("database")
        if {"page", "context", "browser"} & set(getattr(item, "fixturenames", [])):
            item.add_marker("browser")
        if "seal_keys" in getattr(item, "fixturenames", []):
            item.add_marker("thorough")  # each seals a document or more
        if item.get_closest_marker("journey") and "portrait" in item.name:
            item.add_marker("heavy")
    yield
    items.sort(key=_when)
    if config.option.markexpr == "not browser":
        left_out = [item for item in items if any(map(item.get_closest_marker, ("thorough", "heavy")))]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


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
