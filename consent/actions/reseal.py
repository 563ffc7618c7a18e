"""Try again to seal a document."""

from __future__ import annotations

from django.db import transaction

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal
from consent.jobs.tasks import seal_after, seal_consent
from consent.models import Consent, ConsentStatusChange


@transaction.atomic
def seal_again(*, consent: Consent, by: Actor) -> None:
    """Queue the seal of a confirmed consent again. Raise ``NotAllowed`` if it is sealed."""
    if consent.visit.at is not Stage.CONFIRMED:
        raise NotAllowed("This consent is sealed already.")
    consent.visit.mark(by=by, action="sealing asked for again", sealing_failed_at=None)
    seal_consent.enqueue(consent.pk)


@transaction.atomic
def seal_after_again(*, after: ConsentStatusChange, by: Actor) -> None:
    """Queue the PDF of a consent's status change again."""
    assert after.consent is not None
    Journal.objects.record("sealing asked for again", by=by, visit=after.consent.visit, kind=after.kind)
    seal_after.enqueue(after.pk)
