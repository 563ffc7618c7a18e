"""Rows that stay as they were written: models declare it here, `append_only_triggers` has the database enforce it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AppendOnly(models.Model):
    """A row is inserted and then never changed or deleted, nor are the rows of its many-to-many tables.

    A later change is another row.
    """

    class Meta:
        abstract = True


class FrozenWhenSet(models.Model):
    """A row may change until a moment is set in it, and then stays.

    ``final``: the field whose value, once set, freezes the row. ``open_fields``: the fields that may change until then;
    the others are as written. ``discardable``: whether a row that is not final yet may be deleted.
    """

    final: ClassVar[str]
    open_fields: ClassVar[tuple[str, ...]]
    discardable: ClassVar[bool] = False

    class Meta:
        abstract = True
