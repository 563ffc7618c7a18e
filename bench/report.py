"""The table: on the screen, and in ``docs/benchmarks.md`` with the machine, the versions and the date."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from bench.rounds import ROOT, Claim, Contender

VERSIONS = (
    "weasyprint",
    "pydyf",
    "pyhanko",
    "django",
    "django-crispy-forms",
    "reportlab",
    "rl-accel",
    "fpdf2",
    "typst",
    "playwright",
    "gunicorn",
)
FILE = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images"


@dataclass
class Part:
    """One part of the report: a heading, what was measured and how, rows of figures, and the claims."""

    heading: str
    about: str
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    after: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)  # by file name in docs/images

    def show(self, contenders: Iterable[Contender], of: str = "cpu") -> None:
        """Add a row for each contender: median, minimum and maximum in ms, bytes and peak memory."""
        self.columns = ("", f"median ms ({of})", "min", "max", "rounds", "bytes", "peak MB")
        for contender in contenders:
            if contender.missing:
                self.rows.append((contender.name, f"missing: {contender.missing}", "", "", "", "", ""))
                continue
            figures = [1000 * figure for figure in contender.figures(of)]
            size = f"{median(contender.figures('size')):,.0f}"
            peak = f"{max(contender.figures('peak')) / 1e6:.0f}"
            timed = (f"{figure:.2f}" for figure in (median(figures), min(figures), max(figures)))
            self.rows.append((contender.name, *timed, str(len(figures)), size, peak))


def save(parts: list[Part], text: str) -> None:
    """Write the report and its pictures."""
    for part in parts:
        for name, picture in part.pictures.items():
            (IMAGES / name).write_bytes(picture)
    FILE.write_text(text, encoding="utf-8")


def report(parts: list[Part], how: str) -> str:
    """Return the whole report as Markdown."""
    lines = [
        "# What it costs, beside its rivals",
        "",
        f"`{how}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {machine()}",
        "",
    ]
    lines += [_summary(parts), ""]
    return "\n".join([*lines, *map(section, parts)])


def section(part: Part) -> str:
    """Return one part as Markdown, with an empty line at the end."""
    lines = [f"## {part.heading}", "", part.about, ""]
    if part.rows:
        lines += [*_table(part.columns, part.rows), ""]
    if part.claims:
        lines += [*_table(CLAIM_COLUMNS, map(_claim_cells, part.claims)), ""]
    if part.after:
        lines += [part.after, ""]
    return "\n".join(lines)


CLAIM_COLUMNS = ("claim", "bound", "by minima", "median of rounds", "verdict")


def _claim_cells(claim: Claim) -> tuple[str, ...]:
    def number(figure: float | None) -> str:
        return "" if figure is None else f"{figure:,.{claim.digits}f}"

    verdict = f"{claim.verdict}: {claim.why}" if claim.why else claim.verdict
    bound = "" if claim.bound is None else f"≤ {number(claim.bound)}"
    return (claim.words, bound, number(claim.by_minima), number(claim.by_rounds), verdict)


def _summary(parts: list[Part]) -> str:
    claims = [claim for part in parts for claim in part.claims if claim.bound is not None]
    missed = [claim.words for claim in claims if claim.verdict != "holds"]
    held = f"{len(claims) - len(missed)} of {len(claims)} bounds hold."
    return f"**{held}**" + (f" Not: {'; '.join(missed)}." if missed else "")


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    head = list(columns)
    ruler = ["---", *["--:"] * (len(head) - 1)]
    return [f"| {' | '.join(line)} |" for line in (head, ruler, *rows)]


def machine() -> str:
    """Return the processor, cores, memory, system and versions that it ran on."""
    cpu = next(iter(_after("/proc/cpuinfo", "model name")), platform.processor() or platform.machine())
    memory = next(iter(_after("/proc/meminfo", "MemTotal")), "0 kB")
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {_version(name)}" for name in VERSIONS)
    return (
        f"{cpu}, {os.cpu_count()} cores, {int(memory.split()[0]) / 1e6:.0f} GB, {platform.platform()}, "
        f"Python {platform.python_version()}; {versions}. Load average when it ended: {load:.1f}."
    )


def _after(path: str, key: str) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(key)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
