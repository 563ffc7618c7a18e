"""How long records are kept: until when, by which country's rule, and the source of that rule. Pure: no Django."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

OF_AGE = 18


@dataclass(frozen=True)
class Pack:
    """One place's rule: ``years`` after the last contact, and of a child until ``child_until`` years of age.

    ``last_year_until``: the same for somebody in the last year before coming of age, where it differs.
    """

    label: str
    years: int
    child_until: int
    source: str
    last_year_until: int = 0


PACKS: Mapping[str, Pack] = {
    "england": Pack(
        "England", 8, 25, "NHS Records Management Code of Practice, which private physiotherapists follow (CSP)", 26
    ),
    "scotland": Pack("Scotland", 6, 25, "Scottish Government Records Management Code of Practice (CSP)", 26),
    "australia": Pack("Australia", 7, 25, "health records acts of New South Wales, Victoria and the ACT"),
    "california": Pack("California", 7, 19, "California Business and Professions Code, section 2620.7"),
    "india": Pack("India", 5, 21, "Clinical Establishments Act guideline; for children the IMA's advice"),
}


def birthday(born: dt.date, age: int) -> dt.date:
    """Return the day somebody turns ``age``: 1 March where it would be a 29 February that the year lacks."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return dt.date(born.year + age, 3, 1)


def keep_until(pack: Pack, *, last: dt.date, born: dt.date) -> dt.date:
    """Return the last day on which the record of somebody whose last contact was ``last`` has to be kept."""
    after = birthday(last, pack.years)
    if last >= birthday(born, OF_AGE):
        return after
    in_last_year = last >= birthday(born, OF_AGE - 1)
    return max(
        after, birthday(born, pack.last_year_until if in_last_year and pack.last_year_until else pack.child_until)
    )
