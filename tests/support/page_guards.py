"""What no page of ours may do, whoever opens it, and what a test may not read: a page that has come by half."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator


def wait_for_whole_pages() -> None:
    """Let each click last until the page that it leads to has all come.

    Playwright's own click ends with the first bytes of the next page; what a test then counts or reads without waiting
    is what had come by chance.
    """
    click = Locator.click

    def click_to_the_end(self: Locator, **how: Any) -> None:
        page = self.page
        click(self, **how)
        if not page.is_closed():
            page.wait_for_load_state()

    Locator.click = click_to_the_end  # type: ignore[method-assign]


def watch(context: Any, address: str, noticed: list[str]) -> None:
    """Note in ``noticed`` whatever leaves the server, is missing, breaks, or breaks the page's own policy."""

    def on_request(request: Any) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            noticed.append(f"left the server: {request.url}")

    def on_response(response: Any) -> None:
        if response.status == 404 or response.status >= 500:
            noticed.append(f"{response.status} {response.url}")

    def on_console(message: Any) -> None:
        # A 422 is how an invalid form is answered, and the browser reports it here as well.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            noticed.append(f"console: {message.text}")

    context.on("request", on_request)
    context.on("response", on_response)
    context.on("console", on_console)
    context.on("weberror", lambda error: noticed.append(f"script: {error.error}"))


AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
