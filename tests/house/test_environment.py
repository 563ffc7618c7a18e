"""A wrong value in the environment is told by the variable's name and what it may be, and no secret is repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from clinic.settings import environment


@pytest.mark.parametrize(
    ("read", "value", "said"),
    [
        (environment.switch, "yes", "NAME must be 1, or not set."),
        (lambda name: environment.switch(name, "off"), "1", "NAME must be off, or not set."),
        (environment.hosts, "https://consent.example", "NAME must be host names with commas, without https://"),
        (environment.hosts, "consent.example, *", "NAME must be host names"),
        (lambda name: environment.time_zone(name, "Europe/London"), "London", "NAME must be a time zone as Europe"),
        (lambda name: environment.time_zone(name, "Europe/London"), "../etc", "NAME must be a time zone as Europe"),
        (lambda name: environment.secret(name, least=32), "hush" * 7, "NAME must have 32 characters or more."),
    ],
)
def test_a_wrong_value_is_refused(monkeypatch: Any, read: Callable[[str], Any], value: str, said: str) -> None:
    monkeypatch.setenv("NAME", value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        read("NAME")
    assert str(refusal.value).startswith(said)
    assert "hush" not in str(refusal.value)


def test_right_values_are_read(monkeypatch: Any) -> None:
    assert (environment.switch("NAME"), environment.hosts("NAME"), environment.secret("NAME")) == (False, [], "")
    monkeypatch.setenv("NAME", "1")
    assert environment.switch("NAME")
    monkeypatch.setenv("NAME", "consent.example, [::1],")
    assert environment.hosts("NAME") == ["consent.example", "[::1]"]
    monkeypatch.setenv("NAME", "Africa/Nairobi")
    assert environment.time_zone("NAME", "Europe/London") == "Africa/Nairobi"


def test_a_secret_is_in_a_variable_or_in_a_file(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))
    with pytest.raises(ImproperlyConfigured, match="NAME_FILE must name a text file that can be read"):
        environment.secret("NAME")
    (tmp_path / "secret").write_text("hush\n")
    assert environment.secret("NAME") == "hush"
    monkeypatch.setenv("NAME", "hush")
    with pytest.raises(ImproperlyConfigured, match="Set NAME or NAME_FILE, not both"):
        environment.secret("NAME")
