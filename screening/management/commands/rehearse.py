"""Run the rules over worked cases or every past screening, as a clinical lead does before a change goes live."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from screening.domain.rule_cases import BadCase, CaseVerdict, judge, read

if TYPE_CHECKING:
    from screening.reports.rule_backtest import Judged


class Command(BaseCommand):
    """A file needs no database and no environment variable; ``--past`` reads the database and writes nothing.

    Exit status: 0 as expected, 1 something differs, 2 wrong arguments or a bad file.
    """

    help = "Run the present rules over the worked cases of FILE, or with --past over every stored screening."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file of cases or ``--past``, and ``--json``."""
        parser.add_argument("file", metavar="FILE.toml", nargs="?", help="worked cases, in TOML")
        parser.add_argument("--past", action="store_true", help="every stored screening: what would differ today")
        parser.add_argument("--json", action="store_true", help="print one JSON object a case, a line each")

    def handle(self, *args: Any, file: str | None, past: bool, json: bool, **options: Any) -> None:
        """Print a line a case, or a past screening that differs. Raise ``CommandError`` (status 2) for a bad file."""
        if past == bool(file):
            raise CommandError("Name a file of cases, or ask for --past, not both.", returncode=2)
        differs = self._past(json) if past else self._file(file or "", json)
        if differs:
            sys.exit(1)

    def _file(self, file: str, json: bool) -> bool:
        try:
            cases = read(Path(file).read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, BadCase) as problem:
            raise CommandError(f"{file}: {problem}", returncode=2) from problem
        verdicts = [judge(case) for case in cases]
        for verdict in verdicts:
            self.stdout.write(_as_json(verdict) if json else _as_line(verdict))
        return any(verdict.differences for verdict in verdicts)

    def _past(self, json: bool) -> bool:
        from screening.reports.rule_backtest import (
            judged,  # imported here, because cases in a file need no database and no models
        )

        count = differs = lapses = 0
        for screening in judged():
            count += 1
            differs += screening.differs
            lapses += screening.lapses
            if screening.differs:
                self.stdout.write(_past_as_json(screening) if json else _past_as_line(screening))
        if not json:
            self.stdout.write(f"{count} screenings, {differs} would differ, {lapses} open clearances lapse")
        return differs > 0


def _as_json(verdict: CaseVerdict) -> str:
    return json.dumps(verdict.to_json(), ensure_ascii=False)


def _as_line(verdict: CaseVerdict) -> str:
    differences = "; ".join(verdict.differences)
    mark = "differs" if differences else "ok"
    return f"{mark:<8}{verdict.result.outcome:<8}{verdict.name}{': ' + differences if differences else ''}"


def _past_as_json(screening: Judged) -> str:
    return json.dumps(asdict(screening), ensure_ascii=False)


def _past_as_line(screening: Judged) -> str:
    if screening.unreadable:
        parts = [f"cannot be judged any more: {screening.unreadable}"]
    else:
        parts = [f"{screening.then} becomes {screening.now}"] if screening.then != screening.now else []
        parts += [f"new: {words}" for words in screening.raised]
        parts += [f"gone: {words}" for words in screening.settled]
    if screening.lapses:
        parts.append(f"its open clearance lapses ({', '.join(screening.why)})")
    return f"visit {screening.visit}, screening {screening.number}: {'; '.join(parts)}"
