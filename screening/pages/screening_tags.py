"""Regions in words, and why a visit is back in review, for templates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template

from clinic.domain.body_regions import region_words
from clinic.models import Visit
from screening.assessment import clearance_state
from screening.domain.clearance import LapseReason

register = template.Library()


@register.filter
def region_list(names: Iterable[str]) -> str:
    """Return regions as a list in words, with a capital first letter: "Left calf, right shin"."""
    words = ", ".join(region_words(name) for name in names)
    return words[:1].upper() + words[1:]


@register.inclusion_tag("screening/desk/lapse.html")
def lapse_of(visit: Visit) -> dict[str, Any]:
    """Show why a visit that was cleared is back in review, if it is. Names no answer."""
    lapse = clearance_state.lapse_of(visit)
    return {"lapse": lapse, "why": [LapseReason(reason).words for reason in lapse.why] if lapse else []}
