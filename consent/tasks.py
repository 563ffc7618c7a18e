"""What runs in the background: the seal, and copies by e-mail.

Django's tasks interface with the database as queue: the task commits with what asked for it, and a worker that is
killed leaves a row behind, not a silence.
"""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks import task

from clinic.flow import Stage
from clinic.models import Journal, PolicyChange
from clinic.models.journal import SYSTEM
from consent.document import render
from consent.models import Consent, SealedFile
from consent.record import read, sha256
from consent.sealing import NotSealed, Sealed, keep_time, sealed
from consent.snapshot import number


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
        made = _sealed(consent)
    except Exception:
        consent.visit.mark(by=SYSTEM, action="sealing failed", sealing_failed_at=timezone.now())
        raise
    try:
        return _file(consent, made)
    except IntegrityError:  # another worker was faster: its file counts
        return SealedFile.objects.get(consent=consent).sha256


def _sealed(consent: Consent) -> Sealed:
    canonical = bytes(consent.record)
    if sha256(canonical) != consent.sha256:
        raise NotSealed("The record is not the one that was confirmed.")
    return sealed(render(read(canonical)), canonical)


@transaction.atomic
def _file(consent: Consent, made: Sealed) -> str:
    filed = SealedFile.objects.create(
        consent=consent, pdf=made.pdf, sha256=made.sha256, certificate_sha256=made.certificate_sha256
    )
    keep_time(made)
    visit = consent.visit
    if visit.sealing_failed_at:
        visit.mark(by=SYSTEM, action="sealing worked", sealing_failed_at=None)
    visit.move(Stage.SEALED, by=SYSTEM, digest=filed.sha256)
    return filed.sha256


@task()
def send_copy(consent_id: int, address: str) -> None:
    """E-mail the sealed PDF to ``address``. Raise ``SealedFile.DoesNotExist`` if it is not sealed yet."""
    sealed = SealedFile.objects.select_related("consent__visit__patient").get(consent_id=consent_id)
    visit = sealed.consent.visit
    clinic = PolicyChange.objects.policy()
    mail = EmailMessage(
        subject=f"Your copy from {clinic.clinic_name}",
        body=f"Here is the copy that you asked for. Please keep it.\n\nQuestions? Call {clinic.clinic_name}"
        f"{' on ' + clinic.clinic_phone if clinic.clinic_phone else ''}.\n",
        to=[address],
    )
    mail.attach(f"consent-{number(visit)}.pdf", bytes(sealed.pdf), "application/pdf")
    mail.send()
    Journal.objects.record("copy sent", by=SYSTEM, visit=visit, method="e-mail", digest=sealed.sha256)
