"""Posts that come too late: from a page of another hold, after its part was done, or with a CSRF token too old.

A page that a patient may send names the hold it was made under, in a key that only the server can make. So what was
typed for one visit never lands in another that the tablet shows by now, however long the page was open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic.models import Hold, Tablet

FIELD = "form_key"
ONCE_MORE = "This page was open for a long time. Nothing you filled in is lost. Please send it once more."
BY_PATIENT = frozenset(
    {"waiting", "signed", "stopped", "time", "withdrawn", "kept"}
)  # why a hold ends when its part is done

AnyView = TypeVar("AnyView", bound=Callable[..., HttpResponse])


def form_key(hold: Hold) -> str:
    """Return the key of a form made now under this hold; it changes with each birth date that did not match."""
    return _signer().sign(f"{hold.pk}.{hold.misses}")


def _signer() -> Signer:
    return Signer(salt="clinic.web.stale_forms")


def _read(key: str) -> tuple[int, int] | None:
    """Return the hold's number and its misses when the form was made; ``None`` for a key that is not ours."""
    try:
        pk, misses = _signer().unsign(key).split(".")
    except BadSignature:
        return None
    return int(pk), int(misses)


def fits(request: HttpRequest, hold: Hold) -> bool:
    """Whether a form was made under this hold. One without a key is no page of ours, and fits."""
    if request.method != "POST" or FIELD not in request.POST:
        return True
    key = _read(request.POST[FIELD])
    return key is not None and key[0] == hold.pk


def misses_seen(request: HttpRequest) -> int | None:
    """Return how many birth dates had not matched when this form was made; ``None`` for a form without a key."""
    key = _read(request.POST.get(FIELD, ""))
    return key[1] if key else None


def lost(request: HttpRequest, tablet: Tablet, *, finishes: bool) -> bool:
    """Whether refusing a post would lose what was typed without a word.

    Not where it repeats what ended the hold (``finishes``: posts to this page do that), or staff are called.
    """
    if request.method != "POST" or FIELD not in request.POST:
        return False
    key = _read(request.POST[FIELD])
    hold = tablet.holds.filter(pk=key[0]).first() if key else None
    if hold is None:
        return True
    if hold.ended_at is None:
        return not finishes and not _called(hold)
    return not (finishes and hold.ended_why in BY_PATIENT)


def _called(hold: Hold) -> bool:
    return bool(hold.visit.parked_at or (hold.visit.urgent_at and not hold.visit.urgent_taken_at))


def not_saved(request: HttpRequest) -> HttpResponse:
    """Say that what was just sent came too late; the page names nobody. Status 409."""
    return render(request, "clinic/patient/too_late.html", status=409)


def keeps_typed(view: AnyView) -> AnyView:
    """Mark a view that, for a request that ``expired``, saves nothing and shows what was typed once more."""
    view.keeps_typed = True  # type: ignore[attr-defined]
    return view


def expired(request: HttpRequest) -> bool:
    """Whether the CSRF token of this post was not accepted, so that nothing may be done with it but show it again."""
    return getattr(request, "token_expired", False)


def shown_again(request: HttpRequest) -> HttpResponse | None:
    """Answer a post without a valid CSRF token with its own page and what was typed; ``None`` if that cannot be done.

    Only a form of ours, made under the hold that the tablet has now, is shown: `access.patient` sees to the hold.
    """
    match: Any = request.resolver_match
    if match is None or not getattr(match.func, "keeps_typed", False) or FIELD not in request.POST:
        return None
    request.token_expired = True  # type: ignore[attr-defined]
    answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return answer
