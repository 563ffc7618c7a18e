"""Check a sealed PDF without us: ``python -m consent.verify FILE --root root.cer``. No Django, no database.

The rule is the strict one of ``seal.verify``, with the clinic's root certificate in the place of the ledger. What only
the clinic can know is said to be unknown: a consent may have been taken back since. Exit status 0: nothing speaks
against the file. 1: something does. 2: asked wrongly. 3: the file is good, and no longer stands.
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
from consent.seal.pades import Trust, Verdict, attached, said_of_attached, verify
from consent.seal.timestamp import StampTrouble, check

GOOD, BAD, NO_LONGER = 0, 1, 3
T = TypeVar("T")


@dataclass
class Finding:
    """What was found out about one file, in the words that are printed."""

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
    """Check the file that ``arguments`` name, print what was found and return the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        found = examine(asked)
    except (OSError, ValueError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    print(json.dumps(asdict(found), indent=2) if asked.json else _text(found))
    return found.exit_status


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


def examine(asked: argparse.Namespace) -> Finding:
    """Return what can be said about ``asked.file``. Raise ``OSError`` or ``ValueError`` if a file cannot be used."""
    pdf = asked.file.read_bytes()
    trust = Trust(
        roots=_each(certificate_in, asked.root),
        revoked=_one(x509.load_der_x509_crl, asked.revoked),
        stamp_roots=_each(certificate_in, asked.tsa_root),
    )
    digest = sha256(pdf)
    found = Finding(file=str(asked.file), file_sha256=digest)
    trust = _beside(asked, digest, trust, found)
    verdict = verify(pdf, trust)
    _seal(found, verdict)
    _record(found, attached(pdf), said_of_attached(pdf))
    _cannot_see(found, asked, verdict)
    for path in asked.also:
        _later(found, path, trust)
    if not found.problems and verdict.good:
        found.exit_status = NO_LONGER if found.later else GOOD
    found.verdict = {
        GOOD: "good: nothing speaks against this file",
        BAD: "NOT VERIFIED: do not rely on this file",
        NO_LONGER: "good, but it no longer stands",
    }[found.exit_status]
    return found


def _one(load: Any, path: Path | None) -> Any:
    return load(path.read_bytes()) if path else None


def _each(load: Any, paths: Sequence[Path]) -> list[Any]:
    try:
        return [load(path) for path in paths]
    except ValueError as error:
        raise ValueError(f"{', '.join(map(str, paths))}: not a certificate in DER or PEM") from error


def _beside(asked: argparse.Namespace, digest: str, trust: Trust, found: Finding) -> Trust:
    """Read the timestamp that stands beside the file, if one is given; return what to judge the file by then."""
    if asked.timestamp is None:
        return trust
    try:
        said = check(asked.timestamp.read_bytes(), digest, trust.stamp_roots)
    except StampTrouble as trouble:
        found.problems.append(f"{asked.timestamp}: {trouble}.")
        return trust
    if said.trusted is False:
        found.problems.append(f"{asked.timestamp}: not by an authority that --tsa-root vouches for.")
        return trust
    found.time = f"it was there by {said.at:%Y-%m-%d %H:%M:%S} UTC, says {said.by}{_unsure(said.trusted)}"
    return replace(trust, known_since=said.at) if said.trusted else trust


def _seal(found: Finding, verdict: Verdict) -> None:
    found.intact, found.ours, found.whole = verdict.intact, verdict.ours, verdict.whole
    found.problems += verdict.problems
    found.sealed_by, found.certificate_sha256 = verdict.signed_by, verdict.certificate_sha256
    if verdict.at:
        found.sealed_at = f"{verdict.at:%Y-%m-%d %H:%M:%S} UTC"
    if verdict.stamp:
        said = verdict.stamp
        found.time = f"{said.at:%Y-%m-%d %H:%M:%S} UTC, says {said.by}{_unsure(said.trusted)}"
    found.time = found.time or "by the clinic's own clock alone"


def _unsure(trusted: bool | None) -> str:
    return "" if trusted else " (nobody vouches for it here)"


def _record(found: Finding, data: bytes | None, said: str) -> None:
    """Read the record that the file carries, compute its digest again, and compare it with what the file says."""
    if data is None:
        found.problems.append("The file does not carry its record.")
        return
    found.record_sha256 = sha256(data)
    if found.record_sha256 not in said:
        found.problems.append("The record inside is not the one whose SHA-256 the file names.")
    try:
        if record.format_of(data) == status_record.FORMAT:
            after = status_record.read(data)
            found.record = f"{after.number}, {after.kind_words.lower()}: about {after.first.number}"
        else:
            found.record = f"consent {record.read(data).number}"
    except ValueError as error:
        found.problems.append(f"The record inside cannot be read: {error}.")


def _cannot_see(found: Finding, asked: argparse.Namespace, verdict: Verdict) -> None:
    if not asked.also:
        found.cannot_see.append(
            "whether this consent was withdrawn, superseded or entered in error later: only the clinic knows, or the "
            "sealed PDF of that, given with --also"
        )
    if asked.revoked is None:
        found.cannot_see.append("whether the key was revoked: give the clinic's list with --revoked")
    if not asked.tsa_root and (asked.timestamp or verdict.stamp):
        found.cannot_see.append("who vouches for the timestamp: give the authority's root with --tsa-root")


def _later(found: Finding, path: Path, trust: Trust) -> None:
    """Read a sealed PDF of what came after. It counts if it is as good as the file itself must be, and about it."""
    pdf = path.read_bytes()
    verdict, data = verify(pdf, replace(trust, known_since=None)), attached(pdf)
    try:
        if not verdict.good or data is None:
            raise ValueError(" ".join(verdict.problems) or "no record inside")
        after = status_record.read(data)
    except ValueError as error:
        found.problems.append(f"{path} cannot be used: {error}")
        return
    if after.first.file_sha256 == found.file_sha256:
        found.later.append(f"{after.kind_words} at {after.at.local.replace('T', ' ')} {after.at.offset}, says {path}")
    else:
        found.cannot_see.append(f"anything more from {path}: it is about another file")


def _text(found: Finding) -> str:
    yes = {True: "yes", False: "no"}
    lines = [
        f"{found.verdict}",
        "",
        f"intact (no byte under the seal changed):    {yes[found.intact]}",
        f"ours   (sealed with a key of this clinic):  {yes[found.ours]}",
        f"whole  (nothing was added after the seal):  {yes[found.whole]}",
        "",
        f"sealed by          {found.sealed_by or '-'}",
        f"sealed at          {found.sealed_at or '-'}",
        f"time vouched for   {found.time}",
        f"record inside      {found.record or '-'}",
        f"record SHA-256     {found.record_sha256 or '-'}",
        "                   computed from the record inside; compare with the one printed on the pages",
        f"file SHA-256       {found.file_sha256}",
        f"certificate        {found.certificate_sha256 or '-'}",
    ]
    for title, items in (("Problems:", found.problems), ("Later:", found.later), ("Not seen:", found.cannot_see)):
        if items:
            lines += ["", title, *(f"  - {item}" for item in items)]
    return "\n".join(lines)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # pyHanko tells of everything it tries; what counts is printed
    sys.exit(main())
