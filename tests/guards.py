"""What no page of ours may do, whoever opens it."""

from __future__ import annotations

from typing import Any


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
