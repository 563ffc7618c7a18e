"""The repository as a test sees it: its folder, its files, and what stands in them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]

BIN = Path(sys.executable).parent

ROOMS = ["clinic", "screening", "consent", "operations"]  # each may know those before it

LINES_AT_MOST = 38_000  # of the product, its pages and static files; languages' files aside


def run(*command: str) -> None:
    """Run a tool of the environment at the root; fail with what it printed."""
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def tracked() -> list[Path]:
    """Return the files of the repository, new ones that nothing ignores included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def own_files(*suffixes: str, under: tuple[str, ...] = (*ROOMS, "templates", "static")) -> list[Path]:
    """Return the repository's files of these kinds in these folders."""
    return [path for path in tracked() if path.suffix in suffixes and path.relative_to(ROOT).parts[0] in under]


def product_lines() -> dict[str, int]:
    """Return how many lines each file of the product has."""
    files = own_files(".py", ".html", ".css", ".js")
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in files}


def found(pattern: str, paths: list[Path]) -> list[str]:
    """Return ``file:line: text`` for each line that the pattern is found in."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def slug(heading: str) -> str:
    """Return a heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def leads_somewhere(pointer: str) -> bool:
    """Whether a file, the test that is named in it, or the heading is there."""
    name, _, test = pointer.partition("::")
    name, _, heading = name.partition("#")
    path = ROOT / name
    if test:
        return path.exists() and re.search(rf"^def {test}\b", text(path), re.MULTILINE) is not None
    if heading:
        return path.exists() and heading in {slug(each) for each in re.findall(r"^#+ (.+)$", text(path), re.MULTILINE)}
    return path.exists()


def views() -> Iterator[tuple[str, Any]]:
    """Give each address with its view."""
    return ((address, pattern.callback) for address, pattern in patterns(get_resolver(), ""))


def patterns(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    """Walk the addresses below ``resolver``."""
    for pattern in resolver.url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, address)
        else:
            yield address, pattern


if __name__ == "__main__":
    print(f"{sum(product_lines().values()):,} lines of the product; at most {LINES_AT_MOST:,}.")
