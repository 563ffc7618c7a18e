"""Run a file of worked cases against the rules: what a clinical lead does before a change of rules goes live."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from screening.cases import BadCase, Verdict, judge, read


class Command(BaseCommand):
    """Needs no database and no environment variable. Exit status: 0 as expected, 1 a case differs, 2 a bad file."""

    help = "Run every worked case of FILE against the rules, and say what differs from what was expected."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file and the way to print."""
        parser.add_argument("file", metavar="FILE.toml", help="worked cases, in TOML")
        parser.add_argument("--json", action="store_true", help="print one JSON object a case, a line each")

    def handle(self, *args: Any, file: str, json: bool, **options: Any) -> None:
        """Print one line a case. Raise ``CommandError`` with status 2 for a file or a case that cannot be read."""
        try:
            cases = read(Path(file).read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, BadCase) as problem:
            raise CommandError(f"{file}: {problem}", returncode=2) from problem
        verdicts = [judge(case) for case in cases]
        for verdict in verdicts:
            self.stdout.write(_as_json(verdict) if json else _as_line(verdict))
        if any(verdict.differences for verdict in verdicts):
            sys.exit(1)


def _as_json(verdict: Verdict) -> str:
    return json.dumps(verdict.to_json(), ensure_ascii=False)


def _as_line(verdict: Verdict) -> str:
    differences = "; ".join(verdict.differences)
    mark = "differs" if differences else "ok"
    return f"{mark:<8}{verdict.assessment.outcome:<8}{verdict.name}{': ' + differences if differences else ''}"
