"""Posts that nobody means well with, at every address that takes one; and other people's numbers. All is refused."""

from __future__ import annotations

import random
from collections import Counter
from urllib.parse import quote

import pytest

from clinic.domain.flow import Stage
from clinic.models import Role, User
from clinic.web.stale_forms import FIELD, form_key
from tests.support.door_table import DJANGOS_OWN, TABLE, TAKES_POSTS, expected, outcome, wrong_headers
from tests.support.factories import hold, make_patient, make_tablet, make_visit
from tests.support.full_clinic import ACTORS, OTHERS, STAFF, WholeClinic, doors
from tests.support.hostile import FORM, bodies
from tests.support.proof_size import size

pytestmark = pytest.mark.django_db

BODIES = bodies()
# Every how manieth body is sent to a door; each door begins with another.
EACH = [pytest.param(40, id="some"), pytest.param(size(4, 1), id="many", marks=pytest.mark.heavy)]
LATE = {"409"}  # a form made under another hold: nothing is saved, and the tablet says so
SWAPS = [pytest.param(200, id="some"), pytest.param(size(1_000, 10_000), id="many", marks=pytest.mark.heavy)]


def test_there_are_enough_bodies():
    assert len(BODIES) == len(set(BODIES)) >= 200
    assert len(TAKES_POSTS) > 40


@pytest.mark.parametrize("each", EACH)
def test_no_post_breaks_the_server(whole: WholeClinic, each: int):
    broke, asked = [], Counter[int]()
    for number, door in enumerate(TAKES_POSTS):
        actor = TABLE[door.name].who[0]
        for at in range(number % each, len(BODIES), each):
            body, kind = BODIES[at]
            answer = whole.ask(actor, "POST", whole.address(door), data=body, content_type=kind)
            asked[answer.status_code] += 1
            if answer.status_code >= 500 or any(each in answer.content for each in DJANGOS_OWN):
                broke.append(f"{door.name}: body {at} gave {answer.status_code}")
            broke += [f"{door.name}: body {at}: {wrong}" for wrong in wrong_headers(answer, door.name)]
    assert not broke, "\n".join(broke[:40])
    assert asked.total() > len(TAKES_POSTS) * len(BODIES) // each - len(TAKES_POSTS)


def swapped(whole: WholeClinic, times: int, actors: tuple[str, ...] = ACTORS) -> tuple[list[str], Counter[str]]:
    """Have whoever may not open a page ask for it with the number of somebody's record; a tablet sends others' keys.

    Return who was shown anything of somebody else's, and how many were refused and let in.
    """
    canaries = [f"Canary{number:02d}" for number in range(10)]
    visits = [make_visit(make_patient(f"{name} Foreign"), stage=Stage.ANSWERING) for name in canaries]
    keys = [form_key(hold(visit, make_tablet()[0])) for visit in visits]
    chance, told, leaked = random.Random(6), Counter[str](), []
    pairs = [(door, actor) for door in doors() for actor in actors if actor not in TABLE[door.name].who]
    if "answering" in actors:
        pairs += [(door, "answering") for door in doors() if "answering" in TABLE[door.name].who] * 20
    for _ in range(times):
        door, actor = chance.choice(pairs)
        number = chance.randrange(len(visits))
        pk = visits[number].patient_id if "patients" in door.pattern else visits[number].pk
        address = "/" + door.pattern
        for name in door.takes:
            value = pk if name in ("pk", "visit", "patient", "event") else whole.own(door, name)
            for sort in ("int", "slug", "str"):
                address = address.replace(f"<{sort}:{name}>", str(value))
        method = chance.choice(("GET", "POST"))
        form = f"visit={pk}&patient={pk}&hold={pk}&{FIELD}={keys[number]}" if method == "POST" else ""
        answer = whole.ask(actor, method, f"{address}?visit={pk}&patient={pk}", data=form, content_type=FORM)
        if any(name.encode() in answer.content for name in canaries):
            leaked.append(f"{actor}: {method} {address}")
        if OTHERS.get(actor, actor) not in TABLE[door.name].who:
            refused = expected(TABLE[door.name], actor, method, door) | LATE
            told["refused" if outcome(answer) in refused else "let in"] += 1
    return leaked, told


@pytest.mark.parametrize("times", SWAPS)
def test_other_peoples_numbers_lead_to_nothing(whole: WholeClinic, times: int):
    leaked, told = swapped(whole, times)
    assert not leaked
    assert told["refused"]
    assert not told["let in"]


def test_with_every_role_for_everybody_other_peoples_numbers_lead_to_them(
    whole: WholeClinic, monkeypatch: pytest.MonkeyPatch
):
    """The control."""
    monkeypatch.setattr(User, "roles", property(lambda user: frozenset(Role)))
    leaked, told = swapped(whole, 150, STAFF)
    assert leaked
    assert told["let in"]


@pytest.mark.parametrize("odd", ["9" * 5_000, str(2**64), "1e400", "nan", "\0", "-1", "٣"])
def test_odd_numbers_in_an_address_break_nothing(whole: WholeClinic, odd: str):
    asked = quote(odd)
    for address in ("/queue/", "/queue/news/", "/board/", "/board/news/"):
        query = "&".join(f"{name}={asked}" for name in ("rows", "at", "day", "page", "before", "made"))
        assert whole.ask("practitioner", "GET", f"{address}?{query}").status_code == 200
    query = "&".join(f"{name}={asked}" for name in ("visit", "before", "after", "since", "who"))
    assert whole.ask("manager", "GET", f"/manage/journal/?{query}").status_code in (200, 422)
    assert whole.ask("reception", "GET", f"/visits/{asked}/").status_code == 404
