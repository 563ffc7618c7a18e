"""A drawn signature: what is taken, what is refused, and how it is drawn again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.domain import signature_strokes

LINE = [[[10 * i, 100 + (i % 3) * 5, 20 * i] for i in range(20)]]


def test_a_signature_is_taken_as_it_was_drawn():
    assert signature_strokes.decode(json.dumps(LINE)) == tuple(
        tuple(tuple(point) for point in stroke) for stroke in LINE
    )


@pytest.mark.parametrize(
    "drawn",
    [
        [],
        [[]],
        [[[300, 100, 0]]],
        [[[300, 100, 0]] * 400],
        [[[10, 100, 0], [500, 100, 900]]],
        [[[x, 100, x]] for x in range(0, 50, 5)],
        [[[300 + i, 100, i] for i in range(10)]],
    ],
    ids=["blank", "empty stroke", "one dot", "a dot pressed long", "two points", "dots in a row", "a short tick"],
)
def test_too_little_ink_is_refused(drawn):
    with pytest.raises(ValueError, match="more than a dot"):
        signature_strokes.decode(json.dumps(drawn))


@pytest.mark.parametrize("strokes_of", [1, 4], ids=["one stroke", "four strokes"])
def test_a_signature_faster_than_a_hand_is_refused_kindly(strokes_of):
    def drawn_in(ms):
        points = [[10 * i, 100 + (i % 3) * 5, 1000 + ms * i // 19] for i in range(20)]
        return json.dumps([points[at : at + 20 // strokes_of] for at in range(0, 20, 20 // strokes_of)])

    assert signature_strokes.decode(drawn_in(signature_strokes.LEAST_MS))
    with pytest.raises(ValueError, match="draw once more, or type your name"):
        signature_strokes.decode(drawn_in(signature_strokes.LEAST_MS - 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "null",
        "{}",
        '"<svg/>"',
        "[1, 2]",
        "[[1, 2]]",
        "[[[1, 2]]]",
        "[[[1, 2, 3, 4]]]",
        "[[[1.0, 2, 3]]]",
        "[[[NaN, 2, 3]]]",
        "[[[Infinity, 2, 3]]]",
        "[[[true, 2, 3]]]",
        '[[["1", 2, 3]]]',
        "[[[-1, 2, 3]]]",
        "[[[601, 2, 3]]]",
        "[[[1, 201, 3]]]",
        "[[[1, 2, -3]]]",
        "[[[1, 2, 1e9]]]",
        "[[[1, 2, 99999999999999999999999]]]",
        "[" * 30_000,
        "\ud800",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="drawing"):
        signature_strokes.decode(text)


def test_the_limits_are_the_ones_named():
    stroke = LINE[0]
    signature_strokes.decode(json.dumps([stroke] * signature_strokes.MAX_STROKES))
    with pytest.raises(ValueError, match="50 strokes"):
        signature_strokes.decode(json.dumps([stroke] * (signature_strokes.MAX_STROKES + 1)))
    point = [[i % 600, i % 200, i // 10] for i in range(signature_strokes.MAX_POINTS)]
    signature_strokes.decode(json.dumps([point], separators=(",", ":")))
    with pytest.raises(ValueError, match="4,000 points"):
        signature_strokes.decode(json.dumps([[*point, [1, 1, 400]]], separators=(",", ":")))
    with pytest.raises(ValueError, match="too large"):
        signature_strokes.decode(json.dumps(LINE) + " " * signature_strokes.MAX_BYTES)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 600), st.integers(0, 200), st.integers(0, 60_000)), max_size=30), max_size=50
    )
)
def test_whatever_fits_the_box_is_taken_or_is_too_little_ink_or_too_fast(drawn):
    text = json.dumps(drawn)
    made = tuple(map(tuple, drawn))
    if signature_strokes.enough_ink(made) and signature_strokes.by_hand(made):
        assert [list(stroke) for stroke in signature_strokes.decode(text)] == [stroke for stroke in drawn if stroke]
    else:
        with pytest.raises(ValueError, match=r"more than a dot|very quick"):
            signature_strokes.decode(text)


def test_it_is_drawn_as_lines_and_dots():
    assert (
        signature_strokes.strokes_svg_path([[[1, 2, 0], [3, 4, 5], [6, 7, 9]], [[8, 9, 20]], []])
        == "M1 2L3 4L6 7 M8 9L8 9"
    )
