"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from clinic.models import PolicyChange


def clinic(request: HttpRequest) -> dict[str, Any]:
    """Give templates ``clinic`` (the settings in force, read only if used) and ``demo``."""
    return {"clinic": SimpleLazyObject(PolicyChange.objects.policy), "demo": settings.DEMO}
