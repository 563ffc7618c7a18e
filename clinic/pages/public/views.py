"""The way in, signing out, a form that expired, and pages for errors."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST

from clinic.models import Actor, Journal, User
from clinic.web import stale_forms
from clinic.web.access import anyone


@anyone
def home(request: HttpRequest) -> HttpResponse:
    """Send staff to their board; a device that is a tablet to what it shows."""
    return redirect("board")


@anyone
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if isinstance(request.user, User):
        Journal.objects.record("signed out", by=Actor(user=request.user))
    logout(request)
    return redirect("account_login")


@anyone
def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a post whose token is too old or not ours, without Django's bare 403 page.

    A tablet gets its page again with what was typed, or goes back to where the visit is. Staff are told, and what they
    typed is one step back in the browser. Nothing is done with the post, and nothing that was saved is lost.
    """
    if request.path.startswith("/tablet/"):
        return stale_forms.shown_again(request) or HttpResponseRedirect(reverse("resume"), status=303)
    if not request.user.is_authenticated:
        return redirect("account_login")
    messages.warning(request, "This page was open for too long, so nothing was saved. Please do it once more.")
    return render(request, "clinic/public/form_expired.html", status=403)


@anyone
def no_page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 with a way on: a tablet that is locked to this app has no address bar and no Back."""
    return HttpResponse(_astray(request), status=404)


@anyone
def broken(request: HttpRequest) -> HttpResponse:
    """Answer 500 with a way on; the page needs no database, which may be what broke."""
    return HttpResponse(_astray(request, broken=True), status=500)


def _astray(request: HttpRequest, *, broken: bool = False) -> str:
    on_tablet = request.path.startswith("/tablet/")
    return render_to_string("clinic/public/astray.html", {"on_tablet": on_tablet, "broken": broken})
