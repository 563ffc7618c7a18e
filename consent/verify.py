"""Check a sealed PDF without us: ``python -m consent.verify FILE --root root.cer``. No Django, no database.

The rule is the strict one of ``seal.pades.verify``, with the clinic's root certificate and without its database. What
only the clinic can know is named as unknown: a consent may have been taken back since. Exit status 0: nothing speaks
against the file. 1: something does. 2: wrong arguments. 3: the file is good, and no longer stands.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509

from consent.domain import record, status_record
from consent.domain.digests import sha256
from consent.seal.keys import certificate_in
from consent.seal.pades import Trust, Verdict, attached, attachment_description, verify
from consent.seal.timestamp import StampTrouble, check

GOOD, BAD, NO_LONGER = 0, 1, 3
T = TypeVar("T")


@dataclass
class Finding:
    """What is known of one file, in the words that are printed."""

    file: str
    verdict: str = ""
    intact: bool = False
    ours: bool = False
    whole: bool = False
    record: str = ""
    sealed_by: str = ""
    sealed_at: str = ""
    time: str = ""
    file_sha256: str = ""
    record_sha256: str = ""
    certificate_sha256: str = ""
    later: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    cannot_see: list[str] = field(default_factory=list)
    exit_status: int = BAD


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the file that ``arguments`` name, print the finding and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        finding = examine(options)
    except (OSError, ValueError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    print(json.dumps(asdict(finding), indent=2) if options.json else _text(finding))
    return finding.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m consent.verify", description=__doc__.split("\n\n")[0])
    parser.add_argument("file", type=Path, help="the sealed PDF")
    parser.add_argument(
        "--root", type=Path, action="append", required=True, help="the clinic's root certificate; may be given again"
    )
    parser.add_argument(
        "--also", type=Path, action="append", default=[], help="a sealed PDF of what came after; may be given again"
    )
    parser.add_argument("--revoked", type=Path, help="the clinic's list of revoked keys (revoked.crl)")
    parser.add_argument("--tsa-root", type=Path, action="append", default=[], help="a timestamp authority's root")
    parser.add_argument("--timestamp", type=Path, help="a timestamp of the file that is kept beside it (.tst)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def examine(options: argparse.Namespace) -> Finding:
    """Return what can be said about ``options.file``. Raise ``OSError`` or ``ValueError`` if a file cannot be used."""
    pdf = options.file.read_bytes()
    trust = Trust(
        roots=_load_all(certificate_in, options.root),
        revoked=_load(x509.load_der_x509_crl, options.revoked),
        stamp_roots=_load_all(certificate_in, options.tsa_root),
    )
    digest = sha256(pdf)
    finding = Finding(file=str(options.file), file_sha256=digest)
    trust = _beside(options, digest, trust, finding)
    verdict = verify(pdf, trust)
    _seal(finding, verdict)
    _record(finding, attached(pdf), attachment_description(pdf))
    _cannot_see(finding, options, verdict)
    for path in options.also:
        _later(finding, path, trust)
    if not finding.problems and verdict.good:
        finding.exit_status = NO_LONGER if finding.later else GOOD
    finding.verdict = {
        GOOD: "good: nothing speaks against this file",
        BAD: "NOT VERIFIED: do not rely on this file",
        NO_LONGER: "good, but it no longer stands",
    }[finding.exit_status]
    return finding


def _load(load: Any, path: Path | None) -> Any:
    return load(path.read_bytes()) if path else None


def _load_all(load: Any, paths: Sequence[Path]) -> list[Any]:
    try:
        return [load(path) for path in paths]
    except ValueError as error:
        raise ValueError(f"{', '.join(map(str, paths))}: not a certificate in DER or PEM") from error


def _beside(options: argparse.Namespace, digest: str, trust: Trust, finding: Finding) -> Trust:
    """Check the timestamp kept beside the file, if one is given; return what to judge the file by."""
    if options.timestamp is None:
        return trust
    try:
        stamp = check(options.timestamp.read_bytes(), digest, trust.stamp_roots)
    except StampTrouble as trouble:
        finding.problems.append(f"{options.timestamp}: {trouble}.")
        return trust
    if stamp.trusted is False:
        finding.problems.append(f"{options.timestamp}: not by an authority that --tsa-root vouches for.")
        return trust
    finding.time = f"it was there by {stamp.at:%Y-%m-%d %H:%M:%S} UTC, says {stamp.by}{_unsure(stamp.trusted)}"
    return replace(trust, known_since=stamp.at) if stamp.trusted else trust


def _seal(finding: Finding, verdict: Verdict) -> None:
    finding.intact, finding.ours, finding.whole = verdict.intact, verdict.ours, verdict.whole
    finding.problems += verdict.problems
    finding.sealed_by, finding.certificate_sha256 = verdict.signed_by, verdict.certificate_sha256
    if verdict.at:
        finding.sealed_at = f"{verdict.at:%Y-%m-%d %H:%M:%S} UTC"
    if stamp := verdict.stamp:
        finding.time = f"{stamp.at:%Y-%m-%d %H:%M:%S} UTC, says {stamp.by}{_unsure(stamp.trusted)}"
    finding.time = finding.time or "by the clinic's own clock alone"


def _unsure(trusted: bool | None) -> str:
    return "" if trusted else " (nobody vouches for it here)"


def _record(finding: Finding, data: bytes | None, description: str) -> None:
    """Read the attached record, and compare its digest with the one in the file's description of it."""
    if data is None:
        finding.problems.append("The file does not carry its record.")
        return
    finding.record_sha256 = sha256(data)
    if finding.record_sha256 not in description:
        finding.problems.append("The record inside is not the one whose SHA-256 the file names.")
    try:
        if record.format_of(data) == status_record.FORMAT:
            after = status_record.read(data)
            finding.record = f"{after.number}, {after.kind_words.lower()}: about {after.first.number}"
        else:
            finding.record = f"consent {record.read(data).number}"
    except ValueError as error:
        finding.problems.append(f"The record inside cannot be read: {error}.")


def _cannot_see(finding: Finding, options: argparse.Namespace, verdict: Verdict) -> None:
    if not options.also:
        finding.cannot_see.append(
            "whether this consent was withdrawn, superseded or entered in error later: only the clinic knows, or the "
            "sealed PDF of that, given with --also"
        )
    if options.revoked is None:
        finding.cannot_see.append("whether the key was revoked: give the clinic's list with --revoked")
    if not options.tsa_root and (options.timestamp or verdict.stamp):
        finding.cannot_see.append("who vouches for the timestamp: give the authority's root with --tsa-root")


def _later(finding: Finding, path: Path, trust: Trust) -> None:
    """Read the sealed PDF of a status change. It counts if it is as good as the file must be, and about it."""
    pdf = path.read_bytes()
    verdict, data = verify(pdf, replace(trust, known_since=None)), attached(pdf)
    try:
        if not verdict.good or data is None:
            raise ValueError(" ".join(verdict.problems) or "no record inside")
        after = status_record.read(data)
    except ValueError as error:
        finding.problems.append(f"{path} cannot be used: {error}")
        return
    if after.first.file_sha256 == finding.file_sha256:
        finding.later.append(f"{after.kind_words} at {after.at.local.replace('T', ' ')} {after.at.offset}, says {path}")
    else:
        finding.cannot_see.append(f"anything more from {path}: it is about another file")


def _text(finding: Finding) -> str:
    yes = {True: "yes", False: "no"}
    lines = [
        f"{finding.verdict}",
        "",
        f"intact (no byte under the seal changed):    {yes[finding.intact]}",
        f"ours   (sealed with a key of this clinic):  {yes[finding.ours]}",
        f"whole  (nothing was added after the seal):  {yes[finding.whole]}",
        "",
        f"sealed by          {finding.sealed_by or '-'}",
        f"sealed at          {finding.sealed_at or '-'}",
        f"time vouched for   {finding.time}",
        f"record inside      {finding.record or '-'}",
        f"record SHA-256     {finding.record_sha256 or '-'}",
        "                   computed from the record inside; compare with the one printed on the pages",
        f"file SHA-256       {finding.file_sha256}",
        f"certificate        {finding.certificate_sha256 or '-'}",
    ]
    for title, items in (("Problems:", finding.problems), ("Later:", finding.later), ("Not seen:", finding.cannot_see)):
        if items:
            lines += ["", title, *(f"  - {item}" for item in items)]
    return "\n".join(lines)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # pyHanko logs everything it tries; what counts is printed
    sys.exit(main())
