"""What goes beyond what: asked in one place, for the signature, the clearance, a course and a session."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.domain.body_regions import CONCRETE
from screening.domain.scope import ONLY_BY_NAME, Scope, ScopePart

DAY = dt.date(2026, 12, 1)
AGREED = Scope.of(
    ["left_calf", "neck"],
    technique="superficial",
    depth="superficial",
    electro=False,
    visits=3,
    practitioner=7,
    last_day=DAY,
)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"regions": frozenset({"left_calf", "right_calf"})}, ScopePart.REGION),
        ({"muscles": frozenset({"psoas"})}, ScopePart.MUSCLE),
        ({"technique": "pistoning"}, ScopePart.TECHNIQUE),
        ({"depth": "deep"}, ScopePart.DEPTH),
        ({"electro": True}, ScopePart.ELECTRO),
        ({"visits": 4}, ScopePart.VISITS),
        ({"practitioner": 8}, ScopePart.PRACTITIONER),
        ({"last_day": DAY + dt.timedelta(days=1)}, ScopePart.LAST_DAY),
    ],
)
def test_each_part_is_beyond_by_itself_and_said_in_words(change: dict[str, Any], part: ScopePart):
    more = replace(AGREED, **change)
    assert AGREED.exceeded_by(more) == (part,)
    assert len(AGREED.beyond_in_words(more)) == 1


def test_less_than_was_agreed_is_never_beyond_it():
    deep = replace(AGREED, depth="deep", electro=True)
    less = Scope.of(["neck"], technique="superficial", depth="superficial", electro=False, visits=1, practitioner=7)
    assert deep.exceeded_by(less) == ()


def test_a_region_without_a_side_means_both():
    assert Scope.of(["calf"]).exceeded_by(Scope.of(["left_calf"])) == ()
    assert Scope.of(["left_calf"]).exceeded_by(Scope.of(["calf"])) == (ScopePart.REGION,)


@pytest.mark.parametrize("muscle", sorted(ONLY_BY_NAME))
def test_a_region_covers_its_muscles_but_those_that_cannot_be_pressed(muscle: str):
    region = Scope.of(["abdomen"])
    assert region.exceeded_by(Scope.of(["abdomen"], ["gastrocnemius"])) == ()
    assert region.exceeded_by(Scope.of(["abdomen"], [muscle])) == (ScopePart.MUSCLE,)
    assert Scope.of(["abdomen"], [muscle]).exceeded_by(Scope.of(["abdomen"], [muscle])) == ()


def test_where_muscles_are_named_no_other_is_covered():
    assert Scope.of(["left_calf"], ["soleus"]).exceeded_by(Scope.of(["left_calf"], ["gastrocnemius"])) == (
        ScopePart.MUSCLE,
    )


scopes = st.builds(
    Scope,
    regions=st.frozensets(st.sampled_from(CONCRETE), max_size=4),
    muscles=st.frozensets(st.sampled_from(["psoas", "soleus"])),
    technique=st.sampled_from(["", "superficial", "pistoning"]),
    depth=st.sampled_from(["", "superficial", "deep"]),
    electro=st.none() | st.booleans(),
    visits=st.none() | st.integers(1, 12),
    practitioner=st.none() | st.integers(1, 3),
    last_day=st.none() | st.dates(),
)


@given(scopes, scopes)
def test_nothing_is_beyond_itself_nor_beyond_what_was_left_open(one: Scope, other: Scope):
    assert one.exceeded_by(one) == ()
    assert Scope().exceeded_by(other) == ()
    assert one.exceeded_by(Scope()) == ()
    assert bool(one.exceeded_by(other)) == bool(one.beyond_in_words(other))


@given(scopes)
def test_it_is_kept_as_json_and_read_back(scope: Scope):
    assert Scope.from_json(scope.to_json()) == scope
