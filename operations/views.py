"""For machines: does the server answer, and is the installation fit for patients?"""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET

from clinic.web.access import anyone
from operations.health import READY


@anyone
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer, and touch nothing."""
    return HttpResponse("ok", content_type="text/plain")


@anyone
@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """Run the nine checks and answer 200 or 503, with their names alone: ``doctor`` says what is wrong.

    For this machine itself, and for callers with ``CLINIC_READY_TOKEN``; a 404 for all others.
    """
    if not (_from_here(request) or _has_token(request)):
        raise Http404
    results = {check.name: not check.problem() for check in READY}
    return JsonResponse(results, status=200 if all(results.values()) else 503)


def _from_here(request: HttpRequest) -> bool:
    """Say whether a request comes from this machine, and not through the proxy, which runs here as well."""
    relayed = {"HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_VIA"} & set(request.META)
    address = request.META.get("REMOTE_ADDR", "")  # "" over a Unix socket, which only a proxy uses
    return bool(address) and ip_address(address).is_loopback and not relayed


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    return bool(settings.READY_TOKEN) and constant_time_compare(given, f"Bearer {settings.READY_TOKEN}")
