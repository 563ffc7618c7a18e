"""A manager holds records, lets them go, and erases those that need not be kept any longer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Aggregate, Max, Min, Q, QuerySet
from django.utils import timezone

from clinic.domain.dates import day_in_words
from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.journal_wording import CONTACTS
from clinic.domain.retention import PACKS, Pack, birthday, keep_until
from clinic.models import Actor, Hold, Journal, LegalHold, Patient, PatientToken, PolicyChange, Tombstone, Visit
from clinic.storage import master_keys, patient_keys

PIECE = 200  # records looked at in one go
AT_ONCE = 50  # more than these in one sitting is a mistake, or needs a second look
OVER = (Stage.SEALED.value, Stage.STOPPED.value, Stage.EXPECTED.value)


@dataclass(frozen=True)
class Kept:
    """How long one record is kept: ``last`` contact, ``until`` when, and by which rule."""

    patient: Patient
    first: dt.date
    last: dt.date
    until: dt.date
    pack: Pack

    @property
    def is_due(self) -> bool:
        """Whether it need not be kept any longer."""
        return self.until < timezone.localdate()


def kept(patient: Patient) -> Kept:
    """Return how long a record is kept."""
    return _kept([patient], _pack(patient.site_id))[0]


def _kept(patients: list[Patient], pack: Pack) -> list[Kept]:
    """Return how long many records are kept, in three queries.

    A record's contacts are its visits, and what was done later: a harm reported or followed up, a consent taken back.
    Without any, it is the day the record was made. What was merged into it is a part of it.
    """
    whose = {patient.pk: patient.pk for patient in patients}
    whose |= dict(Patient.objects.filter(merged_into__in=patients).values_list("pk", "merged_into_id"))
    days: dict[int, list[dt.date]] = {pk: [] for pk in whose.values()}
    for pk, first, last in _by_patient(Visit.objects.filter(patient__in=patients), Min("day"), Max("day")):
        days[pk] += [first, last]
    done = Journal.objects.filter(patient__in=whose, action__in=CONTACTS)
    for pk, last in _by_patient(done, Max("at")):
        days[whose[pk]].append(timezone.localdate(last))
    records = []
    for patient in patients:
        all_days = days[patient.pk] or [timezone.localdate(patient.created_at)]
        last = max(all_days)
        records.append(Kept(patient, min(all_days), last, keep_until(pack, last=last, born=patient.born), pack))
    return records


def _by_patient(rows: QuerySet[Any], *of_each: Aggregate) -> Iterator[tuple[Any, ...]]:
    yield from rows.order_by().values_list("patient").annotate(*of_each).iterator(chunk_size=PIECE)


def _pack(site: int | None) -> Pack:
    return PACKS[PolicyChange.objects.policy(site).records_kept]


def due(site: int | None, most: int = 200) -> list[Kept]:
    """Return a clinic's records that need not be kept any longer and that nothing holds, longest ago first."""
    records: list[Kept] = []
    pack = _pack(site)
    long_ago = _long_ago(site, pack)
    while len(records) < most and (patients := list(islice(long_ago, PIECE))):
        records += [record for record in _kept(patients, pack) if record.is_due]
    return records[:most]


def _long_ago(site: int | None, pack: Pack) -> Iterator[Patient]:
    """Yield those whose last visit is as long ago as the rule asks for an adult: only these can be due."""
    before = birthday(timezone.localdate(), -pack.years)
    held = LegalHold.objects.filter(ended_at=None)
    rows = (
        Patient.objects.of(site)
        .current()
        .filter(tombstone=None)
        .exclude(pk__in=held.values("patient"))
        .exclude(pk__in=held.exclude(patient__merged_into=None).values("patient__merged_into"))
    )
    last = rows.annotate(last=Max("visits__day"))
    long_ago = last.filter(Q(last__lt=before) | Q(last=None, created_at__date__lt=before))
    return long_ago.order_by("last", "pk").iterator(chunk_size=PIECE)


@transaction.atomic
def hold(*, patient: Patient, reason: str, by: Actor) -> LegalHold:
    """Keep a record whatever its age, for a reason in words."""
    if not reason.strip():
        raise NotAllowed("Say why this record must be kept.")
    if Tombstone.objects.filter(patient=patient).exists():
        raise NotAllowed("This record was erased.")
    try:
        with transaction.atomic():
            legal_hold = LegalHold.objects.create(patient=patient, reason=reason.strip(), by=by.staff)
    except IntegrityError as error:
        raise NotAllowed("This record is held already.") from error
    Journal.objects.record("record held", by=by, patient=patient)
    return legal_hold


@transaction.atomic
def release(*, held: LegalHold, by: Actor) -> None:
    """End a hold: from now on the record's age counts again."""
    ended = LegalHold.objects.filter(pk=held.pk, ended_at=None).update(ended_at=timezone.now(), ended_by=by.staff)
    if ended:
        Journal.objects.record("record let go", by=by, patient=held.patient)


@transaction.atomic
def erase(*, patient: Patient, by: Actor) -> Tombstone:
    """Destroy the key of a record, and of those merged into it. What was encrypted stays, unreadable.

    Raise ``NotAllowed``, with the reason, while the law wants it kept, something holds it, or a visit is not over.
    """
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    _check(patient)
    record = kept(patient)
    if not record.is_due:
        raise NotAllowed(f"This record must be kept until {day_in_words(record.until)}: {record.pack.source}.")
    tombstone = Tombstone.objects.create(
        patient=patient,
        last_contact=record.last,
        keep_until=record.until,
        pack=PolicyChange.objects.policy(patient.site_id).records_kept,
        source=record.pack.source,
        digests=_digests(patient),
        register=_note(record),
        approved_by=by.staff,
    )
    gone = _all_of(patient)
    PatientToken.objects.filter(patient__in=gone).delete()
    gone.update(wrapped_key=None)
    Journal.objects.record("record erased", by=by, patient=patient, count=len(tombstone.digests))
    transaction.on_commit(patient_keys.forget)
    transaction.on_commit(_leave_nothing_behind)
    return tombstone


def _leave_nothing_behind() -> None:
    """Write SQLite's write-ahead log into the file, and empty it: what was just removed is still in it."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _all_of(patient: Patient) -> QuerySet[Patient]:
    """Return a record with those that were merged into it: they are erased together, or not at all."""
    return Patient.objects.filter(Q(pk=patient.pk) | Q(merged_into=patient))


def _check(patient: Patient) -> None:
    if Tombstone.objects.filter(patient=patient).exists():
        raise NotAllowed("This record was erased already.")
    if patient.merged_into_id:
        raise NotAllowed("This record was merged into another: erase that record.")
    if LegalHold.objects.filter(patient__in=_all_of(patient), ended_at=None).exists():
        raise NotAllowed("This record is held, or one that was merged into it. Let it go first.")
    if Hold.objects.now().filter(visit__patient=patient).exists():
        raise NotAllowed("A tablet shows this record now. Take it back first.")
    if Visit.objects.filter(patient=patient).exclude(stage__in=OVER).exists():
        raise NotAllowed("A visit of this patient is not over.")


def _note(record: Kept) -> str:
    who = {"name": record.patient.name, "born": record.patient.born.isoformat()}
    try:
        return Tombstone.noted(record.patient, **who, first=record.first.isoformat(), last=record.last.isoformat())
    except master_keys.KeysetTrouble as trouble:
        raise NotAllowed(
            f"The register of erased records does not open: {settings.REGISTER_KEYS} is missing."
        ) from trouble


def _digests(patient: Patient) -> list[str]:
    rows = Journal.objects.filter(patient__in=_all_of(patient)).order_by("seq")
    digests = (row.data.get("digest") for row in rows.iterator(chunk_size=500))
    return list(dict.fromkeys(cast(str, digest) for digest in digests if digest))
