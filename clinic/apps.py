"""The clinic room."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class ClinicConfig(AppConfig):
    name = "clinic"

    def ready(self) -> None:
        from clinic import checks  # noqa: F401  (registers the checks)

        post_migrate.connect(guard_rows, sender=self)


def guard_rows(*, using: str, **kwargs: Any) -> None:
    """Put the guards back after each `migrate`, for SQLite drops them whenever a table is rebuilt."""
    from clinic import guards

    guards.install(connections[using])
