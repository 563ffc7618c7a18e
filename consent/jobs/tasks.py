"""What runs in the background: the seal, and copies by e-mail.

Django's tasks interface with the database as queue: the task commits with what asked for it, and a worker that is
killed leaves a row behind, not a silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks import task

from clinic.domain.digests import sha256
from clinic.domain.flow import Stage
from clinic.models import Journal, PolicyChange, Visit
from clinic.models.actors import SYSTEM
from clinic.storage.encrypted_fields import decrypt_for
from clinic.web.json_logging import places
from consent.document.aftercare_sheet import sheet
from consent.document.rendering import render, render_after
from consent.domain import status_record
from consent.domain.record import canonical, read
from consent.jobs.seal_document import NotSealed, SealedDocument, keep_time, seal_and_check
from consent.jobs.write_anchor import anchor_if_due
from consent.models import Consent, ConsentStatusChange, SealedFile, SealedStatusChange
from consent.seal.keys import KeyTrouble
from consent.status.build_record import number
from consent.status.build_status_record import build as build_after
from consent.status.build_status_record import number as number_of_after
from consent.status.consent_state import state_of

ADDRESS = "an address to send to"  # tasks are kept in the database, and what they were given with them


class TaskFailed(Exception):
    """Something broke in a task: the kind of error, and where. Its own words may hold what somebody typed."""


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raise, for an error that is not ours, ``TaskFailed`` in its place: a task's traceback is kept."""
    try:
        yield
    except (NotSealed, KeyTrouble):
        raise
    except Exception as error:
        where = places(error.__traceback__)
        raise TaskFailed(f"{type(error).__name__} at {', '.join(where[-3:])}") from None


@task()
def seal_consent(consent_id: int) -> str:
    """Render, sign, open again, check, and only then file the PDF of a consent. Return the PDF's SHA-256 in hex.

    Running twice does no harm. If anything fails, the record stands, the visit is marked, and the error is raised for
    the task's own log.
    """
    consent = Consent.objects.select_related("visit").get(pk=consent_id)
    if done := SealedFile.objects.filter(consent=consent).first():
        return done.sha256
    try:
        with in_our_words():
            made = _sealed(consent)
    except Exception:
        consent.visit.mark(by=SYSTEM, action="sealing failed", sealing_failed_at=timezone.now())
        raise
    try:
        filed = _file(consent, made)
    except IntegrityError:  # another worker was faster: its file counts
        return SealedFile.objects.get(consent=consent).sha256
    anchor_if_due()
    return filed


def _sealed(consent: Consent) -> SealedDocument:
    record = bytes(consent.record)
    if sha256(record) != consent.sha256:
        raise NotSealed("The record is not the one that was confirmed.")
    return seal_and_check(render(read(record)), record)


@transaction.atomic
def _file(consent: Consent, made: SealedDocument) -> str:
    filed = SealedFile.objects.create(
        consent=consent, pdf=made.pdf, sha256=made.sha256, certificate_sha256=made.certificate_sha256
    )
    keep_time(made)
    visit = consent.visit
    Journal.objects.record(
        "seal key used", by=SYSTEM, visit=visit, digest=made.sha256, certificate=made.certificate_sha256
    )
    if visit.sealing_failed_at:
        visit.mark(by=SYSTEM, action="sealing worked", sealing_failed_at=None)
    visit.move(Stage.SEALED, by=SYSTEM, digest=filed.sha256)
    for after in ConsentStatusChange.objects.filter(
        consent=consent, sealed=None
    ):  # it cites the file, so it waited for it
        seal_after.enqueue(after.pk)
    return filed.sha256


@task()
def seal_after(after_id: int) -> str:
    """Make and file the PDF of what came after a consent. Return its SHA-256 in hex; "" while the first has no file.

    As with the first, running twice does no harm, and what fails can be asked for again: the row stands.
    """
    after = ConsentStatusChange.objects.select_related(
        "consent__visit", "by", "hold__tablet", "replaced_by__visit"
    ).get(pk=after_id)
    if done := SealedStatusChange.objects.filter(after=after).first():
        return done.sha256
    first = SealedFile.objects.select_related("consent").filter(consent=after.consent_id).first()
    if first is None or after.consent is None:
        return ""
    record = canonical(build_after(after=after, first=first))
    try:
        with in_our_words():
            made = seal_and_check(render_after(status_record.read(record)), record)
    except Exception:
        Journal.objects.record("sealing failed", by=SYSTEM, visit=after.consent.visit, kind=after.kind)
        raise
    try:
        return _file_after(after, after.consent, record, made)
    except IntegrityError:  # another worker was faster: its file counts
        return SealedStatusChange.objects.get(after=after).sha256


@transaction.atomic
def _file_after(after: ConsentStatusChange, consent: Consent, record: bytes, made: SealedDocument) -> str:
    SealedStatusChange.objects.create(
        after=after,
        record=record,
        record_sha256=sha256(record),
        pdf=made.pdf,
        sha256=made.sha256,
        certificate_sha256=made.certificate_sha256,
    )
    keep_time(made)
    Journal.objects.record(
        "seal key used", by=SYSTEM, visit=consent.visit, digest=made.sha256, certificate=made.certificate_sha256
    )
    Journal.objects.record(
        "what came after sealed", by=SYSTEM, visit=consent.visit, kind=after.kind, digest=made.sha256
    )
    return made.sha256


@task()
def send_copy(consent_id: int, address: str) -> None:
    """E-mail the sealed PDF to ``address`` (from ``encrypt_for``, as ``ADDRESS``), with those of what came after.

    It says in words where the consent stands. Raise ``SealedFile.DoesNotExist`` if it is not sealed yet.
    """
    sealed = SealedFile.objects.select_related("consent__visit__patient").get(consent_id=consent_id)
    visit = sealed.consent.visit
    clinic = PolicyChange.objects.policy(visit.patient.site_id)
    mail = EmailMessage(
        subject=f"Your copy from {clinic.clinic_name}",
        body=f"Here is the copy that you asked for. Please keep it.\n\n{_standing(sealed.consent)}"
        f"Questions? Call {clinic.clinic_name}{' on ' + clinic.clinic_phone if clinic.clinic_phone else ''}.\n",
        to=[decrypt_for(address, ADDRESS)],
    )
    mail.attach(f"consent-{number(visit)}.pdf", bytes(sealed.pdf), "application/pdf")
    for later in SealedStatusChange.objects.filter(after__consent=sealed.consent).select_related(
        "after__consent__visit"
    ):
        mail.attach(f"consent-{number_of_after(later.after)}.pdf", bytes(later.pdf), "application/pdf")
    with in_our_words():
        mail.send()
    Journal.objects.record("copy sent", by=SYSTEM, visit=visit, method="e-mail", digest=sealed.sha256)


def _standing(consent: Consent) -> str:
    state = state_of(consent)
    return "" if state.stands else f"This consent does not count any more: {state.words}.\n\n"


@task()
def send_aftercare(visit_id: int, address: str) -> None:
    """E-mail the aftercare sheet of a visit to ``address`` (from ``encrypt_for``), as plain text for every phone."""
    visit = Visit.objects.select_related("patient").get(pk=visit_id)
    paper = sheet(visit)
    phone = f", phone {paper.clinic.clinic_phone}" if paper.clinic.clinic_phone else ""
    mail = EmailMessage(
        subject=f"After your treatment at {paper.clinic.clinic_name}",
        body=f"{paper.text}\n\nEmergency: {paper.clinic.emergency_number}\n{paper.clinic.clinic_name}{phone}\n",
        to=[decrypt_for(address, ADDRESS)],
    )
    with in_our_words():
        mail.send()
    Journal.objects.record("aftercare sent", by=SYSTEM, visit=visit, method="e-mail")
