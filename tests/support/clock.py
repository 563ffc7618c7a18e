"""A clock that a test can put forward: for `timezone.now`, and for the rows that take their time from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.apps import apps
from django.utils import timezone


def to_noon() -> dt.timedelta:
    """Return how far off the next noon is: for what must not run into midnight.

    Never back: what was signed before its certificate was made is not valid, so a test would fail in the afternoon.
    """
    now = timezone.localtime()
    noon = now.replace(hour=12)
    return noon - now if noon >= now else noon + dt.timedelta(days=1) - now


def put_forward(monkeypatch: pytest.MonkeyPatch, by: Callable[[], dt.timedelta]) -> None:
    """Let all of the app see the time that it is after ``by()``, from now until the test ends."""
    real = timezone.now

    def now() -> dt.datetime:
        return real() + by()

    monkeypatch.setattr(timezone, "now", now)
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.default is real:
                monkeypatch.setattr(field, "default", now)
                monkeypatch.setitem(field.__dict__, "_get_default", now)
