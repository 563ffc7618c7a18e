"""Pages as a browser holds them: what their form would send, with the keys that the server put in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.test import Client
from lxml import html  # type: ignore[import-untyped]

from clinic.web.stale_forms import FIELD


def form_on(response: Any) -> dict[str, Any]:
    """Return what the form with a key in a page's main part sends: hidden inputs, and what is chosen or typed."""
    (form,) = (each for each in html.fromstring(response.content).xpath("//main//form") if FIELD in each.fields)
    found: dict[str, list[str]] = {}
    for name, value in form.form_values():
        found.setdefault(name, []).append(value)
    return found


def opened(client: Client, address: str) -> tuple[str, dict[str, Any]]:
    """Open an address, go where it leads; return where that is and what its form sends."""
    response = client.get(address, follow=True)
    return response.request["PATH_INFO"], form_on(response)


def send(client: Client, page: tuple[str, Mapping[str, Any]], **typed: Any) -> Any:
    """Send an open page with what is typed into it."""
    return client.post(page[0], {**page[1], **typed})
