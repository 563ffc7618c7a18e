"""Two people at the same moment: nothing is lost, nothing counts twice, and nobody meets an error page.

All of this runs on SQLite and, through `test_postgresql.py`, on PostgreSQL.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F

from clinic.devices import holds
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Hold, Journal, Visit
from clinic.storage import rate_limit
from screening import actions
from screening.models import Assessment, Claim, Screening
from tests.support.factories import acting, hold, make_screening, make_tablet, make_visit, practitioner

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

TIMES = 10
ASKED = "implanted_device"


def at_once(*acts: Callable[[], Any]) -> None:
    """Do all of these at the same moment, each over a connection of its own. What the flow refuses is no error."""
    start = threading.Barrier(len(acts))
    errors: list[Exception] = []

    def work(act: Callable[[], Any]) -> None:
        try:
            start.wait()
            act()
        except NotAllowed:
            pass
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def answering() -> tuple[Visit, Actor]:
    visit = make_visit(stage=Stage.ANSWERING)
    tablet, _ = make_tablet()
    hold(visit, tablet)
    return visit, Actor(tablet=tablet)


def test_a_form_is_begun_once() -> None:
    for _ in range(TIMES):
        visit, by = answering()
        at_once(*[partial(actions.draft, visit=visit, by=by)] * 3)
        assert visit.screenings.count() == 1


def test_an_answer_that_comes_with_the_sending_is_in_it_or_refused() -> None:
    for _ in range(TIMES):
        visit, by = answering()
        make_screening(visit, submitted=False)
        twice = Visit.objects.get(pk=visit.pk)
        at_once(
            partial(actions.submit, visit=visit, by=by),
            partial(actions.answer, visit=twice, given={ASKED: "yes"}, by=by),
        )
        visit.refresh_from_db()
        assert visit.at in (Stage.IN_REVIEW, Stage.CONSENTING)
    assert not Screening.objects.filter(saved_at__gt=F("submitted_at")).exists()
    for run in Assessment.objects.all():
        flagged = run.flags.filter(question=ASKED).exists()
        assert flagged == (run.screening.answers[ASKED] == "yes")


def test_forms_are_sent_once() -> None:
    for _ in range(TIMES):
        visit, by = answering()
        make_screening(visit, submitted=False)
        again = Visit.objects.get(pk=visit.pk)
        at_once(partial(actions.submit, visit=visit, by=by), partial(actions.submit, visit=again, by=by))
        assert Assessment.objects.filter(screening__visit=visit).count() == 1
        assert Journal.objects.filter(visit=visit, action="visit moved").count() == 1


def test_each_wrong_birth_date_counts() -> None:
    for _ in range(TIMES):
        held = hold(make_visit(), make_tablet()[0], identified=False)
        guesses = [Hold.objects.select_related("visit__patient").get(pk=held.pk) for _ in range(2)]
        wrong = partial(holds.confirm_birth_date, born=dt.date(1900, 1, 1), by=Actor(tablet=held.tablet))
        at_once(*[partial(wrong, hold=guess) for guess in guesses])
        held.refresh_from_db()
        assert held.misses == 2


def test_tries_at_the_same_moment_all_count(settings: Any, same_minute: Any) -> None:
    from clinic.settings import CACHES

    settings.CACHES = CACHES
    call_command("createcachetable", verbosity=0)
    for number in range(TIMES):
        allowed: list[bool] = []

        def try_once(action: str = f"try-{number}", allowed: list[bool] = allowed) -> None:
            allowed.append(rate_limit.allow(action, {"ada": 5}))

        at_once(*[try_once] * 8)
        assert sum(allowed) == 5


def test_a_visit_is_claimed_by_one_of_two() -> None:
    kim, lou = acting(practitioner()), acting(practitioner())
    for _ in range(TIMES):
        visit = make_visit(stage=Stage.IN_REVIEW)
        again = Visit.objects.get(pk=visit.pk)
        at_once(partial(actions.claim, visit=visit, by=kim), partial(actions.claim, visit=again, by=lou))
        assert Claim.objects.filter(visit=visit).count() == 1
        assert Journal.objects.filter(visit=visit, action="review claimed").count() == 1


def test_a_claim_is_taken_over_by_one_of_two() -> None:
    kim, lou = acting(practitioner()), acting(practitioner())
    for _ in range(TIMES):
        claim = actions.claim(visit=make_visit(stage=Stage.IN_REVIEW), by=acting(practitioner()))
        again = Claim.objects.select_related("visit").get(pk=claim.pk)
        at_once(partial(actions.take_over, claim=claim, by=kim), partial(actions.take_over, claim=again, by=lou))
        assert Claim.objects.filter(visit=claim.visit, ended_at=None).count() == 1
        assert Journal.objects.filter(visit=claim.visit, action="review taken over").count() == 1
