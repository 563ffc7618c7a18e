"""Record to PDF. The only module that knows WeasyPrint.

``render`` is a function of the record alone: dates, identifier and metadata come from it, so the same record gives the
same bytes in any process that has the same versions of WeasyPrint, Pango and the fonts.

The file declares PDF/A-3a and PDF/UA-1. WeasyPrint has no variant that declares both, so a finisher adds the second to
the metadata, with the extension schema that PDF/A asks for (ISO 19005-3, 6.6.2.3).
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from io import BytesIO
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.template import Context, Engine

from clinic.domain.dates import day_in_words
from clinic.domain.digests import sha256
from consent.document import fonts
from consent.domain.record import Answer, Moment, Record, RecordedSignature, canonical
from consent.domain.signature_strokes import strokes_svg_path
from consent.domain.statement import TextSection
from consent.domain.status_record import StatusRecord

if TYPE_CHECKING:
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
RECORD_NAME = "record.json"  # the attachment's name inside the PDF
LONGEST_IN_MARGIN = 48  # characters of a name that fit one line of the margin
REMINDERS = ("own_risks", "aftercare")  # parts of the text that the document of a session prints all the same
ROOM_ON_PAGE_ONE = 15  # lines; where the patient's own risks take more, page one points to part 1 for them

_one_at_a_time = threading.Lock()  # Pango's font map must not be shared by threads that draw at the same time


class DrawingError(Exception):
    """The document could not be drawn. The record stands; drawing can be tried again."""


def render(record: Record) -> bytes:
    """Return the record as a PDF, with its canonical JSON attached.

    Raise ``DrawingError`` if a page asks for anything outside the document, and ``OSError`` without Pango.
    """
    data = canonical(record)
    return _draw("document.html", _context(record, sha256(data)), data, record.confirmation.at.instant)


def render_after(record: StatusRecord) -> bytes:
    """Return the record of what came after a consent as a PDF, made as ``render`` makes the first one."""
    data = canonical(record)
    context = {
        **{field.name: _printed(getattr(record, field.name)) for field in fields(record)},
        "digest": sha256(data),
        "born": _day(record.patient.born),
        **_of_every_page(record),
    }
    return _draw("after.html", context, data, record.written_at.instant)


def _draw(template: str, context: dict[str, Any], data: bytes, made: datetime) -> bytes:
    digest = sha256(data)
    html = _template(template).render(Context(context, use_l10n=False, use_tz=False))
    with _one_at_a_time, _no_collection():
        return _drawn(html, data, digest, made)


def _drawn(html: str, data: bytes, digest: str, made: datetime) -> bytes:
    press = _press()  # first: it says which fonts there are
    from weasyprint import Attachment
    from weasyprint.urls import FatalURLFetchingError

    from consent.document.pdf_finisher import finish

    attachment = Attachment(
        file_obj=BytesIO(data),
        name=RECORD_NAME,
        description=f"The record as data, RFC 8785 JSON. SHA-256: {digest}",
        created=made,
        modified=made,
        relationship="Data",
    )
    try:
        pdf = press.page(string=html, url_fetcher=press.fetcher, base_url=None).write_pdf(
            stylesheets=[press.css],
            font_config=press.font_config,
            attachments=[attachment],
            pdf_variant="pdf/a-3a",
            pdf_identifier=bytes.fromhex(digest)[:16],
            finisher=finish,
        )
    except FatalURLFetchingError as error:  # not an Exception to WeasyPrint: it would end the worker
        raise DrawingError(str(error)) from error
    assert isinstance(pdf, bytes)
    return pdf


@contextmanager
def _no_collection() -> Iterator[None]:
    """Put Python's cycle collector off: it finds nothing while a document is drawn, and takes a sixth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class _Press:
    page: type[HTML]
    css: CSS
    font_config: FontConfiguration
    fetcher: URLFetcher


@cache
def _press() -> _Press:
    """Return what one process makes once: fonts, stylesheet, and a fetcher that fetches nothing but data URLs."""
    with fonts.ours():
        from weasyprint import CSS, HTML
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher

        font_config = FontConfiguration()
    fetcher = URLFetcher(allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True)
    sheets = (TEMPLATES / "consent" / "document" / name for name in ("elements.css", "document.css"))
    elements, css = (
        CSS(string=sheet.read_text(encoding="utf-8"), font_config=font_config, url_fetcher=fetcher) for sheet in sheets
    )

    class Page(HTML):
        """A page of ours: what WeasyPrint knows of elements comes from ``elements.css``, 36 ms less of 420 a document.

        There is no option for it but this method, which WeasyPrint calls its own.
        """

        def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:
            return [elements]

    return _Press(Page, css, font_config, fetcher)


@cache
def _template(name: str) -> Any:
    engine = Engine(dirs=[str(TEMPLATES)], autoescape=True, builtins=["consent.document.print_tags"])
    return engine.get_template(f"consent/document/{name}")


def missing_libraries() -> list[str]:
    """Return the names of the system libraries that drawing needs and this machine lacks; empty is well."""
    try:
        with fonts.ours():
            from weasyprint.text import ffi
    except OSError as error:  # cffi names the library in its message
        return [str(error).splitlines()[0]]
    return [] if ffi.harfbuzz_subset else ["libharfbuzz-subset"]


def _context(record: Record, digest: str) -> dict[str, Any]:
    answers = [
        {"heading": _printed(heading), "answers": _printed(tuple(group))}
        for heading, group in groupby(record.screening.answers, key=_section)
    ]
    return {
        **{field.name: _printed(getattr(record, field.name)) for field in fields(record)},
        "digest": digest,
        "born": _day(record.patient.born),
        "day": _day(record.visit.day),
        "last_day": _day(record.course.last_day) if record.course else "",
        "reminders": [_printed(each) for each in record.statement.sections if each.id in REMINDERS],
        **_printed(_own_risks(record)),
        "answers": answers,
        "signatures": [{**_printed(each), **_drawing(each)} for each in record.signatures],
        "decided": [_printed(flag) for flag in record.flags if flag.decision],
        "noted": [_printed(flag) for flag in record.flags if not flag.decision],
        **_of_every_page(record),
    }


def _of_every_page(record: Record | StatusRecord) -> dict[str, Any]:
    return {
        "margin_clinic": _short(fonts.printable(record.clinic.name)),
        "margin_patient": _short(fonts.printable(record.patient.name)),
        "address": _printed(", ".join(record.clinic.address.splitlines())),
        "record_name": RECORD_NAME,
    }


@dataclass(frozen=True)
class _Own:
    own_risks: TextSection | None
    precautions: tuple[str, ...]


def _own_risks(record: Record) -> _Own:
    """Return what page one has room for beside the signatures: the own risks, else the precautions."""
    own = next((section for section in record.statement.sections if section.id == "own_risks"), None)
    lines = [line for block in own.blocks for line in block.lines] if own else []
    if own and _lines_of_page_one(record, lines) <= ROOM_ON_PAGE_ONE:
        return _Own(own, ())
    agreed = [flag.decision.precaution for flag in record.flags if flag.decision and flag.decision.precaution]
    fits = _lines_of_page_one(record, agreed) + 2 <= ROOM_ON_PAGE_ONE
    return _Own(None, tuple(dict.fromkeys(agreed)) if fits else ())


def _lines_of_page_one(record: Record, own_risks: list[str]) -> int:
    """Estimate how many lines of page one depend on this record; wide is a full line, narrow a signature's column."""
    wide, cell, narrow = 95, 65, 32
    news = record.course.news if record.course else ()
    running = [*own_risks, *record.confirmation.statements, *news]
    facts = [record.patient.name, ", ".join(record.plan.regions), record.plan.technique, record.confirmation.by]
    longest = max((len(signature.name) for signature in record.signatures), default=0)
    return (
        sum(1 + len(line) // wide for line in running)
        + sum(len(fact) // cell for fact in facts)
        + len(record.clinic.name + record.clinic.address) // wide
        + longest // narrow
    )


def _section(answer: Answer) -> str:
    return answer.section


def _printed(value: Any) -> Any:
    """Return ``value`` for the template: dataclasses as dicts, text printable, moments with their words."""
    if isinstance(value, Moment):
        day, clock = value.local.split("T")
        told = {"day": _day(day), "clock": clock[:5], "words": f"{_day(day)}, {clock[:5]}", "utc_clock": value.utc[11:]}
        return {**told, "local": f"{day} {clock}", "offset": value.offset, "utc": value.utc, "zone": value.zone}
    if isinstance(value, str):
        return fonts.printable(value)
    if isinstance(value, tuple):
        return [item if type(item) is str and fonts.PLAIN(item) else _printed(item) for item in value]
    if not is_dataclass(value):
        return value
    items = ((field.name, getattr(value, field.name)) for field in fields(value))
    return {name: item if type(item) is str and fonts.PLAIN(item) else _printed(item) for name, item in items}


def _drawing(signature: RecordedSignature) -> dict[str, str]:
    """Return the path that draws a signature again, and how much ink and time it took."""
    points = list(chain.from_iterable(signature.strokes))
    if not points:
        return {"path": "", "ink": ""}
    seconds = max(ms for _, _, ms in points) / 1000
    strokes = len(signature.strokes)
    ink = f"{strokes} stroke{'s' * (strokes != 1)}, {len(points)} points, {seconds:.1f} seconds"
    return {"path": strokes_svg_path(signature.strokes), "ink": ink}


def _day(iso: str) -> str:
    return day_in_words(date.fromisoformat(iso))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_IN_MARGIN else text[: LONGEST_IN_MARGIN - 1].rstrip() + "…"
