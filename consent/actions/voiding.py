"""A signature that is not confirmed yet stops counting."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Role, StaleVisit, Visit
from consent.models import SignedConsent, VoidedSignature
from screening.actions import reopen
from screening.models import Screening


def void(given: SignedConsent, *, why: str, by: Actor) -> None:
    """Write that a signed consent no longer counts. ``why`` goes into the journal: our words, never the patient's."""
    VoidedSignature.objects.create(given=given, why=why, by=by.user)
    Journal.objects.record("consent voided", by=by, visit=given.visit, why=why)


def to_confirm(visit: Visit, by: Actor) -> SignedConsent:
    """Return the signed consent that ``by`` may confirm. Raise ``NotAllowed`` or ``StaleVisit`` if there is none."""
    if by.role is not Role.PRACTITIONER:
        raise NotAllowed("Only a practitioner confirms.")
    given = SignedConsent.of(visit)
    latest = Screening.of(visit)
    if visit.at is not Stage.SIGNED:
        raise StaleVisit
    if given is None or latest is None or given.screening_id != latest.pk:
        raise NotAllowed("The answers changed after the signature. The patient must sign again.")
    return given


@transaction.atomic
def change_answers(*, visit: Visit, names: Collection[str], by: Actor) -> Screening:
    """The patient wants to change answers after signing: void the signature, and ask ``names`` again.

    Raise ``NotAllowed`` if nothing was signed, ``ValueError`` for an unknown question.
    """
    visit = Visit.objects.select_related("patient").get(pk=visit.pk)
    given = to_confirm(visit, by)
    void(given, why="an answer changes", by=by)
    return reopen(visit=visit, by=by, why="an answer changes", names=names)
