"""The questionnaire: its public names, when each question is asked, what is refused, and how hard it is to read."""

from __future__ import annotations

import datetime
import re

import pytest
import textstat
from hypothesis import given
from hypothesis import strategies as st

from clinic.domain import body_regions
from screening.domain import questionnaire
from screening.domain.questionnaire import (
    QUESTIONS,
    SECTIONS,
    AnswerKind,
    Value,
    all_clear,
    asked,
    check_value,
    in_words,
    missing,
    pages,
)
from tests.support.reading import HARD_NAMES
from tests.support.strategies import TODAY, answers

YNU = "understands_why wants_treatment feels_pressed infection_now infection_recent skin_problem blood_thinners "
YNU += "antiplatelets bleeding_disorder needle_reaction implanted_device heart_valve heart_unstable vascular "
YNU += "lung_condition diabetes diabetes_unstable immune blood_borne_virus epilepsy lymphoedema cancer surgery "
YNU += "metal_in_body metal_allergy skin_condition mental_health last_needling_reaction"
# The public interface. A name keeps its meaning for ever: add to these, take nothing away.
PUBLIC_KINDS: dict[str, AnswerKind] = {
    **dict.fromkeys(YNU.split(), AnswerKind.YNU),
    **dict.fromkeys(["eaten", "alcohol_or_sedatives", "needle_fear_refuses", "driving_after"], AnswerKind.YN),
    **dict.fromkeys(["filled_in_by", "pregnancy"], AnswerKind.ONE_OF),
    **dict.fromkeys(["bleeding_disorder_severity", "metal_allergy_severity"], AnswerKind.ONE_OF),
    **dict.fromkeys(["support_needed", "urgent_symptoms", "infection_kinds", "other_allergy"], AnswerKind.ANY_OF),
    **dict.fromkeys(["blood_thinner_names", "antiplatelet_names", "needle_reaction_kinds"], AnswerKind.ANY_OF),
    **dict.fromkeys(["skin_problem_regions", "lymphoedema_regions"], AnswerKind.ANY_OF),
    **dict.fromkeys(["surgery_regions", "metal_in_body_regions"], AnswerKind.ANY_OF),
    **dict.fromkeys(["antibiotics_until", "inr_date", "last_seizure", "surgery_date"], AnswerKind.DATE),
    **dict.fromkeys(["infection_site", "medicines", "other_condition", "what_matters", "questions"], AnswerKind.TEXT),
    **dict.fromkeys(["inr", "pregnancy_weeks"], AnswerKind.NUMBER),
    "needle_fear": AnswerKind.SCALE,
}
PUBLIC_VALUES = {
    "filled_in_by": "self guardian carer interpreter",
    "support_needed": "interpreter reading_help large_text other",
    "infection_kinds": "fever flu_like covid chest skin urine other",
    "urgent_symptoms": "chest_pain breathless new_weakness calf_swelling",
    "pregnancy": "yes might_be trying no does_not_apply unsure prefer_not",
    "blood_thinner_names": "warfarin acenocoumarol phenindione apixaban rivaroxaban dabigatran edoxaban heparin other",
    "antiplatelet_names": "aspirin clopidogrel prasugrel ticagrelor dipyridamole nsaid other",
    "bleeding_disorder_severity": "mild moderate severe unsure",
    "needle_reaction_kinds": "fainted fit injured to_dry_needling other",
    "metal_allergy_severity": "mild severe unsure",
    "other_allergy": "latex antiseptic tape other",
}
BODY = "neck chest upper_back lower_back abdomen head_face"
PAIRS = "shoulder buttock hip groin thigh knee calf shin ankle_foot upper_arm elbow forearm wrist_hand"


def names(page):
    return [question.name for question in page]


def section(slug):
    return next(each for each in SECTIONS if each.slug == slug)


# Names


def test_no_public_name_was_dropped_and_kinds_stand():
    assert {name: QUESTIONS[name].kind for name in PUBLIC_KINDS} == PUBLIC_KINDS


def test_answer_values_are_the_public_ones():
    for name, values in PUBLIC_VALUES.items():
        assert [choice.value for choice in QUESTIONS[name].choices] == values.split()
    for question in QUESTIONS.values():
        if question.kind is AnswerKind.YNU:
            assert [choice.value for choice in question.choices] == ["yes", "no", "unsure", "prefer_not"]
        if question.kind is AnswerKind.YN:
            assert [choice.value for choice in question.choices] == ["yes", "no"]


def test_regions_are_the_public_ones():
    sided = {f"{side}_{name}" for side in ("left", "right") for name in PAIRS.split()}
    assert set(body_regions.REGIONS) == {*BODY.split(), *PAIRS.split(), *sided}
    assert {choice.value for choice in QUESTIONS["surgery_regions"].choices} == {*BODY.split(), *sided}


# Sections and pages


def test_sections_hold_every_question_once_in_short_parts():
    assert len(SECTIONS) <= 11
    assert all(1 <= len(each.questions) <= 4 for each in SECTIONS)
    held = [name for each in SECTIONS for name in each.questions]
    assert sorted(held) == sorted(name for name, question in QUESTIONS.items() if not question.parent)
    assert held[0] == "filled_in_by"
    assert "urgent_symptoms" in SECTIONS[0].questions + SECTIONS[1].questions
    assert held[-2:] == ["what_matters", "questions"]


def test_a_patient_with_nothing_to_tell_sees_one_page_a_section():
    for each in SECTIONS:
        (page,) = pages(each, all_clear(), returning=False)
        assert page


def test_every_follow_up_can_be_reached():
    for question in QUESTIONS.values():
        assert bool(question.parent) <= bool(question.asked)
        assert question.parent is None or question.parent in QUESTIONS


def test_follow_ups_come_level_by_level():
    said = {**all_clear(), "blood_thinners": "yes"}
    assert [names(page) for page in pages(section("medicines"), said, returning=False)[1:]] == [["blood_thinner_names"]]
    said |= {"blood_thinner_names": ["apixaban", "warfarin"], "inr": 2.4}
    shown = pages(section("medicines"), said, returning=False)
    assert [names(page) for page in shown[1:]] == [["blood_thinner_names"], ["inr"], ["inr_date"]]


@given(answers(), st.booleans())
def test_pages_show_each_asked_question_once_and_four_at_most(given_answers, returning):
    shown = [
        name for each in SECTIONS for page in pages(each, given_answers, returning=returning) for name in names(page)
    ]
    assert len(shown) == len(set(shown))
    assert set(shown) == {each.name for each in QUESTIONS.values() if asked(each, given_answers, returning=returning)}
    assert all(len(page) <= 4 for each in SECTIONS for page in pages(each, given_answers, returning=returning))


def test_antibiotics_are_asked_where_the_infection_was_told():
    now = {**all_clear(), "infection_now": "yes"}
    assert questionnaire.place("antibiotics_until", now, returning=False) == ("today", 1)
    recent = {**all_clear(), "infection_recent": "yes"}
    assert questionnaire.place("antibiotics_until", recent, returning=False) == ("lungs", 1)
    assert questionnaire.place("antibiotics_until", all_clear(), returning=False) is None
    assert questionnaire.place("infection_recent", now, returning=False) is None


def test_the_last_needling_is_asked_of_returning_patients_only():
    question = QUESTIONS["last_needling_reaction"]
    assert asked(question, {}, returning=True)
    assert not asked(question, {}, returning=False)


@pytest.mark.parametrize("said", ["no", "unsure", "prefer_not", None])
def test_a_recent_infection_is_asked_unless_there_is_one_now(said):
    known = {"infection_now": said} if said else {}
    assert asked(QUESTIONS["infection_recent"], known, returning=False)
    assert not asked(QUESTIONS["infection_recent"], {"infection_now": "yes"}, returning=False)


# Answers that fall away, and answers that are missing


def test_a_changed_answer_drops_its_follow_ups_and_theirs():
    said: dict[str, Value] = {"blood_thinners": "yes", "blood_thinner_names": ["warfarin"], "inr": 2.4}
    said["inr_date"] = TODAY
    assert questionnaire.prune(said, returning=False) == said
    said["blood_thinners"] = "unsure"
    assert questionnaire.prune(said, returning=False) == {"blood_thinners": "unsure"}


@given(answers(), st.booleans())
def test_pruning_again_changes_nothing(given_answers, returning):
    once = questionnaire.prune(given_answers, returning=returning)
    assert questionnaire.prune(once, returning=returning) == once


def test_a_form_is_complete_when_every_choice_was_made():
    assert missing(all_clear(), returning=True) == []
    empty = missing({}, returning=False)
    assert "needle_fear" in empty
    assert "last_needling_reaction" not in empty
    assert not {"medicines", "blood_borne_virus", "questions", "infection_kinds"} & set(empty)
    said = {**all_clear(), "surgery": "yes", "infection_now": "yes", "diabetes": "yes"}
    assert missing(said, returning=False) == ["infection_kinds", "diabetes_unstable", "surgery_regions"]


# Values


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("pregnancy", "perhaps", "does_not_apply"),
        ("needle_fear", 11, "0 to 10"),
        ("needle_fear", True, "0 to 10"),
        ("needle_fear", 3.5, "0 to 10"),
        ("inr", 15.1, "0.5 to 15"),
        ("inr", float("nan"), "0.5 to 15"),
        ("pregnancy_weeks", 43, "1 to 42"),
        ("eaten", "unsure", "yes, no"),
        ("infection_kinds", "fever", "list"),
        ("infection_kinds", ["fever", "plague"], "flu_like"),
        ("surgery_regions", ["left_neck"], "left_calf"),
        ("last_seizure", "yesterday", "2026-11-23"),
        ("last_seizure", datetime.datetime(2026, 1, 1), "2026-11-23"),
        ("last_seizure", datetime.date(202, 1, 1), "2026-11-23"),
        ("questions", "x" * 4001, "4,000"),
        ("questions", "a\x00b", "4,000"),
        ("questions", "a\u202eb", "U+202E right-to-left override"),
        ("questions", 5, "4,000"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_what_is(name, value, allowed):
    with pytest.raises(ValueError, match=f"^{name}: ") as refusal:
        check_value(QUESTIONS[name], value)
    assert allowed in str(refusal.value)


def test_values_come_back_typed():
    assert check_value(QUESTIONS["last_seizure"], "2026-11-14") == datetime.date(2026, 11, 14)
    assert check_value(QUESTIONS["surgery_regions"], ["calf", "left_hip", "calf"]) == ["calf", "left_hip"]
    assert check_value(QUESTIONS["questions"], "one\r\ntwo\rthree") == "one\ntwo\nthree"
    assert check_value(QUESTIONS["questions"], "x" * 4000) == "x" * 4000


@given(answers())
def test_what_is_stored_is_loaded_again(given_answers):
    assert questionnaire.load(questionnaire.dump(given_answers)) == given_answers


def test_an_unknown_question_is_not_loaded():
    with pytest.raises(ValueError, match="shoe_size: no such question"):
        questionnaire.load({"shoe_size": 44})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("infection_now", "yes", "Yes"),
        ("infection_now", None, "Not given"),
        ("medicines", "", "Not given"),
        ("infection_kinds", [], "None of these"),
        ("infection_kinds", ["covid", "fever"], "Fever, COVID"),
        ("surgery_regions", ["right_shin", "left_calf"], "Left calf, right shin"),
        ("surgery_regions", ["calf"], "Both calves"),
        ("last_seizure", datetime.date(2026, 11, 23), "23 November 2026"),
        ("needle_fear", 7, "7 out of 10"),
        ("pregnancy_weeks", 22, "22 weeks"),
        ("what_matters", "I sing.", "I sing."),
    ],
)
def test_answers_in_words(name, value, words):
    assert in_words(QUESTIONS[name], value) == words


@given(answers())
def test_every_answer_has_words(given_answers):
    for name, value in given_answers.items():
        assert in_words(QUESTIONS[name], value)


def test_the_digest_is_of_the_whole_and_steady():
    assert re.fullmatch("[0-9a-f]{64}", questionnaire.digest())
    assert questionnaire.digest() == questionnaire.digest()


# Reading


def read_aloud(heading, page):
    """Everything that stands on a page of the form, as sentences."""
    pieces = [heading]
    for question in page:
        pieces += [question.wording, question.why, question.hint]
        if not question.regions:
            pieces += [*(choice.label for choice in question.choices), question.none_label]
    sentences = [piece if piece[-1] in ".?!" else f"{piece}." for piece in pieces if piece]
    return HARD_NAMES.sub("it", " ".join(sentences))


def pages_with_everything():
    for each in SECTIONS:
        yield each.slug, each.heading, [QUESTIONS[name] for name in each.questions]
        followers = [question for question in QUESTIONS.values() if question.parent in each.questions]
        for start in range(0, len(followers), 4):
            yield f"{each.slug}-{start}", each.heading, followers[start : start + 4]


@pytest.mark.parametrize(
    ("heading", "shown"), [pytest.param(*rest, id=name) for name, *rest in pages_with_everything()]
)
def test_a_page_is_easy_to_read(heading, shown):
    text = read_aloud(heading, shown)
    if len(text.split()) < 60:  # too short for the formula: its questions count on their own
        text = " ".join(question.wording for question in shown)
        assert textstat.flesch_kincaid_grade(HARD_NAMES.sub("it", text)) <= 8, text
    else:
        assert textstat.flesch_kincaid_grade(text) <= 6, text


# What says by itself why it is asked, and what is asked to understand the answer before it.
PLAIN = {
    "filled_in_by": "who answers is plain to see",
    "wants_treatment": "consent is what the whole form is for",
    "feels_pressed": "its hint says that the choice is the patient's own",
    "needle_fear_refuses": "says itself what follows",
    "questions": "its hint says that we answer before signing",
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_a_question_says_why_it_is_asked_in_one_short_sentence(question):
    if question.parent is None and question.name not in PLAIN:
        assert question.why
    if question.why:
        assert len(question.why.split()) <= 16
        assert textstat.flesch_kincaid_grade(HARD_NAMES.sub("it", question.why)) <= 8


def test_what_counts_as_plain_has_no_reason_written_as_well():
    assert not [name for name in PLAIN if QUESTIONS[name].why]


SENSITIVE = {"pregnancy", "blood_borne_virus", "mental_health", "feels_pressed"}


def test_a_sensitive_question_may_be_answered_in_private():
    assert {name for name, question in QUESTIONS.items() if question.private} == SENSITIVE
    for name in SENSITIVE:
        labels = {choice.value: choice.label for choice in QUESTIONS[name].choices}
        assert labels["prefer_not"] == "I would rather say this in private"
    given = {**all_clear(), **dict.fromkeys(SENSITIVE, "prefer_not"), "diabetes": "prefer_not"}
    assert {each.name for each in questionnaire.in_private(given)} == SENSITIVE
    assert questionnaire.in_private(all_clear()) == []


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_a_question_is_short_and_says_who_it_is_about(question):
    assert len(question.wording.split()) <= 20
    assert question.wording.endswith("?")
    assert question.short
    assert not question.short.endswith(".")


def test_what_changes_from_day_to_day_is_never_taken_for_stable() -> None:
    of_the_day = {"infection_now", "infection_recent", "skin_problem", "urgent_symptoms", "eaten", "pregnancy"}
    of_the_day |= {"alcohol_or_sedatives", "blood_thinners", "antiplatelets", "medicines", "inr", "surgery"}
    of_the_day |= {"last_needling_reaction", "needle_fear", "wants_treatment", "feels_pressed", "understands_why"}
    of_the_day |= {"heart_unstable", "diabetes_unstable", "last_seizure", "filled_in_by", "driving_after", "questions"}
    of_the_day |= questionnaire.ON_THE_DAY
    assert not {name for name in of_the_day if questionnaire.QUESTIONS[name].stable}
    assert not [each.name for each in questionnaire.QUESTIONS.values() if each.stable and each.returning]
