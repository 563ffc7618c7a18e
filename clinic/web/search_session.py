"""What staff search for, kept in their encrypted session: no name and no birth date gets into an address.

An address goes into the browser's history, and into whatever log is on the way (ASVS 5.0, 14.2.1). With the words in
the session instead, "back" and "reload" show the same list again.
"""

from __future__ import annotations

from django.http import HttpRequest


def keep(request: HttpRequest, page: str, typed: dict[str, str]) -> None:
    """Keep what was typed into the search of ``page``, in place of what was there."""
    request.session[page] = typed


def kept(request: HttpRequest, page: str) -> dict[str, str]:
    """Return what was typed there last in this session; an empty dict if nothing was."""
    typed: dict[str, str] = request.session.get(page, {})
    return typed
