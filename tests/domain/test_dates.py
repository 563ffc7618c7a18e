"""Days and times are said in one way, by our code and by the templates."""

import datetime as dt

import pytest
from django.utils import dateformat

from clinic.domain.dates import day_in_words, moment_in_words


@pytest.mark.parametrize("month", range(1, 13))
def test_a_day_is_said_as_templates_say_it(month):
    day = dt.date(2026, month, 3)
    assert day_in_words(day) == dateformat.format(day, "j F Y")


def test_a_moment_of_today_needs_no_day():
    at = dt.datetime(2026, 12, 3, 14, 5)
    assert moment_in_words(at) == "3 December 2026, 14:05"
    assert moment_in_words(at, today=at.date()) == "14:05"
    assert moment_in_words(at, today=dt.date(2026, 12, 4)) == "3 December 2026, 14:05"
