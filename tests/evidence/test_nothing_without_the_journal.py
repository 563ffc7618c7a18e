"""Whatever changes the record is in the journal: seen in the SQL itself, not act by act."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from clinic.models import Journal, Tablet, Visit
from clinic.models.actors import SYSTEM
from tests.support.factories import hold, make_tablet, make_visit
from tests.support.sql_changes import Watched

pytestmark = pytest.mark.thorough

MADE_BEFORE = {"clinic_user", "clinic_tablet", "clinic_spenttoken"}  # the demo's own, before its day begins


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    found, commit, roll_back = Watched(), connection._commit, connection._rollback

    def committed() -> None:
        commit()
        found.ends()

    def rolled_back() -> None:
        roll_back()
        found.now.clear()

    monkeypatch.setattr(connection, "_commit", committed)
    monkeypatch.setattr(connection, "_rollback", rolled_back)
    with connection.execute_wrapper(found):
        yield found


@pytest.mark.django_db(transaction=True)
def test_no_transaction_of_a_whole_day_changes_the_record_and_not_the_journal(watched, seal_keys, settings, tmp_path):
    settings.DEMO, settings.ANCHORS_FILE = True, tmp_path / "anchors.jsonl"
    call_command("load_demo", stdout=io.StringIO())
    assert set().union(*watched.bare) <= MADE_BEFORE
    assert watched.told > 50


@pytest.mark.django_db(transaction=True)
def test_the_control_a_change_without_a_row_is_seen(watched):
    visit, (tablet, _) = make_visit(), make_tablet()
    held = hold(visit, tablet)
    watched.bare.clear()
    with transaction.atomic():
        Visit.objects.filter(pk=visit.pk).update(returning=True)
        Journal.objects.record("visit moved", by=SYSTEM, visit=visit)
    held.touch()
    assert watched.bare == []
    Visit.objects.filter(pk=visit.pk).update(returning=False)
    with transaction.atomic():
        Tablet.objects.filter(pk=tablet.pk).update(name="Green")
    assert watched.bare == [{Visit._meta.db_table}, {Tablet._meta.db_table}]
