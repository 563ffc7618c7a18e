"""The practitioner records the treatment, and any adverse event, then or later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import TREATED, NotAllowed
from clinic.models import Actor, Journal, Role, Visit
from screening.assessment import preconditions
from screening.domain.adverse_events import EVENT_OF, EventKind, Harm, Reaction
from screening.domain.scope import Scope, ScopePart
from screening.models import AdverseEvent, EventNote, Plan, Session

MOST_NEEDLES = 100
COUNT_AGAIN = "{went_in} went in, {came_out} came out. Count again: on the patient, in clothes, on the table and floor."


@transaction.atomic
def record_session(
    *,
    visit: Visit,
    regions: Sequence[str],
    electro: bool,
    needles_in: int,
    needles_out: int,
    reaction: str,
    treated_at: dt.datetime,
    by: Actor,
    reaction_text: str = "",
    harm: str = "",
    missing: str = "",
) -> Session:
    """Record what was done with needles at a visit whose consent was confirmed; a visit's latest record counts.

    A reaction, and a needle that was not found (``missing``: what was done about it), are adverse events as well;
    ``harm``: how bad. Raise ``NotAllowed`` for a place or current not agreed to, or needles that do not add up.
    """
    preconditions.practitioner(by)
    preconditions.fresh(visit, *TREATED)
    plan = _agreed(visit, regions, electro=electro)
    _counted(needles_in, needles_out, missing)
    if (reaction != Reaction.NONE or needles_out < needles_in) and harm not in list(Harm):
        raise NotAllowed("Say how bad it was.")
    if treated_at > timezone.now():
        raise NotAllowed("This time is still to come. Type when the treatment was.")
    last = Session.of(visit)
    session = Session.objects.create(
        visit=visit,
        number=last.number + 1 if last else 1,
        plan=plan,
        regions=list(Scope.of(regions).places),
        technique=plan.technique,
        electro=electro,
        needles_in=needles_in,
        needles_out=needles_out,
        missing=missing.strip() if needles_out < needles_in else "",
        reaction=Reaction(reaction).value,
        reaction_text=reaction_text.strip(),
        treated_at=treated_at,
        by=by.staff,
    )
    Journal.objects.record("session recorded", by=by, visit=visit, number=session.number)
    _events(session, harm, by)
    return session


def _agreed(visit: Visit, regions: Sequence[str], *, electro: bool) -> Plan:
    """Return the plan that the patient consented to. Raise ``NotAllowed`` if this goes beyond it."""
    plan = Plan.of(visit)
    if plan is None:
        raise NotAllowed("There is no plan that the patient agreed to.")
    if not regions:
        raise NotAllowed("Choose at least one place.")
    agreed, done = plan.scope, Scope.of(regions, electro=electro)
    beyond = agreed.exceeded_by(done)
    if ScopePart.REGION in beyond:
        added = Scope(done.regions - agreed.regions)
        raise NotAllowed(
            f"The patient did not agree to this: {added.words}. Agreed: {agreed.words}. "
            "A new place needs a new consent first; if a needle went there all the same, record an adverse event."
        )
    if ScopePart.ELECTRO in beyond:
        raise NotAllowed("The patient did not agree to electrical stimulation. It needs a new consent first.")
    return plan


def _counted(went_in: int, came_out: int, missing: str) -> None:
    if not 1 <= went_in <= MOST_NEEDLES:
        raise NotAllowed(f"Needles in: a number from 1 to {MOST_NEEDLES}.")
    if came_out > went_in:
        raise NotAllowed(COUNT_AGAIN.format(went_in=went_in, came_out=came_out))
    if came_out < went_in and not missing.strip():
        raise NotAllowed(
            f"{COUNT_AGAIN.format(went_in=went_in, came_out=came_out)} If one cannot be found, say what was done."
        )


def _events(session: Session, harm: str, by: Actor) -> None:
    """Record the adverse events of a session, except those that an earlier version of it recorded."""
    day = timezone.localdate(session.treated_at)
    recorded = set(
        AdverseEvent.objects.that_count().filter(session__visit=session.visit).values_list("kind", flat=True)
    )
    events: list[tuple[EventKind, str]] = []
    if session.reaction != Reaction.NONE:
        what = session.reaction_text or f"{session.get_reaction_display()}, at the session."
        events.append((EVENT_OF[Reaction(session.reaction)], what))
    if session.not_found:
        events.append((EventKind.NEEDLE, f"{session.not_found} of {session.needles_in} not found. {session.missing}"))
    for kind, what in events:
        if kind.value not in recorded:
            _write(session.visit, kind, harm, day, what, "", session, by)


@transaction.atomic
def record_event(
    *, visit: Visit, kind: str, harm: str, began_on: dt.date, what: str, done: str, by: Actor
) -> AdverseEvent:
    """Record that something went wrong with the treatment of a visit, however late it is reported.

    ``began_on``: from the visit's day to today. Raise ``NotAllowed`` otherwise, or if there was no treatment.
    """
    preconditions.practitioner(by)
    preconditions.fresh(visit, *TREATED)
    if not what.strip():
        raise NotAllowed("Say what happened.")
    today = timezone.localdate()
    if not min(visit.day, today) <= began_on <= today:
        raise NotAllowed("It must have begun between the visit’s day and today.")
    return _write(visit, EventKind(kind), harm, began_on, what.strip(), done.strip(), Session.of(visit), by)


def _write(
    visit: Visit, kind: EventKind, harm: str, day: dt.date, what: str, done: str, session: Session | None, by: Actor
) -> AdverseEvent:
    event = AdverseEvent.objects.create(
        visit=visit,
        session=session,
        kind=kind.value,
        harm=Harm(harm).value,
        began_on=day,
        what=what,
        done=done,
        by=by.staff,
        role=Role.PRACTITIONER.value,
    )
    Journal.objects.record("adverse event recorded", by=by, visit=visit, number=event.pk)
    return event


@transaction.atomic
def note_event(*, event: AdverseEvent, kind: str, text: str, by: Actor) -> EventNote:
    """Record how an adverse event went on, or that it was recorded in error: then it no longer counts."""
    preconditions.practitioner(by)
    if not text.strip():
        raise NotAllowed("Write the note first.")
    note = EventNote.objects.create(event=event, kind=EventNote.Kind(kind).value, text=text.strip(), by=by.staff)
    if note.kind == EventNote.Kind.IN_ERROR:
        Journal.objects.record("adverse event in error", by=by, visit=event.visit, number=event.pk)
    else:
        Journal.objects.record("adverse event followed up", by=by, visit=event.visit, number=event.pk)
    return note
