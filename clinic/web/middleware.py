"""Default deny, and the headers that every answer carries."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import logout
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render

from clinic.accounts import sessions
from clinic.devices import tokens
from clinic.models import Actor, Journal, Tablet, Tombstone, User
from clinic.storage.patient_keys import Erased
from clinic.web import json_logging
from clinic.web.access import GIVEN_BACK, POLLED, give_cookie, note_refusal

Answer = Callable[[HttpRequest], HttpResponseBase]

NOT_KEPT = "no-store, private"
FORGET = '"cache", "storage"'  # not "cookies": the tablet stays paired
PERMISSIONS = ", ".join(f"{feature}=()" for feature in ("camera", "microphone", "geolocation", "payment", "usb"))

log = logging.getLogger(__name__)


def logged(get_response: Answer) -> Answer:
    """Log one line for each answer but the static files, under a number that the answer carries as X-Request-ID."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began, number = time.monotonic(), uuid4().hex
        before = json_logging.request_id.set(number)
        try:
            response = get_response(request)
            response["X-Request-ID"] = number
            if not request.path.startswith(settings.STATIC_URL):
                log.info("answered", extra=_about(request, response, began))
        finally:
            json_logging.request_id.reset(before)
        return response

    return middleware


def _about(request: HttpRequest, response: HttpResponseBase, began: float) -> dict[str, Any]:
    """What the line says. Who asked is included if it is known already: a line costs no query."""
    match, user, device = (getattr(request, name, None) for name in ("resolver_match", "_cached_user", "device"))
    return {
        "route": match.url_name if match else None,
        "status": response.status_code,
        "ms": round((time.monotonic() - began) * 1000),
        "actor": user.pk if isinstance(user, User) else None,
        "device": device.pk if device else None,
    }


def headers(get_response: Answer) -> Answer:
    """Keep every answer but the static files out of caches, and switch off what no page uses."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not request.path.startswith(settings.STATIC_URL):
            response["Cache-Control"] = NOT_KEPT
        response["Permissions-Policy"] = PERMISSIONS
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    return middleware


METHODS = ("GET", "HEAD", "POST")  # what a browser sends; no page of ours is asked in any other way


def methods(get_response: Answer) -> Answer:
    """Refuse every other method with 405, at any address alike, before anything is looked up."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request) if request.method in METHODS else HttpResponseNotAllowed(METHODS)

    return middleware


def sizes(get_response: Answer) -> Answer:
    """Refuse a larger body than any page of ours sends with 413, before a byte of it is read.

    Django's own limit leaves out the files in a form. A body without a length counts as empty.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        length = str(request.META.get("CONTENT_LENGTH", ""))
        if length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return HttpResponse("This is too large. Send less than 1 MB.", status=413, content_type="text/plain")
        return get_response(request)

    return middleware


def own_site(get_response: Answer) -> Answer:
    """Refuse what another site's page asks for with 403, except a link that somebody follows.

    Browsers say so in `Sec-Fetch-*`, which no page can write; a request without it (a program, an old browser) goes on.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        foreign = request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
        link = request.method != "POST" and request.headers.get("Sec-Fetch-Dest") == "document"
        if foreign and not link:
            return HttpResponse("This may not be asked for from another site.", status=403, content_type="text/plain")
        return get_response(request)

    return middleware


def device_tokens(get_response: Answer) -> Answer:
    """Renew a device's token when it is due, and have the browser forget what the last patient left in it.

    The token changes at the end of each hold, because Chromium drops the pages that it keeps alive in memory when a
    cookie that scripts cannot read changes. A lent device loses its token then.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        tablet: Tablet | None = getattr(request, "device", None)
        if tablet is None or settings.TABLET_COOKIE_NAME in response.cookies or response.status_code == 503:
            return response  # 503: the database cannot write, and the next answer renews as well
        if tokens.end_lending(tablet=tablet):
            give_cookie(response, GIVEN_BACK, Tablet.Kind.LENT)
            response["Clear-Site-Data"] = FORGET
        elif fresh := tokens.renew(tablet=tablet, token=request.COOKIES[settings.TABLET_COOKIE_NAME]):
            give_cookie(response, fresh, Tablet.Kind(tablet.kind))
            response["Clear-Site-Data"] = FORGET
        return response

    return middleware


def refusals(get_response: Answer) -> Answer:
    """Record refused pages: a role that may not, a record that does not exist, a forged form."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code in (403, 404):
            note_refusal(request)
        return response

    return middleware


class ErasedRecords:
    """Answer 410, with a page that says so, where somebody asks for what was erased."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Say when it was erased, if that is what stopped the view."""
        if not isinstance(exception, Erased):
            return None
        of = Q(patient__key_id=exception.key_id) | Q(patient__merged__key_id=exception.key_id)
        tombstone = Tombstone.objects.filter(of).first()
        return render(request, "clinic/public/erased.html", {"tombstone": tombstone}, status=410)


class SessionTimeout:
    """Sign out users who did nothing for too long, or signed in too long ago. Polling does not count."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """End a session that is over; otherwise note that the user is active."""
        if not isinstance(request.user, User):
            return
        if why := sessions.why_over(request):
            Journal.objects.record("session ended", by=Actor(user=request.user), why=why)
            logout(request)
        elif request.resolver_match and request.resolver_match.url_name not in POLLED:
            sessions.note(request)


class DefaultDeny:
    """Refuse any view that does not name who may open it (`clinic.web.access`)."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Answer 404 for a view without ``may_open``."""
        if not getattr(view, "may_open", None):
            raise Http404
