"""A patient answers on the tablet: page by page, with follow-ups, a look at everything, and sending."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.policy import AFTER_TALK
from clinic.domain.text import LONGEST_FORM, LONGEST_TEXT
from clinic.models import Actor, Hold, Journal, Role, Visit
from clinic.records.staff import change_policy
from screening import actions
from screening.answering.answer import draft
from screening.domain import questionnaire
from screening.domain.page_flow import route
from screening.domain.questionnaire import AnswerKind, Value
from screening.models import Assessment, Flag, Screening
from tests.support.factories import (
    acting,
    answers,
    make_patient,
    make_screening,
    make_tablet,
    make_visit,
    manager,
    practitioner,
    ready_for_review,
    staff_client,
    tablet_client,
)

pytestmark = pytest.mark.django_db

CLEAR = questionnaire.all_clear()
BEGINNING = {"filled_in_by": "self", "support_needed": "none", "urgent_symptoms": "none", "eaten": "yes"}


def page(section: str, number: int = 0) -> str:
    return reverse("part", args=[section, number])


def saved(visit: Visit) -> dict[str, Any]:
    screening = Screening.of(visit)
    assert screening is not None
    return dict(screening.answers)


def posted(names: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Return what a browser sends for these questions."""
    sent: dict[str, Any] = {}
    for name in names:
        value = given.get(name)
        if isinstance(value, dt.date):
            sent |= {f"{name}_day": value.day, f"{name}_month": value.month, f"{name}_year": value.year}
        elif value is not None:
            sent[name] = value or "none" if isinstance(value, list) else value
    return sent


def answer_all(client: Client, visit: Visit, **changes: Any) -> str:
    """Answer page by page as a patient does, until the check page; return its address."""
    given = answers(**changes)
    where: str = client.get(reverse("answering")).url
    for _ in range(60):
        if where == reverse("check"):
            return where
        section, number = where.removeprefix("/tablet/questions/").strip("/").split("/")
        now = questionnaire.load(saved(visit))
        only = Screening.of(visit).ask_again  # type: ignore[union-attr]
        step = route(now, returning=visit.returning, only=only).find(section, int(number))
        assert step is not None, where
        response = client.post(where, posted(step.names, given))
        assert response.status_code == 302, response.content.decode()
        where = response.url
    raise AssertionError("the questions do not end")


def main_part(html: str) -> str:
    """Return what the page is about: neither the look in the header nor the dialog that waits in a template."""
    found = re.search(r"<main\b.*?</main>", re.sub(r"<template\b.*?</template>", "", html, flags=re.S), flags=re.S)
    assert found
    return found[0]


def actor() -> Actor:
    return Actor(tablet=make_tablet()[0])


def test_the_first_page_has_progress_no_way_back_and_its_own_questions(tablet):
    response = tablet.get(reverse("answering"), follow=True)
    html = response.content.decode()
    assert response.request["PATH_INFO"] == page("start")
    assert "Part 1 of 11" in html
    assert ">Back<" not in html
    assert main_part(html).count("<h1") == 1
    for name in BEGINNING:
        assert f'name="{name}"' in html


def test_a_page_is_saved_typed_as_soon_as_it_is_sent(tablet, visit):
    response = tablet.post(page("start"), {**BEGINNING, "support_needed": ["reading_help", "other"]})
    assert response.url == page("choice")
    assert saved(visit) == {
        "filled_in_by": "self",
        "support_needed": ["reading_help", "other"],
        "urgent_symptoms": [],
        "eaten": "yes",
    }
    assert Journal.objects.filter(visit=visit, action="answers saved").count() == 1


def test_every_question_can_be_answered_to_the_end_and_sent(tablet, visit):
    where = answer_all(tablet, visit)
    assert saved(visit) == questionnaire.dump(questionnaire.prune(CLEAR, returning=False))
    response = tablet.post(where)
    assert response.url == reverse("resume")
    visit.refresh_from_db()
    assert visit.at is Stage.CONSENTING
    assert visit.hold is not None, "nothing to flag: the patient goes on at the same tablet"
    assert Assessment.objects.get().outcome == "clear"


def test_the_answers_in_the_journal_are_counts_and_never_answers(tablet, visit):
    answer_all(tablet, visit, other_condition="a secret illness")
    rows = Journal.objects.filter(visit=visit, action="answers saved")
    assert rows.count() == len(questionnaire.SECTIONS)
    assert "secret" not in repr(list(rows.values()))


def test_nothing_is_chosen_beforehand(tablet):
    for section in questionnaire.SECTIONS:
        assert " checked" not in main_part(tablet.get(page(section.slug)).content.decode())


def test_a_page_that_is_not_right_says_so_and_loses_nothing(tablet, visit):
    sent = {"blood_thinners": "yes", "bleeding_disorder": "perhaps", "medicines": "Aspirin\u202e 75"}
    response = tablet.post(page("medicines"), sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert "<title>Error: " in html.replace("\n", "")
    assert "Do you take aspirin, or another drug to prevent clots? Choose an answer." in html
    assert "Do you have a bleeding or clotting problem? “perhaps” is not one of the answers." in html
    assert "Which medicines do you take? There is a hidden character (U+202E right-to-left override)." in html
    assert "Aspirin\u202e 75" in html
    assert saved(visit) == {}
    assert ticked(main_part(html)) == {("blood_thinners", "yes")}


class _Ticked(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "input" and "checked" in attributes:
            self.found.add((str(attributes["name"]), str(attributes["value"])))


def ticked(html: str) -> set[tuple[str, str]]:
    parser = _Ticked()
    parser.feed(html)
    return parser.found


def test_each_error_links_to_a_control_that_is_there(tablet):
    html = tablet.post(page("medicines"), {"medicines": "\x00"}).content.decode()
    for target in ("id_blood_thinners_0", "id_antiplatelets_0", "id_bleeding_disorder_0", "id_medicines"):
        assert f'href="#{target}"' in html
        assert f'id="{target}"' in html


def test_none_of_these_is_an_answer_of_its_own(tablet, visit):
    assert tablet.post(page("start"), {**BEGINNING, "support_needed": ""}).status_code == 422
    both = tablet.post(page("start"), {**BEGINNING, "support_needed": ["none", "other"]})
    assert both.status_code == 422
    assert "You chose “No, I need no help” and something else" in both.content.decode()
    tablet.post(page("start"), BEGINNING)
    assert saved(visit)["support_needed"] == []
    assert ("support_needed", "none") in ticked(tablet.get(page("start")).content.decode())


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("31", "6", "2024"), "There is no day 31 in that month. Check the day and the month."),
        (("3", "13", "2024"), "The month is not right. It must be a number from 1 to 12."),
        (("", "3", "2024"), "The day is not right. It must be a number from 1 to 31."),
        (("3", "3", "24"), "The year must be 1900 or later, with 4 digits."),
        (("3", "3", "2999"), "This date is still to come. It must be today or earlier."),
    ],
)
def test_a_date_says_which_part_is_wrong(tablet, visit, typed, message):
    actions.answer(visit=visit, given={"epilepsy": "yes"}, by=actor())
    day, month, year = typed
    sent = {"last_seizure_day": day, "last_seizure_month": month, "last_seizure_year": year}
    response = tablet.post(page("long-term", 1), sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert f"When was your last fit? {message}" in html
    assert 'href="#id_last_seizure_0"' in html
    assert 'id="id_last_seizure_0"' in html
    assert f'value="{year}"' in html


def test_a_date_is_saved_and_shown_again(tablet, visit):
    actions.answer(visit=visit, given={"epilepsy": "yes"}, by=actor())
    tablet.post(page("long-term", 1), posted(("last_seizure",), {"last_seizure": dt.date(2020, 2, 29)}))
    assert saved(visit)["last_seizure"] == "2020-02-29"
    html = tablet.get(page("long-term", 1)).content.decode()
    assert all(f'value="{part}"' in html for part in (29, 2, 2020))


def test_a_date_far_off_is_a_slip_of_the_finger(tablet, visit):
    actions.answer(visit=visit, given={"surgery": "yes"}, by=actor())
    sent = {"surgery_regions": "none", **posted(("surgery_date",), {"surgery_date": dt.date(2999, 1, 1)})}
    response = tablet.post(page("operations", 1), sent)
    assert response.status_code == 422
    assert "The year must be 2199 or earlier" in response.content.decode()


@pytest.mark.parametrize("typed", ["0", "43", "twelve", "nan", "inf", "1e1", "1_0", "１２"])
def test_a_number_out_of_range_is_refused_with_the_range(tablet, visit, typed):
    actions.answer(visit=visit, given={"pregnancy": "yes"}, by=actor())
    response = tablet.post(page("more", 1), {"pregnancy_weeks": typed})
    assert response.status_code == 422
    assert "How many weeks pregnant are you? Type a number from 1 to 42." in response.content.decode()
    assert "pregnancy_weeks" not in saved(visit)


def test_a_decimal_comma_is_a_point(tablet, visit):
    given: dict[str, Value] = {"blood_thinners": "yes", "blood_thinner_names": ["warfarin"]}
    actions.answer(visit=visit, given=given, by=actor())
    tablet.post(page("medicines", 2), {"inr": "2,5"})
    assert saved(visit)["inr"] == 2.5


def test_a_text_has_a_longest_length_and_keeps_what_was_typed(tablet, visit):
    long = "é" * (LONGEST_TEXT + 1)
    response = tablet.post(page("words"), {"what_matters": long, "questions": ""})
    assert response.status_code == 422
    assert "What matters most to you? This is too long: 4,001 characters. At most 4,000" in response.content.decode()
    assert long in response.content.decode()
    tablet.post(page("words"), {"what_matters": "e\u0301" * LONGEST_TEXT, "questions": ""})
    assert saved(visit)["what_matters"] == "é" * LONGEST_TEXT


def test_a_page_takes_so_much_text_and_no_more(tablet):
    response = tablet.post(page("words"), {"what_matters": "a", "questions": "", "junk": "x" * LONGEST_FORM})
    assert response.status_code == 422
    assert "At most 32,000 are allowed" in response.content.decode()


def test_all_texts_together_fit_into_a_form():
    texts = [each for each in questionnaire.QUESTIONS.values() if each.kind is AnswerKind.TEXT]
    assert len(texts) * LONGEST_TEXT <= LONGEST_FORM


def test_a_follow_up_is_asked_only_while_its_parent_calls_for_it(tablet, visit):
    medicines = {"blood_thinners": "yes", "antiplatelets": "no", "bleeding_disorder": "no", "medicines": ""}
    assert tablet.post(page("medicines"), medicines).url == page("medicines", 1)
    assert tablet.post(page("medicines", 1), {"blood_thinner_names": "warfarin"}).url == page("medicines", 2)
    tablet.post(page("medicines", 2), {"inr": "3"})
    assert saved(visit)["inr"] == 3
    assert tablet.post(page("medicines"), {**medicines, "blood_thinners": "no"}).url == page("heart")
    assert not {"inr", "blood_thinner_names"} & set(saved(visit))
    assert tablet.get(page("medicines", 1)).url == reverse("answering")
    tablet.post(page("medicines"), medicines)
    assert not {"inr", "blood_thinner_names"} & set(saved(visit)), "dropped, not hidden"


@pytest.mark.parametrize("value", ["unsure", "prefer_not"])
def test_unsure_is_not_no(value):
    visit = ready_for_review(heart_unstable=value)
    assert visit.at is Stage.IN_REVIEW
    flag = Flag.objects.get(screening__visit=visit)
    assert (flag.question, flag.severity) == ("heart_unstable", "review")


def test_returning_patients_are_asked_about_the_last_time(visit):
    assert 'name="last_needling_reaction"' not in tablet_client(visit).get(page("needles")).content.decode()
    again = make_visit(stage=Stage.ANSWERING, returning=True)
    assert 'name="last_needling_reaction"' in tablet_client(again).get(page("needles")).content.decode()


def test_the_scale_takes_a_whole_number(tablet, visit):
    tablet.post(page("needles"), {"needle_fear": "7", "needle_fear_refuses": "no", "needle_reaction": "no"})
    assert saved(visit)["needle_fear"] == 7
    wrong = tablet.post(page("needles"), {"needle_fear": "11", "needle_fear_refuses": "no", "needle_reaction": "no"})
    assert wrong.status_code == 422
    assert saved(visit)["needle_fear"] == 7


def test_back_leads_to_the_page_before(tablet, visit):
    tablet.post(page("start"), BEGINNING)
    assert f'href="{page("start")}">Back' in tablet.get(page("choice")).content.decode()


def test_a_patient_who_comes_back_goes_on_where_they_were(tablet, visit):
    tablet.post(page("start"), BEGINNING)
    assert tablet.get(reverse("answering")).url == page("choice")


def test_a_page_that_may_stay_empty_is_not_jumped_over(tablet, visit):
    given = {name: value for name, value in CLEAR.items() if name not in ("what_matters", "questions")}
    actions.answer(visit=visit, given=given, by=actor())
    assert tablet.get(reverse("answering")).url == page("words")


def test_the_check_page_leads_to_what_is_missing(tablet, visit):
    actions.answer(visit=visit, given={k: v for k, v in CLEAR.items() if k != "epilepsy"}, by=actor())
    assert tablet.get(reverse("check"), follow=True).request["PATH_INFO"] == page("long-term")
    assert tablet.post(reverse("check")).url == reverse("answering")
    with pytest.raises(NotAllowed, match="Epilepsy"):
        actions.submit(visit=visit, by=actor())


def test_the_check_page_shows_what_was_asked_and_how_to_change_it(tablet, visit):
    answer_all(tablet, visit, epilepsy="yes", what_matters="I sing <b>in a choir")
    html = tablet.get(reverse("check")).content.decode()
    asked = [
        each
        for each in questionnaire.QUESTIONS.values()
        if questionnaire.asked(each, answers(epilepsy="yes"), returning=False)
    ]
    for question in asked:
        assert f"the answer to: {question.wording}" in html.replace("&#x27;", "'")
    assert html.count('class="answer"') == len(asked)
    assert "How many weeks pregnant are you?" not in html
    assert "When was your last fit?" in html
    assert "Not given" in html
    assert "I sing &lt;b&gt;in a choir" in html
    assert "Send my answers" in html


def test_the_check_page_shows_a_follow_up_right_after_its_parent(tablet, visit):
    answer_all(tablet, visit, epilepsy="yes", infection_recent="yes")
    html = tablet.get(reverse("check")).content.decode()
    asked = ["or have you had fits?", "When was your last fit?", "Do you have cancer now"]
    assert [html.index(words) for words in asked] == sorted(html.index(words) for words in asked)
    after = ["in the last 14 days that is now over?", "If you have had antibiotics for", "weak at fighting germs"]
    assert [html.index(words) for words in after] == sorted(html.index(words) for words in after)


def test_what_a_flagged_patient_sees_names_no_severity(tablet, visit):
    answer_all(tablet, visit, pregnancy="yes", needle_fear=10, blood_thinners="yes", blood_thinner_names=["warfarin"])
    html = tablet.get(reverse("check")).content.decode()
    main = html[html.index("<main") : html.index("</main>")].lower()
    for word in ("severity", "flag", "defer", "caution", "urgent:", ">stop<", ">review<"):
        assert word not in main
    sent = tablet.post(reverse("check"), follow=True)
    assert not any(word in sent.content.decode().lower() for word in ("severity", "flagged", "blood thinner"))


def test_a_change_leads_back_to_the_check_page(tablet, visit):
    answer_all(tablet, visit)
    change = f"{page('long-term')}?change=1"
    assert change in tablet.get(reverse("check")).content.decode()
    assert f'href="{reverse("check")}">Back' in tablet.get(change).content.decode()
    same = {"diabetes": "no", "epilepsy": "no", "cancer": "no", "lymphoedema": "no"}
    assert tablet.post(change, same).url == reverse("check")


def test_a_change_asks_new_follow_ups_first(tablet, visit):
    answer_all(tablet, visit)
    changed = {"diabetes": "yes", "epilepsy": "yes", "cancer": "no", "lymphoedema": "no"}
    onward = tablet.post(f"{page('long-term')}?change=1", changed).url
    assert onward == f"{page('long-term', 1)}?change=new"
    assert tablet.post(onward, {"diabetes_unstable": "no"}).url == reverse("check")
    assert saved(visit)["diabetes_unstable"] == "no"
    again = tablet.post(f"{page('long-term')}?change=1", changed)
    assert again.url == reverse("check"), "follow-ups that were asked before are not asked again"


def test_an_urgent_symptom_calls_staff_at_once(tablet, visit):
    response = tablet.post(page("start"), {**BEGINNING, "urgent_symptoms": ["chest_pain"]})
    assert response.url == reverse("resume")
    visit.refresh_from_db()
    assert visit.urgent_at is not None
    assert visit.urgent_taken_at is None
    assert list(Visit.objects.urgent()) == [visit]
    assert Journal.objects.filter(visit=visit, action="urgent").exists()
    shown = tablet.get(reverse("resume"))
    assert shown.status_code == 200
    assert tablet.get(page("choice")).url == reverse("resume"), "no question is asked until somebody came"


def test_an_urgent_symptom_does_not_wait_for_the_rest_of_the_page(tablet, visit):
    response = tablet.post(page("start"), {"urgent_symptoms": "breathless", "filled_in_by": "nobody"})
    assert response.url == reverse("resume")
    visit.refresh_from_db()
    assert visit.urgent_at is not None
    assert saved(visit) == {"urgent_symptoms": ["breathless"]}


def test_an_answered_call_rings_again_only_for_something_new(tablet, visit):
    tablet.post(page("start"), {**BEGINNING, "urgent_symptoms": ["chest_pain"]})
    staff = practitioner()
    Visit.objects.filter(pk=visit.pk).update(urgent_taken_at=timezone.now(), urgent_taken_by=staff)
    assert tablet.get(reverse("answering")).url == page("choice")
    same = tablet.post(page("start"), {**BEGINNING, "urgent_symptoms": ["chest_pain"]})
    assert same.url == page("choice")
    more = tablet.post(page("start"), {**BEGINNING, "urgent_symptoms": ["chest_pain", "breathless"]})
    assert more.url == reverse("resume")
    visit.refresh_from_db()
    assert visit.urgent_taken_at is None
    assert visit.urgent_taken_by is None


def test_sending_twice_does_no_harm(tablet, visit):
    where = answer_all(tablet, visit, epilepsy="yes")
    assert tablet.post(where).url == reverse("resume")
    assert tablet.post(where).url == reverse("resume")
    visit.refresh_from_db()
    assert actions.submit(visit=visit, by=actor()) is Stage.IN_REVIEW
    assert Screening.objects.filter(visit=visit).count() == 1
    assert Assessment.objects.count() == 1
    assert Journal.objects.filter(visit=visit, action="answers sent").count() == 1


def test_what_was_sent_cannot_be_written_any_more(tablet, visit):
    where = answer_all(tablet, visit, epilepsy="yes")
    tablet.post(where)
    before = saved(visit)
    assert tablet.post(page("start"), {**BEGINNING, "eaten": "no"}).url == reverse("resume")
    with pytest.raises(NotAllowed):
        actions.answer(visit=visit, given={"eaten": "no"}, by=actor())
    assert saved(visit) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"epilepsy": "yes"},
        {"questions": "Does it hurt?"},
        {"support_needed": ["interpreter"]},
        {"skin_problem": "yes", "skin_problem_regions": ["neck"]},
    ],
)
def test_what_needs_a_practitioner_waits_for_one(changes):
    visit = ready_for_review(**changes)
    assert visit.at is Stage.IN_REVIEW
    ended = visit.holds.get()
    assert ended.ended_why == "waiting"


@pytest.mark.parametrize("changes", [{}, {"diabetes": "yes", "diabetes_unstable": "no"}, {"what_matters": "Singing"}])
def test_nothing_worse_than_a_caution_goes_on_at_the_same_tablet(changes):
    visit = ready_for_review(**changes)
    assert visit.at is Stage.CONSENTING
    assert visit.hold is not None


def test_a_young_patient_waits_for_a_practitioner():
    today = timezone.localdate()
    visit = make_visit(make_patient(born=today.replace(year=today.year - 16, day=1)), stage=Stage.ANSWERING)
    actions.answer(visit=visit, given=CLEAR, by=actor())
    assert actions.submit(visit=visit, by=actor()) is Stage.IN_REVIEW


def test_a_clinic_that_signs_after_the_talk_sends_everyone_to_the_practitioner():
    change_policy(by=acting(manager(), Role.MANAGER), sign_when=AFTER_TALK)
    assert ready_for_review().at is Stage.IN_REVIEW


def test_the_regions_noted_at_the_desk_count_until_there_is_a_plan():
    visit = make_visit(stage=Stage.ANSWERING, planned_regions=["left_calf"])
    given = answers(skin_problem="yes", skin_problem_regions=["left_calf"])
    actions.answer(visit=visit, given=given, by=actor())
    actions.submit(visit=visit, by=actor())
    assert Flag.objects.get(screening__visit=visit).severity == "stop"


def test_a_patient_who_was_sent_back_is_asked_the_named_questions_alone(visit):
    make_screening(
        visit, epilepsy="yes", last_seizure=dt.date(2020, 1, 1), infection_now="yes", infection_kinds=["covid"]
    )
    Visit.objects.filter(pk=visit.pk).update(stage=Stage.IN_REVIEW.value)
    visit.refresh_from_db()
    actions.reopen(visit=visit, by=acting(practitioner()), why="sent back", names=["infection_now", "understands_why"])
    again = Screening.of(visit)
    assert again is not None
    assert again.number == 2
    assert not {"infection_now", "infection_kinds", "understands_why"} & set(again.answers)
    assert again.answers["last_seizure"] == "2020-01-01"

    tablet = tablet_client(visit)
    first = tablet.get(reverse("answering")).url
    assert first == page("choice")
    html = tablet.get(first).content.decode()
    assert "Part 1 of 3" in html, "an infection that is over is asked about as well, while there may be none now"
    assert 'name="understands_why"' in html
    assert 'name="wants_treatment"' not in html
    assert tablet.post(first, {"understands_why": "yes"}).url == page("today")
    assert tablet.post(page("today"), {"infection_now": "yes"}).url == page("today", 1)
    sent = {"infection_kinds": "skin", "infection_site": "foot"}
    assert tablet.post(page("today", 1), sent).url == reverse("check")
    html = tablet.get(reverse("check")).content.decode()
    assert f"{page('choice')}?change=1" in html
    assert 'name="wants_treatment"' in tablet.get(f"{page('choice')}?change=1").content.decode(), (
        "any answer may change"
    )
    tablet.post(reverse("check"))
    visit.refresh_from_db()
    assert visit.at is Stage.IN_REVIEW


def test_answers_that_were_changed_are_looked_at_again(visit):
    make_screening(visit)
    Visit.objects.filter(pk=visit.pk).update(stage=Stage.CONSENTING.value)
    visit.refresh_from_db()
    actions.reopen(visit=visit, by=actor(), why="answers changed")
    tablet = tablet_client(visit)
    assert tablet.get(reverse("answering")).url == reverse("check")
    tablet.post(reverse("check"))
    visit.refresh_from_db()
    assert visit.at is Stage.IN_REVIEW


def test_the_first_version_stays_as_it_was_sent(visit):
    first = make_screening(visit, eaten="no")
    Visit.objects.filter(pk=visit.pk).update(stage=Stage.SIGNED.value)
    visit.refresh_from_db()
    actions.reopen(visit=visit, by=actor(), why="answers changed")
    actions.answer(visit=visit, given={"eaten": "yes"}, by=actor())
    first.refresh_from_db()
    assert first.answers["eaten"] == "no"
    assert saved(visit)["eaten"] == "yes"


def test_one_draft_is_begun_however_often_it_is_asked_for(visit):
    assert draft(visit=visit, by=actor()) == draft(visit=visit, by=actor())


def test_an_answer_that_is_not_allowed_never_reaches_the_table(visit):
    with pytest.raises(ValueError, match="eaten"):
        actions.answer(visit=visit, given={"eaten": "perhaps"}, by=actor())
    assert not Screening.objects.filter(visit=visit).exists()


def test_the_questions_open_on_the_tablet_that_holds_the_visit_and_nowhere_else(visit):
    address = page("start")
    assert Client().get(address).url == reverse("resume")
    assert staff_client(practitioner()).get(address).url == reverse("resume")
    assert tablet_client(visit, identified=False).get(address).url == reverse("resume")


def test_one_question_alone_is_the_heading_of_its_page(tablet, visit):
    actions.answer(visit=visit, given={"skin_problem": "yes"}, by=actor())
    html = tablet.get(page("today", 1)).content.decode()
    assert main_part(html).count("<h1") == 1
    assert "Where is your skin sore, broken or red?</h1>" in html
    actions.answer(visit=visit, given={"pregnancy": "yes"}, by=actor())
    html = tablet.get(page("more", 1)).content.decode()
    assert main_part(html).count("<h1") == 1, "a single box has a label, which cannot hold a heading"


def test_every_page_of_questions_asks_the_database_as_often_answered_or_not(django_assert_num_queries: Any) -> None:
    """Six times: for the device, what it holds, the settings, the answers, the look, and whether a token is due."""
    visit = make_visit(stage=Stage.ANSWERING)
    client = tablet_client(visit)
    page = client.get("/tablet/questions/", follow=True).redirect_chain[-1][0]
    with django_assert_num_queries(6):
        client.get(page)
    make_screening(visit, submitted=False)
    with django_assert_num_queries(6):
        client.get(page)
    Hold.objects.filter(visit=visit).update(text_size="large", contrast="high")  # it comes with the hold, once chosen
    with django_assert_num_queries(5):
        assert 'value="large" form="answers" checked' in client.get(page).content.decode()
