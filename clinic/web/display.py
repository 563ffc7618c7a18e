"""How pages look on the device that holds a visit. It follows from the visit's holds, so it ends with the patient."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from clinic.models import Hold, Tablet
from clinic.web.access import current_hold, current_tablet


@dataclass(frozen=True)
class Look:
    """``offered``: whether the page lets the patient choose. The choices are (value, words) pairs."""

    text_size: str = Hold.TextSize.NORMAL.value
    contrast: str = Hold.Contrast.NORMAL.value
    offered: bool = False

    text_sizes = Hold.TextSize.choices
    contrasts = Hold.Contrast.choices

    @classmethod
    def of(cls, hold: Hold | None, *, offered: bool) -> Look:
        """Return what was chosen in the visit of ``hold``; the normal look where nothing was, or without a hold."""
        text_size, contrast = hold.look if hold else ("", "")
        return cls(text_size or cls.text_size, contrast or cls.contrast, offered)


def _shown(request: HttpRequest, tablet: Tablet | None) -> Hold | None:
    """The hold whose look the page has. A GET ends none; a post may have ended it."""
    return current_hold(request) if request.method == "GET" else tablet.hold if tablet else None


def look(request: HttpRequest) -> Look:
    """Return how pages look on the device that asks."""
    tablet = getattr(request, "tablet", None) or current_tablet(request)
    hold = _shown(request, tablet)
    return Look.of(hold, offered=bool(hold))
