"""A drawn signature: strokes as JSON in a fixed box, decoded, bounded and drawn again. Pure: no Django.

Nothing else is accepted from a tablet: an image or an SVG could carry a script, a bomb or another person's data. The
limits, and what is too little ink for a signature or too fast, are design judgements.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

WIDTH, HEIGHT = 600, 200  # the box, in its own units
MAX_STROKES, MAX_POINTS, MAX_BYTES = 50, 4_000, 65_536
LEAST_INK = 60  # units of line drawn: a tenth of the box's width
LEAST_POINTS = 5
LEAST_MS = 150  # from the first point to the last: no hand draws that much ink faster, a program does
MAX_MS = 24 * 60 * 60 * 1000

Point = tuple[int, int, int]
Strokes = tuple[tuple[Point, ...], ...]


@dataclass(frozen=True)
class Signed:
    """One signature. ``method``: ``drawn`` (then it has strokes), ``typed``, ``assisted`` or ``tapped``.

    An assisted one says what the person ``did``; ``witness`` is the id of the staff member who saw it.
    """

    capacity: str
    name: str
    method: str
    strokes: Strokes = ()
    relationship: str = ""  # of a guardian, to the patient
    did: str = ""  # spoke, nodded or marked
    witness: int | None = None


def decode(text: str) -> Strokes:
    """Return the strokes in ``text``: ``[[[x, y, ms], …], …]``, integers, x 0-600, y 0-200, ms since the first point.

    Raise ``ValueError``, in words for the signer, if it is anything else, too large, too little ink, or too fast.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ValueError("Your drawing is too large. Clear it and sign again, or type your name.")
    try:
        raw = json.loads(text, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("Your drawing could not be read. Clear it and sign again, or type your name.") from None
    strokes = _bounded(raw)
    if not enough_ink(strokes):
        raise ValueError("Sign with more than a dot or a short line, or type your name.")
    if not by_hand(strokes):
        raise ValueError("That was very quick. Clear it and draw once more, or type your name.")
    return strokes


def _refuse(number: str) -> None:
    raise ValueError(number)


def _bounded(raw: object) -> Strokes:
    if not isinstance(raw, list) or len(raw) > MAX_STROKES or not all(isinstance(stroke, list) for stroke in raw):
        raise ValueError(f"A drawing has at most {MAX_STROKES} strokes. Clear it and sign again, or type your name.")
    if sum(len(stroke) for stroke in raw) > MAX_POINTS:
        raise ValueError(f"A drawing has at most {MAX_POINTS:,} points. Clear it and sign again, or type your name.")
    return tuple(tuple(_point(point) for point in stroke) for stroke in raw if stroke)


def _point(raw: object) -> Point:
    if (
        isinstance(raw, list)
        and len(raw) == 3
        and all(type(number) is int for number in raw)  # a bool is an int to isinstance
        and 0 <= raw[0] <= WIDTH
        and 0 <= raw[1] <= HEIGHT
        and 0 <= raw[2] <= MAX_MS
    ):
        return raw[0], raw[1], raw[2]
    raise ValueError("Your drawing left the box. Clear it and sign again, or type your name.")


def enough_ink(strokes: Strokes) -> bool:
    """Say whether this can be a signature: not blank, not dots, not one straight pull between two points."""
    places = {(x, y) for x, y, _ in chain.from_iterable(strokes)}
    ink = sum(math.dist(here[:2], there[:2]) for stroke in strokes for here, there in pairwise(stroke))
    return len(places) >= LEAST_POINTS and ink >= LEAST_INK


def by_hand(strokes: Strokes) -> bool:
    """Say whether it took as long as drawing by hand takes."""
    moments = [ms for _, _, ms in chain.from_iterable(strokes)]
    return bool(moments) and max(moments) - min(moments) >= LEAST_MS


def strokes_svg_path(strokes: Iterable[Sequence[Sequence[int]]]) -> str:
    """Return the ``d`` of an SVG path that draws the strokes in the box; a lone point becomes a dot."""
    return " ".join(_drawn([(point[0], point[1]) for point in stroke]) for stroke in strokes if stroke)


def _drawn(points: Sequence[tuple[int, int]]) -> str:
    (x, y), *rest = points
    return f"M{x} {y}" + "".join(f"L{x} {y}" for x, y in rest or [(x, y)])
