"""The pages as an app on a tablet's home screen: the manifest says what it is called, looks like and opens."""

import json
import struct
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client


def static(name: str) -> Path:
    found = finders.find(f"clinic/{name}")
    assert found, name
    return Path(str(found))


def test_the_manifest_says_what_a_tablet_needs():
    told = json.loads(static("manifest.webmanifest").read_text(encoding="utf-8"))
    assert told["name"]
    assert len(told["short_name"]) <= 12  # longer ones are cut below the icon
    assert told["display"] == "standalone"
    assert told["orientation"] == "any"
    assert told["start_url"] == "/tablet/"
    assert told["start_url"].startswith(told["scope"])


def test_every_icon_is_there_in_the_size_it_claims():
    told = json.loads(static("manifest.webmanifest").read_text(encoding="utf-8"))
    assert told["icons"]
    for icon in told["icons"]:
        content = static(icon["src"]).read_bytes()
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", content[16:24])
            assert icon["sizes"] == f"{width}x{height}"
        else:
            assert b"<svg" in content
    assert any("512x512" in icon["sizes"] for icon in told["icons"])


@pytest.mark.django_db
def test_the_first_page_leads_to_the_manifest_and_the_policy_allows_it():
    page = Client().get("/tablet/")
    assert 'rel="manifest"' in page.text
    assert 'rel="apple-touch-icon"' in page.text
    assert "manifest-src 'self'" in page["Content-Security-Policy"]
