"""What must hold before the app serves: `manage.py check --tag serving` (gunicorn and the worker run it at start)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

SERVING = "serving"


@register(SERVING)
def secret_key_is_kept(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a secret key made for this process alone: sessions and search would die with it."""
    if not settings.SECRET_KEY_IS_TEMPORARY:
        return []
    return [
        Error(
            "No secret key is set.",
            hint="Set CLINIC_SECRET_KEY, or CLINIC_SECRET_KEY_FILE to a file that holds it. `make demo` makes one.",
            id="clinic.E001",
        )
    ]
