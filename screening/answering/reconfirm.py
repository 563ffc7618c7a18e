"""A returning patient confirms which of last time's answers still hold."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, Visit
from screening.answering.answer import draft
from screening.answering.previous_visit import to_look_back_on
from screening.assessment import preconditions
from screening.domain import questionnaire
from screening.domain.answer_changes import followers, offered, readable
from screening.models import Screening


@transaction.atomic
def confirm_last_time(*, visit: Visit, shown: int, changed: Collection[str], by: Actor) -> Screening:
    """Save last time's answers that the patient confirmed; ``changed`` are asked again, like all of the day.

    ``shown``: the pk of the screening that was on the screen, so that nothing is confirmed unseen. Raise ``NotAllowed``
    if it is not the patient's turn, or other answers are to be confirmed by now.
    """
    preconditions.fresh(visit, Stage.ANSWERING)
    before = to_look_back_on(visit)
    if before is None or before.pk != shown:
        raise NotAllowed("This page was open for too long. Look at it again.")
    screening = draft(visit=visit, by=by)
    answers = readable(before.answers)
    names = offered(answers)
    again = {*changed, *(follower for name in changed for follower in followers(name, names))}
    kept = questionnaire.prune({name: answers[name] for name in names if name not in again}, returning=visit.returning)
    now = timezone.now()
    earlier = timezone.localdate(before.submitted_at).isoformat()
    screening.answers = questionnaire.dump(kept)
    screening.given_at = dict.fromkeys(kept, now.isoformat())
    screening.confirmed = {name: before.confirmed.get(name, earlier) for name in kept}
    screening.looked_back_at = screening.saved_at = now
    screening.save()
    Journal.objects.record("answers confirmed", by=by, visit=visit, screening=screening.pk, count=len(kept))
    return screening
