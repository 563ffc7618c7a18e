"""A visit is cleared for consent, and what it was cleared on is written; or the clearance lapses."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from clinic.domain.flow import Stage
from clinic.models import Actor, Journal, PolicyChange, Visit
from screening.assessment import preconditions
from screening.assessment.clearance_state import clearance_of, covered_now, why_lapsed
from screening.assessment.review_state import Standing
from screening.domain.clearance import Why
from screening.models import Clearance, Closing, Lapse, Plan, Screening


def clear(visit: Visit, screening: Screening, closing: Closing | None = None) -> Clearance:
    """Write what the visit goes on to consent with. In the transaction that moves it there."""
    plan = Plan.of(visit)
    covers = covered_now(visit, screening, plan, PolicyChange.objects.policy())
    return Clearance.objects.create(
        screening=screening,
        closing=closing,
        answers_sha256=covers.answers,
        rules_version=covers.rules_version,
        flags=sorted(covers.flags),
        regions=sorted(covers.regions),
        technique=plan.technique if plan else "",
        electro=covers.electro,
        at=covers.at,
    )


def lapse_if_due(*, visit: Visit, by: Actor, stands: Standing | None = None) -> tuple[Why, ...]:
    """Take a visit whose clearance no longer holds back to the review; return why, () if it holds.

    Only before the patient signed: after that the signature must be voided as well, which is the consent room's to do.
    ``visit``: as it was read for this request, and ``stands`` where its review does, if that was read. Only where it is
    due does this wait for its turn to write, and look again.
    """
    return _lapse(visit, by) if why_lapsed(visit, stands) else ()


@transaction.atomic
def _lapse(visit: Visit, by: Actor) -> tuple[Why, ...]:
    visit.refresh_from_db(fields=preconditions.CHANGES)
    if visit.at is not Stage.CONSENTING or not (why := why_lapsed(visit)):
        return ()
    note_lapse(visit=visit, why=why, by=by)
    visit.move(Stage.IN_REVIEW, by=by, why="the clearance lapsed")
    if hold := visit.hold:
        hold.end("waiting")
    return why


def note_lapse(*, visit: Visit, why: Sequence[Why], by: Actor) -> Lapse:
    """Write that a clearance lapsed, and why. In the transaction that takes the visit back to the review."""
    lapse = Lapse.objects.create(visit=visit, clearance=clearance_of(visit), why=[each.value for each in why])
    Journal.objects.record("clearance lapsed", by=by, visit=visit, why=", ".join(each.words for each in why))
    return lapse
