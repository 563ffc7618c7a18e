"""What the consent room needs before the app serves: `manage.py check --deploy --tag serving`.

Registered as deployment checks, so that `migrate`, `init_keys` and `rehearse` work on a machine that has neither yet.
"""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from clinic.checks import SERVING


@register(SERVING, deploy=True)
def documents_can_be_drawn(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to serve without Pango, or without HarfBuzz's subsetting: a PDF then takes three to four times as long."""
    from consent import document

    missing = document.missing_libraries()
    if not missing:
        return []
    return [
        Error(
            f"Consent documents cannot be drawn: {', '.join(missing)} is missing.",
            hint="Debian and Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
            id="consent.E001",
        )
    ]


@register(SERVING, deploy=True)
def seal_key_opens(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to serve without a sealing key that opens: consents would be signed and never sealed."""
    from consent import ours
    from consent.keys import KeyTrouble

    try:
        ours.seal_key()
        ours.trust()
    except KeyTrouble as trouble:
        return [
            Error(
                f"The clinic's seal cannot be used: {trouble}",
                hint="Run `manage.py init_keys` once, with CLINIC_SEAL_PASSPHRASE or CLINIC_SEAL_PASSPHRASE_FILE set.",
                id="consent.E002",
            )
        ]
    return []
