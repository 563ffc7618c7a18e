"""The clinic room."""

from typing import Any

from django.apps import AppConfig
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import post_migrate


class ClinicConfig(AppConfig):
    name = "clinic"

    def ready(self) -> None:
        from clinic import checks  # noqa: F401  (registers the checks)

        post_migrate.connect(keep_first_site, sender=self)
        post_migrate.connect(guard_rows, sender=self)
        post_migrate.connect(make_cache, sender=self)


def guard_rows(*, using: str, **kwargs: Any) -> None:
    """Put the guards back after each `migrate`: SQLite drops them whenever a table is rebuilt."""
    from clinic.storage import append_only_triggers

    append_only_triggers.install(connections[using])


def keep_first_site(*, using: str, **kwargs: Any) -> None:
    """Make the first clinic if it is missing: rows that name no other belong to it."""
    from clinic.models.sites import FIRST, Site

    # A database that was migrated back to before this table has none.
    if Site._meta.db_table in connections[using].introspection.table_names():
        Site.objects.using(using).get_or_create(number=FIRST, defaults={"name": "Our clinic"})


def make_cache(*, using: str, **kwargs: Any) -> None:
    """Make the table in which all processes count tries, if it is missing."""
    call_command("createcachetable", database=using, verbosity=0)
