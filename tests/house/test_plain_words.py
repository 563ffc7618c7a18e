"""Every page a patient reads, as it is rendered, is at most grade 6 (Flesch-Kincaid); the document at most 8.

Each page of a tablet is read in `tests/browser/test_patient_pages.py`, which has them all; here is the rest.

Names of drugs and illnesses are left out: nobody can write them shorter. Grades measure sentences and syllables, not
understanding; they catch what nobody should have to read.
"""

from __future__ import annotations

import datetime as dt
import re

import pytest
from lxml import html  # type: ignore[import-untyped]

from clinic.domain.flow import Stage
from clinic.models import Role
from consent.document.rendering import render
from consent.status.blank_statement import blank_text
from screening.actions import print_blank
from tests.support.factories import (
    acting,
    make_patient,
    make_screening,
    make_visit,
    receptionist,
    rules_ran,
    staff_client,
    tablet_client,
)
from tests.support.pdf_text import text_of
from tests.support.reading import easy, grade
from tests.support.sample_records import sample

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("part", ["about", "risks", "sign"])
def test_the_pages_of_the_consent_with_risks_of_ones_own(part):
    visit = make_visit(stage=Stage.CONSENTING)
    rules_ran(make_screening(visit, diabetes="yes", blood_thinners="yes"))
    assert easy(tablet_client(visit).get(f"/tablet/consent/{part}/").content)


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
