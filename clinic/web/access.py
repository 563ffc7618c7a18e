"""Who may open a page. Every view names it; one that names nobody is refused by ``middleware.DefaultDeny``.

A page that you may not open and one that does not exist are the same 404; without signing in you get the login page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from clinic.accounts import reauthentication
from clinic.devices import holds, tokens
from clinic.domain.digests import sha256
from clinic.domain.flow import ON_TABLET, Stage
from clinic.domain.policy import Policy
from clinic.models import Actor, Hold, Journal, PolicyChange, Role, Tablet, User
from clinic.records import emergency_access
from clinic.web import stale_forms

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


class StaffRequest(HttpRequest):
    """A request by a staff member; ``actor`` says under which role."""

    actor: Actor
    user: User


class TabletRequest(HttpRequest):
    """A request by a paired tablet; ``held``: its hold when the request came."""

    actor: Actor
    tablet: Tablet
    held: Hold | None


class PatientRequest(TabletRequest):
    """A request by a patient who confirmed the birth date, on the tablet that holds the visit."""

    hold: Hold


def _marked(view: Callable[..., HttpResponse], *may_open: str) -> None:
    view.may_open = frozenset(may_open)  # type: ignore[attr-defined]


def anyone(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Open to anyone, signed in or not."""
    _marked(view, "anyone")
    return view


def own_account(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Open to whoever is signed in, for the pages on which second factors are added, shown and removed.

    The password alone is enough only as long as the account has no second factor.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path())
        if not reauthentication.is_let_in(request) and is_mfa_enabled(request.user):
            logout(request)
            return redirect("account_login")
        return view(request, *args, **kwargs)

    _marked(guarded, "own account")
    return guarded


def staff(
    *roles: Role,
) -> Callable[
    [Callable[Concatenate[StaffRequest, P], HttpResponse]], Callable[Concatenate[HttpRequest, P], HttpResponse]
]:
    """Open to staff who hold one of ``roles``; the act is recorded under the first one held."""

    def decorate(
        view: Callable[Concatenate[StaffRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            user = request.user
            if not isinstance(user, User) or not user.is_authenticated:
                note_refusal(request)
                return redirect_to_login(request.get_full_path())
            if not reauthentication.is_let_in(request):
                return redirect("mfa_index")
            role = next((role for role in roles if role in user.roles), None)
            if role is None:
                raise Http404
            staff_request = cast(StaffRequest, request)
            staff_request.actor = Actor(user=user, role=role, opened=emergency_access.readable(request, user))
            return view(staff_request, *args, **kwargs)

        _marked(guarded, *roles)
        return guarded

    return decorate


def fresh(
    view: Callable[Concatenate[StaffRequest, P], HttpResponse],
) -> Callable[Concatenate[StaffRequest, P], HttpResponse]:
    """Accept a post within five minutes of the user's last proof of identity; later, ask for one and then go on."""

    @wraps(view)
    def asked(request: StaffRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method == "POST" and not reauthentication.is_fresh(request):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return asked


POLLED = frozenset({"urgent", "queue_news", "board_news"})  # an open page polls these on its own


def note_refusal(request: HttpRequest) -> None:
    """Record that a staff member or a paired tablet was refused a page: its name, never its address.

    A stranger's refusals are not recorded: anyone could fill the disk with them.
    """
    match = request.resolver_match
    if match is None or not match.url_name or match.url_name in POLLED:
        return
    if isinstance(request.user, User):
        by = getattr(request, "actor", None) or Actor(user=request.user)
    elif device := current_tablet(request):
        by = Actor(tablet=device)
    else:
        return
    Journal.objects.record("access refused", by=by, route=match.url_name)


GIVEN_BACK = "given-back"  # the cookie of a lent device once its visit is over: no token, and it opens nothing


def current_tablet(request: HttpRequest) -> Tablet | None:
    """Return the device whose cookie this request carries, or ``None``; a patient's phone until the visit is over.

    A tablet that nobody touched for too long loses its visit here, by the server's clock, whatever is asked for.
    """
    if not hasattr(request, "device"):
        request.device = tokens.recognise(request.COOKIES.get(settings.TABLET_COOKIE_NAME, ""))  # type: ignore[attr-defined]
        request.held = _held(request, request.device)  # type: ignore[attr-defined]
    device = cast(Tablet | None, request.device)  # type: ignore[attr-defined]
    return None if device and device.kind == Tablet.Kind.PHONE and device.invitation.is_over else device


def current_hold(request: HttpRequest) -> Hold | None:
    """Return the device's hold when the request came, read once; ``None`` for a device that is not ours."""
    return cast(Hold | None, request.held) if current_tablet(request) else None  # type: ignore[attr-defined]


def was_a_phone(request: HttpRequest) -> bool:
    """Return whether this was a patient's own phone once: it is told that all is done, not to pair itself."""
    token = request.COOKIES.get(settings.TABLET_COOKIE_NAME, "")
    return bool(token) and Tablet.objects.filter(kind=Tablet.Kind.PHONE.value, token_sha256=sha256(token)).exists()


def policy_of(request: HttpRequest) -> Policy:
    """Return the settings in force, read once for a request: no page shows what it changes in the same request."""
    if not hasattr(request, "policy"):
        request.policy = PolicyChange.objects.policy(_site_of(request))  # type: ignore[attr-defined]
    return cast(Policy, request.policy)  # type: ignore[attr-defined]


def _site_of(request: HttpRequest) -> int | None:
    """Return the clinic of a page: the staff member's, else the tablet's; ``None`` for a stranger."""
    user = getattr(request, "user", None)
    whose = user if isinstance(user, User) else getattr(request, "device", None)
    return whose.site_id if whose else None


def _held(request: HttpRequest, device: Tablet | None) -> Hold | None:
    """Return what a device holds, after locking one that was left alone."""
    hold = device.hold if device else None
    if hold and hold.is_away(policy_of(request)):
        tokens.lock(hold=hold)
        return None
    return hold


def give_cookie(response: HttpResponseBase, token: str, kind: Tablet.Kind) -> None:
    """Give a device the token that names it. Scripts cannot read it, and no other site can use it.

    A patient comes back to the phone's pages through the link in the e-mail: "Strict" would withhold the token.
    """
    response.set_cookie(
        settings.TABLET_COOKIE_NAME,
        token,
        max_age=dt.timedelta(days=tokens.TOKEN_DAYS[kind]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax" if kind == Tablet.Kind.PHONE else "Strict",
    )


def tablet(
    view: Callable[Concatenate[TabletRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Open to a paired tablet; any other device is sent to ``resume``, which shows it the pairing page."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        device = current_tablet(request)
        if device is None:
            return redirect("resume")
        tablet_request = cast(TabletRequest, request)
        tablet_request.tablet, tablet_request.actor = device, Actor(tablet=device)
        _keep_look(tablet_request)
        return view(tablet_request, *args, **kwargs)

    _marked(guarded, "tablet")
    return guarded


def _keep_look(request: TabletRequest) -> None:
    """Save the text size and contrast that every form of the tablet's pages carries along."""
    hold = request.held
    if hold and "text_size" in request.POST and stale_forms.fits(request, hold) and not stale_forms.expired(request):
        text_size, contrast = request.POST["text_size"], request.POST.get("contrast", "")
        holds.choose_look(hold=hold, text_size=text_size, contrast=contrast, by=request.actor)


def _open(hold: Hold, stages: Collection[Stage], purpose: str) -> bool:
    """Whether a hold lets the patient at a page for ``purpose`` in one of ``stages``."""
    visit = hold.visit
    called = visit.parked_at or (visit.urgent_at and not visit.urgent_taken_at)
    return bool(hold.identified_at) and visit.at in stages and hold.purpose == purpose and not called


def patient(
    *stages: Stage,
    purpose: str = Hold.Purpose.VISIT,
    finishes: bool = True,
) -> Callable[
    [Callable[Concatenate[PatientRequest, P], HttpResponse]], Callable[Concatenate[HttpRequest, P], HttpResponse]
]:
    """Open to the patient whose visit this tablet holds for ``purpose``, birth date confirmed, in one of ``stages``.

    Anything else is sent to ``resume``, which knows what this tablet shows now. But what was typed into a form of ours
    is never lost without a word (``stale_forms.lost``). ``finishes``: a post to this page may end the hold, so that the
    same post once more is answered with what came of the first.
    """

    def decorate(
        view: Callable[Concatenate[PatientRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def inner(request: TabletRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            hold = request.held
            if hold is None or not _open(hold, stages or ON_TABLET, purpose) or not stale_forms.fits(request, hold):
                if stale_forms.lost(request, request.tablet, finishes=finishes):
                    return stale_forms.not_saved(request)
                return redirect("resume")
            patient_request = cast(PatientRequest, request)
            patient_request.hold = hold
            hold.touch()
            return view(patient_request, *args, **kwargs)

        guarded = tablet(cast(Callable[Concatenate[TabletRequest, P], HttpResponse], inner))
        _marked(guarded, "patient")
        return guarded

    return decorate
