"""What the forms of the review share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from clinic.web.fields import PlainForm


def area(rows: int = 2) -> forms.Textarea:
    """Return a box of several lines."""
    return forms.Textarea({"rows": rows})


class OnDesk(PlainForm):
    """One of several forms on a page: its ids carry a prefix, while its controls keep their plain names."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, ids: str, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, auto_id=f"id_{ids}_%s", initial=initial)
