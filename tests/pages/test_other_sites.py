"""What other sites' pages may ask of us, and what a browser reports when a page of ours breaks the policy."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.factories import make_visit, practitioner, staff_client

pytestmark = pytest.mark.django_db
LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
EMBEDDED = [{"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": to} for mode, to in (("no-cors", "image"), ("cors", "empty"))]
FRAMED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("how", [*EMBEDDED, FRAMED, {}])
def test_another_sites_page_gets_nothing_of_ours(site: str, how: dict[str, str]):
    desk, address = staff_client(practitioner()), f"/visits/{make_visit().pk}/"
    assert desk.get(address, headers={"Sec-Fetch-Site": site, **how}).status_code == 403
    assert desk.get(address, headers={"Sec-Fetch-Site": "same-origin", **how}).status_code == 200


def test_a_link_elsewhere_leads_here_and_a_form_elsewhere_does_not():
    desk, from_elsewhere = staff_client(practitioner()), {"Sec-Fetch-Site": "cross-site", **LINK}
    assert desk.get("/queue/", headers=from_elsewhere).status_code == 200
    assert desk.post("/logout/", headers=from_elsewhere).status_code == 403
    assert desk.get("/queue/").status_code == 200  # still signed in


@pytest.mark.parametrize(("open_to_all", "said"), [(False, None), (True, "*")])
def test_no_static_file_is_offered_to_other_origins(tmp_path: Path, settings: Any, open_to_all: bool, said: str | None):
    """And with the library's own default, which is the control, each would be."""
    from clinic.settings import WHITENOISE_ALLOW_ALL_ORIGINS

    assert WHITENOISE_ALLOW_ALL_ORIGINS is False
    (tmp_path / "clinic.css").write_text("p {}")
    settings.STATIC_ROOT, settings.WHITENOISE_ALLOW_ALL_ORIGINS = tmp_path, open_to_all
    answer: Any = Client().get("/static/clinic.css")
    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (200, said)
    answer.close()


def report(body: Any, **headers: Any) -> int:
    sent = body if isinstance(body, bytes | str) else json.dumps({"csp-report": body})
    client = Client(enforce_csrf_checks=True)
    return client.post("/csp", sent, content_type="application/csp-report", **headers).status_code


def test_a_report_is_logged_by_the_pages_name(caplog: pytest.LogCaptureFixture):
    told = {"document-uri": "https://x.example/visits/7/?q=Canary", "blocked-uri": "Canary", "script-sample": "Canary"}
    with caplog.at_level(logging.WARNING):
        assert report({**told, "effective-directive": "script-src-elem"}) == 204
        assert report({**told, "violated-directive": "img-src 'self' data:", "document-uri": "https://[/"}) == 204
    assert [(each.directive, each.route) for each in caplog.records] == [
        ("script-src-elem", "visit"),
        ("img-src", None),
    ]
    assert "Canary" not in str([vars(each) for each in caplog.records if not hasattr(each, "request")])


@pytest.mark.parametrize(
    "body", [b"", b"[" * 4000, b"\xff", b"[]", b'{"csp-report": 7}', {"effective-directive": "Bob"}]
)
def test_what_is_no_report_is_refused(body: Any):
    assert report(body) == 400


def test_reports_are_short_and_few(same_minute):
    assert report(b" " * 4097) == 413
    assert [report(b"{}") for _ in range(25)] == [400] * 19 + [429] * 6
    assert report(b"{}", REMOTE_ADDR="10.0.0.2") == 400
