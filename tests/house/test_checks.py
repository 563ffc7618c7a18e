"""What is refused before the app serves: a database across a network whose certificate nobody checks."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from clinic.checks import database_is_reached_over_tls


@pytest.mark.parametrize(
    ("known", "refused"),
    [
        ({"HOST": "", "OPTIONS": {}}, False),
        ({"HOST": "/run/postgresql", "OPTIONS": {}}, False),
        ({"HOST": "localhost", "OPTIONS": {}}, False),
        ({"HOST": "db.example.org", "OPTIONS": {"sslmode": "verify-full"}}, False),
        ({"HOST": "db.example.org", "OPTIONS": {"sslmode": "verify-ca"}}, True),
        ({"HOST": "db.example.org", "OPTIONS": {"sslmode": "require"}}, True),
        ({"HOST": "10.0.0.7", "OPTIONS": {}}, True),
        ({"NAME": "a file"}, False),
    ],
)
def test_a_database_elsewhere_is_reached_over_tls_or_not_at_all(
    known: dict[str, Any], refused: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(settings.DATABASES, "default", known)
    said = database_is_reached_over_tls(None)
    assert [each.id for each in said] == (["clinic.E006"] if refused else [])
