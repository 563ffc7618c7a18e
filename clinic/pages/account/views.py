"""allauth's pages, marked with who may open them; what they change is recorded in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from allauth.account.forms import LoginForm
from allauth.account.views import PasswordChangeView, account_inactive, login, reauthenticate
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication  # only its forms call it, each for a code or a key anew
from allauth.mfa.base.views import authenticate as mfa_authenticate
from allauth.mfa.base.views import index
from allauth.mfa.base.views import reauthenticate as mfa_reauthenticate
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, view_recovery_codes
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView, login_webauthn, reauthenticate_webauthn
from django.contrib import messages
from django.contrib.auth import logout
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.debug import sensitive_post_parameters

from clinic.accounts import enrolment, reauthentication, sessions
from clinic.accounts.adapters import MFAAdapter
from clinic.models import Actor, Journal, User
from clinic.pages.account.enrol_form import EnrolForm
from clinic.web.access import anyone, own_account

View = Callable[..., HttpResponse]


def _ours(view: Callable[..., Any]) -> View:
    """Answer a refused form with 422, as everywhere here; allauth answers it with 200."""

    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = cast(HttpResponse, view(request, *args, **kwargs))
        context = getattr(response, "context_data", None) or {}
        if asks := context.get("js_data"):  # one entry: what the browser is to make, or to show
            context["options"] = json.dumps(next(iter(asks.values())), cls=DjangoJSONEncoder)
        form = context.get("form")
        if form is not None and form.is_bound and form.errors:
            response.status_code = 422
        return response

    return asked


def _after_proof(view: View) -> View:
    """Before a second factor changes, ask the user for each proof of identity that is not recent."""

    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if reauthentication.page_for_proof(request):
            raise ReauthenticationRequired  # allauth keeps the request, and asks for what the adapter names first
        return view(request, *args, **kwargs)

    return asked


def _me(request: HttpRequest) -> Actor:
    assert isinstance(request.user, User)
    return Actor(user=request.user)


class AddApp(ActivateTOTPView):  # type: ignore[misc]
    """Add an authenticator app; typing its first code counts as the second factor of this session."""

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response = cast(HttpResponse, super().form_valid(form))
            added = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
            Journal.objects.record("second factor added", by=_me(self.request), method=added.type)
            post_authentication(self.request, added)
        return response


class AddPasskey(AddWebAuthnView):  # type: ignore[misc]
    """Add a passkey; making it counts as the second factor of this session."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Ask for one that the device keeps and unlocks by finger, face or PIN: it needs no password beside it."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        kept = {"residentKey": "required", "requireResidentKey": True}
        context["js_data"]["creation_options"]["publicKey"]["authenticatorSelection"].update(kept)
        return context

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response = cast(HttpResponse, super().form_valid(form))
            mine = Authenticator.objects.filter(user=self.request.user, type=Authenticator.Type.WEBAUTHN)
            added = mine.latest("pk")
            Journal.objects.record("second factor added", by=_me(self.request), method=added.type)
            post_authentication(self.request, added)
        return response


class RemovePasskey(RemoveWebAuthnView):  # type: ignore[misc]
    """Remove a passkey, if another second factor is left."""

    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: Any) -> HttpResponse:
        if not get_adapter().can_delete_authenticator(self.object):
            messages.error(self.request, MFAAdapter.error_messages["cannot_delete_authenticator"])
            return redirect("mfa_index")
        with transaction.atomic():
            Journal.objects.record("second factor removed", by=_me(self.request), method=self.object.type)
            return cast(HttpResponse, super().form_valid(form))


class RemoveApp(DeactivateTOTPView):  # type: ignore[misc]
    """Remove the authenticator app, if another second factor is left."""

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            Journal.objects.record("second factor removed", by=_me(self.request), method=self.authenticator.type)
            return cast(HttpResponse, super().form_valid(form))


class NewCodes(GenerateRecoveryCodesView):  # type: ignore[misc]
    """Make new recovery codes; the old ones stop working."""

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            Journal.objects.record("recovery codes made", by=_me(self.request))
            return cast(HttpResponse, super().form_valid(form))


class ChangePassword(PasswordChangeView):  # type: ignore[misc]
    """Change one's own password, given the current one, and sign out everywhere else."""

    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: Any) -> HttpResponse:
        me = _me(self.request)
        with transaction.atomic():
            response = cast(HttpResponse, super().form_valid(form))
            Journal.objects.record("password changed", by=me)
            sessions.end(user=me.staff, by=me, but=self.request.session.session_key)
        return response


@anyone
@sensitive_post_parameters("password", "again", "code")
def enrol(request: HttpRequest) -> HttpResponse:
    """Use a one-time link: set the password, go on to the second factor. Whoever was signed in here is signed out."""
    form = EnrolForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        assert form.link
        if user := enrolment.enrol(link=form.link, password=form.cleaned_data["password"]):
            logout(request)
            password = LoginForm({"login": user.username, "password": form.cleaned_data["password"]}, request=request)
            if not password.is_valid():  # too many wrong tries from this address
                return redirect("account_login")
            return cast(HttpResponse, password.login(request, redirect_url=reverse("mfa_index")))
        form.add_error("code", "This link was used just now. Ask for a new one.")
    return render(request, "clinic/account/enrol.html", {"form": form}, status=422 if form.errors else 200)


@own_account
def sessions_list(request: HttpRequest) -> HttpResponse:
    """Show where the user is signed in; end one session, or all but this one."""
    user = _me(request).staff
    if request.method == "POST":
        if not reauthentication.is_fresh(request):
            raise ReauthenticationRequired
        only = request.POST.get("end", "")
        here = request.session.session_key
        sessions.end(user=user, by=_me(request), only=int(only) if only.isdecimal() else None, but=here)
        return redirect("my_sessions")
    return render(request, "clinic/account/my_sessions.html", {"sessions": sessions.open_of(user)})


sign_in = anyone(_ours(login))
authenticate = anyone(_ours(mfa_authenticate))
closed = anyone(_ours(account_inactive))
factors = own_account(_ours(index))
password_again = own_account(_ours(reauthenticate))
code_again = own_account(_ours(mfa_reauthenticate))
sign_in_by_passkey = anyone(_ours(login_webauthn))
passkey_again = own_account(_ours(reauthenticate_webauthn))
add_passkey = own_account(_after_proof(_ours(AddPasskey.as_view())))
remove_passkey = own_account(_after_proof(_ours(RemovePasskey.as_view())))
change_password = own_account(_ours(ChangePassword.as_view()))
add_app = own_account(_after_proof(_ours(AddApp.as_view())))
remove_app = own_account(_after_proof(_ours(RemoveApp.as_view())))
codes = own_account(_ours(view_recovery_codes))
new_codes = own_account(_after_proof(_ours(NewCodes.as_view())))
