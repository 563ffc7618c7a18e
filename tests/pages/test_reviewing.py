"""A practitioner reviews: decides on flags, plans, vouches, and ends the review."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.policy import AFTER_TALK
from clinic.models import Actor, Hold, Journal, Role, User, Visit
from clinic.records.staff import change_policy
from screening import actions
from screening.assessment.review_state import review_state
from screening.assessment.rule_input import planned_scope
from screening.domain import talk
from screening.domain.scope import Scope
from screening.models import (
    Assessment,
    Attestation,
    Decision,
    Flag,
    PatientQuestion,
    Plan,
    ReviewOutcome,
    Screening,
    Technique,
)
from tests.support.factories import (
    acting,
    answers,
    hold,
    make_patient,
    make_screening,
    make_tablet,
    make_visit,
    manager,
    ready_for_review,
    receptionist,
    rechecked,
    rules_ran,
    staff_client,
)

pytestmark = pytest.mark.django_db

Outcome, Ending, Kind = Decision.Outcome, ReviewOutcome.Ending, Attestation.Kind
SAID_BACK = dict.fromkeys(talk.ALWAYS, talk.CORRECT)


@pytest.fixture
def by(physio: User) -> Actor:
    return acting(physio)


def plan(visit: Visit, by: Actor, *regions: str, electro: bool = False) -> actions.Planned:
    return actions.save_plan(
        visit=visit,
        scope=Scope.of(regions or ["left_thigh"], technique=Technique.SUPERFICIAL, electro=electro, visits=3),
        by=by,
    )


def clear(visit: Visit, by: Actor, outcome: str = Outcome.CLEARED, **words: str) -> None:
    """Decide every flag that waits for a decision."""
    for each in review_state(visit).undecided:
        proof = rechecked(by) if each.is_stop else None
        actions.decide(flag=each.flag, outcome=outcome, reason="Talked it through.", by=by, rechecked=proof, **words)


def close(visit: Visit, by: Actor, ending: str = Ending.CONSENT, **how: Any) -> ReviewOutcome:
    return actions.close_review(visit=visit, ending=ending, by=by, **how)


def flags(visit: Visit) -> dict[str, str]:
    """Return the worst severity of each question that is flagged."""
    return {each.flag.question: each.flag.severity for each in reversed(review_state(visit).flags)}


# What stands


def test_the_standing_of_a_visit_tells_what_holds_it():
    visit = ready_for_review(epilepsy="yes", questions="Does it hurt?", support_needed=["interpreter"])
    state = review_state(visit)
    assert flags(visit) == {"epilepsy": "review", "support_needed": "review"}
    assert {each.short for each in state.undecided} == {"Epilepsy or fits", "Support needed"}
    assert state.holds == [
        "Save the plan: the rules look at where the needles go.",
        "Support needed: decide about this flag.",
        "Epilepsy or fits: decide about this flag.",
        "The patient asked something. Answer it, then mark it as answered.",
        "The patient asked for an interpreter. Record who interprets.",
    ]


def test_a_flag_tells_what_the_patient_said_and_what_to_ask():
    visit = ready_for_review(epilepsy="yes", last_seizure=dt.date(2020, 2, 3))
    (flag,) = review_state(visit).flags
    assert flag.said == (("Epilepsy or fits", "Yes"), ("Last seizure", "3 February 2020"))
    assert flag.flag.ask
    assert flag.flag.precautions


def test_where_a_review_stands_takes_the_same_queries_however_many_flags(django_assert_num_queries):
    few = ready_for_review(epilepsy="yes")
    many = ready_for_review(
        epilepsy="yes", cancer="yes", immune="yes", vascular="yes", pregnancy="yes", heart_valve="yes"
    )
    with django_assert_num_queries(9):
        assert len(review_state(few).flags) == 1
    with django_assert_num_queries(9):
        assert len(review_state(many).flags) == 6


def test_with_one_attestation_more_it_stands_as_if_all_was_read_anew(by):
    """What `confirm` goes by: a talk after which something was not understood, then one after which all was."""
    visit = ready_for_review(epilepsy="yes", support_needed=["interpreter"])
    state = review_state(visit)
    for found in (talk.NOT_ABLE, talk.CORRECT):
        said = dict.fromkeys(SAID_BACK, found)
        row = actions.attest(visit=visit, kind=Kind.TALK, data={"teach_back": said}, by=by, state=state)
        state = state.also(row)
        assert state == review_state(visit)
        assert state.holds == review_state(visit).holds
    row = actions.attest(
        visit=visit, kind=Kind.INTERPRETER, data={"name": "Sam", "language": "Arabic", "mode": "phone"}, by=by
    )
    assert state.also(row) == review_state(visit) != state


def test_nothing_was_sent_yet():
    visit = make_visit(stage=Stage.ANSWERING)
    assert review_state(visit).holds == ["The patient has not sent the answers yet."]
    make_screening(visit, submitted=False)
    assert review_state(visit).holds == ["The patient has not sent the answers yet."]


# The plan


def test_a_plan_raises_the_stop_of_its_region_and_another_plan_settles_it(by):
    visit = ready_for_review(skin_problem="yes", skin_problem_regions=["left_calf"])
    assert flags(visit) == {"skin_problem": "review"}
    done = plan(visit, by, "left_calf")
    assert [(flag.question, flag.severity) for flag in done.raised] == [("skin_problem", "stop")]
    assert [flag.severity for flag in done.settled] == ["review"]
    assert flags(visit) == {"skin_problem": "stop"}
    done = plan(visit, by, "right_calf")
    assert [flag.severity for flag in done.settled] == ["stop"]
    assert flags(visit) == {"skin_problem": "review"}
    assert Flag.objects.filter(screening__visit=visit).count() == 2, "a flag that comes back is the same flag"
    assert [each.number for each in Plan.objects.filter(visit=visit)] == [1, 2]
    assert planned_scope(visit, Plan.of(visit)).places == ("right_calf",)


def test_a_decision_about_one_region_is_none_about_another(by):
    visit = ready_for_review(blood_thinners="yes", blood_thinner_names=["apixaban"])
    plan(visit, by, "abdomen")
    clear(visit, by)
    assert not review_state(visit).undecided
    plan(visit, by, "left_shin")
    assert [each.flag.severity for each in review_state(visit).undecided] == ["stop"]


def test_what_was_decided_stands_through_another_plan(by):
    visit = ready_for_review(epilepsy="yes")
    clear(visit, by)
    plan(visit, by, "left_calf")
    assert not review_state(visit).undecided


def test_electrical_stimulation_with_a_device_is_a_stop(by):
    visit = ready_for_review(implanted_device="yes", epilepsy="yes")
    plan(visit, by, electro=True)
    assert flags(visit)["implanted_device"] == "stop"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"regions": []}, NotAllowed, "at least one region"),
        ({"regions": ["left_wing"]}, ValueError, "left_wing"),
        ({"visits": 0}, ValueError, "1 to 12"),
        ({"visits": 13}, ValueError, "1 to 12"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(by, change, error, message):
    visit = ready_for_review(epilepsy="yes")
    whole: dict[str, Any] = {"regions": ["neck"], "technique": Technique.SUPERFICIAL, "electro": False, "visits": 3}
    with pytest.raises(error, match=message):
        actions.save_plan(visit=visit, scope=Scope.of(**{**whole, **change}), by=by)
    assert not Plan.objects.exists()


# Decisions


def test_a_decision_is_kept_with_its_reason_and_who(by, physio):
    visit = ready_for_review(epilepsy="yes")
    (flag,) = review_state(visit).flags
    actions.decide(
        flag=flag.flag, outcome=Outcome.PRECAUTION, reason="Well controlled.", precaution="You lie down.", by=by
    )
    state = review_state(visit)
    (flag,) = state.flags
    assert flag.decision is not None
    assert (flag.decision.by, flag.decision.role) == (physio, "practitioner")
    assert state.precautions == ("You lie down.",)
    row = Journal.objects.get(action="flag decided")
    assert row.data == {"flag": flag.flag.pk, "outcome": "precaution"}


def test_the_latest_decision_counts(by):
    visit = ready_for_review(epilepsy="yes")
    (flag,) = review_state(visit).flags
    actions.decide(flag=flag.flag, outcome=Outcome.NOT_TODAY, reason="A fit.", until="No fit for 90 days.", by=by)
    plan(visit, by)
    assert review_state(visit).holds == ["Epilepsy or fits: you decided “not today”."]
    actions.decide(flag=flag.flag, outcome=Outcome.CLEARED, reason="It was years ago.", by=by)
    assert review_state(visit).holds == []
    assert Decision.objects.count() == 2


@pytest.mark.parametrize(
    "changes",
    [{"understands_why": "no"}, {"understands_why": "unsure"}, {"wants_treatment": "no"}, {"feels_pressed": "yes"}],
)
@pytest.mark.parametrize("outcome", [Outcome.CLEARED, Outcome.PRECAUTION])
def test_nobody_clears_for_the_patient_what_only_the_patient_can_say(by, changes, outcome):
    visit = ready_for_review(**changes)
    (flag,) = review_state(visit).flags
    assert flag.severity == "stop"
    with pytest.raises(NotAllowed, match="nobody can clear this for the patient"):
        actions.decide(flag=flag.flag, outcome=outcome, reason="I explained.", precaution="x", by=by)
    actions.decide(flag=flag.flag, outcome=Outcome.NOT_TODAY, reason="No.", until="They want it.", by=by)
    plan(visit, by)
    with pytest.raises(NotAllowed, match="only the patient can change this"):
        close(visit, by)


def test_a_flag_that_no_longer_stands_takes_no_decision(by):
    visit = ready_for_review(skin_problem="yes", skin_problem_regions=["left_calf"])
    old = review_state(visit).flags[0].flag
    plan(visit, by, "left_calf")
    with pytest.raises(NotAllowed, match="no longer stands"):
        actions.decide(flag=old, outcome=Outcome.CLEARED, reason="Fine.", by=by)


@pytest.mark.parametrize(
    "words",
    [
        {"outcome": Outcome.CLEARED, "reason": " "},
        {"outcome": Outcome.PRECAUTION, "reason": "Fine."},
        {"outcome": Outcome.NOT_TODAY, "reason": "Not fine."},
    ],
)
def test_a_decision_needs_its_words(by, words):
    visit = ready_for_review(epilepsy="yes")
    (flag,) = review_state(visit).flags
    with pytest.raises(NotAllowed):
        actions.decide(flag=flag.flag, by=by, **words)
    assert not Decision.objects.exists()


def test_the_table_refuses_a_decision_without_a_reason(physio):
    visit = ready_for_review(epilepsy="yes")
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(flag=Flag.objects.get(), outcome="cleared", reason="", by=physio)
    assert visit.at is Stage.IN_REVIEW


def test_only_a_practitioner_decides():
    visit = ready_for_review(epilepsy="yes")
    other = acting(receptionist(), Role.RECEPTION)
    with pytest.raises(NotAllowed, match="Only a practitioner"):
        actions.decide(flag=Flag.objects.get(), outcome=Outcome.CLEARED, reason="Fine.", by=other)
    with pytest.raises(NotAllowed, match="Only a practitioner"):
        close(visit, other, Ending.STOPPED, reason="Closed.")


# Vouching


def test_an_interpreter_is_recorded_whole(by):
    visit = ready_for_review(support_needed=["interpreter"])
    with pytest.raises(NotAllowed, match="how they take part"):
        actions.attest(visit=visit, kind=Kind.INTERPRETER, data={"name": "Sam"}, by=by)
    given = {"name": "Sam", "language": "Arabic", "mode": "phone", "junk": "dropped"}
    row = actions.attest(visit=visit, kind=Kind.INTERPRETER, data=given, by=by)
    assert row.data == {"name": "Sam", "language": "Arabic", "mode": "phone", "number": ""}
    clear(visit, by)
    plan(visit, by)
    assert review_state(visit).holds == []


def test_a_talk_near_the_lung_asks_about_breathlessness(by):
    visit = ready_for_review(epilepsy="yes")
    plan(visit, by, "upper_back")
    with pytest.raises(NotAllowed, match="breathlessness afterwards"):
        actions.attest(visit=visit, kind=Kind.TALK, data={"teach_back": SAID_BACK}, by=by)
    told = {"teach_back": {**SAID_BACK, talk.BREATHLESS: "corrected"}}
    assert actions.attest(visit=visit, kind=Kind.TALK, data=told, by=by).data == told


def test_a_talk_leaves_no_prompt_out_unless_it_failed(by):
    visit = ready_for_review(epilepsy="yes")
    for left_out in SAID_BACK:
        some = {name: said for name, said in SAID_BACK.items() if name != left_out}
        with pytest.raises(NotAllowed, match=talk.prompt(left_out).about.lower()):
            actions.attest(visit=visit, kind=Kind.TALK, data={"teach_back": some}, by=by)
    with pytest.raises(NotAllowed, match="what will be done, why, the risk that matters most"):
        actions.attest(visit=visit, kind=Kind.TALK, by=by)
    assert not Attestation.objects.exists()
    failed = {"teach_back": {"prompt_1": "correct", "prompt_2": "not_able"}}
    assert actions.attest(visit=visit, kind=Kind.TALK, data=failed, by=by).data == failed
    assert review_state(visit).holds


def test_a_session_of_a_course_goes_on_with_what_was_said_back_before(by):
    visit = ready_for_review(epilepsy="yes")
    assert actions.attest(visit=visit, kind=Kind.TALK, by=by, whole=False).data == {"teach_back": {}}
    plan(visit, by, "upper_back")
    with pytest.raises(NotAllowed, match="near the lung"):
        actions.attest(visit=visit, kind=Kind.TALK, by=by, whole=False)


def test_a_talk_takes_known_prompts_and_results_only(by):
    visit = ready_for_review(epilepsy="yes")
    for teach_back in ({"prompt_9": "correct"}, {"prompt_1": "splendid"}):
        with pytest.raises(NotAllowed):
            actions.attest(visit=visit, kind=Kind.TALK, data={"teach_back": teach_back}, by=by)
    assert not Attestation.objects.exists()


def test_what_the_patient_cannot_say_back_holds_the_consent(by):
    visit = ready_for_review(epilepsy="yes")
    clear(visit, by)
    plan(visit, by)
    actions.attest(visit=visit, kind=Kind.TALK, data={"teach_back": {"prompt_4": "not_able"}}, by=by)
    assert review_state(visit).holds == [
        "The alternatives: the patient could not say it back. Explain with help; record the talk again."
    ]
    actions.attest(visit=visit, kind=Kind.TALK, data={"teach_back": {**SAID_BACK, "prompt_4": "corrected"}}, by=by)
    assert review_state(visit).holds == []


def test_a_young_person_may_consent_alone_where_the_clinic_says_so(by):
    today = timezone.localdate()
    patient = make_patient(born=today.replace(year=today.year - 16, day=1))
    visit = make_visit(patient, stage=Stage.IN_REVIEW)
    rules_ran(make_screening(visit), by)
    with pytest.raises(NotAllowed, match="cannot consent alone"):
        actions.attest(visit=visit, kind=Kind.CONSENTS_ALONE, data={"reason": "Understands."}, by=by)
    change_policy(by=acting(manager(), Role.MANAGER), consent_alone_from=16)
    actions.attest(visit=visit, kind=Kind.CONSENTS_ALONE, data={"reason": "Understands."}, by=by)
    assert review_state(visit).attested[Kind.CONSENTS_ALONE].data == {"reason": "Understands."}


def test_an_adult_needs_no_leave_to_consent_alone(by):
    visit = ready_for_review(epilepsy="yes")
    change_policy(by=acting(manager(), Role.MANAGER), consent_alone_from=12)
    with pytest.raises(NotAllowed):
        actions.attest(visit=visit, kind=Kind.CONSENTS_ALONE, data={"reason": "Grown up."}, by=by)


# The end


def test_a_review_goes_on_to_consent_once_nothing_holds_it(by):
    visit = ready_for_review(epilepsy="yes", questions="Does it hurt?")
    for settle in (lambda: plan(visit, by), lambda: clear(visit, by)):
        with pytest.raises(NotAllowed):
            close(visit, by)
        settle()
    with pytest.raises(NotAllowed, match="The patient asked something"):
        close(visit, by)
    actions.attest(visit=visit, kind=Kind.QUESTIONS_ANSWERED, by=by)
    closing = close(visit, by)
    assert closing.plan == Plan.of(visit)
    visit.refresh_from_db()
    assert visit.at is Stage.CONSENTING


def test_what_was_asked_before_signing_holds_until_it_was_answered(by):
    visit = ready_for_review(epilepsy="yes")
    actions.attest(visit=visit, kind=Kind.QUESTIONS_ANSWERED, by=by)
    PatientQuestion.objects.create(visit=visit, text="And how long?")
    assert review_state(visit).questions_open
    actions.attest(visit=visit, kind=Kind.QUESTIONS_ANSWERED, by=by)
    assert not review_state(visit).questions_open


def test_a_patient_who_asked_to_talk_is_talked_to_first(by):
    visit = ready_for_review(epilepsy="yes")
    clear(visit, by)
    plan(visit, by)
    Visit.objects.filter(pk=visit.pk).update(wants_talk_at=timezone.now())
    with pytest.raises(NotAllowed, match="asked to talk"):
        close(visit, by)
    actions.attest(visit=visit, kind=Kind.TALK, data={"teach_back": SAID_BACK}, by=by)
    close(visit, by)
    visit.refresh_from_db()
    assert visit.wants_talk_at is None


def test_a_clinic_that_signs_after_the_talk_needs_the_talk(by):
    change_policy(by=acting(manager(), Role.MANAGER), sign_when=AFTER_TALK)
    visit = ready_for_review()
    plan(visit, by)
    with pytest.raises(NotAllowed, match="patients sign after it"):
        close(visit, by)
    actions.attest(visit=visit, kind=Kind.TALK, data={"teach_back": SAID_BACK}, by=by)
    assert close(visit, by).ending == Ending.CONSENT


def test_the_rules_run_again_under_todays_settings_before_consent(by):
    visit = ready_for_review(needle_fear=4)
    clear(visit, by)
    plan(visit, by)
    change_policy(by=acting(manager(), Role.MANAGER), needle_fear_stop=4, needle_fear_review=3)
    with pytest.raises(NotAllowed, match="Needle fear: decide"):
        close(visit, by)
    assert flags(visit) == {"needle_fear": "stop"}, "what is new is kept, so that it can be seen and decided"
    clear(visit, by)
    assert close(visit, by).ending == Ending.CONSENT


def test_a_patient_who_called_for_help_is_seen_before_anything_else(by, physio):
    visit = ready_for_review(urgent_symptoms=["breathless"])
    clear(visit, by)
    plan(visit, by)
    with pytest.raises(NotAllowed, match="Go to them first"):
        close(visit, by)
    Visit.objects.filter(pk=visit.pk).update(urgent_taken_at=timezone.now(), urgent_taken_by=physio)
    assert close(visit, by).ending == Ending.CONSENT


def test_back_to_the_patient_with_named_questions(by):
    visit = ready_for_review(understands_why="unsure", epilepsy="yes")
    with pytest.raises(NotAllowed, match="at least one question"):
        close(visit, by, Ending.BACK)
    with pytest.raises(ValueError, match="nonsense"):
        close(visit, by, Ending.BACK, ask_again=["nonsense"])
    assert not ReviewOutcome.objects.exists()
    closing = close(visit, by, Ending.BACK, ask_again=["understands_why"])
    assert closing.ask_again == ["understands_why"]
    visit.refresh_from_db()
    assert visit.at is Stage.ANSWERING
    again = Screening.of(visit)
    assert again is not None
    assert again.ask_again == ["understands_why"]
    assert "understands_why" not in again.answers
    assert again.answers["epilepsy"] == "yes"


def test_decisions_on_earlier_answers_are_shown_and_do_not_count(by):
    visit = ready_for_review(understands_why="unsure", epilepsy="yes")
    epilepsy = next(each.flag for each in review_state(visit).flags if each.flag.question == "epilepsy")
    actions.decide(flag=epilepsy, outcome=Outcome.CLEARED, reason="Years ago.", by=by)
    close(visit, by, Ending.BACK, ask_again=["understands_why"])
    actions.answer(visit=visit, given={"understands_why": "yes"}, by=by)
    actions.submit(visit=visit, by=by)
    (flag,) = review_state(visit).flags
    assert flag.undecided
    assert flag.earlier is not None
    assert flag.earlier.reason == "Years ago."


@pytest.mark.parametrize("stage", [Stage.ANSWERING, Stage.IN_REVIEW, Stage.CONSENTING, Stage.SIGNED])
def test_not_treated_today_ends_the_visit_and_frees_the_tablet(by, stage):
    visit = make_visit(stage=stage)
    if stage is not Stage.ANSWERING:
        make_screening(visit)
    held = hold(visit, make_tablet()[0])
    with pytest.raises(NotAllowed, match="Say why"):
        close(visit, by, Ending.STOPPED, reason=" ")
    closing = close(visit, by, Ending.STOPPED, reason="A fever.", come_back="In a week")
    visit.refresh_from_db()
    assert visit.at is Stage.STOPPED
    assert (closing.reason, closing.come_back) == ("A fever.", "In a week")
    assert Hold.objects.get(pk=held.pk).ended_why == "stopped"


@pytest.mark.parametrize("stage", [Stage.EXPECTED, Stage.CONFIRMED, Stage.SEALED, Stage.STOPPED])
def test_what_is_over_or_not_begun_cannot_be_ended_in_the_review(by, stage):
    visit = make_visit(stage=stage)
    with pytest.raises(NotAllowed):
        close(visit, by, Ending.STOPPED, reason="A fever.")


@pytest.mark.parametrize("stage", [Stage.ANSWERING, Stage.CONSENTING, Stage.SIGNED])
def test_only_a_review_leads_to_consent(by, stage):
    visit = make_visit(stage=stage)
    make_screening(visit)
    for ending in (Ending.CONSENT, Ending.BACK):
        with pytest.raises(NotAllowed, match="moved on"):
            close(visit, by, ending, ask_again=["eaten"])


def test_two_practitioners_cannot_both_end_a_review(by):
    visit = ready_for_review(epilepsy="yes")
    mine, yours = Visit.objects.get(pk=visit.pk), Visit.objects.get(pk=visit.pk)
    close(mine, by, Ending.STOPPED, reason="A fit this morning.")
    with pytest.raises(NotAllowed, match="moved on"):
        close(yours, by, Ending.BACK, ask_again=["eaten"])
    assert ReviewOutcome.objects.count() == 1


# The pages


def review(visit: Visit) -> str:
    return reverse("review", args=[visit.pk])


def test_the_review_shows_flags_answers_and_words_and_is_on_record(signed_in, physio):
    visit = ready_for_review(epilepsy="yes", what_matters="I sing <i>bass", questions="Will it hurt?")
    html = signed_in.get(review(visit)).content.decode()
    for shown in ("Epilepsy or fits", "Source:", "Ask next", "I sing &lt;i&gt;bass", "Will it hurt?", "Not yet:"):
        assert shown in html
    assert html.count("<h1") == 1
    assert html.index("Epilepsy or fits") < html.index("All answers")
    row = Journal.objects.get(action="review opened")
    assert (row.user, row.visit) == (physio, visit)


def test_ids_on_the_review_are_given_once(signed_in):
    visit = ready_for_review(epilepsy="yes", cancer="yes", support_needed=["interpreter"])
    html = signed_in.get(review(visit)).content.decode()
    ids = [part.split('"')[0] for part in html.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_a_whole_review_by_hand(signed_in):
    visit = ready_for_review(epilepsy="yes", questions="Will it hurt?")
    at = [visit.pk]
    (flag,) = review_state(visit).flags
    decision = {"outcome": "precaution", "reason": "Controlled.", "precaution": "You lie down.", "until": ""}
    assert signed_in.post(reverse("review_decide", args=[visit.pk, flag.flag.pk]), decision).url == review(visit)
    sent = {"regions": ["left_calf", "right_calf"], "technique": "pistoning", "electro": "no", "sessions": "4"}
    assert signed_in.post(reverse("review_plan", args=at), sent).url == review(visit)
    assert signed_in.post(reverse("review_attest", args=[visit.pk, "questions_answered"])).url == review(visit)
    told = {f"prompt_{number}": "correct" for number in range(1, 7)}
    assert signed_in.post(reverse("review_attest", args=[visit.pk, "talk"]), told).url == review(visit)
    html = signed_in.get(review(visit)).content.decode()
    assert "Not yet:" not in html
    assert "Left calf, right calf" in html
    assert signed_in.post(reverse("review_close", args=at), {"ending": "consent"}).url == reverse("queue")
    visit.refresh_from_db()
    assert visit.at is Stage.CONSENTING
    made = Plan.of(visit)
    assert made is not None
    assert (made.regions, made.technique, made.electro, made.sessions) == (
        ["left_calf", "right_calf"],
        "pistoning",
        False,
        4,
    )


def test_a_decision_that_is_not_right_keeps_what_was_typed(signed_in):
    visit = ready_for_review(epilepsy="yes", cancer="yes")
    first, second = review_state(visit).flags
    sent = {"outcome": "not_today", "reason": "A fit <today>", "until": ""}
    response = signed_in.post(reverse("review_decide", args=[visit.pk, second.flag.pk]), sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert "A fit &lt;today&gt;" in html
    assert f'href="#id_flag{second.flag.pk}_until"' in html
    assert f'id="id_flag{second.flag.pk}_until"' in html
    assert html.count("There is a problem") == 1
    assert not Decision.objects.exists()
    assert first.flag != second.flag


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regions": []}, "Choose at least one region."),
        ({"regions": ["left_wing"]}, "“left_wing” is not a region."),
        ({"sessions": "13"}, "Type a number from 1 to 12."),
        ({"electro": ""}, "Say whether electrical stimulation is planned."),
    ],
)
def test_a_plan_that_is_not_right_says_what_is_allowed(signed_in, change, message):
    visit = ready_for_review(epilepsy="yes")
    sent = {"regions": ["neck"], "technique": "superficial", "electro": "yes", "sessions": "3", **change}
    response = signed_in.post(reverse("review_plan", args=[visit.pk]), sent)
    assert response.status_code == 422
    assert message in response.content.decode()


def test_a_plan_tells_at_once_what_it_raised(signed_in):
    visit = ready_for_review(skin_problem="yes", skin_problem_regions=["neck"])
    sent = {"regions": ["neck"], "technique": "superficial", "electro": "no", "sessions": "3"}
    html = signed_in.post(reverse("review_plan", args=[visit.pk]), sent, follow=True).content.decode()
    assert "New flags: Skin problem (stop)." in html
    assert "No longer flagged: Skin problem (review)." in html


def test_a_never_cleared_flag_offers_no_clearing(signed_in):
    visit = ready_for_review(wants_treatment="no")
    html = signed_in.get(review(visit)).content.decode()
    assert 'value="cleared"' not in html
    assert 'value="not_today"' in html
    (flag,) = review_state(visit).flags
    sent = {"outcome": "cleared", "reason": "They do really."}
    response = signed_in.post(reverse("review_decide", args=[visit.pk, flag.flag.pk]), sent)
    assert response.status_code == 422
    assert not Decision.objects.exists()


def test_a_breathless_prompt_left_out_near_the_lung_is_an_error_at_its_field(signed_in, by):
    visit = ready_for_review(epilepsy="yes")
    plan(visit, by, "neck")
    response = signed_in.post(reverse("review_attest", args=[visit.pk, "talk"]), {"prompt_1": "correct"})
    html = response.content.decode()
    assert response.status_code == 422
    assert 'href="#id_talk_prompt_6_0"' in html
    assert 'id="id_talk_prompt_6_0"' in html


def test_a_held_consent_says_why(signed_in):
    visit = ready_for_review(epilepsy="yes")
    response = signed_in.post(reverse("review_close", args=[visit.pk]), {"ending": "consent"})
    assert response.status_code == 422
    assert "There is a problem" in response.content.decode()
    assert "Epilepsy or fits: decide about this flag." in response.content.decode()
    visit.refresh_from_db()
    assert visit.at is Stage.IN_REVIEW


def test_questions_are_sent_back_by_name(signed_in):
    visit = ready_for_review(understands_why="no")
    empty = signed_in.post(reverse("review_close", args=[visit.pk]), {"ending": "back"})
    assert empty.status_code == 422
    assert "Choose at least one question." in empty.content.decode()
    sent = {"ending": "back", "ask_again": ["understands_why", "eaten"]}
    assert signed_in.post(reverse("review_close", args=[visit.pk]), sent).url == reverse("queue")
    again = Screening.of(visit)
    assert again is not None
    assert again.ask_again == ["understands_why", "eaten"]


def test_not_treated_today_ends_with_a_kind_note(signed_in):
    visit = ready_for_review(infection_now="yes", infection_kinds=["covid"])
    empty = signed_in.post(reverse("review_close", args=[visit.pk]), {"ending": "stopped", "reason": ""})
    assert empty.status_code == 422
    sent = {
        "ending": "stopped",
        "reason": "You have had COVID since Friday.",
        "come_back": "A week after your last fever",
    }
    response = signed_in.post(reverse("review_close", args=[visit.pk]), sent)
    assert response.url == reverse("not_treated_note", args=[visit.pk])
    html = signed_in.get(response.url).content.decode()
    assert "A week after your last fever" in html
    note = html[html.index('class="panel note"') :].lower()
    assert "you have had covid since friday." in note
    for word in ("defer", "stop", "flag", "review"):
        assert word not in note


def test_there_is_no_note_before_there_is_an_end(signed_in):
    visit = ready_for_review(epilepsy="yes")
    assert signed_in.get(reverse("not_treated_note", args=[visit.pk])).status_code == 404


def test_answers_that_are_being_written_are_not_shown(signed_in):
    visit = make_visit(stage=Stage.ANSWERING)
    make_screening(visit, submitted=False, other_condition="a secret")
    html = signed_in.get(review(visit)).content.decode()
    assert "a secret" not in html
    assert "The patient is answering." in html
    assert not Journal.objects.filter(action="review opened").exists()


def test_a_call_for_help_opens_the_answers_to_read_and_to_stop(signed_in, by):
    visit = make_visit(stage=Stage.ANSWERING)
    actions.answer(visit=visit, given={"urgent_symptoms": ["chest_pain"], "other_condition": "angina"}, by=by)
    html = signed_in.get(review(visit)).content.decode()
    assert "Reported now: Chest pain." in html
    assert "angina" in html
    assert "Do not treat today" in html
    assert "Save the decision" not in html
    assert "Save the plan" not in html
    assert Journal.objects.filter(action="review opened").exists()


@pytest.mark.parametrize("stage", [Stage.CONSENTING, Stage.SIGNED, Stage.SEALED, Stage.STOPPED])
def test_a_review_that_is_over_is_read_only(signed_in, stage):
    visit = make_visit(stage=stage)
    rules_ran(make_screening(visit, epilepsy="yes"))
    html = signed_in.get(review(visit)).content.decode()
    assert "Epilepsy or fits" in html
    assert "Save the decision" not in html
    assert ("Do not treat today" in html) == (stage in (Stage.CONSENTING, Stage.SIGNED))
    flag = Flag.objects.get()
    sent = {"outcome": "cleared", "reason": "Late."}
    response = signed_in.post(reverse("review_decide", args=[visit.pk, flag.pk]), sent)
    assert response.status_code == 422
    assert not Decision.objects.exists()


@pytest.mark.parametrize("who", [receptionist, manager])
def test_nobody_but_practitioners_reads_answers(who):
    visit = ready_for_review(epilepsy="yes")
    client = staff_client(who())
    gets = [reverse("queue"), reverse("queue_news"), review(visit), reverse("not_treated_note", args=[visit.pk])]
    for address in gets:
        assert client.get(address).status_code == 404
    for name, args in (("review_plan", [visit.pk]), ("review_close", [visit.pk]), ("review_decide", [visit.pk, 1])):
        assert client.post(reverse(name, args=args)).status_code == 404
    assert Client().get(review(visit)).url.startswith(reverse("account_login"))


def test_a_flag_of_another_visit_is_not_found(signed_in):
    mine, other = ready_for_review(epilepsy="yes"), ready_for_review(cancer="yes")
    flag = Flag.objects.get(screening__visit=other)
    sent = {"outcome": "cleared", "reason": "Wrong patient."}
    assert signed_in.post(reverse("review_decide", args=[mine.pk, flag.pk]), sent).status_code == 404
    assert not Decision.objects.exists()


def test_each_run_of_the_rules_is_on_record_with_its_settings():
    visit = ready_for_review(needle_fear=5)
    run = Assessment.objects.get()
    assert run.policy["needle_fear_review"] == 4
    assert run.rules_version
    assert run.outcome == "review"
    assert answers(needle_fear=5)["needle_fear"] == 5
    assert visit.at is Stage.IN_REVIEW
