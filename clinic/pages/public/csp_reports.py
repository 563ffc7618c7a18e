"""Browsers' reports of something on a page that tried to load or run what our policy forbids."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from clinic.storage import rate_limit
from clinic.web.access import anyone

MOST_BYTES = 4096
A_MINUTE, A_MINUTE_IN_ALL = 20, 200  # from one address, and from all
PARTS = ("script-src-elem", "script-src-attr", "style-src-elem", "style-src-attr")
KNOWN = frozenset((*settings.CONTENT_SECURITY_POLICY["DIRECTIVES"], *PARTS))

log = logging.getLogger(__name__)


@csrf_exempt  # the browser itself sends it; it is logged, and changes nothing
@anyone
@require_POST
def csp(request: HttpRequest) -> HttpResponse:
    """Log the page's name and the directive, never what was blocked nor the page's address. 204, 400, 413 or 429."""
    limits = {rate_limit.address(request): A_MINUTE, rate_limit.EVERYBODY: A_MINUTE_IN_ALL}
    if not rate_limit.allow("csp-report", limits):
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    if len(request.body) > MOST_BYTES:
        return HttpResponse(status=413)
    directive, route = _read(request.body)
    if directive not in KNOWN:
        return HttpResponse(status=400)
    log.warning("content security policy broken", extra={"directive": directive, "route": route})
    return HttpResponse(status=204)


def _read(body: bytes) -> tuple[str, str | None]:
    """Return the directive and the route's name; "" for what is no report."""
    try:
        report: Any = json.loads(body)["csp-report"]
        directive = report.get("effective-directive") or report["violated-directive"]
        return str(directive).partition(" ")[0], _route(str(report.get("document-uri", "")))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return "", None


def _route(address: str) -> str | None:
    with suppress(Resolver404, ValueError):
        return resolve(urlsplit(address).path).url_name
    return None
