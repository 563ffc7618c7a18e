"""Which fonts the document may use, and what to print where none of them has a character.

Fontconfig gets a configuration of our own: the bundled Atkinson Hyperlegible first, then whatever outline fonts the
system has, for names in other scripts. Colour and bitmap fonts are left out,
which an archive copy cannot embed, and Type 1 fonts, which Pango cannot draw.
"""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

import fontpkg_atkinson_hyperlegible

FAMILY = "Atkinson Hyperlegible"

_CONFIGURATION = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{bundled}</dir>
  <dir>/usr/share/fonts</dir>
  <dir>/usr/local/share/fonts</dir>
  <dir prefix="xdg">fonts</dir>
  <cachedir>/var/cache/fontconfig</cachedir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <selectfont>
    <rejectfont><pattern><patelt name="color"><bool>true</bool></patelt></pattern></rejectfont>
    <rejectfont><pattern><patelt name="fontformat"><string>Type 1</string></patelt></pattern></rejectfont>
    <rejectfont><pattern><patelt name="scalable"><bool>false</bool></patelt></pattern></rejectfont>
  </selectfont>
</fontconfig>
"""


@contextmanager
def ours() -> Iterator[None]:
    """Let fontconfig, where it is loaded meanwhile in this process, read our configuration instead of the system's.

    The variable is put back afterwards, so that no other program that this process starts inherits it.
    """
    before = os.environ.get("FONTCONFIG_FILE")
    with tempfile.TemporaryDirectory(prefix="consent-fonts-") as folder:
        file = Path(folder) / "fonts.conf"
        bundled = escape(str(fontpkg_atkinson_hyperlegible.ROOT / "files"))
        file.write_text(_CONFIGURATION.format(bundled=bundled), encoding="utf-8")
        os.environ["FONTCONFIG_FILE"] = str(file)
        try:
            yield
        finally:
            if before is None:
                del os.environ["FONTCONFIG_FILE"]
            else:
                os.environ["FONTCONFIG_FILE"] = before


@cache
def _files() -> list[str]:
    """Return the files of the fonts that the document may use, ours first. Asks fontconfig, as Pango does."""
    with ours():
        from weasyprint.text.ffi import ffi, fontconfig

        configuration = fontconfig.FcInitLoadConfigAndFonts()
    found = fontconfig.FcConfigGetFonts(configuration, fontconfig.FcSetSystem)
    name, files = ffi.new("FcChar8 **"), []
    for font in found.fonts[0 : found.nfont]:
        fontconfig.FcPatternGetString(font, b"file", 0, name)
        files.append(os.fsdecode(ffi.string(name[0])))
    fontconfig.FcConfigDestroy(configuration)
    return files


@cache
def _characters(file: str) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(file, fontNumber=0, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())


@cache
def _drawable(point: int) -> bool:
    """Say whether any font has a code point. No more fonts are opened than it takes to find one."""
    return any(point in _characters(file) for file in _files())


# The joiners and the two plain direction marks draw nothing, and stay: names in Persian, Arabic and Hindi need them.
_INVISIBLE = frozenset("\u200c\u200d\u200e\u200f\u00ad\u2060\ufe0e\ufe0f\n")
_AS_CLOSE_AS = str.maketrans({"\t": " ", "\u2009": " ", "\u202f": "\u00a0", "\u2011": "-"})  # to the bundled font
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
MOST_NAMED = 8  # characters; a longer run is counted instead
MOST_LINES = 20  # line breaks kept in one text; more are shown as a pilcrow, or 4,000 of them would fill a book
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_NUMBER = re.compile(r"[0-9](?:[0-9.,:/–-]*[0-9])?")
_LONG_RUN = re.compile(r"\S{41,}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Matches what `printable` returns as it is: letters that the bundled font has, and no run that must be broken.
PLAIN = re.compile(r"(?!.*\S{41})[ -~]*").fullmatch
CHARACTERS = 4096  # whose properties a process keeps: more than any clinic's names have


def printable(text: str) -> str:
    """Return ``text`` with what cannot be printed as itself named instead: ``[U+5F20]``.

    That is every character that no font here has (an empty box would say nothing, and PDF/A forbids it), every control
    character but the line break, and the marks that reorder text, which could make a line read other than it is. The
    record has the text itself. Runs of more than 40 characters may be broken; the mark for it is neither drawn nor
    copied.
    A date, a dose or a phone number within right-to-left text gets a direction mark: without it, 2026-11-23 is drawn as
    23-11-2026.
    """
    text = text.translate(_AS_CLOSE_AS)
    if text.count("\n") > MOST_LINES:
        text = " ¶ ".join(text.splitlines())
    if not (text.isascii() and text.isprintable()):
        text = "".join(_named(run) if hidden else "".join(run) for hidden, run in groupby(text, _cannot_be_drawn))
    if not text.isascii() and any(map(_is_right_to_left, text)):
        text = _NUMBER.sub("\u200e\\g<0>", text)
    return _LONG_RUN.sub(_breakable, text)


def reads_right_to_left(text: str) -> bool:
    """Say whether the first letter of ``text`` that has a direction goes to the left."""
    strong = (character for character in text if unicodedata.bidirectional(character) in {"L", *_RIGHT_TO_LEFT})
    return _is_right_to_left(next(strong, "A"))


@lru_cache(CHARACTERS)
def _is_right_to_left(character: str) -> bool:
    return unicodedata.bidirectional(character) in _RIGHT_TO_LEFT


@lru_cache(CHARACTERS)
def _cannot_be_drawn(character: str) -> bool:
    if character in _INVISIBLE:
        return False
    return unicodedata.category(character) in _HIDDEN or not _drawable(ord(character))


def _named(run: Iterable[str]) -> str:
    names = [f"U+{ord(character):04X}" for character in run]
    if len(names) <= MOST_NAMED:
        return f"[{' '.join(names)}]"
    return f"[{len(names):,} characters that no font here can draw: they are in the attached record]"


def _breakable(run: re.Match[str]) -> str:
    """Let a long run be broken every twenty characters or so, as WeasyPrint needs seconds to find a place."""
    word = run[0]
    if _DIGEST.fullmatch(word):
        return word
    pieces = [word[start : start + 20] for start in range(0, len(word), 20)]
    return "".join(
        piece if not index or unicodedata.combining(piece[0]) or piece[0] in _INVISIBLE else "\u200b" + piece
        for index, piece in enumerate(pieces)
    )
