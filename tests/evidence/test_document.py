"""The document: what it says, that it is always the same, and that it keeps to the formats it declares."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pydyf
import pytest
from django.core.checks import run_checks
from pypdf.generic import ContentStream

from clinic.domain.digests import sha256
from consent.document import fonts, pdf_finisher, rendering
from consent.document.rendering import DrawingError, render
from consent.domain.record import Record, canonical
from consent.seal.certificate_authority import make_keys
from consent.seal.pades import attached, seal
from tests.support.pdf_text import opened, plain, text_of
from tests.support.repository import ROOT
from tests.support.sample_records import PRECAUTION, at, decision, flags, sample

pytestmark = pytest.mark.thorough  # each renders a document or more

LONG_NAME = (
    "Maximiliane-Friederike Gräfin von Hohenstein-Wolfenbüttel zu Sayn-Wittgenstein-Berleburg und "
    "Castell-Rüdenhausen, geborene Prinzessin von Thurn und Taxis, verwitwete Freifrau von Königswarter"
)
HOSTILE = """</td></table><script>alert(1)</script><img src="file:///etc/passwd"><link rel=attachment href="file:///etc/passwd">
<style>body{background:url(http://127.0.0.1:9/x)}@import "http://127.0.0.1:9/y";</style><svg><image href="file:///etc/hostname"/></svg>
<iframe src="http://127.0.0.1:9/z"></iframe><a href="http://evil.example">click</a>{{ digest }}{% include "x" %}
url(file:///etc/passwd) expression(alert(1)) ]]> &lt;b&gt; --></html> \u202egnirts siht\u202c \x00 \x07"""


@cache
def _made(how: tuple[tuple[str, Any], ...]) -> bytes:
    return render(sample(**dict(how)))


def made(**how: Any) -> bytes:
    """The document of ``sample(**how)``, drawn once."""
    return _made(tuple(sorted(how.items())))


def lines_of(record: Record) -> Iterator[str]:
    """Everything in the record that a court would look for, as worded."""
    yield from (record.number, record.clinic.name, record.patient.name, record.patient.identified)
    for section in record.statement.sections:
        yield section.heading
        yield from (line for block in section.blocks for line in block.lines)
    yield from (each.text for each in record.acknowledged)
    for choice in record.choices:
        yield f"{choice.text} {choice.answer}"
    for answer in record.screening.answers:
        yield answer.section
        yield f"{answer.wording} {answer.words}"
    for flag in record.flags:
        yield from (flag.short, f"{flag.severity.capitalize()}: {flag.reason}", flag.source.title, flag.source.edition)
        if flag.decision:
            yield from (flag.decision.outcome_words, flag.decision.reason, flag.decision.precaution, flag.decision.by)
    for said in record.talk.teach_back:
        yield f"{said.prompt} {said.result}"
    yield from (record.talk.questions, record.confirmation.by, record.confirmation.registration_number)
    yield from record.confirmation.statements
    for signature in record.signatures:
        yield from (signature.name, signature.capacity_words, signature.relationship)
        if seen := signature.witness:
            yield from (f"seen by {seen.name}", f"the person {seen.did}", f"{seen.name}: {seen.identified}")
        yield from (f"Tablet {signature.tablet}", f"handed over by {signature.handed_by}")
        yield f"{signature.at.local.replace('T', ' ')} {signature.at.offset} ({signature.at.utc})"
    for event in record.events:
        yield f"{event.at.local.replace('T', ' ')} {event.at.offset} {event.at.utc} {event.what} {event.by}"
    yield from (record.statement.sha256, record.screening.questionnaire_sha256, record.screening.rules_version)
    yield f"Software Version {record.app_version}"


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return made()


@pytest.fixture(scope="module")
def reader(pdf: bytes) -> Any:
    return opened(pdf)


# What it says


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"minor": True, "typed": True},
        {"assisted": True},
        {"interpreter": True},
        {"precautions": False},
        {"text": "Ünïcode “quotes” – 5 ≤ 6"},
    ],
    ids=["plain", "minor", "assisted", "interpreter", "nothing to flag", "other text"],
)
def test_everything_agreed_can_be_read_from_the_pages(how: dict[str, Any]) -> None:
    record = sample(**how)
    said = text_of(made(**how))
    missing = [line for line in lines_of(record) if plain(line) not in said]
    assert missing == []


def test_going_ahead_against_a_stop_is_printed_with_the_proof() -> None:
    flag, *others = flags()
    against = replace(flag, severity="stop", decision=decision(identity_checked_at=at(13)))
    said = text_of(render(sample(flags=(against, *others))))
    proved = "decided to go ahead against a stop, and proved with their password who they are: 23 November 2026, 10:18"
    assert proved in said
    assert said.count("Against a stop") == 1


def test_the_interpreter_is_named() -> None:
    said = text_of(made(interpreter=True))
    assert "Jan Kowalski, number NAATI 12345, Polish, in the room" in said


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"minor": True},
        {"minor": True, "typed": True, "patient_name": LONG_NAME},
        {"text": "A precaution that goes on and on. " * 110, "patient_name": LONG_NAME},
        {"patient_name": "محمد عبد الرحمن الخطيب"},
    ],
    ids=["plain", "minor", "long name", "long precaution", "right to left"],
)
def test_page_one_holds_what_a_patient_needs(how: dict[str, Any]) -> None:
    page = plain(opened(made(**how)).pages[0].extract_text())
    for essential in (
        "Murray Physiotherapy",
        "left calf, right shoulder",
        "3 visits planned",
        "Your own risks",
        "Electronic signature",
        "Confirmed in the room by Pat Physio",
        "In an emergency call 000",
    ):
        assert essential in page
    if "text" not in how:
        assert PRECAUTION in page


def test_the_digest_on_the_page_is_that_of_the_attached_record(pdf: bytes) -> None:
    data = attached(pdf)
    assert data is not None
    assert data == canonical(sample())
    assert hashlib.sha256(data).hexdigest() in text_of(pdf).split()


def test_each_page_names_clinic_number_patient_and_its_place(reader: Any) -> None:
    for number, page in enumerate(reader.pages, start=1):
        text = page.extract_text()
        for margin in ("Murray Physiotherapy", "C-000012", "Maria Nowak", f"Page {number} of {len(reader.pages)}"):
            assert margin in text


def test_it_calls_the_signature_and_the_seal_by_their_names(pdf: bytes) -> None:
    said = text_of(pdf).lower()
    assert "electronic signature" in said
    assert "the seal that closes this file is the clinic's" in said
    assert not re.search(r"qualified|advanced", said)


def figures(reader: Any) -> list[str]:
    """What the pictures are called, for those who only hear them."""
    return [str(figure["/Alt"]) for figure in tagged(reader, "/Figure")]


def signed_figures(reader: Any) -> list[str]:
    return [name for name in figures(reader) if name.startswith("Signature")]


def test_the_pictures_of_the_text_are_in_the_document_and_say_what_they_show(reader: Any) -> None:
    people, chest = [name for name in figures(reader) if not name.startswith("Signature")]
    assert people.startswith("100 people")
    assert "the lung" in chest


def test_a_drawn_signature_is_drawn_and_a_typed_one_is_not(reader: Any) -> None:
    assert signed_figures(reader) == ["Signature drawn by Maria Nowak"]
    assert signed_figures(opened(made(typed=True))) == []
    assert signed_figures(opened(made(assisted=True))) == []


# Always the same


def render_elsewhere(data: bytes, seed: str) -> str:
    """The SHA-256 of the document that another process makes of a record, without Django's settings."""
    code = (
        "import sys, hashlib; from consent.domain.record import read; from consent.document.rendering import render;"
        "print(hashlib.sha256(render(read(sys.stdin.buffer.read()))).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": seed, "TZ": "Pacific/Apia", "LC_ALL": "C", "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], input=data, capture_output=True, cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@pytest.mark.parametrize("how", [{}, {"minor": True, "patient_name": "محمد Łukasz"}], ids=["plain", "minor"])
def test_the_same_record_gives_the_same_bytes_in_any_process(how: dict[str, Any]) -> None:
    record = sample(**how)
    here = [sha256(render(record)) for _ in range(2)]
    there = [render_elsewhere(canonical(record), seed) for seed in ("1", "2")]
    assert {*here, *there} == {here[0]}


@pytest.mark.parametrize("how", [{}, {"minor": True, "patient_name": "محمد Łukasz"}, {"text": "Ω\n" * 30}])
def test_our_sheet_of_elements_draws_the_same_bytes_as_weasyprints_own(
    how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from weasyprint import HTML

    ours = render(sample(**how))
    monkeypatch.setattr(rendering._press().page, "_ua_stylesheets", HTML._ua_stylesheets)
    assert render(sample(**how)) == ours


def test_no_text_asks_for_features_of_its_font_which_weasyprint_never_frees(monkeypatch: pytest.MonkeyPatch) -> None:
    from weasyprint.text import line_break

    asked: list[dict[str, Any]] = []
    features = line_break.font_features

    def noted(*style: Any) -> dict[str, Any]:
        asked.append(features(*style))
        return asked[-1]

    monkeypatch.setattr(line_break, "font_features", noted)
    pdf = render(sample())
    assert "\n1. \n2. " in opened(pdf).pages[-1].extract_text(), "no marker was drawn"
    assert asked
    assert not any(asked)


def unpacked(pdf: bytes, file: Path) -> bytes:
    """Return all of a document in the one form that qpdf writes it in, uncompressed and without its identifier."""
    file.write_bytes(pdf)
    out = file.with_suffix(".plain")
    subprocess.run(["qpdf", "--qdf", "--object-streams=disable", "--static-id", str(file), str(out)], check=True)
    return out.read_bytes()


def test_what_is_compressed_here_is_what_weasyprint_wrote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: Counter[int | None] = Counter()
    data = pydyf.Dictionary.data.fget

    def counted(self: Any) -> Any:
        asked[self.number] += 1
        return data(self)

    with monkeypatch.context() as patched:
        patched.setattr(pydyf.Dictionary, "data", property(counted))
        patched.setattr(pydyf, "zlib", None)
        ours = render(sample())
    del asked[None]  # what has no number stands inside another object
    assert list(asked.values()).count(1) == len(asked) - 1, "only what pydyf adds last is put into bytes twice"
    monkeypatch.setattr(pdf_finisher, "_compress", lambda pdf: None)
    theirs = render(sample())
    assert unpacked(ours, tmp_path / "ours") == unpacked(theirs, tmp_path / "theirs")
    assert len(ours) < 1.02 * len(theirs)


def test_another_record_gives_another_identifier(reader: Any) -> None:
    other = opened(made(number="C-000013"))
    assert reader.trailer["/ID"] != other.trailer["/ID"]


# Text does nothing but stand there


def test_hostile_text_stays_text_and_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    fetcher = type(rendering._press().fetcher)
    monkeypatch.setattr(fetcher, "fetch", lambda self, url, headers=None: asked.append(url))
    pdf = render(sample(patient_name=HOSTILE[:190], text=HOSTILE))
    assert asked == []
    said = text_of(pdf).replace("\u200b", "")
    for shown in ("<script>alert(1)</script>", '<img src="file:///etc/passwd">', "{{ digest }}", "[U+202E]gnirts siht"):
        assert shown in said
    assert "root:" not in said
    hostile = opened(pdf)
    assert len(hostile.attachments) == 1
    for page in hostile.pages:
        assert "/Annots" not in page
        assert "/XObject" not in page["/Resources"] or not list(page.images)
    assert not {"/OpenAction", "/AA", "/URI"} & set(hostile.trailer["/Root"])
    assert set(hostile.trailer["/Root"]["/Names"]) == {"/EmbeddedFiles"}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:9/", "ftp://127.0.0.1/", "FILE:///etc/passwd"])
def test_the_fetcher_fetches_nothing_but_data(url: str) -> None:
    with pytest.raises(ValueError, match="disallowed protocol"):
        rendering._press().fetcher.fetch(url)
    assert rendering._press().fetcher.fetch("data:text/plain,ok").read() == b"ok"


def test_a_document_that_asks_for_a_file_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    class Leaky:
        def render(self, context: object) -> str:
            return '<html lang="en"><title>x</title><img alt="x" src="file:///etc/hostname">'

    monkeypatch.setattr(rendering, "_template", lambda name: Leaky())
    with pytest.raises(DrawingError, match="file:///etc/hostname"):
        render(sample())


# What no font here has


def test_what_cannot_be_drawn_is_named() -> None:
    assert (
        fonts.printable("Zoë \ue000\ue001 \u202eevil\u2066 \x07") == "Zoë [U+E000 U+E001] [U+202E]evil[U+2066] [U+0007]"
    )
    assert "4,000 characters that no font here can draw" in fonts.printable("\ue000" * 4000)


def test_right_to_left_text_keeps_its_dates_and_joiners() -> None:
    assert fonts.reads_right_to_left("(5) محمد Nowak")
    assert not fonts.reads_right_to_left("(5) Nowak محمد")
    assert fonts.printable("يوم 2026-11-23") == "يوم \u200e2026-11-23"
    assert fonts.printable("می‌خواهم") == "می‌خواهم"


def test_a_digest_is_never_broken_and_a_long_word_is() -> None:
    assert fonts.printable(sha256(b"")) == sha256(b"")
    assert fonts.printable("w" * 100) == "\u200b".join(["w" * 20] * 5)


def test_no_box_is_ever_drawn() -> None:
    """PDF/A forbids the glyph .notdef, and a reader learns nothing from it."""
    reader = opened(made(patient_name="张三 \ue000 Nowak 😀", text="\U000e0001\ue123 नमस्ते"))
    for page in reader.pages:
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            if operator in (b"Tj", b"TJ"):
                shown = operands[0] if isinstance(operands[0], list) else operands
                glyphs = b"".join(each.original_bytes for each in shown if hasattr(each, "original_bytes"))
                assert b"\0\0" not in {glyphs[at : at + 2] for at in range(0, len(glyphs), 2)}


def test_nothing_leaves_the_page(tmp_path: Path) -> None:
    """Words are measured by Poppler; the margins are 19 mm, which is 53.8 points."""
    file = tmp_path / "wide.pdf"
    file.write_bytes(render(sample(patient_name=LONG_NAME.replace(" ", ""), text="W" * 700 + " i" * 300, minor=True)))
    boxes = subprocess.run(["pdftotext", "-bbox", str(file), "-"], capture_output=True, text=True, check=True).stdout
    edges = [
        (float(left), float(right)) for left, right in re.findall(r'<word xMin="([\d.-]+)".*?xMax="([\d.-]+)"', boxes)
    ]
    assert len(edges) > 500
    assert min(left for left, _ in edges) >= 53
    assert max(right for _, right in edges) <= 595.3 - 53


# The formats it declares: what veraPDF would look at, as far as it can be seen without it


def tagged(reader: Any, kind: str) -> list[Any]:
    """All structure elements of one kind, in order."""

    def walk(element: Any) -> Iterator[Any]:
        element = element.get_object()
        if not isinstance(element, dict):
            return
        if element.get("/S") == kind:
            yield element
        kids = element.get("/K", [])
        for kid in kids if isinstance(kids, list) else [kids]:
            yield from walk(kid)

    return list(walk(reader.trailer["/Root"]["/StructTreeRoot"]["/K"][0]))


def test_it_declares_pdf_a_3a_and_pdf_ua_1(reader: Any) -> None:
    root = reader.trailer["/Root"]
    metadata = root["/Metadata"].get_data().decode()
    assert 'pdfaid:part="3"' in metadata
    assert 'pdfaid:conformance="A"' in metadata
    assert 'pdfuaid:part="1"' in metadata
    assert "<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>" in metadata
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert root["/Lang"] == "en"
    assert reader.metadata.title == "Consent to dry needling, C-000012"


def test_its_metadata_are_well_formed_and_name_no_patient(reader: Any) -> None:
    from xml.etree import ElementTree

    metadata = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    ElementTree.fromstring(metadata)
    assert "Nowak" not in metadata + str(reader.metadata)


def test_dates_come_from_the_record(reader: Any) -> None:
    assert str(reader.metadata["/CreationDate"]).startswith("D:20261123000600")
    file = reader.trailer["/Root"]["/AF"][0].get_object()["/EF"]["/F"].get_object()
    assert file["/Params"]["/CreationDate"] == "D:20261123000600Z"


def test_the_record_is_attached_as_data(reader: Any) -> None:
    [file] = {each.get_object()["/UF"]: each.get_object() for each in reader.trailer["/Root"]["/AF"]}.values()
    assert file["/AFRelationship"] == "/Data"
    assert file["/UF"] == "record.json"
    assert file["/EF"]["/F"]["/Subtype"] == "/application/json"
    assert sha256(canonical(sample())) in file["/Desc"]


def test_all_fonts_are_embedded_subsets(reader: Any) -> None:
    names = set()
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
            assert "/ToUnicode" in font
            names.add(descriptor["/FontName"])
    assert names
    assert all(re.match(r"/[A-Z]{6}\+Atkinson", name) for name in names)


def test_there_is_no_image_that_could_ask_to_be_interpolated(reader: Any) -> None:
    assert [image for page in reader.pages for image in page.images] == []


def test_all_that_is_painted_is_marked_and_in_the_structure(reader: Any) -> None:
    """Text outside marked content, or marked and in no parent tree, is lost to a screen reader."""
    tree = reader.trailer["/Root"]["/StructTreeRoot"]["/ParentTree"]["/Nums"]
    listed = {int(tree[at]): tree[at + 1].get_object() for at in range(0, len(tree), 2)}
    for number, page in enumerate(reader.pages):
        depth, seen = 0, set()
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            if operator in (b"BDC", b"BMC"):
                depth += 1
                if operator == b"BDC" and "/MCID" in operands[1]:
                    seen.add(int(operands[1]["/MCID"]))
            elif operator == b"EMC":
                depth -= 1
            elif operator in (b"Tj", b"TJ"):
                assert depth, f"page {number + 1}: text that is not marked"
        assert page["/StructParents"] == number
        assert seen == set(range(len(listed[number])))


def test_headings_and_tables_can_be_followed_by_ear(reader: Any) -> None:
    assert len(tagged(reader, "/H1")) == 1
    assert len(tagged(reader, "/H2")) >= 8
    cells = tagged(reader, "/TD")
    assert len(cells) > 50
    assert all(cell["/A"]["/Headers"] for cell in cells)
    for part in tagged(reader, "/L"):
        assert {kid.get_object()["/S"] for kid in part["/K"]} == {"/LI"}


@pytest.mark.parametrize("how", [{}, {"minor": True}, {"text": "word " * 790}], ids=["plain", "minor", "long"])
def test_qpdf_finds_nothing_wrong(how: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "document.pdf"
    file.write_bytes(made(**how))
    done = subprocess.run(["qpdf", "--check", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# How long it takes, in a process that has drawn before


def shortest(record: Record, times: int, folder: Path | None = None) -> float:
    key = make_keys(folder, "long enough for a key of this document", "Clinic") if folder else None
    render(sample())
    spent = []
    for _ in range(times):
        start = time.process_time()
        drawn = render(record)
        if key:
            seal(drawn, key)
        spent.append(time.process_time() - start)
    return min(spent)


def test_a_sealed_document_takes_less_than_a_second(tmp_path: Path) -> None:
    assert shortest(sample(), 3, tmp_path / "keys") < 1


@pytest.mark.parametrize("text", ["word " * 800, "w" * 4000, "line\n" * 800], ids=["words", "one word", "lines"])
def test_the_longest_answers_take_less_than_two_seconds(text: str) -> None:
    assert shortest(sample(text=text), 3) < 2


def test_the_css_has_none_of_what_takes_minutes() -> None:
    css = (rendering.TEMPLATES / "consent" / "document" / "document.css").read_text(encoding="utf-8")
    assert "anywhere" not in css
    assert "url(" not in css


# What must be there before the app serves


@pytest.mark.django_db
def test_a_missing_library_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from weasyprint.text import ffi

    monkeypatch.setattr(ffi, "harfbuzz_subset", None)
    [problem] = [
        each for each in run_checks(tags=["serving"], include_deployment_checks=True) if each.id == "consent.E001"
    ]
    assert "libharfbuzz-subset" in problem.msg
    assert "apt install" in (problem.hint or "")


@pytest.mark.django_db
def test_a_machine_with_all_libraries_may_serve() -> None:
    assert rendering.missing_libraries() == []
    assert "consent.E001" not in {each.id for each in run_checks(tags=["serving"], include_deployment_checks=True)}


def test_poppler_is_here() -> None:
    assert shutil.which("pdftotext"), "apt install poppler-utils: what follows from it is tested with it"


@pytest.mark.parametrize("left_out", [{0}, {5}, {8}, {0, 1}])
def test_no_row_of_a_table_stands_alone_on_a_page(left_out: set[int]) -> None:
    """Without some sections of part 1, the table of part 2 meets the end of a page at other rows."""
    record = sample()
    sections = tuple(each for at, each in enumerate(record.statement.sections) if at not in left_out)
    texts = [
        plain(page.extract_text())
        for page in opened(render(replace(record, statement=replace(record.statement, sections=sections)))).pages
    ]
    rows = ("read about the lung", "I have read this", "I agree to have", "May a student", "May another person")
    there = [sum(row in text for row in rows) for text in texts if "Shown to the patient" in text or rows[-1] in text]
    assert sum(there) == len(rows)
    assert min(there) > 1
