"""Alternating rounds, and the claims about them.

Each contender is a process of its own, warm before the first round. A round runs every contender once, in changing
order, on a record that no earlier round had. A claim is a ratio of two contenders of the same rounds, judged twice: by
the ratio of their fastest rounds and by the median of the ratios of single rounds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import IO, NamedTuple, cast

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 3


class Sample(NamedTuple):
    """One run: seconds of processor time, seconds on the clock, bytes made, and the process's peak in bytes."""

    cpu: float
    wall: float
    size: int
    peak: int


class Missing(Exception):
    """A contender that this machine cannot run; the message says why."""


@dataclass
class Contender:
    """A named contender in its own process: ``python -m bench.contender NAME`` answers each number with a sample."""

    name: str
    samples: list[Sample] = field(default_factory=list)
    missing: str = ""

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.contender", self.name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            for number in range(WARM_UP):
                self.run(-number - 1)
        except Missing as reason:
            self.missing = str(reason)

    def run(self, number: int) -> Sample:
        """Run once, on the record of this number. Raise ``Missing`` if the contender says that it cannot run."""
        print(number, file=cast(IO[str], self._process.stdin), flush=True)
        answer = json.loads(cast(IO[str], self._process.stdout).readline() or '{"missing": "its process ended"}')
        if "missing" in answer:
            raise Missing(answer["missing"])
        return Sample(**answer)

    def stop(self) -> None:
        cast(IO[str], self._process.stdin).close()
        self._process.wait(timeout=30)

    def figures(self, of: str = "cpu") -> list[float]:
        return [getattr(sample, of) for sample in self.samples]


def alternate(contenders: list[Contender], rounds: int) -> None:
    """Run all contenders ``rounds`` times, in turns; one that cannot run is marked as missing."""
    for contender in contenders:
        contender.start()
    able = [contender for contender in contenders if not contender.missing]
    for number in range(rounds):
        turn = number % len(able) if able else 0
        for contender in able[turn:] + able[:turn]:
            contender.samples.append(contender.run(number))
    for contender in contenders:
        contender.stop()


@dataclass(frozen=True)
class Claim:
    """The claim that one figure is at most ``bound`` times another; ``by_minima`` and ``by_rounds``: the two ratios."""

    words: str
    bound: float | None
    by_minima: float | None
    by_rounds: float | None = None
    why: str = ""
    digits: int = 2

    @property
    def verdict(self) -> str:
        """``holds``, ``MISSED`` or ``not measured``; "" without a bound."""
        measured = [ratio for ratio in (self.by_minima, self.by_rounds) if ratio is not None]
        if not measured:
            return "not measured"
        if self.bound is None:
            return ""
        return "holds" if max(measured) <= self.bound else "MISSED"


def ratio(
    words: str, ours: Iterable[float], theirs: Iterable[float], bound: float | None, *, missing: str = "", why: str = ""
) -> Claim:
    """Return the claim that ``ours`` costs at most ``bound`` times as much as ``theirs``, round by round.

    ``why``: the reason that is given if the bound is missed.
    """
    mine, other = list(ours), list(theirs)
    if not mine or not other:
        return Claim(words, bound, None, why=missing or "a contender is missing")
    ratios = [own / rival for own, rival in zip(mine, other, strict=False) if rival]
    claim = Claim(words, bound, min(mine) / min(other), median(ratios) if ratios else None)
    return because(claim, why)


def because(claim: Claim, why: str) -> Claim:
    """Return the claim, with the reason ``why`` if its bound is missed."""
    return replace(claim, why=why) if claim.verdict == "MISSED" else claim
