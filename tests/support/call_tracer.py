"""Which functions of the product one act enters, in which order and how often.

An entry is one call of a function under the rooms; comprehensions, lambdas and module bodies are none, and a generator
that is resumed is no new one.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).resolve().parents[2]) + os.sep
ROOMS = ("clinic", "screening", "consent", "operations")
RESUMED = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR


class Trace:
    """``entered``: how often each "file:function" was, in the order of the first time."""

    def __init__(self) -> None:
        self.entered: Counter[str] = Counter()
        self._names: dict[Any, str | None] = {}
        self._generators: dict[int, Any] = {}  # kept, so that no id comes twice

    def __call__(self, frame: Any, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code not in self._names:
            self._names[code] = self._name(code)
        name = self._names[code]
        if name is None or (code.co_flags & RESUMED and id(frame) in self._generators):
            return
        if code.co_flags & RESUMED:
            self._generators[id(frame)] = frame
        self.entered[name] += 1

    @staticmethod
    def _name(code: Any) -> str | None:
        inside = code.co_filename.removeprefix(ROOT)
        if code.co_name.startswith("<") or inside.split(os.sep)[0] not in ROOMS or "migrations" in inside:
            return None
        return f"{inside}:{code.co_qualname}"


def traced(act: Callable[[], object]) -> Trace:
    """Return what ``act`` entered."""
    trace = Trace()
    sys.setprofile(trace)
    try:
        act()
    finally:
        sys.setprofile(None)
    return trace
