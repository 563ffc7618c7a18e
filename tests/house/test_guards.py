"""The guards of the browser tests notice what they are there to notice."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
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


class Halves(BaseHTTPRequestHandler):
    """Answers ``/`` with a link, and any other page by halves, the second a third of a second after the first."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.path == "/":
            self.wfile.write(b"<a href=/list>Show</a>")
            return
        self.wfile.write(b"<!doctype html><title>List</title><p class=row>One" + b" " * 2_000)
        self.wfile.flush()
        time.sleep(0.3)
        self.wfile.write(b"<p class=row>Two")

    def log_message(self, *_: Any) -> None:
        pass


def test_a_click_waits_until_the_next_page_has_all_come(page: Any) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Halves)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.get_by_role("link", name="Show").click()
        assert page.locator(".row").count() == 2
    finally:
        server.shutdown()
        server.server_close()
