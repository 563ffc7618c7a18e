"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from clinic.accounts import reauthentication
from clinic.domain.flow import Stage
from clinic.models import EmergencyAccess, Site, User, Visit
from clinic.records import emergency_access
from clinic.web.access import policy_of
from clinic.web.display import look


def clinic(request: HttpRequest) -> dict[str, Any]:
    """Give templates ``clinic`` (the settings in force), ``demo``, ``app_version``, ``let_in`` (staff, second factor
    shown), ``one_factor`` (none is asked for), ``queue_count``, ``look``, ``reading`` (another clinic's records that
    this session opened), ``unseen_emergencies`` (how many of this clinic's were) and ``several_clinics``.

    Nothing is read unless used.
    """
    return {
        "clinic": SimpleLazyObject(lambda: policy_of(request)),
        "look": SimpleLazyObject(lambda: look(request)),
        "demo": settings.DEMO,
        "app_version": settings.VERSION,
        "let_in": SimpleLazyObject(lambda: reauthentication.is_let_in(request)),
        "one_factor": not settings.SECOND_FACTOR,
        "reading": SimpleLazyObject(lambda: _reading(request)),
        "unseen_emergencies": SimpleLazyObject(lambda: EmergencyAccess.objects.unseen(_site(request)).count()),
        "several_clinics": SimpleLazyObject(lambda: Site.objects.count() > 1),
        "queue_count": SimpleLazyObject(lambda: _waiting(request)),
    }


def _waiting(request: HttpRequest) -> int:
    """Return how many reviews wait in the clinic in which the user works."""
    return Visit.objects.of(_site(request)).filter(stage=Stage.IN_REVIEW.value).count()


def _site(request: HttpRequest) -> int | None:
    """Return the clinic in which the user works."""
    return request.user.site_id if isinstance(request.user, User) else None


def _reading(request: HttpRequest) -> list[EmergencyAccess]:
    return emergency_access.opened_in(request, request.user) if isinstance(request.user, User) else []
