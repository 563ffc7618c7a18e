"""What the contenders draw: the same record, with a new name and number each round, as HTML and as plain blocks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import fontpkg_atkinson_hyperlegible
from django.template import Context

from clinic.domain.digests import sha256
from consent.document import rendering
from consent.document.fonts import FAMILY
from consent.domain.record import Record, canonical
from tests.support.sample_records import sample

FONTS = fontpkg_atkinson_hyperlegible.ROOT / "files"
REGULAR, BOLD, ITALIC = (FONTS / f"AtkinsonHyperlegible-{face}.ttf" for face in ("Regular", "Bold", "Italic"))
FACES = ((REGULAR, 400, "normal"), (BOLD, 700, "normal"), (ITALIC, 400, "italic"))
HEADINGS = ("h1", "h2", "h3")
SPACES = {"p", "li", "th", "td", *HEADINGS}


def record(number: int) -> Record:
    """Return the record of a round. Its name and number are the round's own, so nothing can be cached."""
    base = sample(patient_name=f"Maria Nowak {number:+05d}")
    return replace(base, number=f"C-{abs(number):06d}")


def html(of: Record) -> str:
    """Return our own HTML of the record, without a stylesheet."""
    context = rendering._context(of, sha256(canonical(of)))
    return str(rendering._template("document.html").render(Context(context, use_l10n=False, use_tz=False)))


def styled(of: Record) -> str:
    """Return our HTML as a page of its own, with the stylesheet and the fonts' URLs inside."""
    faces = "".join(
        f"@font-face{{font-family:'{FAMILY}';src:url('{file.as_uri()}');font-weight:{weight};font-style:{style}}}"
        for file, weight, style in FACES
    )
    css = (rendering.TEMPLATES / "consent" / "document" / "document.css").read_text(encoding="utf-8")
    return html(of).replace("</head>", f"<style>{faces}{css}</style></head>")


@dataclass
class Block:
    """A heading, paragraph, list item or table, or the drawing of a signature, in the order of the page."""

    kind: str
    text: str = ""
    rows: list[list[str]] = field(default_factory=list)
    head: bool = False  # whether the first row is a head, which the next page repeats
    strokes: tuple[tuple[tuple[int, int, int], ...], ...] = ()


@dataclass(frozen=True)
class Paper:
    """What a rival draws: the texts of the margins, and the blocks."""

    clinic: str
    patient: str
    number: str
    blocks: list[Block]


def paper(of: Record) -> Paper:
    """Return every word of the record's document as blocks, for rivals that draw no HTML."""
    reader = _Blocks()
    reader.feed(html(of))
    signed = Block("signature", strokes=of.signatures[0].strokes)
    before = next(index for index, block in enumerate(reader.blocks) if "Electronic signature" in block.text)
    return Paper(of.clinic.name, of.patient.name, of.number, [*reader.blocks[:before], signed, *reader.blocks[before:]])


class _Blocks(HTMLParser):
    """Reads blocks from our HTML. The two pictures and bold words in a line are left out: less work for rivals."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self._words: list[str] | None = None
        self._table: Block | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._table = Block("table")
        elif tag == "thead" and self._table:
            self._table.head = True
        elif tag == "tr" and self._table:
            self._table.rows.append([])
        elif tag == "br" and self._words is not None:
            self._words.append(" ")
        if tag in SPACES and (tag != "p" or self._words is None):
            self._words = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self._table:
            self.blocks.append(self._table)
            self._table = None
        elif tag in SPACES and self._words is not None:
            text, self._words = " ".join("".join(self._words).split()), None
            if tag in ("th", "td") and self._table:
                self._table.rows[-1].append(text)
            elif text:
                self.blocks.append(Block(tag, text))

    def handle_data(self, data: str) -> None:
        if self._words is not None:
            self._words.append(data)
