"""Say what can be said about a sealed PDF. Exit code 0 only if nothing speaks against it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent.document import DrawingError, render
from consent.keys import KeyTrouble, roots
from consent.models import Consent, SealedFile
from consent.record import read, sha256
from consent.seal import Verdict, attached, verify

MATCHES, DIFFERS, UNKNOWN = "matches", "does not match", "no record here"


class Command(BaseCommand):
    help = (
        "Checks a sealed PDF: intact (no byte changed), ours (our seal), whole (nothing appended), and whether it is "
        "the file, with the record, that this database holds. Exits with 1 if any of them fails."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the PDF")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pdf = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        try:
            verdict = verify(pdf, roots(settings.KEYS_DIR))
        except KeyTrouble as trouble:
            raise CommandError(f"Without our root certificate nothing can be verified: {trouble}.") from trouble
        data = attached(pdf)
        record = _record(sha256(pdf), data)
        self.stdout.write(f"intact: {_yes(verdict.intact)}")
        self.stdout.write(f"ours: {_yes(verdict.ours)}")
        self.stdout.write(f"whole: {_yes(verdict.whole)}")
        self.stdout.write(f"record: {record}")
        self._details(pdf, data, verdict)
        if not verdict.good or record != MATCHES:
            sys.exit(1)

    def _details(self, pdf: bytes, data: bytes | None, verdict: Verdict) -> None:
        for problem in verdict.problems:
            self.stdout.write(f"  {problem}")
        if verdict.signed_by:
            self.stdout.write(f"sealed by: {verdict.signed_by}, {verdict.at:%Y-%m-%d %H:%M:%S} UTC by its own clock")
            self.stdout.write(f"certificate SHA-256: {verdict.certificate_sha256}")
        self.stdout.write(f"file SHA-256: {sha256(pdf)}")
        if data is not None:
            self.stdout.write(
                f"attached record SHA-256: {sha256(data)} (compare with the one printed on the last page)"
            )
            self.stdout.write(f"drawn again: {_drawn_again(pdf, data)}")


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def _record(file_sha256: str, data: bytes | None) -> str:
    """Compare the file and the record attached to it with what this database holds."""
    sealed = SealedFile.objects.select_related("consent").filter(sha256=file_sha256).first()
    if sealed:
        kept = bytes(sealed.consent.record)
        return MATCHES if data == kept and sha256(kept) == sealed.consent.sha256 else DIFFERS
    return DIFFERS if data is not None and Consent.objects.filter(sha256=sha256(data)).exists() else UNKNOWN


def _drawn_again(pdf: bytes, data: bytes) -> str:
    """Draw the attached record again and compare it with what stands before the seal. Tells, and decides nothing.

    Another version of WeasyPrint or of a font draws other bytes from the same record, so a difference proves nothing.
    """
    try:
        again = render(read(data))
    except (ValueError, DrawingError, OSError) as error:
        return f"not possible ({error})"
    if pdf.startswith(again) and pdf.count(b"startxref", len(again)) == 1:  # nothing but the seal follows
        return "the same pages, byte for byte"
    return "other bytes (expected after an upgrade of the software or fonts)"
