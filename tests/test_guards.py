"""The guards of the browser tests notice what they are there to notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_missing_page_is_noticed(live_server: Any, page: Any, offline_guard: list[str]) -> None:
    page.goto(f"{live_server.url}/nowhere/")
    assert [entry for entry in offline_guard if entry.startswith("404 ") and entry.endswith("/nowhere/")]
    offline_guard.clear()


def test_another_host_is_noticed_and_the_policy_stops_it(live_server: Any, page: Any, offline_guard: list[str]) -> None:
    page.goto(f"{live_server.url}/login/")
    assert offline_guard == []
    page.evaluate("() => fetch('http://elsewhere.invalid/').catch(() => null)")
    assert [entry for entry in offline_guard if "elsewhere.invalid" in entry]
    offline_guard.clear()


def test_a_page_without_heading_is_noticed(live_server: Any, page: Any, axe: Callable[[Any], None]) -> None:
    page.goto(f"{live_server.url}/login/")
    axe(page)
    page.evaluate("() => document.querySelector('h1').remove()")
    with pytest.raises(AssertionError, match="page-has-heading-one"):
        axe(page)
