"""What this clinic can say of a file by its SHA-256 alone. Names nobody: it is for a public page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from consent import after_record, record
from consent.after import State, state_of
from consent.models import SealedAfter, SealedFile
from consent.sealing import Time, time_of


@dataclass(frozen=True)
class Known:
    """A file that this clinic sealed. ``state``: of a consent, does it stand; of what came after one, its own words."""

    clinic: str
    sealed_at: dt.datetime
    time: Time
    state: State | None = None
    came_after: str = ""

    @property
    def stands(self) -> bool:
        """Whether it is a consent, and current."""
        return self.state is not None and self.state.stands


def known(file_sha256: str) -> Known | None:
    """Return what is known of the file with this SHA-256 (hex), or nothing if it is not one of ours."""
    first = SealedFile.objects.select_related("consent").defer("pdf").filter(sha256=file_sha256).first()
    if first:
        clinic = record.read(bytes(first.consent.record)).clinic.name
        return Known(clinic, first.sealed_at, time_of(file_sha256), state_of(first.consent))
    after = SealedAfter.objects.defer("pdf").filter(sha256=file_sha256).first()
    if after:
        said = after_record.read(bytes(after.record))
        return Known(said.clinic.name, after.sealed_at, time_of(file_sha256), came_after=said.kind)
    return None
