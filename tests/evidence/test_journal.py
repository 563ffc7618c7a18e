"""The journal: a chain without gaps, whatever happens at once; who and what is in it; and how a manager reads it."""

from __future__ import annotations

import ast
import io
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinic.domain import hash_chain, journal_wording
from clinic.models import Actor, Hold, Journal, Patient, Role
from clinic.models.actors import SYSTEM
from clinic.models.journal import ALLOWED_FIELDS
from consent.models import SealedFile
from screening import actions
from tests.support.factories import (
    make_patient,
    make_tablet,
    make_user,
    make_visit,
    manager,
    practitioner,
    ready_for_review,
    receptionist,
    sign_in,
    staff_client,
    tablet_client,
)
from tests.support.repository import ROOT
from tests.support.steps import Staff

WRITERS, EACH = 8, 25


def noted(action: str) -> list[Journal]:
    return list(Journal.objects.filter(action=action).select_related("user", "tablet"))


def whole() -> int:
    """Check the chain as it stands in the database; return how many rows it has."""
    return len(list(hash_chain.followed(Journal.objects.rows())))


# --- the chain -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_rows_are_numbered_and_chained_from_the_first():
    for number in range(3):
        Journal.objects.record("signed in", by=SYSTEM, count=number)
    rows = list(Journal.objects.rows())
    assert [row.seq for row in rows] == [1, 2, 3]
    assert [row.prev_hash for row in rows] == [hash_chain.START.hash, rows[0].hash, rows[1].hash]
    assert whole() == 3
    assert Journal.objects.head() == rows[-1].link


@pytest.mark.django_db
def test_what_is_rolled_back_leaves_no_gap():
    Journal.objects.record("signed in", by=SYSTEM)
    with transaction.atomic():
        Journal.objects.record("signed out", by=SYSTEM)
        transaction.set_rollback(True)
    Journal.objects.record("signed in", by=SYSTEM)
    assert whole() == 2


@pytest.mark.django_db(transaction=True)
def test_eight_writers_at_once_make_one_chain_without_a_gap():
    visit, boss = make_visit(), manager()
    before = Journal.objects.count()
    failed: list[BaseException] = []
    start = threading.Barrier(WRITERS)

    def write(number: int) -> None:
        try:
            start.wait()
            for turn in range(EACH):
                with transaction.atomic():
                    Journal.objects.record("visit opened", by=Actor(user=boss, role=Role.MANAGER), visit=visit)
                    if turn % 5 == 4:  # some change their mind
                        transaction.set_rollback(True)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert whole() == before + WRITERS * EACH * 4 // 5


@pytest.mark.django_db
@pytest.mark.parametrize("value", [1.5, ["a"], {"a": 1}, "x" * (hash_chain.LONGEST_TEXT + 1), timezone.now()])
def test_the_journal_takes_whole_numbers_and_short_texts_alone(value):
    with pytest.raises(ValueError, match="why"):
        Journal.objects.record("signed in", by=SYSTEM, why=value)
    assert not Journal.objects.exists()


@pytest.mark.django_db
def test_the_journal_takes_no_field_that_is_not_on_the_list():
    assert not ALLOWED_FIELDS & {"name", "answer", "reason", "text", "question", "born", "email", "address", "username"}
    for field in ("name", "patient_name", "answer", "question", "address"):
        told: dict[str, Any] = {field: "x"}
        with pytest.raises(ValueError, match=field):
            Journal.objects.record("signed in", by=SYSTEM, **told)


@pytest.mark.django_db
def test_no_name_and_no_answer_is_in_the_journal_of_a_whole_day(seal_keys, settings, tmp_path):
    settings.DEMO, settings.ANCHORS_FILE = True, tmp_path / "anchors.jsonl"
    call_command("load_demo", stdout=io.StringIO())
    everything = " ".join(str(row.data) for row in Journal.objects.all()).casefold()
    words = {word.casefold() for patient in Patient.objects.all() for word in patient.name.split()}
    said = {"warfarin", "blood", "pregnan", "chest_pain", "faint", "infection", "shin", "cello", "epilepsy", "fear"}
    assert len(words) >= 20
    assert {word for word in words | said if re.search(rf"\b{word}", everything)} == set()
    assert SealedFile.objects.count() == 1
    assert whole() > 100


# --- what is in it -------------------------------------------------------------------------------------------------


def written_actions() -> Iterator[str]:
    """Yield every action that the code of the rooms writes, where it is written as text."""
    for room in ("clinic", "screening", "consent", "operations"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("record", "mark"):
                    first = node.args[0] if node.args else None
                    for each in [*([first] if first else []), *(k.value for k in node.keywords if k.arg == "action")]:
                        yield from texts(each)


def texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*texts(node.body), *texts(node.orelse))


def test_every_action_has_a_plain_sentence():
    from clinic.accounts.adapters import SIGNED_IN_BY
    from consent.status.consent_state import ACTION

    written = {*written_actions(), *ACTION.values()}
    assert len(written) > 50
    assert sorted(written - set(journal_wording.SENTENCES)) == []
    looked_up = {"document opened", "document downloaded", "signed in", *SIGNED_IN_BY.values()}  # by a variable
    assert sorted(set(journal_wording.SENTENCES) - written - looked_up) == []


def test_sentences_survive_a_row_that_lacks_a_field_or_is_unknown():
    assert journal_wording.sentence("setting changed", {}) == "Changed a setting: ?"
    assert journal_wording.sentence("something {odd}", {"odd": 1}) == "Something {odd}"
    assert journal_wording.sentence("setting changed", {"setting": "inr_limit"}).endswith(
        "INR: highest value that does not stop"
    )
    with pytest.raises(ValueError, match="visits"):
        journal_wording.actions_of("nothing")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "address", "action"),
    [
        (receptionist, "/board/", "board opened"),
        (practitioner, "/queue/", "queue opened"),
        (receptionist, "/patients/{patient}/", "patient opened"),
        (receptionist, "/patients/{patient}/correct/", "patient opened"),
        (receptionist, "/visits/{visit}/", "visit opened"),
        (practitioner, "/review/{visit}/", "review opened"),
        (manager, "/manage/journal/", "journal opened"),
        (manager, "/manage/journal/?visit={visit}", "journal opened"),
    ],
)
def test_who_looks_is_on_record(who, address, action):
    visit, user = ready_for_review(epilepsy="yes"), who()
    assert staff_client(user).get(address.format(visit=visit.pk, patient=visit.patient_id)).status_code == 200
    (row,) = noted(action)
    assert row.user == user
    assert "{visit}" not in address or row.visit_id == visit.pk
    assert "{patient}" not in address or row.patient_id == visit.patient_id


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "address", "route"),
    [
        (receptionist, "/review/1/", "review"),  # a role that may not
        (practitioner, "/manage/journal/", "manage_journal"),
        (practitioner, "/visits/987654/", "visit"),  # a record that is not there
        (practitioner, "/consents/987654/pdf/", "consent_pdf"),
    ],
)
def test_a_refusal_of_staff_is_on_record_with_the_pages_name_alone(who, address, route):
    user = who()
    assert staff_client(user).get(address).status_code == 404
    (row,) = noted("access refused")
    assert (row.user, row.data) == (user, {"route": route})


@pytest.mark.django_db
def test_a_forged_form_is_on_record():
    user = receptionist()
    client = Client(enforce_csrf_checks=True)
    sign_in(client, user)
    assert client.post("/patients/add/", {"full_name": "x"}).status_code == 403
    assert [row.data for row in noted("access refused")] == [{"route": "add_patient"}]


@pytest.mark.django_db
def test_a_tablet_that_asks_for_a_staff_page_is_on_record():
    visit = make_visit()
    client = tablet_client(visit)
    assert client.get("/board/").url.startswith("/login/")
    (row,) = noted("access refused")
    assert (row.actor_kind, row.tablet, row.data) == ("tablet", Hold.objects.get().tablet, {"route": "board"})


@pytest.mark.django_db
def test_strangers_write_nothing_with_their_refusals():
    client = Client()
    for address in ("/board/", "/visits/1/", "/manage/journal/", "/nowhere/", "/tablet/questions/"):
        client.get(address)
    assert not Journal.objects.exists()


@pytest.mark.django_db
def test_a_page_left_open_does_not_fill_the_journal():
    client = tablet_client(make_visit())
    for _ in range(3):
        client.get("/urgent/")
    assert noted("access refused") == []


@pytest.mark.django_db
def test_refused_sign_ins_are_noted_ten_times_a_minute_at_most(same_minute):
    client = Client()
    for _ in range(15):
        assert client.post("/login/", {"login": "nobody", "password": "wrong"}).status_code == 422
    assert len(noted("sign-in refused")) == 10


@pytest.mark.django_db
def test_a_visit_that_goes_to_another_record_says_so():
    from clinic.records.patients import merge_patients

    visit, kept, boss = make_visit(), make_patient("Other Person"), receptionist()
    gone = visit.patient
    merge_patients(kept=kept, gone=gone, by=Actor(user=boss, role=Role.RECEPTION))
    (row,) = noted("visit given another record")
    assert (row.visit_id, row.patient_id) == (visit.pk, kept.pk)


# --- how a manager reads it ----------------------------------------------------------------------------------------


@pytest.fixture
def managers_browser() -> Client:
    return staff_client(manager())


@pytest.mark.django_db
def test_the_journal_names_staff_and_tablets_and_no_patient_and_no_answer(managers_browser):
    visit = ready_for_review(epilepsy="yes", medicines="phenytoin")
    actions.decide(
        flag=visit.screenings.get().flags.get(),
        outcome="cleared",
        reason="It was years ago.",
        by=Actor(user=practitioner("Jo Physio"), role=Role.PRACTITIONER),
    )
    for address in ("/manage/journal/", f"/manage/journal/?visit={visit.pk}"):
        page = managers_browser.get(address)
        assert page.status_code == 200
        assert "Jo Physio" in page.text
        assert "Decided about a flag" in page.text
        assert "Waiting for the physiotherapist" in page.text
        for secret in ("Alex", "Example", "1990", "pilepsy", "phenytoin", "years ago", "cleared"):
            assert secret not in page.text, secret


@pytest.mark.django_db
@pytest.mark.parametrize("who", [receptionist, practitioner])
def test_nobody_but_a_manager_reads_it(who):
    assert staff_client(who()).get("/manage/journal/").status_code == 404


@pytest.mark.django_db
def test_a_visits_story_is_told_from_its_beginning(managers_browser):
    visit = ready_for_review()
    make_visit()
    page = managers_browser.get("/manage/journal/", {"visit": visit.pk})
    lines = page.context["lines"]
    assert [line.row.seq for line in lines] == sorted(line.row.seq for line in lines)
    assert {line.row.visit_id for line in lines} == {visit.pk}
    assert [line.what for line in lines][-1].startswith("The visit went from")


@pytest.mark.django_db
def test_it_is_filtered_by_who_what_and_when(managers_browser):
    anna, ben = make_user(Role.RECEPTION, name="Anna"), make_user(Role.RECEPTION, name="Ben")
    tablet, _ = make_tablet()
    Journal.objects.record("signed in", by=Actor(user=anna))
    Journal.objects.record("tablet added", by=Actor(user=anna, tablet=tablet))
    Journal.objects.record("signed in", by=Actor(user=ben))
    Journal.objects.record("answers sent", by=Actor(tablet=tablet), number=1)
    Journal.objects.record("seal key used", by=SYSTEM)
    today, tomorrow = timezone.localdate(), timezone.localdate() + timezone.timedelta(days=1)

    def rows(**asked):
        return [line.row.seq for line in managers_browser.get("/manage/journal/", asked).context["lines"]]

    assert rows(who=f"staff-{anna.pk}") == [2, 1]
    assert rows(who=f"tablet-{tablet.pk}") == [4]
    assert rows(who="system") == [5]
    assert rows(what="access") == [3, 1]
    assert rows(who=f"staff-{anna.pk}", what="clinic") == [2]
    assert rows(who="system", since=today.isoformat(), until=today.isoformat()) == [5]
    assert rows(who="system", since=tomorrow.isoformat()) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked",
    [{"who": "staff-0"}, {"what": "x"}, {"since": "soon"}, {"visit": "99"}, {"visit": "x"}, {"before": str(2**70)}],
)
def test_what_cannot_be_asked_is_said(managers_browser, asked):
    page = managers_browser.get("/manage/journal/", asked)
    assert page.status_code == 422
    assert "There is a problem" in page.text


@pytest.mark.django_db
def test_pages_lead_to_earlier_and_later_rows_and_leave_none_out(managers_browser, monkeypatch):
    from clinic.pages.manager.views import journal

    monkeypatch.setattr(journal, "PAGE", 10)
    visit = make_visit()
    for _ in range(35):
        Journal.objects.record("visit opened", by=SYSTEM, visit=visit)

    def walk(query: str, direction: str) -> list[int]:
        seen: list[int] = []
        while query:
            context = managers_browser.get(f"/manage/journal/?{query}").context
            seen += [line.row.seq for line in context["lines"]]
            query, last = context.get(direction, ""), query
        return [*seen, *([] if direction == "later" else walk_back(last))]

    def walk_back(query: str) -> list[int]:
        later = managers_browser.get(f"/manage/journal/?{query}").context["later"]
        return [-line.row.seq for line in managers_browser.get(f"/manage/journal/?{later}").context["lines"]]

    for asked in ("what=views&who=system", f"what=views&since={timezone.localdate()}&who=system"):
        clinic = walk(asked, "earlier")
        assert clinic[:35] == list(range(35, 0, -1))
        assert clinic[35:] == [-seq for seq in range(15, 5, -1)]
    assert walk(f"visit={visit.pk}&who=system", "later") == list(range(1, 36))


@pytest.mark.django_db
def test_a_kind_is_read_action_by_action_and_its_pages_leave_nothing_out(managers_browser, monkeypatch):
    from clinic.pages.manager.views import journal

    monkeypatch.setattr(journal, "PAGE", 4)
    for action in ["signed in", "visit opened", "signed out", "signed in", "sign-in refused"] * 3:
        Journal.objects.record(action, by=SYSTEM)
    wanted = [seq for seq in range(15, 0, -1) if seq % 5 != 2]  # all but the visits that were opened

    def read(query: str, direction: str) -> list[int]:
        context = managers_browser.get(f"/manage/journal/?{query}").context
        rows = [line.row.seq for line in context["lines"]]
        onward = context.get(direction)
        return rows + (read(onward, direction) if onward else [])

    seen = [seq for seq in read("what=access", "earlier") if seq <= 15]
    assert seen == wanted
    assert sorted(seq for seq in read("what=access&after=0", "later") if seq <= 15) == wanted[::-1]


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["", "&before=2000", "&after=1"])
def test_no_kind_sorts_all_its_rows(managers_browser, way):
    """A page of each action is read by itself: all the rows of twenty actions would be sorted for a page of them."""
    for _ in range(3):
        Journal.objects.record("signed in", by=SYSTEM)
        Journal.objects.record("signed out", by=SYSTEM)
    with CaptureQueriesContext(connection) as asked:
        managers_browser.get(f"/manage/journal/?what=access{way}")
    told = [each["sql"] for each in asked if "clinic_journal" in each["sql"]]
    assert next(each.count("LIMIT 101") for each in told if "action" in each) == len(
        journal_wording.actions_of("access")
    )
    assert not any('"action" IN' in each for each in told)


@pytest.mark.django_db
def test_the_journal_asks_the_database_as_often_for_a_hundred_rows_as_for_one(
    managers_browser, django_assert_num_queries
):
    visit = make_visit()
    for count in (1, 99):
        for _ in range(count):
            Journal.objects.record("visit opened", by=Actor(user=receptionist()), visit=visit)
        with django_assert_num_queries(10):
            managers_browser.get("/manage/journal/")


@pytest.mark.django_db
def test_the_visits_page_says_what_happened_in_the_same_words():
    visit = ready_for_review(epilepsy="yes")
    page = staff_client(receptionist()).get(f"/visits/{visit.pk}/")
    assert "The visit went from “Answering questions” to “Waiting for the physiotherapist”" in page.text


@pytest.mark.django_db(transaction=True)
def test_a_manager_reads_the_story_on_the_screen(page, live_server, offline_guard, axe):
    boss, visit = manager(), ready_for_review()
    Staff(page, live_server.url, axe).signs_in(boss.username)
    page.get_by_role("link", name="Journal", exact=True).click()
    axe(page)
    page.get_by_role("link", name=f"Visit {visit.pk}", exact=True).first.click()
    assert page.get_by_role("heading", level=1).inner_text() == f"Story of visit {visit.pk}"
    axe(page)
    page.get_by_label("What").select_option("answers")
    page.get_by_role("button", name="Show").click()
    assert "what=answers" in page.url
    assert page.locator(".story-row").count() >= 2
    axe(page)
    page.goto(f"{live_server.url}/manage/journal/?since=soon")
    axe(page)
