"""Signing on the pad: by mouse, finger, stylus and keys, undone, cleared, turned, given back after a refused post."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.support.sample_pages")]


@pytest.fixture
def pad(live_server: Any, page: Any, offline_guard: list[str]) -> Any:
    """Open the signing page; give the pad's canvas."""
    page.goto(f"{live_server.url}/sample/sign/")
    return page.locator("canvas")


def strokes(page: Any) -> list[list[list[int]]]:
    """Return what the form would send now."""
    text = page.locator("[name=strokes]").input_value()
    return json.loads(text) if text else []


def draw(page: Any, pad: Any, *places: tuple[float, float]) -> None:
    """Draw with the mouse through places given as parts of the pad's width and height."""
    box = pad.bounding_box()
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def inked(pad: Any) -> int:
    """Count the dots of ink on the pad."""
    dots: int = pad.evaluate(
        "one => one.getContext('2d').getImageData(0, 0, one.width, one.height).data"
        ".filter((value, place) => place % 4 === 3 && value).length"
    )
    return dots


def status(page: Any) -> str:
    words: str = page.locator(".signature [role=status]").inner_text()
    return words


def test_mouse_draws_whole_numbers_in_the_fixed_box(page: Any, pad: Any) -> None:
    assert status(page) == "Signature is empty"
    assert inked(pad) == 0
    draw(page, pad, (0.1, 0.5), (0.5, 0.25), (0.9, 0.75))
    (stroke,) = strokes(page)
    assert len(stroke) > 5
    assert all(type(number) is int for point in stroke for number in point)
    assert stroke[0][:2] == pytest.approx([60, 100], abs=3)
    assert stroke[-1][:2] == pytest.approx([540, 150], abs=3)
    assert [moment for _, _, moment in stroke] == sorted(moment for _, _, moment in stroke)
    assert status(page) == "Signature drawn"
    assert inked(pad) > 100


def test_a_line_that_leaves_the_pad_stays_in_the_box(page: Any, pad: Any) -> None:
    draw(page, pad, (0.5, 0.5), (1.3, 2.0))
    (stroke,) = strokes(page)
    assert all(0 <= x <= 600 and 0 <= y <= 200 for x, y, _ in stroke)
    assert stroke[-1][:2] == [600, 200]


def test_finger_draws_and_the_page_does_not_scroll(page: Any, pad: Any) -> None:
    page.evaluate("document.querySelector('main').style.paddingBottom = '200vh'")
    box = pad.bounding_box()
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float, int]) -> None:
        spots = [{"x": box["x"] + x, "y": box["y"] + y, "id": finger} for x, y, finger in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    send("touchStart", (60, 150, 0))
    for step in range(1, 12):
        send("touchMove", (60 + 30 * step, 150 - 10 * step, 0))
    send("touchEnd")
    (stroke,) = strokes(page)
    assert len(stroke) > 5
    assert page.evaluate("scrollY") == 0


def test_a_second_finger_or_a_resting_hand_draws_nothing(page: Any, pad: Any) -> None:
    box = pad.bounding_box()
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float, int]) -> None:
        spots = [{"x": box["x"] + x, "y": box["y"] + y, "id": finger} for x, y, finger in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    send("touchStart", (60, 60, 0))
    send("touchStart", (60, 60, 0), (400, 120, 1))
    for step in range(1, 8):
        send("touchMove", (60 + 10 * step, 60, 0), (400 - 10 * step, 120, 1))
    send("touchEnd")
    (stroke,) = strokes(page)
    left_edge = 400 * 600 / box["width"] - 120
    assert all(x < left_edge for x, _, _ in stroke)


def test_a_stylus_draws_and_takes_over_from_the_hand_that_rests(page: Any, pad: Any) -> None:
    box = pad.bounding_box()
    device = page.context.new_cdp_session(page)
    finger = {"x": box["x"] + 400, "y": box["y"] + 120, "id": 0}
    device.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [finger]})

    def stylus(kind: str, x: float, y: float) -> None:
        where = {"x": box["x"] + x, "y": box["y"] + y, "button": "left", "buttons": 1, "clickCount": 1}
        device.send("Input.dispatchMouseEvent", {"type": kind, **where, "pointerType": "pen", "force": 0.5})

    stylus("mousePressed", 40, 60)
    for step in range(1, 10):
        stylus("mouseMoved", 40 + 12 * step, 60 + 4 * step)
    stylus("mouseReleased", 148, 96)
    (stroke,) = strokes(page)
    assert len(stroke) > 5
    assert max(x for x, _, _ in stroke) < 300 * 600 / box["width"]
    device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert strokes(page) == [stroke]


def test_keys_draw_as_well(page: Any, pad: Any, axe: Callable[[Any], None]) -> None:
    hint = page.get_by_text("The arrow keys move the pen.")
    assert not hint.is_visible()
    page.get_by_label("Draw").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('canvas')")
    assert hint.is_visible()
    axe(page)

    keys = page.keyboard
    for key in ("ArrowRight", "ArrowDown"):
        keys.press(key)
    assert strokes(page) == [], "the pen was in the air"
    assert inked(pad) > 0, "nobody sees where the pen is"
    keys.press("Space")
    assert status(page) == "The pen is down"
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowLeft"):
        keys.press(key)
    keys.press("Space")
    assert status(page) == "Signature drawn"
    (stroke,) = strokes(page)
    assert [point[:2] for point in stroke] == [[72, 132], [84, 132], [96, 132], [96, 120], [92, 120]]
    assert [moment for _, _, moment in stroke] == sorted(moment for _, _, moment in stroke)

    keys.press("ArrowRight")
    keys.press("Space")
    keys.press("ArrowDown")
    keys.press("Tab")  # on to "Undo", with the pen still down
    assert [len(each) for each in strokes(page)] == [5, 2]
    assert status(page) == "Signature drawn"
    keys.press("Enter")
    assert strokes(page) == [stroke]
    assert page.evaluate("scrollY") == 0


def test_undo_takes_the_last_line_and_clear_takes_all(page: Any, pad: Any) -> None:
    draw(page, pad, (0.1, 0.3), (0.4, 0.3))
    first = strokes(page)
    draw(page, pad, (0.5, 0.3), (0.9, 0.3))
    draw(page, pad, (0.5, 0.6), (0.9, 0.6))
    assert len(strokes(page)) == 3
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    assert strokes(page) == first
    draw(page, pad, (0.5, 0.6), (0.9, 0.6))
    page.get_by_role("button", name="Clear").click()
    assert strokes(page) == []
    assert status(page) == "Signature is empty"
    assert inked(pad) == 0


def test_turning_the_tablet_keeps_the_signature(page: Any, pad: Any) -> None:
    draw(page, pad, (0.1, 0.5), (0.9, 0.5))
    before, size, width = strokes(page), page.viewport_size, pad.evaluate("one => one.width")
    page.set_viewport_size({"width": size["height"] // 2, "height": size["width"]})
    page.wait_for_function(  # painted anew for its new size, so that the line stays sharp
        "() => { const pad = document.querySelector('canvas');"
        " return pad.width === Math.round(pad.clientWidth * devicePixelRatio) }"
    )
    assert pad.evaluate("one => one.width") != width
    assert strokes(page) == before
    assert inked(pad) > 100
    box = pad.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(3, abs=0.05)


def test_a_refused_post_gives_the_signature_back(page: Any, pad: Any) -> None:
    draw(page, pad, (0.1, 0.5), (0.9, 0.5))
    drawn = strokes(page)
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.get_by_role("button", name="I agree").click()
    assert answer.value.status == 422
    assert "act=agree" in answer.value.request.post_data
    page.locator(".error-summary").wait_for()
    assert strokes(page) == drawn
    assert status(page) == "Signature drawn"
    assert inked(pad) > 100
    draw(page, pad, (0.1, 0.8), (0.9, 0.8))
    moments = [moment for stroke in strokes(page) for _, _, moment in stroke]
    assert moments == sorted(moments)


def start_again_with(page: Any, drawn: list[list[list[int]]]) -> None:
    """Put a pad in place of this one, as after a refused post that gave ``drawn`` back."""
    page.evaluate(
        "text => { document.querySelector('[name=strokes]').value = text;"
        " const old = document.querySelector('[data-signature]');"
        " const fresh = old.cloneNode(true);"
        " old.replaceWith(fresh);"
        " startPad(fresh) }",
        json.dumps(drawn),
    )


def test_no_more_points_are_kept_than_the_server_takes(page: Any, pad: Any) -> None:
    start_again_with(page, [[[n % 600, n % 200, n * 20] for n in range(9_000)]])
    kept = page.locator("[name=strokes]").input_value()
    assert 500 < len(json.loads(kept)[0]) <= 4_000
    assert json.loads(kept)[0][-1][2] == 8_999 * 20, "the line lost its end"
    assert len(kept) <= 65_536


def test_no_more_strokes_are_kept_than_the_server_takes(page: Any, pad: Any) -> None:
    start_again_with(page, [[[n, n, n], [n + 5, n, n]] for n in range(49)])
    for height in (0.7, 0.8, 0.9):
        draw(page, page.locator("canvas"), (0.1, height), (0.9, height))
    assert len(strokes(page)) == 50


def test_pad_is_named_and_typing_is_as_near(page: Any, pad: Any, axe: Callable[[Any], None]) -> None:
    assert pad.get_attribute("role") == "application", "else the keys of a screen reader never reach it"
    assert pad.get_attribute("aria-label")
    assert "arrow keys" in page.locator(f"#{pad.get_attribute('aria-describedby').split()[0]}").text_content()
    assert not page.get_by_label("Your name").is_visible()
    axe(page)
    page.get_by_label("Type").check()
    assert page.get_by_label("Your name").is_visible()
    assert not pad.is_visible()
    axe(page)


def test_without_scripts_the_pad_is_away_and_typing_is_there(live_server: Any, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    bare = context.new_page()
    bare.goto(f"{live_server.url}/sample/sign/")
    assert not bare.locator("canvas").is_visible()
    assert bare.get_by_label("Your name").is_visible()
    context.close()
