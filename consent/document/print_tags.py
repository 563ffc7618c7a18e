"""How a document says which way a piece of text is read. Where it goes without saying, nothing is said.

Each element and attribute costs WeasyPrint time, and names and numbers of plain letters cannot disturb a line that is
read from left to right.
"""

from __future__ import annotations

from django import template
from django.utils.html import format_html

from consent.document.fonts import reads_right_to_left

register = template.Library()


@register.filter
def isolated(text: str) -> str:
    """Return ``text`` such that it cannot reorder what stands around it, whatever letters it has."""
    if text.isascii():
        return text
    way = "rtl" if reads_right_to_left(text) else "ltr"
    return format_html('<bdi dir="{}">{}</bdi>', way, text)


@register.filter
def direction(text: str) -> str:
    """Return the attribute for an element that holds ``text`` alone: `` dir="rtl"``, or nothing."""
    return "" if text.isascii() or not reads_right_to_left(text) else format_html(' dir="{}"', "rtl")
