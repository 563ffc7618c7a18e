"""When the database cannot write: say so, and let what was typed be sent again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

RETRY_AFTER = 5  # seconds
UNSEEN = "password"  # part of the names of fields that are never written into a page

log = logging.getLogger(__name__)


class DatabaseUnavailable:
    """Answer 503 where the database is locked for too long, its disk is full, or it cannot be reached."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 503. Nothing of the post is stored: each verb is one transaction. The page needs no database."""
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        log.error("not saved: %s", type(exception).__name__, exc_info=exception)
        page = render_to_string("clinic/public/not_saved_yet.html", _context(request))
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})


def _context(request: HttpRequest) -> dict[str, Any]:
    """What the page needs to send the same form once more; no password or file is put into it."""
    posted = request.method == "POST"
    again = posted and not request.FILES and not any(UNSEEN in name for name in request.POST)
    fields = [(name, value) for name, values in request.POST.lists() for value in values] if again else []
    return {
        "posted": posted,
        "again": again,
        "fields": fields,
        "here": request.get_full_path(),
        "on_tablet": request.path.startswith("/tablet/"),
    }
