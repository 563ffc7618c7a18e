"""Old and new code serve side by side during an upgrade: a migration only adds what old code can live with.

While hosts are renewed one after the other, the tables are the new ones already, and the processes not yet renewed go
on reading and writing them. So they must find every column that they name, and fill in none that they do not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.db import models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelOptions,
    CreateModel,
    DeleteModel,
    RemoveConstraint,
    RemoveField,
    RemoveIndex,
    RenameField,
    RunPython,
    RunSQL,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models.fields import NOT_PROVIDED

# From here on a room may be upgraded while it serves.
BASELINE = {"clinic": "0001", "screening": "0001", "consent": "0001"}
# "app.migration": why processes that are a release behind can live with all of it.
ALLOWED: dict[str, str] = {}
HARMLESS = (CreateModel, AddIndex, RemoveIndex, RemoveConstraint, AlterModelOptions)


def breaks_old_code(operations: Iterable[Operation]) -> list[str]:
    """Return what processes that were started before the migration cannot live with, in words."""
    return [said for each in operations if (said := _trouble(each))]


def _trouble(operation: Operation) -> str:
    if isinstance(operation, AddField):
        field = operation.field
        if field.null or field.many_to_many or field.db_default is not NOT_PROVIDED:
            return ""
        return f"{operation.describe()}: old code inserts rows without it; null=True or db_default=…"
    return "" if isinstance(operation, HARMLESS) else operation.describe()


def later(app: str, migrations: Iterable[Any]) -> list[Any]:
    """Return the migrations of a room that came after the baseline."""
    return [each for each in migrations if each.app_label == app and each.name[:4] > BASELINE[app]]


def test_every_migration_since_the_baseline_only_adds() -> None:
    found = list(MigrationLoader(None).disk_migrations.values())
    found = [each for app in BASELINE for each in later(app, found)]
    broken = {f"{each.app_label}.{each.name}": breaks_old_code(each.operations) for each in found}
    assert {name: said for name, said in broken.items() if said and name not in ALLOWED} == {}
    assert set(ALLOWED) <= set(broken), "a reason for a migration that is not there"


@pytest.mark.parametrize(("app", "number"), BASELINE.items())
def test_the_baseline_is_there(app: str, number: str) -> None:
    names = [name for room, name in MigrationLoader(None).disk_migrations if room == app]
    assert [name for name in names if name.startswith(number)]


TEXT = models.TextField(default="")


@pytest.mark.parametrize(
    "operation",
    [
        AddField("visit", "said", TEXT),
        AddField("visit", "said", models.TextField(), preserve_default=False),
        AlterField("visit", "stage", TEXT),
        RemoveField("visit", "stage"),
        RenameField("visit", "stage", "step"),
        DeleteModel("visit"),
        AddConstraint("visit", models.UniqueConstraint(fields=["stage"], name="one")),
        RunPython(RunPython.noop),
        RunSQL("DROP TABLE clinic_visit"),
    ],
    ids=lambda each: each.describe(),
)
def test_what_old_code_cannot_live_with_is_found(operation: Operation) -> None:
    assert len(breaks_old_code([operation])) == 1


@pytest.mark.parametrize(
    "operation",
    [
        CreateModel("thing", [("said", TEXT)]),
        AddField("visit", "said", models.TextField(null=True)),
        AddField("visit", "said", models.TextField(db_default="", default="")),
        AddIndex("visit", models.Index(fields=["stage"], name="by_stage")),
        RemoveConstraint("visit", "one"),
    ],
    ids=lambda each: each.describe(),
)
def test_what_only_adds_is_let_through(operation: Operation) -> None:
    assert breaks_old_code([operation]) == []
