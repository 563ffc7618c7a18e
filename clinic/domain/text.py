"""What text may hold: plain characters only, in one normal form. Pure: no Django."""

from __future__ import annotations

import unicodedata

LONGEST_TEXT = 4_000
LONGEST_FORM = 32_000


class HiddenCharacter(ValueError):
    """Text holds a character that nobody sees."""


# Overrides and isolates that make text read differently from what it is.
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINE_ENDS = frozenset("\n\t")


def refused(letter: str) -> bool:
    """Whether a character is refused: controls (line ends and tabs aside), bidi overrides, surrogates and the like."""
    if letter in LINE_ENDS:
        return False
    return letter in BIDI or unicodedata.category(letter) in ("Cc", "Cs", "Co") or ord(letter) & 0xFFFE == 0xFFFE


def name_of(letter: str) -> str:
    """Name a character for a message: ``U+202E right-to-left override``."""
    return f"U+{ord(letter):04X} {unicodedata.name(letter, 'control character').lower()}"


def clean(text: str, *, longest: int = LONGEST_TEXT) -> str:
    """Return ``text`` in NFC with ``\\n`` line ends.

    Raise ``HiddenCharacter`` naming the character, ``ValueError`` with the length if it is too long.
    """
    plain = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if bad := next((letter for letter in plain if refused(letter)), None):
        raise HiddenCharacter(f"There is a hidden character ({name_of(bad)}). Take it out and send again.")
    if len(plain) > longest:
        raise ValueError(f"This is too long: {len(plain):,} characters. At most {longest:,} are allowed.")
    return plain
