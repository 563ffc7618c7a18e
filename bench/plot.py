"""Lines as a picture for the documentation: SVG without scripts, drawn as the manager's figures are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pygal
from pygal.style import Style

COLOURS = ("#1f5f8b", "#b8860b", "#a23b2a", "#4f7942", "#5b4a8a", "#8b97a5")


def line(
    title: str, sizes: Sequence[str], lines: Mapping[str, Sequence[float]], unit: str, *, steps: bool = False
) -> bytes:
    """Return a line for each name over the sizes; upright from 0, or by factors of ten where ``steps``."""
    chart = pygal.Line(
        style=Style(font_family="sans-serif", background="#ffffff", plot_background="#ffffff", colors=COLOURS),
        js=[],
        title=title,
        width=900,
        height=460,
        logarithmic=steps,
        show_legend=len(lines) > 1,
        truncate_legend=-1,
        y_title=unit,
        x_title="screenings on record",
        dots_size=4,
        **({} if steps else {"range": (0, 1.1 * max(map(max, lines.values())))}),
    )
    chart.x_labels = list(sizes)
    for name, figures in lines.items():
        chart.add(name, list(figures))
    chart.add_xml_filter(_without_scripts)
    drawn: bytes = chart.render()
    return drawn


def _without_scripts(root: Any) -> Any:
    for script in root.findall(".//{*}script"):
        script.getparent().remove(script)
    return root
