"""What this clinic can say of a file by its SHA-256 alone. Names nobody: it is for a public page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from clinic.models import PolicyChange
from clinic.storage.patient_keys import Erased
from consent.domain import record, status_record
from consent.jobs.seal_document import Time, time_of
from consent.models import Consent, SealedFile, SealedStatusChange
from consent.status.consent_state import State, state_of


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
        return Known(_clinic(first.consent), first.sealed_at, time_of(file_sha256), state_of(first.consent))
    after = SealedStatusChange.objects.select_related("after").defer("pdf").filter(sha256=file_sha256).first()
    if after:
        return Known(_clinic(after), after.sealed_at, time_of(file_sha256), came_after=after.after.kind)
    return None


def _clinic(row: Consent | SealedStatusChange) -> str:
    """Return the clinic's name as it was then; of a record that was erased, as it is now."""
    try:
        read = record.read if isinstance(row, Consent) else status_record.read
        return read(row.record).clinic.name
    except Erased:
        visit = row.visit if isinstance(row, Consent) else row.after.visit
        return PolicyChange.objects.policy(visit.patient.site_id).clinic_name
