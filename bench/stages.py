"""Where the time of one PDF goes: our own code, then WeasyPrint's stages, then the seal.

Each stage's time excludes the stages that it calls. The clocks add a few hundredths, most of all to the stage of many
small steps, the values of styles.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from inspect import isgenerator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.pages import COLUMNS
from bench.report import Part

WHOLE = "all of it"
OWN = "the record as JSON and HTML, our own code"
SEAL = "the seal"
# What is timed: a module of WeasyPrint or pydyf, a name in it, and the stage that its time counts for.
POINTS = (
    ("weasyprint", "HTML.__init__", "HTML parsed"),
    ("weasyprint.document", "get_all_computed_styles", "cascade: which rule holds for which element"),
    ("weasyprint.css", "ComputedStyle.__missing__", "values of styles"),
    ("weasyprint.document", "build_formatting_structure", "boxes built"),
    ("weasyprint.document", "layout_document", "lines, tables and pages laid out, in Python"),
    ("weasyprint.text.line_break", "Layout.__init__", "Pango: lines broken and measured"),
    ("weasyprint.text.line_break", "Layout.set_text", "Pango: lines broken and measured"),
    ("weasyprint.text.line_break", "Layout.get_first_line", "Pango: lines broken and measured"),
    ("weasyprint.document", "Page.paint", "pages painted"),
    ("weasyprint.document", "generate_pdf", "objects of the PDF, attachment, metadata"),
    ("weasyprint.pdf", "build_fonts_dictionary", "fonts cut to the characters used (HarfBuzz)"),
    ("weasyprint.pdf", "add_tags", "tags"),
    ("pydyf", "PDF.write", "compressed (zlib) and written"),
)


class Clocks:
    """Seconds of processor time by stage; stages may call each other."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def timed(self, stage: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``act`` with its own time counted for ``stage``."""

        def run(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0.0)
            began = time.process_time()
            try:
                result = act(*args, **kwargs)
                return list(result) if isgenerator(result) else result  # a generator's time is its own stage's
            finally:
                took = time.process_time() - began
                self.spent[stage] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return run


def stages(rounds: int) -> Part:
    """One PDF by stage, from a warm process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.support.settings"
    import django

    django.setup()
    from bench import material
    from consent.document import rendering
    from consent.seal.certificate_authority import make_keys
    from consent.seal.pades import seal

    with TemporaryDirectory(prefix="bench-keys-") as folder:
        key = make_keys(Path(folder), "of-a-benchmark-alone-of-a-benchmark-alone", "Benchmark")
    for number in range(3):
        seal(rendering.render(material.record(-number - 1)), key)
    clocks = Clocks()
    render, close = clocks.timed(OWN, rendering.render), clocks.timed(SEAL, seal)
    runs: list[dict[str, float]] = []
    with ExitStack() as stack:
        for module, name, stage in POINTS:
            stack.enter_context(_timed_at(clocks, module, name, stage))
        for number in range(rounds):
            clocks.spent.clear()
            close(render(material.record(number)), key)
            runs.append(dict(clocks.spent))
    return _part(runs)


@contextmanager
def _timed_at(clocks: Clocks, module: str, name: str, stage: str) -> Iterator[None]:
    """Time a function until the block ends: other parts share the process."""
    __import__(module)
    where, _, last = name.rpartition(".")
    owner = getattr(sys.modules[module], where) if where else sys.modules[module]
    act = getattr(owner, last)
    setattr(owner, last, clocks.timed(stage, act))
    try:
        yield
    finally:
        setattr(owner, last, act)


def _part(runs: list[dict[str, float]]) -> Part:
    names = [OWN, *dict.fromkeys(stage for _, _, stage in POINTS), SEAL]
    figures = {name: [1000 * run.get(name, 0.0) for run in runs] for name in names}
    sums = [sum(figures[name][number] for name in names) for number in range(len(runs))]
    shares = {name: 100 * sum(figures[name]) / sum(sums) for name in names}
    rows = [
        (name, *(f"{value:.2f}" for value in (median(of), min(of), max(of))), str(len(of)), f"{share:.0f} %")
        for name, of, share in [*((name, figures[name], shares[name]) for name in names), (WHOLE, sums, 100.0)]
    ]
    native = sum(shares[name] for name in names if any(library in name for library in ("Pango", "HarfBuzz", "zlib")))
    return Part(
        "One PDF, by stage",
        "The sealed document from a warm process. Each line is the stage's own time, without the stages inside it; "
        "the clocks are part of it.",
        (*COLUMNS, "share"),
        rows,
        after=(
            f"What stands between this and the limit: the stages in which libraries in C do most of the work (shaping "
            f"and breaking lines, cutting fonts, compressing) take {native:.0f} % of it together, calls into them "
            f"included, and the seal {shares[SEAL]:.0f} %. The rest is Python that walks elements, styles, boxes and "
            "lines one by one; no option of WeasyPrint makes that less, only fewer boxes and words do. How fast the "
            "same words can become a tagged file is in Typst's row above, which does it all in compiled code. The "
            "words are not ours to cut: they are what was told, answered and signed. Laying the constant pages out "
            "once (`Document.copy`) needs pages that are the same for everybody, and ours are not: the patient's name "
            "and the record's number stand in the margins of each page, and the text follows the visit."
        ),
    )
