"""What must hold before the app serves: `manage.py check --deploy --tag serving`; gunicorn runs it at start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

SERVING = "serving"


@register(SERVING, deploy=True)  # not for `migrate` or `rehearse`, which need no key
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
