"""Something went wrong: it is on record, it is held against what was known, and the next visit asks about it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Journal, Role, Visit
from consent.domain.risk_disclosure import NAMED, disclosed
from consent.domain.statement import StatementInput, statement
from screening import actions
from screening.assessment.clearance_state import why_lapsed
from screening.assessment.review_state import review_state
from screening.assessment.rule_input import on_record
from screening.domain import adverse_events
from screening.domain.questionnaire import QUESTIONS
from screening.models import AdverseEvent, Assessment, Decision, Flag
from screening.reports.rule_backtest import judged
from screening.reports.statistics import FIGURES, Span
from screening.treatment.forewarned import foreseen
from tests.support.earlier_visits import FAINTED, comes_back, happened, treated
from tests.support.factories import (
    acting,
    make_visit,
    practitioner,
    receptionist,
    staff_client,
)

pytestmark = pytest.mark.django_db

QUESTION = "last_needling_reaction"


def about(visit: Visit) -> list[str]:
    return [each.flag.reason for each in review_state(visit).flags if each.flag.question == QUESTION]


# --- recorded ------------------------------------------------------------------------------------------------------


def test_it_is_recorded_from_the_visit_and_told_on_the_patients_page():
    visit = treated()
    client = staff_client(practitioner())
    day = timezone.localdate()
    data = {**FAINTED, "began_on_day": day.day, "began_on_month": day.month, "began_on_year": day.year}
    answer = client.post(f"/visits/{visit.pk}/event/", data)
    assert (answer.status_code, answer.url) == (302, f"/patients/{visit.patient_id}/")
    assert "Fainted, or nearly" in client.get(answer.url).content.decode()
    assert Journal.objects.filter(action="adverse event recorded", visit=visit).count() == 1
    event = AdverseEvent.objects.get()
    html = client.get(f"/events/{event.pk}/").content.decode()
    assert "Went pale and fell." in html


def test_an_empty_form_loses_nothing_and_says_what_is_missing():
    visit = treated()
    answer = staff_client(practitioner()).post(f"/visits/{visit.pk}/event/", {"what": "Kept"})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "Kept" in html
    assert "Choose how bad it was." in html


def test_it_cannot_begin_before_the_visit_or_later_than_today():
    visit = treated()
    for days in (-1, 1):
        with pytest.raises(NotAllowed, match="between"):
            happened(visit, began_on=timezone.localdate() + dt.timedelta(days=days))


def test_reception_and_managers_see_nothing_of_it():
    event = happened(treated())
    for path in (f"/visits/{event.visit_id}/event/", f"/events/{event.pk}/"):
        assert staff_client(receptionist()).get(path).status_code == 404
    for path in (f"/visits/{event.visit_id}/", f"/patients/{event.visit.patient_id}/"):
        assert "Fainted" not in staff_client(receptionist()).get(path).content.decode()
    with pytest.raises(NotAllowed):
        actions.note_event(event=event, kind="follow_up", text="x", by=acting(receptionist(), Role.RECEPTION))


# --- what was known ------------------------------------------------------------------------------------------------


def test_each_kind_knows_what_warns_of_it_and_names_only_questions():
    assert set(adverse_events.RELATED) == set(adverse_events.EventKind) == set(adverse_events.WORDS)
    for related in adverse_events.RELATED.values():
        assert related.why
        assert related.questions <= set(QUESTIONS)


def test_the_present_text_names_every_kind_but_something_else():
    text = statement(StatementInput("Clinic", "1", "112", "cost", "privacy"))
    assert set(NAMED) == set(adverse_events.EventKind) - {adverse_events.EventKind.OTHER}
    assert all(disclosed(text, kind) for kind in NAMED)
    assert disclosed(text, "other") == ""


def test_it_was_flagged_if_a_related_question_was():
    assert [each.flag.question for each in foreseen(happened(treated(needle_fear=6))).flags] == ["needle_fear"]
    assert foreseen(happened(treated(diabetes="no"))).flags == ()
    assert foreseen(happened(treated(needle_fear=6), kind="infection")).flags == ()


@pytest.mark.parametrize(("outcome", "overridden"), [("cleared", True), ("not_today", False)])
def test_it_was_overridden_if_somebody_went_ahead_against_a_stop(outcome, overridden):
    visit = treated(needle_fear=9)
    flag = Flag.objects.get(screening__visit=visit, severity="stop")
    Decision.objects.create(flag=flag, outcome=outcome, reason="Wanted it", until="Later", by=practitioner())
    assert bool(foreseen(happened(visit)).overridden) is overridden


def test_the_manager_sees_how_many_were_flagged():
    happened(treated(needle_fear=6))
    happened(treated())
    wrong = happened(treated())
    actions.note_event(event=wrong, kind="in_error", text="Other patient", by=acting(practitioner()))
    rows = dict(FIGURES["adverse-events"](Span.of(1, timezone.localdate())).rows)
    assert rows["Fainted, or nearly"] == (1, 1, 0)
    assert rows["Infection"] == (0, 0, 0)


# --- the next visit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["no", "yes", "unsure"])
def test_the_next_visit_asks_about_it_whatever_the_patient_says(said):
    event = happened(treated())
    visit = comes_back(event.visit.patient, last_needling_reaction=said)
    assert visit.at is Stage.IN_REVIEW
    recorded = [reason for reason in about(visit) if "on our record" in reason]
    assert len(recorded) == 1
    assert "fainted, or nearly" in recorded[0]
    assert review_state(visit).answers[QUESTION] == said


def test_without_an_event_nothing_is_asked():
    assert comes_back(treated().patient).at is Stage.CONSENTING


def test_it_is_nobody_elses():
    happened(treated())
    assert comes_back(treated().patient).at is Stage.CONSENTING


def test_an_assessment_keeps_what_it_was_told_and_each_flag_its_hints():
    event = happened(treated())
    visit = comes_back(event.visit.patient)
    before = review_state(visit)
    actions.note_event(event=event, kind="in_error", text="Not this patient", by=acting(practitioner()))
    again = review_state(visit)
    assert [each.flag.key for each in again.flags] == [each.flag.key for each in before.flags]
    assert [each.flag.ask for each in again.flags] == [each.flag.ask for each in before.flags] != [[]]
    assert [each for each in judged() if each.visit == visit.pk and each.differs] == []


def test_recorded_in_error_counts_no_more():
    event = happened(treated())
    actions.note_event(event=event, kind="in_error", text="Not this patient", by=acting(practitioner()))
    assert comes_back(event.visit.patient).at is Stage.CONSENTING


def test_once_treated_in_knowledge_of_it_the_visit_after_asks_no_more_until_there_is_news():
    event = happened(treated())
    patient = event.visit.patient
    second = comes_back(patient)
    third = make_visit(patient)
    assert on_record(third)  # nobody was treated since
    Visit.objects.filter(pk=second.pk).update(stage=Stage.SEALED)
    assert on_record(third) == ()
    actions.note_event(event=event, kind="follow_up", text="Still dizzy.", by=acting(practitioner()))
    assert [each.event for each in on_record(third)] == [event.pk]


def test_an_emergency_is_asked_about_at_every_visit():
    event = happened(treated(), kind="pneumothorax", harm="emergency")
    patient = event.visit.patient
    second = comes_back(patient)
    Visit.objects.filter(pk=second.pk).update(stage=Stage.SEALED)
    (fact,) = on_record(make_visit(patient))
    assert "emergency or hospital" in fact.what


def test_told_late_it_takes_a_clearance_back():
    visit = treated()
    second = comes_back(visit.patient)
    assert second.at is Stage.CONSENTING
    happened(visit)
    assert [each.value for each in why_lapsed(review_state(second))] == ["flag"]
    assert Assessment.objects.get(screening__visit=second).on_record == []
