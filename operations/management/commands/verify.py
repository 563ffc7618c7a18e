"""Verify a sealed PDF, or everything on record. Exit code 0 only if all is well."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.domain.digests import sha256
from consent.document.rendering import DrawingError, render, render_after
from consent.domain import status_record
from consent.domain.record import read
from consent.jobs.seal_document import time_of
from consent.models import Consent, SealedFile, SealedStatusChange
from consent.seal import installation_trust
from consent.seal.keys import KeyTrouble
from consent.seal.pades import Verdict, attached, verify
from consent.status.consent_state import state_of
from operations.audit import audit

MATCHES, DIFFERS, UNKNOWN = "matches", "does not match", "no record here"


class Command(BaseCommand):
    help = (
        "With FILE, checks a sealed PDF: intact (no byte changed), ours (our seal), whole (nothing appended), and "
        "whether it is the file, with the record, that this database holds. With --all, checks everything on record: "
        "the journal's chain and anchors, every record, every sealed file and its seal, every visit; and names the "
        "first row that is wrong. Exits with 1 if anything fails."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("file", type=Path, nargs="?", help="the PDF")
        what.add_argument("--all", action="store_true", help="everything on record")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            well = self._everything() if options["all"] else self._file(options["file"])
        except KeyTrouble as trouble:
            raise CommandError(f"Without our root certificate nothing can be verified: {trouble}.") from trouble
        if not well:
            sys.exit(1)

    def _everything(self) -> bool:
        first = ""
        for finding in audit():
            self.stdout.write(f"{finding.part}: {'' if finding.sound else 'WRONG: '}{finding.words}")
            if not finding.sound:
                first = first or f"{finding.part}: {finding.words}"
        self.stdout.write(f"first wrong: {first}" if first else "everything is as it was written")
        return not first

    def _file(self, path: Path) -> bool:
        try:
            pdf = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        kept = SealedFile.objects.select_related("consent").filter(sha256=sha256(pdf)).first()
        after = SealedStatusChange.objects.filter(sha256=sha256(pdf)).first()
        filed = kept or after
        verdict = verify(pdf, installation_trust.trust(filed.sealed_at if filed else None))
        data = attached(pdf)
        record = _record(data, kept, after)
        self.stdout.write(f"intact: {_yes(verdict.intact)}")
        self.stdout.write(f"ours: {_yes(verdict.ours)}")
        self.stdout.write(f"whole: {_yes(verdict.whole)}")
        self.stdout.write(f"record: {record}")
        if kept:
            self.stdout.write(f"stands: {state_of(kept.consent).words}")
        if filed:
            self.stdout.write(f"time: {time_of(filed.sha256).words}")
        self._details(pdf, data, verdict)
        return verdict.good and record == MATCHES

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


def _record(data: bytes | None, kept: SealedFile | None, after: SealedStatusChange | None) -> str:
    """Compare the record attached to a file with the one that this database holds."""
    if kept:
        agreed = bytes(kept.consent.record)
        return MATCHES if data == agreed and sha256(agreed) == kept.consent.sha256 else DIFFERS
    if after:
        kept_record = bytes(after.record)
        return MATCHES if data == kept_record and sha256(kept_record) == after.record_sha256 else DIFFERS
    return DIFFERS if data is not None and Consent.objects.filter(sha256=sha256(data)).exists() else UNKNOWN


def _drawn(data: bytes) -> bytes:
    """Draw a record of a consent, or of what came after one. Raise ``ValueError`` if it is neither."""
    try:
        return render(read(data))
    except ValueError:
        return render_after(status_record.read(data))


def _drawn_again(pdf: bytes, data: bytes) -> str:
    """Draw the attached record again and compare it with the bytes before the seal; for information only.

    Another version of WeasyPrint or of a font draws other bytes from the same record, so a difference proves nothing.
    """
    try:
        again = _drawn(data)
    except (ValueError, DrawingError, OSError) as error:
        return f"not possible ({error})"
    if pdf.startswith(again) and pdf.count(b"startxref", len(again)) == 1:  # nothing but the seal follows
        return "the same pages, byte for byte"
    return "other bytes (expected after an upgrade of the software or fonts)"
