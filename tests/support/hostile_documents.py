"""Documents of answers that nobody means well with: ``python -m tests.support.hostile_documents COUNT SEED``.

``unescaped`` may follow, for the control, in which text is taken for HTML. Prints one line of JSON: what was
asked of other machines and of the disk, what of it is in a document, the longest time and the peak of memory.
"""

from __future__ import annotations

import html
import json
import random
import socket
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from pypdf import PdfReader

from clinic.domain.text import clean
from consent.document import rendering
from tests.support.hostile import VALUES
from tests.support.sample_records import sample

MARKUP = [
    '<img src="file:///etc/passwd">',
    '<link rel=attachment href="file:///etc/passwd">',
    "<style>body{background:url(http://127.0.0.1:9/x)}</style>",
    '<style>@import "http://127.0.0.1:9/y";</style>',
    '<svg><image href="file:///etc/hostname"/></svg>',
    '<iframe src="http://127.0.0.1:9/z"></iframe>',
    '<a href="http://evil.example/">press</a>',
    '<object data="file:///etc/passwd"></object>',
    "</td></table></body></html>",
    "<!-- ",
    "]]>",
    "&lt;b&gt;&#0;&#x202e;",
    "<div style='height:99999cm'>",
    "<table><tr>" * 40,
    "<b>" * 400,
    "{% include '/etc/passwd' %}",
]
ODD = ["\u200d\u200d", "a\u0300" * 300, "\u05d0\u0661", "\U0001f9d1\u200d\U0001f680", "W" * 900, "- " * 900, "\n" * 60]
TEMPLATE = rendering._template
SECRET = "root:"  # in /etc/passwd alone


def said(chance: random.Random) -> str:
    """Return a text as it comes through the door: `clinic.domain.text` refuses the rest there."""
    pieces = [chance.choice((*MARKUP, *ODD, *map(str, VALUES))) for _ in range(chance.randrange(1, 12))]
    try:
        return clean("".join(pieces))
    except ValueError:
        return said(chance)


def watch(asked: list[str]) -> None:
    """Note what is fetched or connected to; it comes to nothing."""

    def connect(self: socket.socket, address: Any) -> None:
        asked.append(str(address))
        raise ConnectionRefusedError

    def fetch(self: Any, url: str, headers: Any = None) -> Any:
        asked.append(url)
        raise ValueError(url)

    socket.socket.connect = connect  # type: ignore[assignment, method-assign]
    type(rendering._press().fetcher).fetch = fetch


def leaks(pdf: bytes) -> list[str]:
    """Return what a document holds that it must not: files, links, scripts, what is in a file of this machine."""
    reader = PdfReader(BytesIO(pdf))
    root: Any = reader.trailer["/Root"]
    found = [name for name in ("/OpenAction", "/AA", "/URI") if name in root]
    found += ["attachments"] * (len(reader.attachments) != 1)
    for page in reader.pages:
        found += ["annotation"] * ("/Annots" in page) + [SECRET] * (SECRET in page.extract_text())
    return found


class Unescaped:
    """A template that takes text for HTML."""

    def __init__(self, name: str) -> None:
        self.template = TEMPLATE(name)

    def render(self, context: Any) -> str:
        return html.unescape(self.template.render(context))


def _peak() -> int:
    """Return the most memory that this program had, in MB; ``ru_maxrss`` counts what the parent had at the fork."""
    (told,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(told.split()[1]) // 1024


def main(count: int, seed: int, unescaped: str = "") -> None:
    """Draw so many, and print what came of it."""
    asked: list[str] = []
    watch(asked)
    if unescaped:
        setattr(rendering, "_template", Unescaped)  # noqa: B010
    chance, found, longest, drawn = random.Random(seed), list[str](), 0.0, 0
    for _ in range(count):
        record = sample(patient_name=said(chance)[:190] or "Alex", text=said(chance), typed=chance.random() < 0.5)
        began = time.monotonic()
        try:
            pdf = rendering.render(record)
        except rendering.DrawingError:
            continue
        finally:
            longest = max(longest, time.monotonic() - began)
        drawn, found = drawn + 1, found + leaks(pdf)
    peak = _peak()
    print(json.dumps({"drawn": drawn, "asked": asked, "leaks": found, "longest": longest, "peak": peak}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
