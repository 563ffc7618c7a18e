"""Make the sealed file of something agreed, and keep a timestamp of it: inside the seal, or beside the file later.

A timestamp authority that is down holds nothing up: the file is sealed without it, is said to wait for its timestamp,
and the authority is asked again until it answers. The file is never opened again for that; the token over its SHA-256
stands in a row of its own.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks import task

from clinic.domain.digests import sha256
from clinic.models import Journal
from clinic.models.actors import SYSTEM
from consent.models import SealedFile, SealedStatusChange, Timestamp
from consent.seal import installation_trust
from consent.seal.pades import seal, verify
from consent.seal.timestamp import Authority, Stamp, StampTrouble, check, stamp

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(hours=6)


class NotSealed(Exception):
    """The sealed document, opened again, was not what it must be."""


class SealedDocument(NamedTuple):
    """A sealed document that was opened again and found right."""

    pdf: bytes
    certificate_sha256: str
    stamp: Stamp | None

    @property
    def sha256(self) -> str:
        """The file's SHA-256, in hex."""
        return sha256(self.pdf)


def seal_and_check(drawn: bytes, record: bytes) -> SealedDocument:
    """Return ``drawn``, a PDF that carries ``record``, with the clinic's seal, opened again and checked.

    With the authority's timestamp inside, or without one if it has none for us now. Raise ``KeyTrouble`` or
    ``NotSealed`` if it cannot be sealed, or is not right once it is.
    """
    key, authority = installation_trust.seal_key(), installation_trust.authority()
    try:
        pdf = seal(drawn, key, authority)
    except StampTrouble:
        log.warning("sealed without a timestamp", exc_info=True)
        pdf = seal(drawn, key)
    verdict = verify(pdf, installation_trust.trust())
    if not verdict.good:
        raise NotSealed(" ".join(verdict.problems) or "The sealed document does not verify.")
    if verdict.attached != record:
        raise NotSealed("The sealed document does not carry the record.")
    return SealedDocument(pdf, verdict.certificate_sha256, verdict.stamp)


def keep_time(made: SealedDocument) -> None:
    """Write the timestamp inside a file that was just filed, or ask for one. In the transaction that files it."""
    if made.stamp:
        Timestamp.objects.create(file_sha256=made.sha256, inside=True, at=made.stamp.at, authority=made.stamp.by)
    elif installation_trust.authority():
        timestamp_file.enqueue(made.sha256)


@task()
def timestamp_file(file_sha256: str, tries: int = 0) -> str:
    """Ask the authority for a timestamp of a file that was sealed without, and keep it. Return when, or why not yet.

    If there is none now, it is asked again later, and later still: after a minute, two, four, up to six hours.
    """
    if (authority := installation_trust.authority()) is None:
        return "No authority is set any more."
    try:
        return keep_timestamp(file_sha256, authority).at.isoformat()
    except StampTrouble as trouble:
        log.warning("no timestamp yet", exc_info=True)
        later = timezone.now() + wait(tries)
        timestamp_file.using(run_after=later).enqueue(file_sha256, tries + 1)
        return f"Again at {later:%H:%M}: {trouble}"


def keep_timestamp(file_sha256: str, authority: Authority) -> Timestamp:
    """Return the row of a sealed file's timestamp, got from ``authority`` if it is not there yet.

    Raise ``StampTrouble`` if the authority has none for us now.
    """
    if done := Timestamp.objects.filter(file_sha256=file_sha256).first():
        return done
    token = stamp(file_sha256, authority)
    said = check(token, file_sha256, authority.roots)
    try:
        with transaction.atomic():
            kept = Timestamp.objects.create(file_sha256=file_sha256, token=token, at=said.at, authority=said.by)
            Journal.objects.record("timestamp kept", by=SYSTEM, digest=file_sha256)
    except IntegrityError:  # another worker was faster
        return Timestamp.objects.get(file_sha256=file_sha256)
    return kept


def wait(tries: int) -> timedelta:
    """Return how long to wait after so many tries that failed before this one."""
    return min(timedelta(minutes=2 ** min(tries, 20)), LONGEST_WAIT)


class Time(NamedTuple):
    """What vouches for the time of a sealed file, in words for a screen. ``at`` is the timestamp's, if there is one."""

    words: str
    at: datetime | None = None
    is_pending: bool = False


def time_of(file_sha256: str) -> Time:
    """Return what vouches for the time of a sealed file."""
    kept = Timestamp.objects.filter(file_sha256=file_sha256).first()
    if kept:
        return Time(f"Sealed, with a timestamp by {kept.authority}", kept.at)
    if installation_trust.authority():
        return Time("Sealed, timestamp pending", is_pending=True)
    return Time("Sealed; the time is by this clinic’s own clock")


def without_time() -> list[str]:
    """Return the SHA-256 of all sealed files that no timestamp is kept of."""
    stamped = Timestamp.objects.values("file_sha256")
    return [
        digest
        for model in (SealedFile, SealedStatusChange)
        for digest in model.objects.exclude(sha256__in=stamped).order_by("pk").values_list("sha256", flat=True)
    ]
