"""A thousand posts that Hypothesis made up, at every address that takes one: none breaks the server or leaves it.

Their names are those of the page's own forms and of all others; their values are what the form holds, what nobody means
well with (`tests/support/hostile.py`), and any text at all.
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import html  # type: ignore[import-untyped]

from screening import actions
from tests.support.door_table import DJANGOS_OWN, TABLE, TAKES_POSTS, wrong_headers
from tests.support.full_clinic import Door, WholeClinic
from tests.support.hostile import FORM, NAMES, VALUES
from tests.support.proof_size import RELEASE, size

pytestmark = pytest.mark.django_db

EACH = size(100, 5_000)
HOW = settings(
    max_examples=EACH,
    derandomize=not RELEASE,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def outbound(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give what the process tried to connect to."""
    asked: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


def of_its_forms(whole: WholeClinic, door: Door) -> dict[str, list[str]]:
    """Return the names of a page's own forms, each with what it holds."""
    answer = whole.ask(TABLE[door.name].who[0], "GET", whole.address(door))
    found: dict[str, list[str]] = {}
    if answer.status_code == 200 and b"<form" in answer.content:
        for form in html.fromstring(answer.content).xpath("//form"):
            buttons = [(each.get("name"), each.get("value", "")) for each in form.xpath(".//button[@name]")]
            for name, value in [*form.form_values(), *buttons]:
                found.setdefault(name, []).append(value)
            found |= {name: found.get(name, []) for name in form.fields if name}
    return found


def bodies(own: dict[str, list[str]]) -> st.SearchStrategy[bytes]:
    """Return posts of such a form, some of its values as it holds them."""
    values = st.sampled_from(VALUES) | st.text(max_size=40) | st.integers().map(str)
    held = {name: st.sampled_from(said) | values if said else values for name, said in own.items()}
    some = st.fixed_dictionaries({}, optional=held)
    more = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=12), values, max_size=4)
    return st.tuples(some, more).map(lambda both: _encoded({**both[0], **both[1]}))


def _encoded(said: dict[str, str]) -> bytes:
    """Return it as a form sends it; half of a surrogate pair, which no form can send, too."""
    return urlencode({_bytes(name): _bytes(value) for name, value in said.items()}).encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def broken_by(whole: WholeClinic, door: Door, body: bytes, came: Counter[int]) -> list[str]:
    answer = whole.ask(TABLE[door.name].who[0], "POST", whole.address(door), data=body, content_type=FORM)
    came[answer.status_code] += 1
    wrong = wrong_headers(answer, door.name)
    if answer.status_code >= 500 or any(each in answer.content for each in DJANGOS_OWN):
        wrong.append(f"gave {answer.status_code}")
    return wrong


def post(whole: WholeClinic, door: Door) -> None:
    """Send so many posts to a door. Raise for the first that breaks the server, made as short as it can be."""
    came = Counter[int]()

    @HOW
    @given(bodies(of_its_forms(whole, door)))
    def each(body: bytes) -> None:
        assert not broken_by(whole, door, body, came), body

    each()
    assert came.total() >= EACH * 9 // 10, came


@pytest.mark.heavy
@pytest.mark.parametrize("door", TAKES_POSTS, ids=lambda door: door.name)
def test_no_post_that_was_made_up_breaks_the_server(whole: WholeClinic, door: Door, outbound: list[Any]) -> None:
    post(whole, door)
    assert not outbound


@pytest.mark.heavy
def test_a_view_that_breaks_and_asks_another_machine_is_found(
    whole: WholeClinic, outbound: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(actions, "ask", lambda **said: socket.create_connection(("127.0.0.1", 9)))
    with pytest.raises(AssertionError, match="gave 500"):
        post(whole, next(door for door in TAKES_POSTS if door.name == "ask"))
    assert outbound
