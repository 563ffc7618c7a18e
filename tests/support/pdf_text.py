"""The words of a PDF, as a test compares them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pypdf import PdfReader

TOP, BOTTOM = 842 - 62, 60  # points; outside stand the margins


def opened(pdf: bytes) -> Any:
    """A reader, untyped: what hangs together here are PDF's objects."""
    return PdfReader(BytesIO(pdf))


def plain(text: str) -> str:
    """Text with every run of white space as one space."""
    return " ".join(text.split())


def text_of(pdf: bytes) -> str:
    """All text of the pages without the margins, which stand between the halves of a sentence."""
    pages = []
    for page in opened(pdf).pages:
        kept: list[str] = []

        def body(text: str, cm: Any, tm: Any, *_: Any, kept: list[str] = kept) -> None:
            if not text.strip() or BOTTOM < tm[5] * cm[3] + cm[5] < TOP:
                kept.append(text)

        page.extract_text(visitor_text=body)
        pages.append("".join(kept))
    return plain(" ".join(pages))


def pdf_text(pdf: bytes) -> str:
    """Return the text of all pages of a PDF, margins included, white space folded."""
    return plain(" ".join(page.extract_text() for page in opened(pdf).pages))
