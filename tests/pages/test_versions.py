"""Versions: a half-filled form never mixes two; a manager sees which is live, since when, and how many signed it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, VersionSeen, Visit
from clinic.models.sites import FIRST
from consent.domain import statement
from consent.status.versions import live, versions
from screening import actions
from screening.assessment.review_state import review_state
from screening.domain import questionnaire as questions
from screening.domain import rules
from screening.models import Screening
from tests.support.consents import signed
from tests.support.factories import (
    answers,
    make_screening,
    make_tablet,
    make_visit,
    manager,
    practitioner,
    ready_for_review,
    receptionist,
    staff_client,
    tablet_client,
)

pytestmark = pytest.mark.django_db

What = VersionSeen.What
NEXT = "2027-01-01"
FIRST_PAGE = {"filled_in_by": "self", "support_needed": "none", "urgent_symptoms": "none", "eaten": "yes"}


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a call that puts another questionnaire live: a new version, or changed words under the same one."""

    def release(version: str = NEXT) -> None:
        monkeypatch.setattr(questions, "VERSION", version)
        monkeypatch.setattr(questions, "digest", lambda: "ab" * 32)

    return release


def half_filled() -> tuple[Visit, Client, Screening]:
    """Make a visit whose patient saved some answers on the tablet."""
    visit = make_visit(stage=Stage.ANSWERING)
    client = tablet_client(visit)
    given = {name: value for name, value in answers().items() if name in ("filled_in_by", "support_needed", "eaten")}
    screening = actions.answer(visit=visit, given=given, by=Actor(tablet=make_tablet()[0]))
    return visit, client, screening


def pages(client: Client, address: str = "/tablet/questions/", **posted: str) -> Any:
    """Open the page, or post to it, and follow where that leads."""
    return client.post(address, posted, follow=True) if posted else client.get(address, follow=True)


# --- a form that was begun -----------------------------------------------------------------------------------------


def test_a_form_knows_the_questionnaire_it_was_begun_on():
    _, _, begun = half_filled()
    assert (begun.questionnaire_version, begun.questionnaire_sha256) == (questions.VERSION, questions.digest())
    assert begun.is_current


@pytest.mark.parametrize("version", [NEXT, questions.VERSION])
def test_a_half_filled_form_starts_again_and_says_so(released: Any, version: str):
    visit, client, begun = half_filled()
    kept = dict(begun.answers)
    released(version)
    page = pages(client)
    assert "so we start again from the first one" in page.text
    old, new = Screening.objects.filter(visit=visit)
    assert (old.pk, old.answers, old.submitted_at) == (begun.pk, kept, None)
    assert (new.number, new.answers, new.ask_again) == (2, {}, [])
    assert (new.questionnaire_version, new.questionnaire_sha256) == (version, "ab" * 32)
    assert "so we start again" not in pages(client).text  # said once
    assert Screening.objects.filter(visit=visit).count() == 2


def test_a_page_of_the_old_questionnaire_is_not_saved_into_the_new_form(released: Any):
    visit, client, _ = half_filled()
    address = pages(client).redirect_chain[-1][0].split("?")[0]
    shown = questions.digest()
    released()
    for _ in range(2):  # and tapped twice: the second tap meets the new form
        page = pages(client, address, questionnaire=shown, filled_in_by="self")
        assert "so we start again" in page.text
    new = Screening.of(visit)
    assert new
    assert (new.number, new.answers) == (2, {})


def test_the_page_names_its_questionnaire():
    _, client, _ = half_filled()
    assert f'name="questionnaire" value="{questions.digest()}"' in pages(client).text


def test_a_full_form_of_the_old_questionnaire_is_not_sent(released: Any):
    visit = make_visit(stage=Stage.ANSWERING)
    client = tablet_client(visit)
    make_screening(visit, submitted=False)
    released()
    with pytest.raises(NotAllowed, match="questions changed"):
        actions.submit(visit=visit, by=Actor())
    assert "so we start again" in client.post("/tablet/check/", follow=True).text
    visit.refresh_from_db()
    assert visit.at is Stage.ANSWERING
    assert not Screening.objects.exclude(submitted_at=None).exists()


def test_answers_sent_before_a_new_questionnaire_are_asked_again_in_full(released: Any):
    visit = ready_for_review(diabetes="yes", diabetes_unstable="no", questions="Does it hurt?")
    assert visit.at is Stage.IN_REVIEW
    released()
    [hold] = review_state(visit).holds
    assert hold == "The questions changed since the patient answered. Send them back: all of them are asked again."
    assert review_state(visit).signing_holds == [hold]
    new = actions.reopen(visit=visit, by=Actor(), why="sent back", names=["diabetes"])
    assert (new.answers, new.ask_again, new.questionnaire_sha256) == ({}, [], "ab" * 32)


def test_answers_of_the_live_questionnaire_are_kept_when_some_are_asked_again():
    visit = ready_for_review(diabetes="yes", diabetes_unstable="no", questions="Does it hurt?")
    new = actions.reopen(visit=visit, by=Actor(), why="sent back", names=["diabetes"])
    assert new.ask_again == ["diabetes"]
    assert len(new.answers) > 10


# --- which were used ------------------------------------------------------------------------------------------------


def test_the_first_use_of_each_is_on_record_once():
    visit = signed()
    screening = Screening.of(visit)
    assert screening
    tablet, _ = make_tablet()
    begun = make_visit(stage=Stage.ANSWERING)
    for _ in range(2):
        actions.draft(visit=begun, by=Actor(tablet=tablet))
    seen = {row.what: row for row in VersionSeen.objects.all()}
    assert {row.what: (row.version, row.sha256) for row in seen.values()} == live()
    assert VersionSeen.objects.count() == 3
    assert seen[What.QUESTIONNAIRE].tablet == tablet
    assert Journal.objects.filter(action="version first used").count() == 3
    assert {row.data["kind"] for row in Journal.objects.filter(action="version first used")} == set(What)


def test_a_version_is_first_used_once():
    VersionSeen.objects.seen(What.RULES, "1", "ab" * 32, by=Actor())
    VersionSeen.objects.seen(What.RULES, "1", "ab" * 32, by=Actor())
    with pytest.raises(IntegrityError), transaction.atomic():
        VersionSeen.objects.create(what=What.RULES, version="1", sha256="ab" * 32)
    assert VersionSeen.objects.count() == 1


@pytest.mark.parametrize("module", [rules, statement, questions])
def test_each_has_a_digest_of_its_own(module: Any):
    assert len(module.digest()) == 64
    assert len({rules.digest(), statement.digest(), questions.digest()}) == 3


def test_another_rule_is_another_digest(tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    before = rules.digest()
    here = tmp_path / "rules.py"
    for name in rules.WRITTEN_IN:
        text = (type(here)(rules.__file__).parent / name).read_text()
        (tmp_path / name).write_text(text.replace("bleeding", "bruises") if name == "rules.py" else text)
    monkeypatch.setattr(rules, "__file__", str(here))
    assert rules.digest.__wrapped__() != before


# --- the manager's page ---------------------------------------------------------------------------------------------


def test_the_manager_sees_what_is_live_since_when_by_whom_and_how_many_signed(released: Any):
    signed()
    signed()
    half_filled()
    tablet = VersionSeen.objects.get(what=What.STATEMENT).tablet
    page = staff_client(manager()).get("/manage/versions/").text
    for shown in (*(sha256 for _, sha256 in live().values()), f"{tablet}"):
        assert shown in page
    assert {label: [(each.live, each.signed) for each in found] for label, found in versions(FIRST)} == {
        "Questionnaire": [(True, 2)],
        "Rules": [(True, 2)],
        "Consent text": [(True, 2)],
    }
    before = questions.VERSION
    released()
    questionnaire = dict(versions(FIRST))["Questionnaire"]
    assert [(each.version, each.live, each.signed) for each in questionnaire] == [
        (NEXT, True, 0),
        (before, False, 2),
    ]
    assert "Not used yet" in staff_client(manager()).get("/manage/versions/").text


def test_words_that_changed_without_a_new_version_stand_out(released: Any):
    half_filled()
    released(questions.VERSION)
    now, before = dict(versions(FIRST))["Questionnaire"]
    assert (now.live, now.unnamed, before.unnamed) == (True, True, False)
    assert "Changed without a new version" in staff_client(manager()).get("/manage/versions/").text


def test_before_anything_was_used_the_page_says_so():
    page = staff_client(manager()).get("/manage/versions/").text
    assert page.count("Not used yet") == 3


@pytest.mark.parametrize("who", [receptionist, practitioner])
def test_only_a_manager_looks_at_versions(who: Any):
    assert staff_client(who()).get("/manage/versions/").status_code == 404
    assert Client().get("/manage/versions/").url == "/login/?next=/manage/versions/"
