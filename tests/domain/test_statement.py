"""The text put to the patient: what it must say, what it must never say, and how plainly."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest
import textstat
from django.template.loader import render_to_string

from clinic.domain.policy import Policy
from consent.domain.statement import (
    CHOICES,
    EIGHT_OF_100,
    NEEDLE,
    NOT_A_RISK,
    OTHER_RISK,
    OWN_RISKS,
    PAGES,
    Statement,
    StatementInput,
    TextSection,
    acknowledgements,
    plan_lines,
    statement,
)
from screening.domain import rules
from screening.domain.questionnaire import QUESTIONS
from tests.support.reading import TRADES

NOTHING_SETTLED = StatementInput(
    clinic_name="Our clinic",
    clinic_phone="020 7946 0018",
    emergency_number="999",
    cost=Policy().cost,
    privacy=Policy().privacy,
)
PLANNED = replace(
    NOTHING_SETTLED,
    practitioner="Jo Reed",
    regions=("left calf", "neck"),
    technique="pistoning",
    electro=True,
    sessions=3,
    near_lung=True,
)
EVERY_RISK = replace(PLANNED, own_risks=tuple(OWN_RISKS), precautions=("We use thin needles and press for 5 minutes.",))
MANY = [
    NOTHING_SETTLED,
    PLANNED,
    EVERY_RISK,
    replace(PLANNED, near_lung=False, electro=False, technique="superficial", sessions=1),
    replace(PLANNED, technique="non_trigger_point", sessions=None),
]


def words_of(sections: tuple[TextSection, ...]) -> str:
    return "\n".join(section.text for section in sections)


def whole(facts: StatementInput) -> str:
    return words_of(statement(facts).sections)


def grade(text: str) -> float:
    """Flesch-Kincaid grade. Names of diseases and trades are left out: nobody can write them shorter."""
    lines = [line if line[-1] in ".?!:" else f"{line}." for line in text.splitlines() if line]
    plain = re.sub(r"[A-Za-z]+", lambda word: "it" if word[0].lower() in TRADES else word[0], " ".join(lines))
    return float(textstat.flesch_kincaid_grade(plain))


@pytest.mark.parametrize("facts", MANY)
@pytest.mark.parametrize("page", PAGES)
def test_each_screen_reads_at_grade_six_or_below(facts, page):
    text = words_of(statement(facts).page(page))
    assert len(text.split()) > 60
    assert grade(text) <= 6


@pytest.mark.parametrize("facts", MANY)
def test_the_whole_text_and_what_is_ticked_read_at_grade_six_or_below(facts):
    assert grade(whole(facts)) <= 6
    ticked = "\n".join(each.text for each in acknowledgements(facts))
    assert grade("\n".join([ticked, *CHOICES.values()])) <= 6


def test_the_sections_stand_in_their_order_each_on_one_page():
    order = [section.id for section in statement(PLANNED).sections]
    assert order == [
        "what", "how", "benefit", "happens", "risks", "own_risks", "lung", "other_choices", "stop", "cost", "people",
        "privacy", "aftercare",
    ]  # fmt: skip
    assert list(itertools.chain.from_iterable(PAGES.values())) == order


def test_the_risks_come_with_their_numbers():
    text = whole(NOTHING_SETTLED)
    for said in (
        "In 100 treatments",
        "about 8 bruise",
        "5 to 16 bleed a little",
        "3 to 6 feel pain at the needle",
        "About 1 in 1,000",
        "faint",
        "into a lung",
        "an infection",
        "a nerve",
        "a needle that breaks",
        "No one knows just how rare",
    ):
        assert said in text


def test_the_picture_of_100_people_has_as_many_filled_as_the_number_says():
    blocks = [each for section in statement(PLANNED).sections for each in section.blocks]
    block = next(each for each in blocks if each.kind == EIGHT_OF_100)
    drawn = render_to_string("consent/patient/picture.html", {"block": block})
    assert "8 in 100" in block.lines[0]
    [filled] = re.findall(r'<path fill="currentColor" d="([^"]+)"', drawn)
    [outlined] = re.findall(r'<path fill="none" d="([^"]+)"', drawn)
    people = [set(re.findall(r"M(\d+)3\.3 (\d*)2\.6", each)) for each in (filled, outlined)]
    assert people[0] == {(str(column), "") for column in range(8)}
    assert [len(each) for each in people] == [8, 92]


def test_the_drawing_of_the_lung_names_its_parts():
    block = next(each for section in statement(PLANNED).sections for each in section.blocks if each.kind == NEEDLE)
    drawn = render_to_string("consent/patient/picture.html", {"block": block})
    assert all(f">{word}</text>" in drawn for word in ("Needle", "Skin", "Muscle", "Rib", "Lung"))
    assert " style=" not in drawn


def test_it_says_what_the_patient_must_know_before_saying_yes():
    text = whole(NOTHING_SETTLED)
    for said in (
        "10 to 15 minutes",
        "take off some clothes",
        "a gown",
        "one of our team, in the room with you",
        "No drug goes in",
        "We cannot promise",
        "More good tests are needed",
        "no treatment at all",
        "You can stop at any moment",
        "Your health insurance may not pay",
        "only if you say yes",
        Policy().cost,
        Policy().privacy,
        "2 or 3 times, some up to 6",
    ):
        assert said in text


def test_the_warning_signs_come_with_both_numbers_to_call():
    after = next(section for section in statement(PLANNED).sections if section.id == "aftercare").text
    for sign in (
        "short of breath", "pain in your chest", "dry cough", "blue lips", "cough up blood", "it will not stop",
        "pass out", "weak or numb", "headache", "feel hot", "red skin", "pus", "a calf that swells", "get up slowly",
    ):  # fmt: skip
        assert sign in after
    assert "Call 999 at once" in after
    assert "Call us on 020 7946 0018" in after
    assert "Call us, or call your doctor" in whole(replace(PLANNED, clinic_phone=""))


def test_the_lung_says_when_what_and_whom_to_call():
    lung = next(section for section in statement(PLANNED).sections if section.id == "lung")
    assert "up to 2 days later" in lung.text
    warning = next(block for block in lung.blocks if block.kind == "warning")
    assert "call 999 at once" in " ".join(warning.lines)


@pytest.mark.parametrize("facts", MANY)
def test_it_never_says_what_it_must_not(facts):
    text = whole(facts).lower() + " ".join(each.text.lower() for each in acknowledgements(facts))
    for line in text.splitlines():
        assert not ("chest" in line and "normal" in line)
    for word in ("qualified", "advanced signature", "safe to treat", "severity", "flag", "stop your medicine", "60-70"):
        assert word not in text


def test_the_plan_is_told_as_far_as_it_is_settled():
    planned = whole(PLANNED)
    for said in ("left calf, neck", "in and out", "Electric current: yes", "3 visits", "Jo Reed, physiotherapist"):
        assert said in planned
    assert "still settle" not in planned
    unsettled = whole(NOTHING_SETTLED)
    assert "still settle" in unsettled
    assert "electric current" in unsettled
    assert plan_lines(NOTHING_SETTLED) == ()


def test_a_region_near_the_lung_is_told_apart():
    assert "near the lungs, so please" in whole(PLANNED)
    assert "not near the lungs" in whole(replace(PLANNED, near_lung=False))
    assert "not settled yet where" in whole(NOTHING_SETTLED)


def test_every_question_that_can_raise_a_flag_has_its_own_risk():
    told = {*OWN_RISKS, *NOT_A_RISK}
    raised = {rule.about for rule in rules.RULES}
    needless = {"blood_borne_virus"}  # a note at most
    assert raised - needless <= told
    assert told <= {*QUESTIONS, "age"}


def test_own_risks_stand_once_and_precautions_word_for_word():
    text = whole(replace(NOTHING_SETTLED, own_risks=("diabetes", "unheard_of", "unheard_too", "feels_pressed"),
                         precautions=("Press for 5 minutes & wait.",)))  # fmt: skip
    assert text.count(OTHER_RISK) == 1
    assert OWN_RISKS["diabetes"] in text
    assert "Press for 5 minutes & wait." in text
    assert "no extra risk" not in text
    assert "no extra risk" in whole(NOTHING_SETTLED)


def test_the_digest_is_of_every_word():
    assert statement(PLANNED).sha256 == statement(PLANNED).sha256
    digests = {statement(facts).sha256 for facts in MANY}
    digests.add(statement(replace(PLANNED, clinic_phone="1")).sha256)
    digests.add(statement(replace(PLANNED, practitioner="Jo Read")).sha256)
    assert len(digests) == len(MANY) + 2


def test_it_goes_into_json_and_comes_back():
    assert Statement.from_json(statement(EVERY_RISK).to_json()) == statement(EVERY_RISK)


def test_the_lung_is_acknowledged_on_its_own():
    lung, *others = acknowledgements(PLANNED)
    assert (lung.name, [each.name for each in others]) == ("lung", ["read", "agree"])
    assert "999" in lung.text
    assert "stop" in others[1].text
