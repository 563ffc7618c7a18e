"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from clinic import identity
from clinic.access import policy_of
from clinic.flow import Stage
from clinic.look import look
from clinic.models import Visit


def clinic(request: HttpRequest) -> dict[str, Any]:
    """Give templates ``clinic`` (the settings in force), ``demo``, ``let_in`` (staff, second factor shown),
    ``one_factor`` (none is asked for), ``queue_count`` and ``look``.

    Nothing is read unless used.
    """
    return {
        "clinic": SimpleLazyObject(lambda: policy_of(request)),
        "look": SimpleLazyObject(lambda: look(request)),
        "demo": settings.DEMO,
        "let_in": SimpleLazyObject(lambda: identity.is_let_in(request)),
        "one_factor": not settings.SECOND_FACTOR,
        "queue_count": SimpleLazyObject(Visit.objects.filter(stage=Stage.IN_REVIEW.value).count),
    }
