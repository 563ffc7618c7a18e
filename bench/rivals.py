"""The rivals: other ways to make a PDF of the same words. Each is made once per process, and called for each record."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from bench.material import BOLD, FONTS, REGULAR, Paper
from bench.rounds import Missing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
A4 = (595.28, 841.89)
SIDE, TOP, BOTTOM = 54, 68, 62  # points
SIZES = {"h1": 22.0, "h2": 14.5, "h3": 11.5, "p": 10.0, "li": 10.0, "cell": 9.5, "margin": 8.5}


def naive() -> Callable[[str], bytes]:
    """WeasyPrint as its documentation begins: no tags, no archive format, no attachment, no cache."""
    from weasyprint import HTML

    return lambda page: HTML(string=page).write_pdf()


def reportlab() -> Callable[[Paper], bytes]:
    """ReportLab's Platypus with rl_accel, without ASCII85. Raise ``Missing`` if one is not installed."""
    try:
        import _rl_accel  # noqa: F401
        import reportlab.rl_config
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont
    except ImportError as error:
        raise Missing(str(error)) from error
    reportlab.rl_config.useA85 = 0
    pdfmetrics.registerFont(TTFont("Plain", str(REGULAR)))
    pdfmetrics.registerFont(TTFont("Bold", str(BOLD)))
    styles = {
        name: ParagraphStyle(
            name, fontName="Bold" if name[0] == "h" else "Plain", fontSize=size, leading=size * 1.38, spaceAfter=4
        )
        for name, size in SIZES.items()
    }
    return lambda paper: _platypus(paper, styles)


def _platypus(paper: Paper, styles: dict[str, Any]) -> bytes:
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    class Counted(Canvas):
        """Writes "Page n of m" once it knows m."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.pages: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self.pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for page in self.pages:
                self.__dict__.update(page)
                self.setFont("Plain", SIZES["margin"])
                self.drawString(SIDE, A4[1] - 40, paper.clinic)
                self.drawRightString(A4[0] - SIDE, A4[1] - 40, paper.number)
                self.drawString(SIDE, 36, paper.patient)
                self.drawRightString(A4[0] - SIDE, 36, f"Page {self._pageNumber} of {len(self.pages)}")
                super().showPage()
            super().save()

    target = BytesIO()
    frame = Frame(SIDE, BOTTOM, A4[0] - 2 * SIDE, A4[1] - TOP - BOTTOM, 0, 0, 0, 0)
    book = BaseDocTemplate(target, pagesize=A4, title=paper.number, lang="en")
    book.addPageTemplates([PageTemplate(frames=[frame])])
    book.build(_story(paper, styles), canvasmaker=Counted)
    return target.getvalue()


def _story(paper: Paper, styles: dict[str, Any]) -> list[Any]:
    from xml.sax.saxutils import escape

    from reportlab.graphics.shapes import Drawing, PolyLine
    from reportlab.lib import colors
    from reportlab.platypus import Paragraph, Table

    story: list[Any] = []
    for block in paper.blocks:
        if block.kind == "table":
            cells = [[Paragraph(escape(cell), styles["cell"]) for cell in row] for row in block.rows]
            wide = (A4[0] - 2 * SIDE) / len(cells[0])
            table = Table(cells, colWidths=[wide] * len(cells[0]), repeatRows=int(block.head), spaceAfter=10)
            table.setStyle([("LINEBELOW", (0, 0), (-1, -1), 0.5, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")])
            story.append(table)
        elif block.kind == "signature":
            drawing = Drawing(170, 57)
            for stroke in block.strokes:
                line = list(itertools.chain.from_iterable((x * 0.283, 57 - y * 0.283) for x, y, _ in stroke))
                drawing.add(PolyLine(line, strokeWidth=1.1))
            story.append(drawing)
        else:
            bullet = "•" if block.kind == "li" else None
            story.append(Paragraph(escape(block.text), styles[block.kind], bulletText=bullet))
    return story


def fpdf2() -> Callable[[Paper], bytes]:
    """fpdf2, which reads its fonts for each document. Raise ``Missing`` without it."""
    try:
        import fpdf  # noqa: F401
    except ImportError as error:
        raise Missing(str(error)) from error
    return _fpdf2


def _fpdf2(paper: Paper) -> bytes:
    from fpdf import FPDF
    from fpdf.fonts import FontFace

    class Page(FPDF):
        def header(self) -> None:
            self.set_font("Plain", size=SIZES["margin"])
            self.cell(self.epw / 2, 12, paper.clinic)
            self.cell(0, 12, paper.number, align="R")
            self.ln(24)

        def footer(self) -> None:
            self.set_y(-40)
            self.set_font("Plain", size=SIZES["margin"])
            self.cell(self.epw / 2, 12, paper.patient)
            self.cell(0, 12, f"Page {self.page_no()} of {{nb}}", align="R")

    pdf = Page(unit="pt", format="A4")
    pdf.set_lang("en")
    pdf.set_margins(SIDE, 40, SIDE)
    pdf.set_auto_page_break(True, BOTTOM)
    pdf.add_font("Plain", fname=str(REGULAR))
    pdf.add_font("Bold", fname=str(BOLD))
    pdf.add_page()
    for block in paper.blocks:
        if block.kind == "table":
            pdf.set_font("Plain", size=SIZES["cell"])
            plain = FontFace(family="Plain", emphasis="")
            with pdf.table(first_row_as_headings=block.head, headings_style=plain, line_height=13) as table:
                for cells in block.rows:
                    table.row(cells)
        elif block.kind == "signature":
            top = pdf.get_y()
            for stroke in block.strokes:
                pdf.polyline([(SIDE + x * 0.283, top + y * 0.283) for x, y, _ in stroke])
            pdf.set_y(top + 60)
        else:
            pdf.set_font("Bold" if block.kind[0] == "h" else "Plain", size=SIZES[block.kind])
            text = f"•  {block.text}" if block.kind == "li" else block.text
            pdf.multi_cell(0, SIZES[block.kind] * 1.38, text, new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


TYPST = """
#set document(title: sys.inputs.number)
#set text(font: "Atkinson Hyperlegible", size: 10pt, lang: "en")
#set page(paper: "a4", margin: (x: 54pt, top: 68pt, bottom: 62pt),
  header: text(8.5pt)[#sys.inputs.clinic #h(1fr) #sys.inputs.number],
  footer: context text(8.5pt)[#sys.inputs.patient #h(1fr) Page #counter(page).display("1 of 1", both: true)])
#for block in json(bytes(sys.inputs.blocks)) {
  if block.kind == "h1" { heading(level: 1, block.text) }
  else if block.kind == "h2" { heading(level: 2, block.text) }
  else if block.kind == "h3" { heading(level: 3, block.text) }
  else if block.kind == "li" { list(block.text) }
  else if block.kind == "table" {
    let cells = block.rows.map(row => row.map(cell => text(9.5pt, cell)))
    table(columns: (1fr,) * block.rows.at(0).len(), stroke: (bottom: 0.5pt),
      ..if block.head { (table.header(..cells.at(0)),) } else { cells.at(0) }, ..cells.slice(1).flatten())
  }
  else if block.kind == "signature" { image(bytes(block.svg), alt: "Signature", width: 170pt) }
  else { par(block.text) }
}
"""


def typst(**options: Any) -> Callable[[Paper], bytes]:
    """Typst with one compiler, and the tags it makes by default. Raise ``Missing`` without it."""
    try:
        import typst as engine
    except ImportError as error:
        raise Missing(str(error)) from error
    folder = Path(tempfile.mkdtemp(prefix="bench-typst-"))
    atexit.register(shutil.rmtree, folder)
    (folder / "paper.typ").write_text(TYPST, encoding="utf-8")
    compiler = engine.Compiler(str(folder / "paper.typ"), font_paths=[str(FONTS)])
    return lambda paper: bytes(compiler.compile(format="pdf", sys_inputs=_inputs(paper), **options))


def _inputs(paper: Paper) -> dict[str, str]:
    import json

    from consent.domain.signature_strokes import strokes_svg_path

    blocks = [
        {
            "kind": block.kind,
            "text": block.text,
            "rows": block.rows,
            "head": block.head,
            "svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 200"><path fill="none" stroke="#10243e" '
            f'stroke-width="4" d="{strokes_svg_path(block.strokes)}"/></svg>',
        }
        for block in paper.blocks
    ]
    return {"clinic": paper.clinic, "patient": paper.patient, "number": paper.number, "blocks": json.dumps(blocks)}


class Chromium:
    """Chromium, with one page kept open, printing our HTML with tags. Raise ``Missing`` if there is no browser."""

    def __init__(self) -> None:
        try:
            from playwright.sync_api import sync_playwright
        except ImportError as error:
            raise Missing(str(error)) from error
        browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
        if not browser:
            raise Missing("no Chromium on this machine")
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        self._page = self._browser.new_page()

    def __call__(self, page: str) -> bytes:
        self._page.set_content(page)
        return self._page.pdf(format="A4", tagged=True, prefer_css_page_size=True)

    def close(self) -> None:
        self._browser.close()
        self._playwright.stop()


def cpu_of_children() -> float:
    """Return the processor seconds that this process's children, and theirs, have used so far."""
    return sum(_cpu(process) for process in _descendants(os.getpid()))


def peak_of_children() -> int:
    """Return the bytes that this process's children, and theirs, hold now; shared memory counts once."""
    return sum(_proportional(process) for process in _descendants(os.getpid()))


def _descendants(process: int) -> list[int]:
    try:
        tasks = os.listdir(f"/proc/{process}/task")
        below = [int(child) for task in tasks for child in _read(f"/proc/{process}/task/{task}/children").split()]
    except OSError:
        return []
    return [*below, *itertools.chain.from_iterable(map(_descendants, below))]


def _cpu(process: int) -> float:
    try:
        tasks = os.listdir(f"/proc/{process}/task")
    except OSError:
        return 0.0
    return sum(int((_read(f"/proc/{process}/task/{task}/schedstat").split() or ["0"])[0]) for task in tasks) / 1e9


def _proportional(process: int) -> int:
    lines = _read(f"/proc/{process}/smaps_rollup").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def clock() -> tuple[float, float]:
    """Return the processor seconds of this process and its children, and the seconds on the clock."""
    return time.process_time() + cpu_of_children(), time.perf_counter()
