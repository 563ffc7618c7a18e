"""Mark the direction of text in a document, only where it is needed.

Each element and attribute costs WeasyPrint time, and ASCII text cannot disturb a line that is read from left to right.
"""

from __future__ import annotations

from django import template
from django.utils.html import format_html

from consent.document.fonts import reads_right_to_left

register = template.Library()


@register.filter
def isolated(text: str) -> str:
    """Return ``text`` such that it cannot reorder the text around it, in whatever script it is."""
    if text.isascii():
        return text
    way = "rtl" if reads_right_to_left(text) else "ltr"
    return format_html('<bdi dir="{}">{}</bdi>', way, text)


@register.filter
def direction(text: str) -> str:
    """Return the attribute for an element that holds ``text`` alone: `` dir="rtl"``, or ""."""
    return "" if text.isascii() or not reads_right_to_left(text) else format_html(' dir="{}"', "rtl")
