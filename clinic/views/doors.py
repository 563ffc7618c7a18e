"""Coming in, going out, and a form whose time ran out."""

from __future__ import annotations

import datetime as dt
from typing import cast

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from clinic import late
from clinic.access import anyone
from clinic.forms import SignInForm
from clinic.models import Actor, Journal, User

REFUSALS_A_MINUTE = 10


@anyone
def home(request: HttpRequest) -> HttpResponse:
    """Send staff to their board; a device that is a tablet to what it shows."""
    return redirect("board")


class SignIn(LoginView):
    """Django's login, with the journal."""

    template_name = "clinic/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        user = form.get_user()
        assert isinstance(user, User)
        Journal.objects.record("signed in", by=Actor(user=user))
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        _note_refused_sign_in()
        response = super().form_invalid(form)
        response.status_code = 422
        return response


def _note_refused_sign_in() -> None:
    """Write that somebody was refused, but no more than ten times a minute: anyone can be refused, at any speed."""
    lately = timezone.now() - dt.timedelta(minutes=1)
    if Journal.objects.filter(action="sign-in refused", at__gt=lately).count() < REFUSALS_A_MINUTE:
        Journal.objects.record("sign-in refused", by=Actor())


@anyone
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for user name and password."""
    return cast(HttpResponse, SignIn.as_view()(request))


@anyone
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if isinstance(request.user, User):
        Journal.objects.record("signed out", by=Actor(user=request.user))
    logout(request)
    return redirect("login")


@anyone
def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a post whose token is too old or not ours, without Django's bare 403 page.

    A tablet gets its page again with what was typed, or goes back to where the visit is. Staff are told, and what they
    typed is one step back in the browser. Nothing is done with the post, and nothing that was saved is lost.
    """
    if request.path.startswith("/tablet/"):
        return late.shown_again(request) or HttpResponseRedirect(reverse("resume"), status=303)
    if not request.user.is_authenticated:
        return redirect("login")
    messages.warning(request, "This page was open for too long, so nothing was saved. Please do it once more.")
    return render(request, "clinic/form_expired.html", status=403)
