"""What the consent room needs before the app serves: `manage.py check --deploy --tag serving`.

Registered as deployment checks, so that `migrate`, `init_keys` and `rehearse` work on a machine that is not set up yet.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.utils import timezone

from clinic.checks import SERVING

RENEWAL_TIME = timedelta(days=183)


@register(SERVING, deploy=True)
def documents_can_be_drawn(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to serve without Pango, or without HarfBuzz's subsetting: a PDF then takes three to four times as long."""
    from consent.document import rendering

    missing = rendering.missing_libraries()
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
    from consent.seal import installation_trust
    from consent.seal.keys import KeyTrouble

    try:
        key = installation_trust.seal_key()
        installation_trust.trust()
    except KeyTrouble as trouble:
        return [
            Error(
                f"The clinic's seal cannot be used: {trouble}",
                hint="Run `manage.py init_keys` once, with CLINIC_SEAL_PASSPHRASE or CLINIC_SEAL_PASSPHRASE_FILE set. "
                "For a key that was lost or revoked: docs/keys.md.",
                id="consent.E002",
            )
        ]
    ends = key.certificate.not_valid_after_utc
    if ends - timezone.now() > RENEWAL_TIME:
        return []
    return [
        Warning(
            f"The sealing certificate ends on {ends:%Y-%m-%d}.",
            hint="Make the next one before then: `manage.py new_seal_key --root-key FILE`, see docs/keys.md.",
            id="consent.W001",
        )
    ]
