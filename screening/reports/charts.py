"""A figure: one table of numbers, and its picture, which ``templates/screening/manager/chart.svg`` draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from django.template import Context, Engine, Template

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
COLOURS = ("#1f5f8b", "#d9a93c", "#a23b2a", "#b4bcc6", "#5b4a8a")  # distinct in grey as well
WIDTH, THICK, GAP, LEGEND = 900, 16, 10, 22
LETTER, NUMBER = 7.5, 110  # how wide a letter and the number after a bar may be
Number = int | float | None


@dataclass(frozen=True)
class Figure:
    """One table of numbers. ``columns``: that of the names first; ``rows``: a name, then a number or ``None`` a column.

    The columns ``drawn`` are bars: each starts where the one before ends, or lies below it if not ``stacked``.
    """

    slug: str
    title: str
    says: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Number, ...]], ...]
    drawn: tuple[int, ...] = (0,)
    stacked: bool = True
    unit: str = ""


def svg(figure: Figure) -> bytes:
    """Return the drawn columns of a figure as SVG, a row for each name, without script, style or links."""
    parts = [figure.columns[column + 1] for column in figure.drawn]
    longest = max((len(name) for name, _ in figure.rows), default=0)
    left = int(LETTER * longest) + GAP
    top = LEGEND * len(parts) + GAP if len(parts) > 1 else 0
    high = THICK * (1 if figure.stacked else len(parts)) + GAP
    rows = [[numbers[column] for column in figure.drawn] for _, numbers in figure.rows]
    most = max((max(_ends(figure, row)) for row in rows), default=0) or 1
    context = {
        "figure": figure,
        "legend": [{"name": name, "colour": COLOURS[n], "y": LEGEND * n} for n, name in enumerate(parts) if top],
        "rows": [
            {"name": name, "y": top + high * n + high // 2, **_bars(figure, row, left, (WIDTH - left - NUMBER) / most)}
            for n, ((name, _), row) in enumerate(zip(figure.rows, rows, strict=True))
        ],
        "left": left,
        "top": top,
        "width": WIDTH,
        "height": top + high * len(rows),
    }
    return _template().render(Context(context, use_l10n=False, use_tz=False)).encode()


@cache
def _template() -> Template:
    return Engine(dirs=[str(TEMPLATES)]).get_template("screening/manager/chart.svg")


def _ends(figure: Figure, row: Sequence[Number]) -> list[float]:
    lengths = [value or 0 for value in row]
    return list(accumulate(lengths)) if figure.stacked else lengths


def _bars(figure: Figure, row: Sequence[Number], left: int, unit: float) -> dict[str, Any]:
    """Return the bars of a row, ``unit`` wide for one, and the numbers after them; ``y`` is from its middle."""
    ends = _ends(figure, row)
    starts = [0, *ends] if figure.stacked else [0] * len(ends)
    tops = [0] * len(ends) if figure.stacked else range(0, THICK * len(ends), THICK)
    above = (tops[-1] + THICK) // 2
    bars = [
        {"x": left + round(unit * start), "y": top - above, "width": round(unit * (end - start)), "colour": colour}
        for start, end, top, colour in zip(starts, ends, tops, COLOURS, strict=False)
    ]
    labels = [(ends[-1], ends[-1], tops[-1])] if figure.stacked else zip(row, ends, tops, strict=True)
    numbers = [
        {"x": left + round(unit * end) + 6, "y": top - above + THICK // 2, "text": _in_words(number, figure.unit)}
        for number, end, top in labels
    ]
    return {"bars": bars, "numbers": numbers}


def _in_words(number: Number, unit: str) -> str:
    return "–" if number is None else f"{round(number, 1):,g} {unit}".strip()
