"""``python -m bench [--quick | --full] [PART …]``: measure, print one table, write ``docs/benchmarks.md``.

Exit status 1 if a bound is missed. With ``--quick`` there are too few rounds to judge by. Nothing is written then, nor
if PARTs are named. With ``--full`` the clinics in which a page must stay as fast grow to a million screenings: an hour,
and 40 GB of disk.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from bench import checkin, growth, load, pages, papers, stages
from bench.report import Part, report, save, section

ROUNDS, QUICK = 30, 5
PARTS: dict[str, Callable[[int], Part]] = {
    "pdf": papers.pdfs,
    "seal": papers.seals,
    "stages": stages.stages,
    "pages": pages.pages,
    "check-in": checkin.check_ins,
    "sqlite": growth.on_sqlite,
    "postgresql": growth.on_postgresql,
    "verify": growth.verifying,
    "load": load.loaded,
}
LONG = ("sqlite", "postgresql", "verify", "load")  # minutes each: only in a quick run if they are named


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} are enough to judge by; {QUICK} with --quick")
    options = parser.parse_args()
    growth.FULL = options.full
    rounds, parts = options.rounds or (QUICK if options.quick else ROUNDS), []
    for name in options.parts or [name for name in PARTS if not (options.quick and name in LONG)]:
        begun = time.monotonic()
        parts.append(PARTS[name](rounds))
        # Now as well as in the report: a later part that breaks must not lose an hour of measuring.
        print(f"{section(parts[-1])}\n{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    switch = " QUICK=1" if options.quick else " FULL=1" if options.full else ""
    switch += f" ROUNDS={options.rounds}" if options.rounds else ""
    text = report(parts, f"make bench{switch}")
    print(text)
    if not options.quick and not options.parts:
        save(parts, text)
    missed = any(claim.verdict == "MISSED" for part in parts for claim in part.claims)
    return int(missed and not options.quick)


if __name__ == "__main__":
    sys.exit(main())
