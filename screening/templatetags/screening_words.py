"""Regions in words, for templates."""

from __future__ import annotations

from collections.abc import Iterable

from django import template

from screening.questions import region_words

register = template.Library()


@register.filter
def region_list(names: Iterable[str]) -> str:
    """Return regions as a list in words, with a capital first letter: "Left calf, right shin"."""
    said = ", ".join(region_words(name) for name in names)
    return said[:1].upper() + said[1:]
