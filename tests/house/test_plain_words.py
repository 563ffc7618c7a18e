"""Every page a patient reads, as it is rendered, is at most grade 6 (Flesch-Kincaid); the document at most 8.

Names of drugs and illnesses are left out: nobody can write them shorter. Grades measure sentences and syllables, not
understanding; they catch what nobody should have to read.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import textstat
from django.template.loader import render_to_string
from lxml import html  # type: ignore[import-untyped]

from clinic.domain.flow import Stage
from clinic.models import Role
from consent.document.rendering import render
from consent.status.blank_statement import blank_text
from screening.actions import print_blank
from screening.domain import questionnaire
from screening.domain.page_flow import route
from screening.domain.questionnaire import QUESTIONS, SECTIONS, AnswerKind, Value
from tests.domain.test_questions import NAMES
from tests.domain.test_statement import NAMES as TRADES
from tests.evidence.test_document import text_of
from tests.support.course_factories import course_on_record
from tests.support.factories import (
    acting,
    make_patient,
    make_screening,
    make_visit,
    practitioner,
    receptionist,
    rules_ran,
    staff_client,
    tablet_client,
)
from tests.support.sample_records import sample

pytestmark = pytest.mark.django_db

SHORT = 60  # words; the formula says nothing about less
# What stands alone and is read as a sentence of its own.
PIECES = "h1|h2|h3|p|li|legend|label|dt|dd|button|a"
THANKS = ["waiting", "signed", "time", "stopped", "withdrawn", "parked", "away", "kept"]


def said(page: bytes | str) -> str:
    """Return what stands in the main part of a page, piece by piece as sentences, each once."""
    main = html.fromstring(page).xpath("//main")[0]  # another may wait in the dialog about time
    for left_out in main.xpath(".//svg | .//script"):
        left_out.drop_tree()
    pieces = [each for each in main.iter(*PIECES.split("|")) if not any(a.tag in PIECES for a in each.iterancestors())]
    words = [" ".join(each.text_content().split()) for each in pieces]
    return " ".join(each if each[-1] in ".?!:" else f"{each}." for each in words if each)


def grade(text: str) -> float:
    plain = NAMES.sub("it", re.sub(r"[A-Za-z]+", lambda word: "it" if word[0].lower() in TRADES else word[0], text))
    return float(textstat.flesch_kincaid_grade(plain))


def easy(page: bytes | str) -> bool:
    text = said(page)
    assert text
    assert len(text.split()) < SHORT or grade(text) <= 6, f"{grade(text)}: {text}"
    return True


def everything() -> dict[str, Value]:
    """Return answers that call for every follow-up there is."""
    yes: dict[str, Value] = {
        name: "yes" for name, each in QUESTIONS.items() if "yes" in [choice.value for choice in each.choices]
    }
    return {
        **questionnaire.all_clear(),
        **yes,
        "blood_thinner_names": ["warfarin"],
        "inr": 2.5,
        **{name: "unsure" for name, each in QUESTIONS.items() if each.parent and each.kind is AnswerKind.YNU},
    }


STEPS = [(step.section.slug, step.page) for step in route(everything(), returning=True).steps]


@pytest.mark.parametrize(("section", "number"), STEPS)
def test_each_page_of_questions_with_its_follow_ups(section, number):
    visit = make_visit(stage=Stage.ANSWERING, returning=True)
    make_screening(visit, submitted=False, **everything())
    answer = tablet_client(visit).get(f"/tablet/questions/{section}/{number}/")
    assert answer.status_code == 200
    assert easy(answer.content)
    assert len(STEPS) > len(SECTIONS)


@pytest.mark.parametrize("path", ["/tablet/ask/", "/tablet/stop/", "/tablet/check/"])
def test_the_pages_around_the_questions(path):
    visit = make_visit(stage=Stage.ANSWERING)
    make_screening(visit, submitted=False)
    assert easy(tablet_client(visit).get(path).content)


@pytest.mark.parametrize("part", ["about", "risks", "sign"])
@pytest.mark.parametrize("answers", [{}, {"questions": "Does it hurt?"}, {"diabetes": "yes", "blood_thinners": "yes"}])
def test_the_pages_of_the_consent(part, answers):
    visit = make_visit(stage=Stage.CONSENTING)
    rules_ran(make_screening(visit, **answers))
    assert easy(tablet_client(visit).get(f"/tablet/consent/{part}/").content)


def test_the_question_within_a_course():
    visit = make_visit(stage=Stage.CONSENTING, returning=True)
    course_on_record(visit.patient, practitioner())
    rules_ran(make_screening(visit, last_needling_reaction="no", driving_after="yes"))
    page = tablet_client(visit).get("/tablet/still-happy/").content
    assert b"New this time" in page
    assert easy(page)


@pytest.mark.parametrize("screen", ["idle", *(f"thanks-{each}" for each in THANKS)])
def test_the_pages_that_wait(screen, rf: Any):
    assert easy(render_to_string("clinic/patient/tablet_idle.html", {"screen": screen}, rf.get("/tablet/")))


def test_the_call_for_help(rf: Any):
    assert easy(render_to_string("clinic/patient/tablet_urgent.html", {"screen": "urgent"}, rf.get("/tablet/")))


@pytest.mark.parametrize("born", [dt.date(1990, 5, 1), dt.date(2012, 5, 1)])
def test_the_form_on_paper(born):
    text = blank_text()
    visit = make_visit(make_patient(born=born), returning=True)
    by = acting(receptionist(), Role.RECEPTION)
    form = print_blank(visit=visit, statement_version=text.version, statement_sha256=text.sha256, by=by)
    page = html.fromstring(staff_client(by.staff).get(f"/visits/{visit.pk}/paper/{form.code}/").content)
    for of_staff in page.xpath("//*[contains(@class, 'no-print')] | //*[contains(@class, 'paper-small')]"):
        of_staff.drop_tree()
    assert easy(html.tostring(page))


@pytest.mark.thorough
def test_the_whole_document():
    text = re.sub(r"\b[0-9a-f]{32,}\b", "", text_of(render(sample())))
    assert grade(text) <= 8


def test_hard_words_are_found():
    hard = "Individuals demonstrating contraindications necessitate comprehensive interdisciplinary evaluation. " * 12
    with pytest.raises(AssertionError, match="contraindications"):
        easy(f"<main><p>{hard}</p></main>")
