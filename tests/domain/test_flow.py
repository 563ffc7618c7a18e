"""Which moves a visit can make, and that two people cannot make the same one."""

import pytest

from clinic.domain.flow import MOVES, TURN, WORDS, NotAllowed, Stage, check_move
from clinic.models import Actor, Journal, Role, StaleVisit, Visit
from tests.support.factories import acting, make_visit, receptionist


def test_every_stage_has_moves_a_turn_and_words():
    assert set(MOVES) == set(TURN) == set(WORDS) == set(Stage)


def test_nothing_follows_a_sealed_or_a_stopped_visit():
    assert not MOVES[Stage.SEALED]
    assert not MOVES[Stage.STOPPED]


def test_no_way_leads_to_sealed_but_through_signed_and_confirmed():
    assert {stage for stage, to in MOVES.items() if Stage.SEALED in to} == {Stage.CONFIRMED}
    assert {stage for stage, to in MOVES.items() if Stage.CONFIRMED in to} == {Stage.SIGNED}
    assert {stage for stage, to in MOVES.items() if Stage.SIGNED in to} == {Stage.CONSENTING}


# Written out once more, by whoever may go where: a move that is added or lost is decided in both places.
ALLOWED = """
expected: answering stopped
answering: in_review consenting stopped
in_review: answering consenting stopped
consenting: signed answering in_review stopped
signed: confirmed answering in_review stopped
confirmed: sealed
"""


def test_these_moves_are_allowed_and_no_others():
    pairs = (line.split(": ") for line in ALLOWED.strip().splitlines())
    allowed = {(Stage(old), Stage(new)) for old, to in pairs for new in to.split()}
    for old in Stage:
        for new in Stage:
            if (old, new) in allowed:
                check_move(old, new)
            else:
                with pytest.raises(NotAllowed):
                    check_move(old, new)


def test_a_refusal_names_both_stages_in_words():
    with pytest.raises(NotAllowed, match=r"Sealed.*Expected"):
        check_move(Stage.SEALED, Stage.EXPECTED)


@pytest.mark.django_db
def test_a_move_is_written_with_its_journal_row():
    visit = make_visit()
    visit.move(Stage.ANSWERING, by=acting(receptionist(), Role.RECEPTION))
    visit.refresh_from_db()
    assert visit.at is Stage.ANSWERING
    entry = Journal.objects.get(visit=visit, action="visit moved")
    assert entry.data == {"from": "expected", "to": "answering"}
    assert entry.role == "reception"


@pytest.mark.django_db
def test_of_two_people_who_move_a_visit_one_is_told():
    visit = make_visit(stage=Stage.IN_REVIEW)
    mine, theirs = Visit.objects.get(pk=visit.pk), Visit.objects.get(pk=visit.pk)
    mine.move(Stage.CONSENTING, by=Actor())
    with pytest.raises(StaleVisit):
        theirs.move(Stage.STOPPED, by=Actor())
    visit.refresh_from_db()
    assert visit.at is Stage.CONSENTING
    assert Journal.objects.filter(action="visit moved").count() == 1
