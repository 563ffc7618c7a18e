"""The version: kept in one place, and told where somebody looks for it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client

from tests.support.factories import receptionist, staff_client
from tests.support.repository import ROOT, found, own_files


def test_the_command_prints_our_version_and_djangos() -> None:
    asked = [sys.executable, "manage.py", "version"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(rf"{re.escape(settings.VERSION)} \(Django 5\.2\.\d+, Python 3\.\d+\.\d+\)\n", said)


@pytest.mark.django_db
def test_the_desk_shows_it_to_staff_and_to_nobody_else() -> None:
    shown = f"Version {settings.VERSION}"
    assert shown in staff_client(receptionist()).get("/board/").content.decode()
    assert shown not in Client().get("/login/").content.decode()


def test_it_is_written_in_pyproject_alone_and_has_its_place_in_the_changelog() -> None:
    assert found(re.escape(f'"{settings.VERSION}"'), own_files(".py", ".html")) == []
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert newest
    assert newest[1] in ("Unreleased", settings.VERSION)
