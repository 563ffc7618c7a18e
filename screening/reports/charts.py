"""A figure as a picture. The only module that knows pygal."""

from __future__ import annotations

import sys
from typing import Any

import pygal
from pygal.style import Style

from screening.reports.statistics import Figure

# pygal looks for its plug-ins through a hook of an old kind, which warns at every later import; we use no plug-in.
sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__ != pygal.__name__]

COLOURS = (
    "#1f5f8b",
    "#b8860b",
    "#a23b2a",
    "#8b97a5",
    "#5b4a8a",
)  # told apart in grey as well
WIDTH, HEIGHT, A_BAR = 900, 340, 30


def svg(figure: Figure) -> bytes:
    """Return the drawn columns of a figure as SVG: no script, no address of another host."""
    chart = _chart(figure)
    chart.x_labels = [name for name, _ in figure.rows]
    for column in figure.drawn:
        values = [numbers[column] for _, numbers in figure.rows]
        chart.add(figure.columns[column + 1], values)
    chart.add_xml_filter(_without_scripts)
    drawn: bytes = chart.render()
    return drawn


def _without_scripts(root: Any) -> Any:
    for script in root.findall(".//{*}script"):
        script.getparent().remove(script)
    return root


def _chart(figure: Figure) -> pygal.Graph:
    lying = figure.plot == "bars"
    kinds = {"stacked": pygal.StackedBar, "bars": pygal.HorizontalBar, "lines": pygal.Line}
    return kinds[figure.plot](
        style=Style(font_family="sans-serif", background="#ffffff", plot_background="#ffffff", colors=COLOURS),
        js=[],
        width=WIDTH,
        height=max(HEIGHT, A_BAR * len(figure.rows) + 120) if lying else HEIGHT,
        show_legend=len(figure.drawn) > 1,
        legend_at_bottom=True,
        x_label_rotation=0 if lying else 35,
        y_title=None if lying else figure.unit or None,
        x_title=figure.unit or None if lying else None,
        no_data_text="Nothing to count in these weeks",
        truncate_label=-1,
        min_scale=1,
        disable_xml_declaration=False,
    )
