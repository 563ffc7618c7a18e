"""Rows as CSV that no spreadsheet runs as a formula. Pure: no Django."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV Injection


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return UTF-8 with a byte order mark, for Excel. Numbers stay numbers; what would start a formula gets a quote."""
    out = StringIO(newline="")
    sheet = csv.writer(out)
    sheet.writerow(map(_cell, columns))
    for row in rows:
        sheet.writerow(map(_cell, row))
    return out.getvalue().encode("utf-8-sig")


def _cell(value: object) -> object:
    if isinstance(value, (int, float)):
        return value
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip().startswith(STARTS_A_FORMULA) or text.startswith(STARTS_A_FORMULA) else text
