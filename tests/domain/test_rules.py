"""What the rules make of answers: properties that hold for any answers, and the edges of each threshold."""

from __future__ import annotations

import datetime
import random
import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clinic.domain.body_regions import CONCRETE, sides
from clinic.domain.policy import Policy
from screening.domain.questionnaire import QUESTIONS, AnswerKind, Value, all_clear
from screening.domain.rules import (
    RULES,
    OnRecord,
    RuleInput,
    RuleResult,
    Severity,
    is_minor,
    needs_decision,
    needs_interpreter,
    open_questions,
    run,
    worse,
)
from screening.domain.scope import Scope
from tests.support.strategies import ADULT, TODAY, answers, plans, policies

SEVERITY_WORDS = re.compile(r"\b(urgent|stop|stopped|defer|deferred|review|caution|note|severity|flag|clear)\b", re.I)
RANK = {severity.value: severity.rank for severity in Severity} | {"clear": 99}

# The answers that raise nothing, and those that must raise something, where they are not "no" and "yes".
HARMLESS: dict[str, tuple[Value, ...]] = {
    "filled_in_by": ("self", "guardian"),
    "support_needed": ([],),
    "understands_why": ("yes",),
    "wants_treatment": ("yes",),
    "urgent_symptoms": ([],),
    "eaten": ("yes",),
    "pregnancy": ("no", "does_not_apply"),
    "needle_fear": (0, 3),
    "other_allergy": ([],),
    "medicines": ("", "ibuprofen"),
    "other_condition": ("", "  "),
    "bleeding_disorder_severity": ("mild",),
    "metal_allergy_severity": ("mild",),
    "needle_reaction_kinds": (["fainted"],),
    "antiplatelet_names": (["aspirin"],),
    "inr": (2.0,),
    "last_seizure": (TODAY - datetime.timedelta(days=800),),
    "antibiotics_until": (TODAY,),
    "surgery_date": (TODAY - datetime.timedelta(days=400), TODAY + datetime.timedelta(days=9)),
}
POSITIVE: dict[str, tuple[Value, ...]] = {
    "filled_in_by": ("carer",),
    "support_needed": (["interpreter"],),
    "understands_why": ("no",),
    "wants_treatment": ("no",),
    "urgent_symptoms": (["calf_swelling"], ["chest_pain", "breathless"]),
    "eaten": ("no",),
    "pregnancy": ("yes", "might_be", "trying"),
    "needle_fear": (4, 7, 8, 10),
    "other_allergy": (["latex"],),
    "medicines": ("warfarin", "Plavix"),
    "other_condition": ("gout",),
    "bleeding_disorder_severity": ("severe",),
    "metal_allergy_severity": ("severe",),
    "needle_reaction_kinds": (["fit"], ["fainted", "to_dry_needling"]),
    "antiplatelet_names": (["aspirin", "nsaid"],),
    "inr": (9.0,),
    "last_seizure": (TODAY,),
    "antibiotics_until": (TODAY + datetime.timedelta(days=1),),
    "surgery_date": (TODAY,),
}
_YES_NO = [each.name for each in QUESTIONS.values() if each.kind in (AnswerKind.YNU, AnswerKind.YN)]
CHANGES = [
    (name, harmless, positive)
    for name in dict.fromkeys((*_YES_NO, *HARMLESS))
    for harmless in HARMLESS.get(name, ("no",))
    for positive in POSITIVE.get(name, ("yes",))
]


def look(given_answers: dict[str, Value], scope: Scope | None = None, policy: Policy | None = None) -> RuleResult:
    seen = RuleInput(given_answers, ADULT, TODAY, scope or Scope(), returning=True, policy=policy or Policy())
    return run(seen)


def of_a_healthy_adult(**others: Value | None) -> RuleResult:
    whole = {**all_clear(), **others}
    return look({name: value for name, value in whole.items() if value is not None})


def worst(assessment: RuleResult, question: str) -> str | None:
    return next((flag.severity.value for flag in assessment.flags if flag.question == question), None)


def calling(name: str) -> dict[str, Value]:
    """Answers that make the form ask ``name``, down from its first ancestor."""
    for when in QUESTIONS[name].asked:
        if when.values and not when.unless:
            value: Value = when.values[0]
            if QUESTIONS[when.question].kind is AnswerKind.ANY_OF:
                value = [when.values[0]]
            return {**calling(when.question), when.question: value}
    return {}


def without(given_answers: dict[str, Value], name: str) -> dict[str, Value]:
    return {key: value for key, value in given_answers.items() if key != name}


# Properties


@given(answers(), st.sampled_from(CHANGES), plans(), policies())
def test_a_positive_answer_never_lowers_the_outcome(given_answers, change, plan, policy):
    name, harmless, positive = change
    before = {**given_answers, **calling(name), name: harmless}
    after = {**given_answers, **calling(name), name: positive}
    # A contradiction between the typed medicines and a "no" is settled by saying "yes".
    contradicts = any(flag.rule == "antiplatelets_typed" for flag in look(before, plan, policy).flags)
    assume(not (name == "antiplatelets" and contradicts))
    assert RANK[look(after, plan, policy).outcome] <= RANK[look(before, plan, policy).outcome]


@given(answers(), st.sampled_from(_YES_NO), st.sampled_from(["unsure", "prefer_not", None]), plans(), policies())
def test_not_sure_and_nothing_said_are_at_least_as_grave_as_the_harmless_answer(
    given_answers, name, said, plan, policy
):
    harmless = {**given_answers, name: HARMLESS.get(name, ("no",))[0]}
    unsaid = without(given_answers, name) | ({name: said} if said and QUESTIONS[name].kind is AnswerKind.YNU else {})
    contradicts = any(flag.rule == "antiplatelets_typed" for flag in look(harmless, plan, policy).flags)
    assume(not (name == "antiplatelets" and contradicts))
    assert RANK[look(unsaid, plan, policy).outcome] <= RANK[look(harmless, plan, policy).outcome]


@given(answers(), plans(), st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(given_answers, plan, chance: random.Random):
    def shuffled(value):
        return chance.sample(value, len(value)) if isinstance(value, list) else value

    items = [(name, shuffled(value)) for name, value in given_answers.items()]
    chance.shuffle(items)
    assert look(dict(items), plan) == look(given_answers, plan)


@given(answers(), plans(), st.sampled_from(CONCRETE), policies())
def test_another_planned_region_never_lowers_the_outcome(given_answers, plan, region, policy):
    more = replace(plan, regions=plan.regions | Scope.of([region]).regions)
    assert RANK[look(given_answers, more, policy).outcome] <= RANK[look(given_answers, plan, policy).outcome]


@given(answers(), plans())
def test_a_flag_on_one_region_never_clears_one_on_the_whole_body(given_answers, plan):
    def whole_body(assessment):
        return {flag for flag in assessment.flags if not flag.regions}

    assert whole_body(look(given_answers, replace(plan, regions=frozenset()))) <= whole_body(look(given_answers, plan))


@given(answers(), plans(), policies())
def test_the_outcome_is_the_worst_flag_notes_aside_and_flags_come_worst_first(given_answers, plan, policy):
    assessment = look(given_answers, plan, policy)
    ranks = [flag.severity.rank for flag in assessment.flags]
    assert ranks == sorted(ranks)
    grave = [flag.severity for flag in assessment.flags if flag.severity is not Severity.NOTE]
    assert assessment.outcome == (min(grave, key=lambda each: each.rank).value if grave else "clear")


@given(answers(), st.sampled_from([each for each in CHANGES if each[0] != "infection_recent"]), plans())
def test_every_flag_is_kept_whatever_else_was_answered(given_answers, change, plan):
    name, _, positive = change
    alone = of_a_healthy_adult(**calling(name), **{name: positive})
    together = look({**given_answers, **calling(name), name: positive}, plan)
    about = {name, QUESTIONS[name].parent}
    kept = [flag for flag in alone.flags if flag.question in about and not flag.rule.endswith("_not_given")]
    assert kept or name == "blood_borne_virus" or name in ("medicines",)
    for flag in kept:
        graver = worst(together, flag.question)
        assert graver is not None
        assert RANK[graver] <= flag.severity.rank


@given(answers(), plans())
def test_keys_tell_flags_apart(given_answers, plan):
    keys = [flag.key for flag in look(given_answers, plan).flags]
    assert len(keys) == len(set(keys))
    assert all(len(key) <= 600 for key in keys)  # the column of `screening.models.Flag`


# Every question and every rule


@pytest.mark.parametrize("name", [each.name for each in QUESTIONS.values() if not each.parent])
def test_a_question_left_out_is_looked_at(name):
    may_be_left_out = {"blood_borne_virus", "medicines", "other_condition", "what_matters", "questions"}
    expected = None if name in may_be_left_out else "stop" if name == "understands_why" else "review"
    assert worst(of_a_healthy_adult(**{name: None}), name) == expected


@pytest.mark.parametrize("said", ["unsure", "prefer_not"])
@pytest.mark.parametrize("name", [each.name for each in QUESTIONS.values() if each.kind is AnswerKind.YNU])
def test_neither_yes_nor_no_is_looked_at(name, said):
    parent = QUESTIONS[name].parent
    assessment = of_a_healthy_adult(**({parent: "yes"} if parent else {}), **{name: said})
    expected = {"understands_why": "stop", "blood_borne_virus": None}.get(name, "review")
    assert worst(assessment, name) == expected


@pytest.mark.parametrize(
    ("parent", "follow_up"),
    [
        (each.parent, each.name)
        for each in QUESTIONS.values()
        if each.parent and each.kind in (AnswerKind.ANY_OF, AnswerKind.ONE_OF)
    ],
)
@pytest.mark.parametrize("value", [None, []])
def test_a_follow_up_choice_left_out_is_looked_at_under_its_parent(parent, follow_up, value):
    if QUESTIONS[follow_up].kind is AnswerKind.ONE_OF:
        value = None
    flags = of_a_healthy_adult(**{parent: "yes", follow_up: value}).flags
    raised = next(flag for flag in flags if flag.rule == f"{follow_up}_not_given")
    assert (raised.question, raised.severity) == (parent, Severity.REVIEW)


def test_unstable_diabetes_left_out_is_looked_at_by_itself():
    assert worst(of_a_healthy_adult(diabetes="yes"), "diabetes_unstable") == "review"
    assert worst(of_a_healthy_adult(diabetes="yes"), "diabetes") == "caution"


@pytest.mark.parametrize("name", ["infection_site", "antibiotics_until"])
def test_follow_up_texts_and_dates_may_stay_empty(name):
    assert worst(of_a_healthy_adult(infection_now="yes", infection_kinds=["fever"]), name) is None


def test_every_rule_has_a_reason_a_source_and_a_question():
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.about in QUESTIONS or rule.about == "age", rule.name
        assert rule.source.title, rule.name
        assert rule.reason, rule.name


FAINTED = OnRecord(7, datetime.date(2026, 11, 16), "fainted")
SITUATIONS: list[tuple[dict[str, Value], Scope]] = [
    *(({**all_clear(), **calling(name), name: value}, Scope()) for name, _, value in CHANGES),
    ({}, Scope()),
    (dict.fromkeys(_YES_NO, "yes"), Scope()),
    ({**all_clear(), "blood_thinners": "yes"}, Scope.of(["abdomen"])),
    ({**all_clear(), "blood_thinners": "yes", "blood_thinner_names": ["warfarin"], "inr": 4}, Scope()),
    ({**all_clear(), "antiplatelets": "yes", "antiplatelet_names": ["aspirin", "clopidogrel"]}, Scope()),
    ({**all_clear(), "eaten": "no", "diabetes": "yes"}, Scope()),
    ({**all_clear(), "implanted_device": "yes"}, Scope(electro=True)),
    ({**all_clear(), "epilepsy": "yes", "last_seizure": TODAY}, Scope()),
    ({**all_clear(), "infection_recent": "yes", "antibiotics_until": datetime.date(2026, 12, 1)}, Scope()),
    ({**all_clear(), "metal_in_body": "yes", "metal_in_body_regions": ["hip"]}, Scope.of(["left_hip"])),
    ({**all_clear(), "metal_allergy": "yes", "metal_allergy_severity": "severe"}, Scope()),
    ({**all_clear(), "bleeding_disorder": "yes", "bleeding_disorder_severity": "severe"}, Scope()),
    ({**all_clear(), "needle_reaction": "yes", "needle_reaction_kinds": ["fit"]}, Scope()),
    ({**all_clear(), "support_needed": ["large_text"], "filled_in_by": "interpreter"}, Scope()),
    (
        {**all_clear(), "surgery": "yes", "surgery_date": TODAY, "surgery_regions": ["knee"]},
        Scope.of(["right_knee"]),
    ),
]


def test_every_rule_can_be_raised_and_says_why():
    raised = [flag for whole, plan in SITUATIONS for flag in look(whole, plan).flags]
    raised += look({**all_clear(), "pregnancy": "yes"}, policy=Policy().but(pregnancy="review")).flags
    raised += run(RuleInput(all_clear(), born=TODAY, today=TODAY)).flags
    raised += run(RuleInput(all_clear(), born=ADULT, today=TODAY, on_record=(FAINTED,))).flags
    asked_by_parents = {f"{name}_not_given" for name, each in QUESTIONS.items() if each.parent}
    never = {rule.name for rule in RULES} - {flag.rule for flag in raised} - asked_by_parents
    assert not never
    assert all(flag.reason.strip() and "None" not in flag.reason for flag in raised)


@given(given_answers=answers(), plan=plans(), policy=policies())
def test_what_is_on_record_is_looked_at_whatever_the_patient_says(given_answers, plan, policy):
    """It adds one flag, and changes no other."""
    said = {"born": ADULT, "today": TODAY, "scope": plan, "policy": policy}
    before = run(RuleInput(given_answers, **said))
    after = run(RuleInput(given_answers, **said, on_record=(FAINTED,)))
    (flag,) = set(after.flags) - set(before.flags)
    assert (flag.question, flag.severity) == ("last_needling_reaction", Severity.REVIEW)
    assert "fainted, 16 November 2026" in flag.reason
    assert set(before.flags) < set(after.flags)


def test_what_a_patient_reads_never_names_a_severity():
    for rule in RULES:
        for words in rule.precautions:
            assert not SEVERITY_WORDS.search(words), words
    for question in QUESTIONS.values():
        labels = [choice.label for choice in question.choices]
        for words in (question.wording, question.hint, question.why, question.none_label, *labels):
            assert not SEVERITY_WORDS.search(words), (question.name, words)


def test_only_consent_itself_is_never_cleared():
    never = {rule.about for rule in RULES if rule.never_cleared}
    assert never == {"understands_why", "wants_treatment", "feels_pressed"}
    for name, said in {"understands_why": "unsure", "wants_treatment": "no", "feels_pressed": "yes"}.items():
        (flag,) = of_a_healthy_adult(**{name: said}).flags
        assert (flag.severity, flag.never_cleared) == (Severity.STOP, True)
    assert not any(flag.never_cleared for flag in of_a_healthy_adult(wants_treatment="unsure").flags)


# What yes brings with a plan, unsure brings too

UNSAID = [{"said": "yes"}, {"said": "unsure"}, {"said": "prefer_not"}, {"said": None}]


@pytest.mark.parametrize("unsaid", UNSAID)
@pytest.mark.parametrize("region", ["abdomen", "shin", "left_shin"])
def test_regions_that_cannot_be_pressed_unless_blood_thinners_are_ruled_out(unsaid, region):
    whole = without(all_clear(), "blood_thinners")
    whole |= {"blood_thinners": unsaid["said"]} if unsaid["said"] else {}
    assert worst(look(whole, Scope.of([region])), "blood_thinners") == "stop"
    assert worst(look(whole, Scope.of(["left_calf"])), "blood_thinners") == "review"
    assert worst(look(whole), "blood_thinners") == "review"


def test_a_typed_blood_thinner_counts_against_a_no():
    typed = {**all_clear(), "medicines": "stopped warfarin"}
    assert worst(look(typed), "blood_thinners") == "review"
    assert worst(look(typed, Scope.of(["right_shin"])), "blood_thinners") == "stop"
    aspirin = typed | {"antiplatelets": "yes", "antiplatelet_names": ["aspirin"]}
    assert worst(look(aspirin), "antiplatelets") == "review"


@pytest.mark.parametrize("unsaid", UNSAID)
def test_current_unless_an_implanted_device_is_ruled_out(unsaid):
    whole = without(all_clear(), "implanted_device")
    whole |= {"implanted_device": unsaid["said"]} if unsaid["said"] else {}
    assert worst(look(whole, Scope.of(["neck"], electro=True)), "implanted_device") == "stop"
    assert look({**all_clear()}, Scope.of(["neck"], electro=True)).outcome == "clear"


@pytest.mark.parametrize("unsaid", UNSAID)
def test_no_food_unless_diabetes_is_ruled_out(unsaid):
    whole = without({**all_clear(), "eaten": "no"}, "diabetes")
    whole |= {"diabetes": unsaid["said"]} if unsaid["said"] else {}
    assert worst(look(whole), "eaten") == "defer"


@pytest.mark.parametrize("thinner", ["yes", "unsure", "prefer_not", None])
def test_one_antiplatelet_drug_unless_blood_thinners_are_ruled_out(thinner):
    one: dict[str, Value] = {"antiplatelets": "yes", "antiplatelet_names": ["aspirin"]}
    assert worst(of_a_healthy_adult(**one), "antiplatelets") == "caution"
    assert worst(of_a_healthy_adult(**one, blood_thinners=thinner), "antiplatelets") == "review"


def test_a_second_antiplatelet_drug_may_be_ticked_or_typed():
    one: dict[str, Value] = {"antiplatelets": "yes", "antiplatelet_names": ["aspirin"]}
    assert worst(of_a_healthy_adult(**one, medicines="Aspirin 75 mg"), "antiplatelets") == "caution"
    assert worst(of_a_healthy_adult(**one, medicines="Plavix"), "antiplatelets") == "review"


# Regions


def test_lymphoedema_blocks_the_whole_limb_and_no_other():
    whole = {**all_clear(), "lymphoedema": "yes", "lymphoedema_regions": ["left_upper_arm"]}
    for region in ("left_wrist_hand", "forearm", "left_elbow"):
        assert look(whole, Scope.of([region])).outcome == "stop"
    for region in ("right_forearm", "left_shoulder", "left_thigh", "chest"):
        assert look(whole, Scope.of([region])).outcome == "review"
    both = {**whole, "lymphoedema_regions": ["calf"]}
    assert look(both, Scope.of(["right_ankle_foot"])).outcome == "stop"
    body = {**whole, "lymphoedema_regions": ["chest"]}
    assert look(body, Scope.of(["chest"])).outcome == "stop"
    assert look(body, Scope.of(["left_upper_arm"])).outcome == "review"


def test_a_region_without_a_side_means_both():
    whole = {**all_clear(), "skin_problem": "yes", "skin_problem_regions": ["knee"]}
    (flag,) = look(whole, Scope.of(["right_knee"])).flags
    assert (flag.severity, flag.regions) == (Severity.STOP, ("left_knee", "right_knee"))
    (flag,) = look({**whole, "skin_problem_regions": ["left_knee"]}, Scope.of(["knee"])).flags
    assert flag.severity is Severity.STOP
    (flag,) = look({**whole, "skin_problem_regions": ["left_knee"]}, Scope.of(["right_knee"])).flags
    assert flag.severity is Severity.REVIEW


@pytest.mark.parametrize(("days", "expected"), [(-1, "review"), (0, "defer"), (42, "defer"), (43, "review")])
def test_surgery_counts_for_six_weeks_where_it_was(days, expected):
    whole = {**all_clear(), "surgery": "yes", "surgery_date": TODAY - datetime.timedelta(days=days)}
    whole |= {"surgery_regions": ["right_knee"]}
    assert worst(look(whole, Scope.of(["right_knee"])), "surgery") == expected
    assert worst(look(whole, Scope.of(["left_knee"])), "surgery") == "review"
    assert worst(look(whole), "surgery") == "review"


def test_metal_where_needles_are_planned():
    whole = {**all_clear(), "metal_in_body": "yes", "metal_in_body_regions": ["left_hip"]}
    assert look(whole).outcome == "caution"
    assert look(whole, Scope.of(["right_hip"])).outcome == "caution"
    assert look(whole, Scope.of(["left_hip"])).outcome == "review"


def test_an_unknown_region_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'tail'.*left_calf"):
        look(all_clear(), Scope.of(["tail"]))


# Thresholds


@pytest.mark.parametrize(("days", "expected"), [(0, "stop"), (90, "stop"), (91, None)])
def test_a_seizure_counts_for_ninety_days(days, expected):
    last = TODAY - datetime.timedelta(days=days)
    assert worst(of_a_healthy_adult(epilepsy="yes", last_seizure=last), "last_seizure") == expected


@pytest.mark.parametrize(("inr", "expected"), [(3.5, None), (3.51, "stop"), (4, "stop")])
def test_an_inr_above_the_limit(inr, expected):
    on = {"blood_thinners": "yes", "blood_thinner_names": ["acenocoumarol"], "inr": inr}
    assert worst(of_a_healthy_adult(**on), "inr") == expected
    assert worst(of_a_healthy_adult(**{**on, "blood_thinner_names": ["apixaban"]}), "inr") is None  # not asked


@pytest.mark.parametrize(("score", "expected"), [(0, None), (3, None), (4, "review"), (7, "review"), (8, "stop")])
def test_bands_of_needle_fear(score, expected):
    assert worst(of_a_healthy_adult(needle_fear=score), "needle_fear") == expected
    assert worst(of_a_healthy_adult(needle_fear=score, needle_fear_refuses="yes"), "needle_fear_refuses") == "stop"


def test_a_clinic_sets_its_own_thresholds():
    policy = Policy().but(needle_fear_review=2, needle_fear_stop=5, inr_limit=2.0, seizure_days=400, surgery_weeks=1)
    assert look({**all_clear(), "needle_fear": 2}, policy=policy).outcome == "review"
    assert look({**all_clear(), "needle_fear": 5}, policy=policy).outcome == "stop"
    whole = {**all_clear(), "epilepsy": "yes", "last_seizure": TODAY - datetime.timedelta(days=399)}
    assert look(whole, policy=policy).outcome == "stop"
    old = {**all_clear(), "surgery": "yes", "surgery_date": TODAY - datetime.timedelta(days=8)}
    old |= {"surgery_regions": ["neck"]}
    assert look(old, Scope.of(["neck"]), policy).outcome == "review"


@pytest.mark.parametrize(
    ("born", "today", "minor"),
    [
        ((2008, 11, 23), (2026, 11, 23), False),
        ((2008, 11, 24), (2026, 11, 23), True),
        ((2008, 2, 29), (2026, 2, 28), True),
        ((2008, 2, 29), (2026, 3, 1), False),
    ],
)
def test_the_day_of_coming_of_age(born, today, minor):
    assert is_minor(datetime.date(*born), datetime.date(*today)) is minor


def test_what_others_ask_of_the_rules():
    assert needs_interpreter({"support_needed": ["reading_help", "interpreter"]})
    assert not needs_interpreter({"support_needed": []})
    assert not needs_interpreter({})
    assert open_questions({"questions": "  Does it hurt?\n"}) == "Does it hurt?"
    assert open_questions({}) == ""
    assert worse(Severity.CAUTION, Severity.DEFER) is Severity.DEFER
    assert [each.value for each in Severity if needs_decision(each)] == ["urgent", "stop", "defer", "review"]


def test_a_virus_in_the_blood_is_at_most_for_the_record():
    assert worst(of_a_healthy_adult(blood_borne_virus="yes"), "blood_borne_virus") == "note"
    assert of_a_healthy_adult(blood_borne_virus="yes").outcome == "clear"
    assert of_a_healthy_adult(blood_borne_virus="prefer_not").flags == ()


def test_what_matters_and_questions_raise_nothing():
    assert of_a_healthy_adult(what_matters="I sing", questions="Does it hurt?").outcome == "clear"


def test_sides_cover_the_body():
    assert frozenset().union(*(sides(name) for name in ("calf", "neck"))) == {"left_calf", "right_calf", "neck"}
