"""Ways to change a sealed PDF behind its seal's back, by family. Regular expressions and bytes: what an attacker has.

Families after the Ruhr University's attacks on signed PDF (2019-2021): incremental saving (ISA), universal signature
forgery (USF), signature wrapping (SWA), evil annotations on certified documents (EAA).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

BYTE_RANGE = re.compile(rb"/ByteRange ?\[ ?(\d+) (\d+) (\d+) (\d+) *\]")
Update = Callable[[IncrementalPdfFileWriter, random.Random], None]


@dataclass(frozen=True)
class Tampered:
    """A changed file, and how it was changed."""

    how: str
    pdf: bytes


class Victim:
    """A sealed PDF with what an attacker finds in it first: the gap that the signature leaves for itself."""

    def __init__(self, pdf: bytes) -> None:
        self.pdf = pdf
        found = BYTE_RANGE.search(pdf)
        assert found
        self.byte_range = found
        _, self.gap, self.after_gap, self.rest = map(int, found.groups())

    @property
    def contents(self) -> bytes:
        """The signature as it stands in the file: hex digits between < and >."""
        return self.pdf[self.gap : self.after_gap]

    def replaced(self, start: int, end: int, new: bytes) -> bytes:
        return self.pdf[:start] + new + self.pdf[end:]

    def updated(self, change: Update, rng: random.Random) -> bytes:
        """Return the file with a revision appended that makes ``change``, as a PDF editor appends one."""
        writer = IncrementalPdfFileWriter(BytesIO(self.pdf))
        change(writer, rng)
        out = BytesIO()
        writer.write(out)
        return out.getvalue()


# --- bytes ---------------------------------------------------------------------------------------------------------


def flipped(victim: Victim, rng: random.Random, count: int) -> Iterator[Tampered]:
    """Change one byte, anywhere in the file."""
    for _ in range(count):
        at, changed = rng.randrange(len(victim.pdf)), bytearray(victim.pdf)
        changed[at] ^= rng.randrange(1, 256)
        yield Tampered(f"flipped byte {at}", bytes(changed))


def gap_games(victim: Victim, rng: random.Random, count: int) -> Iterator[Tampered]:
    """Change the signature's own hex digits: their case, the padding, white space, any digit."""
    digits = victim.contents[1:-1]
    used = len(digits.rstrip(b"0"))
    letters = [at for at in range(used) if digits[at : at + 1] in b"ABCDEF"]
    for number in range(count):
        changed, kind = bytearray(digits), number % 6
        if kind == 0:
            at = rng.choice(letters)
            changed[at : at + 1] = changed[at : at + 1].lower()
        elif kind == 1:
            at = rng.randrange(used + 2, len(digits))
            changed[at : at + 1] = rng.choice([b"1", b"7", b"A", b"f"])
        elif kind == 2:
            at = rng.randrange(used + 2, len(digits))
            changed[at : at + 1] = rng.choice([b" ", b"\n", b"\t", b"\0"])
        elif kind == 3:
            at = rng.randrange(used)
            changed[at] = rng.choice([each for each in b"0123456789ABCDEF" if each != digits[at]])
        elif kind == 4:
            changed = bytearray(bytes(changed).lower())
            changed[rng.randrange(used + 2, len(digits))] = ord("0")
        else:
            hidden = rng.randbytes(20).hex().encode()
            at = rng.randrange(used + 2, len(digits) - len(hidden), 2)
            changed[at : at + len(hidden)] = hidden
        new = b"<%s>" % bytes(changed)
        if new != victim.contents:
            yield Tampered(f"gap game {kind}", victim.replaced(victim.gap, victim.after_gap, new))


def cut(victim: Victim, rng: random.Random, count: int) -> Iterator[Tampered]:
    """Cut the end off: one byte, a line, the seal's whole revision, or anything."""
    ends = [len(victim.pdf) - 1, victim.pdf.rfind(b"%%EOF"), victim.pdf.find(b"%%EOF") + 6, victim.gap]
    for number in range(count):
        end = ends[number] if number < len(ends) else rng.randrange(1, len(victim.pdf) - 1)
        yield Tampered(f"cut at {end}", victim.pdf[:end])


def appended(victim: Victim, rng: random.Random, count: int) -> Iterator[Tampered]:
    """Append bytes that are no revision: an empty line, a comment, noise, another end of file, the file itself."""
    for number in range(count):
        more = [
            b"\n",
            b"\n%% " + rng.randbytes(8).hex().encode(),
            rng.randbytes(rng.randrange(1, 400)),
            b"\n%%EOF\n",
            victim.pdf[-rng.randrange(20, 600) :],
            b" " * rng.randrange(1, 50),
        ][number % 6]
        yield Tampered(f"appended {number % 6}", victim.pdf + more)


def moved(victim: Victim, rng: random.Random, count: int) -> Iterator[Tampered]:
    """Put bytes in, take bytes out, or swap two pieces."""
    for number in range(count):
        at, size = rng.randrange(len(victim.pdf) - 400), rng.randrange(1, 200)
        there = victim.pdf[at : at + size]
        new = [rng.randbytes(size) + there, b"", there[::-1] if there[::-1] != there else b"x" + there][number % 3]
        yield Tampered(f"moved {number % 3}", victim.replaced(at, at + size, new))


# --- incremental saving attack (ISA), evil annotations (EAA) ------------------------------------------------------


def _metadata(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    writer.set_info(writer.add_object(generic.DictionaryObject({pdf_name("/Title"): pdf_string(f"{rng.random()}")})))


def _catalog(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    writer.root["/Lang"] = pdf_string(rng.choice(["fr", "de", "pl", "xx"]))
    writer.update_root()


def _page(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    reference, _ = writer.find_page_for_modification(0)
    page = reference.get_object()
    assert isinstance(page, generic.DictionaryObject)
    writer.mark_update(reference)
    return page


def _contents(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    text = b"BT /F1 12 Tf 72 %d Td (I agree to surgery) Tj ET" % rng.randrange(100, 700)
    _page(writer)["/Contents"] = writer.add_object(generic.StreamObject(stream_data=text))


def _annotation(writer: IncrementalPdfFileWriter, rng: random.Random, kind: str, **more: generic.PdfObject) -> None:
    box = generic.ArrayObject(map(generic.NumberObject, (50, 50, 50 + rng.randrange(50, 300), 200)))
    annotation = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name(kind),
            pdf_name("/Rect"): box,
            pdf_name("/Contents"): pdf_string(f"not what was signed {rng.random()}"),
            **{pdf_name(f"/{key}"): value for key, value in more.items()},
        }
    )
    page = _page(writer)
    held = page["/Annots"] if "/Annots" in page else generic.ArrayObject()
    page["/Annots"] = generic.ArrayObject([*held, writer.add_object(annotation)])


def _free_text(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    _annotation(writer, rng, "/FreeText", DA=pdf_string("/Helv 12 Tf 0 g"))


def _stamp(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    _annotation(writer, rng, "/Stamp", Name=pdf_name("/Approved"))


def _redact(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    _annotation(writer, rng, "/Redact")


def _note(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    _annotation(writer, rng, "/Text", Open=generic.BooleanObject(True))


def _link(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    action = {pdf_name("/S"): pdf_name("/URI"), pdf_name("/URI"): pdf_string("https://example.org/")}
    _annotation(writer, rng, "/Link", A=generic.DictionaryObject(action))


def _script(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    action = {pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): pdf_string(f"app.alert({rng.random()})")}
    writer.root["/OpenAction"] = generic.DictionaryObject(action)
    writer.update_root()


def _field(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    """Sneaky signature: another field, empty."""
    field = {
        pdf_name("/FT"): pdf_name("/Sig"),
        pdf_name("/T"): pdf_string(f"Second{rng.randrange(1000)}"),
        pdf_name("/Type"): pdf_name("/Annot"),
        pdf_name("/Subtype"): pdf_name("/Widget"),
        pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 200, 100))),
    }
    form = writer.root["/AcroForm"]
    form["/Fields"] = generic.ArrayObject([*form["/Fields"], writer.add_object(generic.DictionaryObject(field))])
    writer.update_root()


def _drop_form(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    del writer.root["/AcroForm"]
    writer.update_root()


def _drop_permissions(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    del writer.root["/Perms"]
    writer.update_root()


def _layers(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    writer.root["/OCProperties"] = generic.DictionaryObject({pdf_name("/OCGs"): generic.ArrayObject()})
    writer.update_root()


def _attachment(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    record = generic.StreamObject(stream_data=b'{"format":"dry-needling-consent/1"}' + rng.randbytes(4))
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    file = {pdf_name("/EF"): generic.DictionaryObject({pdf_name("/F"): writer.add_object(record)})}
    names[1] = writer.add_object(generic.DictionaryObject(file))
    writer.root["/Names"]["/EmbeddedFiles"]["/Names"] = names
    writer.update_container(names)


def _pages(writer: IncrementalPdfFileWriter, rng: random.Random) -> None:
    """Shadow: show the pages in another order, or fewer of them."""
    tree = writer.root["/Pages"]
    kids = list(tree["/Kids"])
    tree["/Kids"] = generic.ArrayObject(kids[1:] if rng.random() < 0.5 else kids[::-1])
    writer.update_container(tree)


ISA: dict[str, Update] = {
    "metadata": _metadata,
    "catalog": _catalog,
    "contents": _contents,
    "script": _script,
    "field": _field,
    "no form": _drop_form,
    "no permissions": _drop_permissions,
    "layers": _layers,
    "attachment": _attachment,
    "pages": _pages,
}
EAA: dict[str, Update] = {
    "free text": _free_text,
    "stamp": _stamp,
    "redaction": _redact,
    "note": _note,
    "link": _link,
}


def revised(victim: Victim, rng: random.Random, updates: dict[str, Update], count: int) -> Iterator[Tampered]:
    """Append revisions that a PDF reader takes for the present state."""
    names = list(updates)
    for number in range(count):
        name = names[number % len(names)]
        yield Tampered(f"revision: {name}", victim.updated(updates[name], rng))


def faked_revisions(victim: Victim, rng: random.Random, count: int) -> Iterator[Tampered]:
    """Append a revision by hand (ISA variants): whole, without a trailer or a table, with a copy of the signature."""
    last = int(re.findall(rb"startxref\s+(\d+)", victim.pdf)[-1])
    root, size = (int(re.findall(each, victim.pdf)[-1]) for each in (rb"/Root (\d+) 0 R", rb"/Size (\d+)"))
    for number in range(count):
        fake = b"%d 0 obj\n<< /Type /Note /Fake %d >>\nendobj\n" % (size, rng.randrange(10**6))
        start = len(victim.pdf) + 1
        end = b"startxref\n%d\n%%%%EOF\n" % (start + len(fake))
        table = b"xref\n%d 1\n%010d 00000 n \n" % (size, start)
        trailer = b"trailer\n<< /Size %d /Root %d 0 R /Prev %d >>\n" % (size + 1, root, last)
        more = [
            fake + table + trailer + end,
            fake + table + end,
            fake + trailer + end,
            fake,
            b"9 0 obj\n<< " + victim.byte_range.group() + b" /Contents " + victim.contents + b" >>\nendobj\n" + fake,
        ][number % 5]
        yield Tampered(f"faked revision {number % 5}", victim.pdf + b"\n" + more)


# --- universal signature forgery (USF), signature wrapping (SWA) ---------------------------------------------------


def forged(victim: Victim, rng: random.Random, count: int) -> Iterator[Tampered]:
    """Take from the signature what a program needs to judge it: no bytes, wrong bytes, no range, strange ranges."""
    start, end = victim.byte_range.span()
    for number in range(count):
        size = len(victim.contents)
        noise = b"<%s>" % rng.randbytes((size - 2) // 2).hex().upper().encode()
        ranges = [
            (0, 0, 0, 0),
            (0, victim.gap, victim.after_gap, victim.rest - rng.randrange(1, 60)),
            (0, victim.gap + rng.randrange(1, 400), victim.after_gap, victim.rest),
            (0, victim.gap, victim.after_gap, victim.rest + rng.randrange(1, 10**6)),
            (0, len(victim.pdf), len(victim.pdf), 0),
            (-1, victim.gap, victim.after_gap, victim.rest),
            (rng.randrange(1, 300), victim.gap, victim.after_gap, victim.rest),
        ]
        ways: list[tuple[int, int, bytes]] = [
            (victim.gap, victim.after_gap, b"<>".ljust(size)),
            (victim.gap, victim.after_gap, b"<00>".ljust(size)),
            (victim.gap, victim.after_gap, b"null".ljust(size)),
            (victim.gap, victim.after_gap, noise),
            (start, end, b"/ByteRnage".ljust(end - start)),
            (start, end, b"/ByteRange [ ]".ljust(end - start)),
            (start, end, b"/ByteRange null".ljust(end - start)),
            *(
                (start, end, (b"/ByteRange [%d %d %d %d]" % each).ljust(end - start)[: max(end - start, 1)])
                for each in ranges
            ),
        ]
        at, to, new = ways[number % len(ways)]
        changed = victim.replaced(at, to, new)
        if number % len(ways) == 3 or number >= len(ways):  # and something in the document besides
            place = rng.randrange(100, victim.gap - 100)
            changed = changed[:place] + rng.randbytes(3) + changed[place + 3 :]
        yield Tampered(f"forgery {number % len(ways)}", changed)


def wrapped(victim: Victim, rng: random.Random, count: int) -> Iterator[Tampered]:
    """Move what was signed behind the attacker's own bytes, and let a second signature object point there (SWA)."""
    for number in range(count):
        if number % 2 == 0:
            yield Tampered("wrapped, with a table", _wrapped(victim, rng))
            continue
        evil = b"\n1 0 obj\n<< /Type /Catalog /Evil %d >>\nendobj\n" % rng.randrange(10**6)
        yield Tampered("wrapped", victim.replaced(victim.after_gap, victim.after_gap, evil))


def _wrapped(victim: Victim, rng: random.Random) -> bytes:
    """Return the file with the signed tail moved. Where its table of objects stood there is now the attacker's."""
    pdf, tail = victim.pdf, victim.pdf[victim.after_gap :]
    last = int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])
    before = int(re.findall(rb"startxref\s+(\d+)", pdf)[0])
    revision = pdf.find(b"%%EOF") + len(b"%%EOF")
    root, size = (int(re.findall(each, pdf)[-1]) for each in (rb"/Root (\d+) 0 R", rb"/Size (\d+)"))
    objects = {int(each.group(1)): each.start(1) for each in re.finditer(rb"(\d+) 0 obj", pdf[revision:])}
    signature = max((at, number) for number, at in objects.items() if revision + at < victim.byte_range.start())[1]

    def evil(shift: int, signature_at: int) -> bytes:
        entries = b""
        for number, found in sorted(objects.items()):
            at = revision + found
            at = signature_at if number == signature else at if at < victim.gap else at + shift
            entries += b"%d 1\n%010d 00000 n \n" % (number, at)
        table = b"xref\n" + entries
        table += b"trailer\n<< /Size %d /Root %d 0 R /Prev %d >>\n" % (size, root, before)
        second = b"%d 0 obj\n<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached " % signature
        second += b"/ByteRange [0 %d %010d %d] " % (victim.gap, victim.after_gap + shift, victim.rest)
        second += b"/Contents " + victim.contents + b" >>\nendobj\n"
        room = b" " * (last - victim.after_gap - 1) + b"\n"
        return room + table + second + b"%% " + b"x" * (shift % 97)

    first = evil(10**6, 10**6)
    shift = len(first) + rng.randrange(200)
    made = evil(shift, 0)
    made = evil(shift, victim.after_gap + made.find(b"%d 0 obj" % signature))
    return pdf[: victim.after_gap] + made.ljust(shift) + tail


def is_readable(pdf: bytes) -> bool:
    """Say whether a PDF reader still opens the file and finds a signature in it."""
    try:
        return len(PdfFileReader(BytesIO(pdf), strict=False).embedded_signatures) > 0
    except Exception:
        return False
