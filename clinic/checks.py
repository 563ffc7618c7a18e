"""What must hold before the app serves: `manage.py check --deploy --tag serving`; gunicorn runs it at start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import DatabaseError, connection

from clinic.storage import master_keys

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


@register(SERVING, deploy=True)
def written_rows_are_guarded(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to serve while the database would let rows that are written once be changed."""
    from clinic.storage import append_only_triggers

    try:
        bare = append_only_triggers.missing(connection)
    except DatabaseError as error:
        return [Error(f"The database cannot be read: {error}", hint="Is DATABASE_URL right?", id="clinic.E002")]
    if not bare:
        return []
    return [
        Error(
            f"The database does not guard {', '.join(bare)}: rows there could be changed or deleted.",
            hint="`manage.py migrate` puts the guards back. If no migration rebuilt these tables, somebody removed "
            "them: see what `manage.py verify --all` finds.",
            id="clinic.E003",
        )
    ]


# Reached without a network: a socket's folder, and this machine, where a pooler may run.
LOCAL = ("", "localhost", "127.0.0.1", "::1")


@register(SERVING, deploy=True)
def database_is_reached_over_tls(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to serve where patients' data would cross a network to a database whose certificate nobody checks."""
    database = settings.DATABASES["default"]
    host, mode = str(database.get("HOST", "")), database.get("OPTIONS", {}).get("sslmode")
    if host in LOCAL or host.startswith("/") or mode == "verify-full":
        return []
    hint = "Add ?sslmode=verify-full to DATABASE_URL, and sslrootcert=FILE where the authority is the clinic's own."
    return [Error(f"The way to the database on {host} is not certain to be TLS.", hint=hint, id="clinic.E006")]


@register(SERVING, deploy=True)
def data_keys_are_there(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to serve without the keys to store and read patients' data."""
    try:
        master_keys.wrapper(settings.DATA_KEYS)
    except master_keys.KeysetTrouble as trouble:
        hint = "`manage.py init_keys` makes it once."
        return [Error(f"What wraps the patients' keys does not open: {trouble}.", hint=hint, id="clinic.E005")]
    return []
