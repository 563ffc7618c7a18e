"""Forty marked words go through everything that is typed, and are then looked for in all that is kept.

They may be read in the files that are handed out, and nowhere else: not in the database or its log, its backup, the
cache, sessions, tasks and their failures, the journal, the log, or a file left behind.
"""

from __future__ import annotations

import base64
import io
import logging
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings as real
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from lxml import html  # type: ignore[import-untyped]

from clinic.domain.flow import Stage
from clinic.models import Patient, Visit
from clinic.records.visits import add_visit
from clinic.storage import patient_keys
from clinic.web.json_logging import Lines
from consent import actions
from consent.domain.signature_strokes import Signed, decode
from consent.domain.statement import statement
from consent.jobs import tasks
from consent.models import Consent, SealedFile
from consent.status.statement_input import facts
from screening.assessment.review_state import review_state
from screening.domain.questionnaire import all_clear
from screening.models import AdverseEvent
from tests.support.consents import WELL, form
from tests.support.factories import (
    LIST,
    acting,
    hold,
    make_tablet,
    make_visit,
    practitioner,
    receptionist,
    staff_client,
)
from tests.support.page_opener import form_on
from tests.support.pdf_text import pdf_text
from tests.support.raw_database import back_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

BORN = "1987-03-29"
INK = [[[333, 77, 0], *([20 + 9 * i, 100 + (i % 5) * 12, 16 * i + 16] for i in range(40))]]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Aviary:
    """Gives canaries out, one after the other, and looks for them."""

    def __init__(self) -> None:
        self.out: list[str] = []

    def one(self) -> str:
        number = len(self.out)
        self.out.append(f"qanary{LETTERS[number // 26]}{LETTERS[number % 26]}")
        return self.out[-1].capitalize()

    def two(self) -> str:
        return f"{self.one()} at the beginning, and {self.one()} at the end."

    def in_(self, kept: bytes) -> list[str]:
        """Return what is found: as it is in any case, in UTF-16, or in base64 at any place."""
        lower = kept.lower()
        marks = [*self.out, BORN, "[333,77", "[333, 77"]
        found = [each for each in marks if each.encode() in lower or each.encode("utf-16-le") in lower]
        return found + [each for each in self.out if any(code in kept for code in _in_base64(each.capitalize()))]


def _in_base64(word: str) -> list[bytes]:
    """Return the letters of base64 that stand for ``word`` alone, wherever it begins."""
    coded = [base64.b64encode(b"\0" * lead + word.encode()) for lead in range(3)]
    return [each[4 if lead else 0 : len(each) // 4 * 4 - 4] for lead, each in enumerate(coded)]


@pytest.fixture
def aviary(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Aviary, io.StringIO]]:
    """A clinic that keeps all where it does in use, with the log in our hand."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    patient_keys.forget()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logging.getLogger().addHandler(handler)
    yield Aviary(), stream
    logging.getLogger().removeHandler(handler)


def kept(stream: io.StringIO, tmp_path: Path) -> dict[str, bytes]:
    """Return everything that is kept, by where it is."""
    everything = {"log": stream.getvalue().encode()}
    for folder in (real.DATA_DIR, tmp_path / "temporary", tmp_path / "outside"):
        for path in folder.rglob("*") if folder.exists() else ():
            if path.is_file() and "static" not in path.parts:
                everything[path.name] = path.read_bytes()
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = cursor.fetchall()
            everything[f"table {table}"] = b"\n".join(
                bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                for row in rows
                for value in row
            )
    return everything


def found_in(aviary: Aviary, everything: dict[str, bytes]) -> dict[str, list[str]]:
    return {name: words for name, content in everything.items() if (words := aviary.in_(content))}


def sent(answer: Any, *, to: str = "") -> Any:
    assert answer.status_code == 302, html.fromstring(answer.content).text_content()
    assert to in answer.url
    return answer


def at_the_desk(a: Aviary) -> Visit:
    desk = staff_client(receptionist())
    year, month, day = BORN.split("-")
    born = {"born_day": day, "born_month": month, "born_year": year}
    who = {"name": f"{a.one()} {a.one()}", **born, "phone": a.one(), "email": f"{a.one()}@example.org"}
    sent(desk.post("/patients/add/", who))
    patient = Patient.objects.latest("pk")
    sent(desk.post(f"/patients/{patient.pk}/correct/", {**who, "name": f"{a.one()} {a.one()}", "phone": a.one()}))
    for word in patient.name.split():
        desk.get("/patients/", {"name": word})
        desk.post("/patients/", {"name": word})
    pasted = LIST.replace("Ana Silva", f"{a.one()} {a.one()}").replace("ana@", f"{a.one()}@")
    desk.post("/board/import/", {"text": pasted})
    sent(desk.post("/board/import/", {"text": pasted, "import": "yes"}))
    desk.get("/board/")
    return add_visit(patient=Patient.objects.get(pk=patient.pk), day=timezone.localdate(), by=acting(receptionist()))


def on_the_tablet(a: Aviary, visit: Visit) -> None:
    tablet, token = make_tablet()
    hold(visit, tablet)
    visit.move(Stage.ANSWERING, by=acting(receptionist()))
    client, clear = Client(), all_clear()
    client.cookies[real.TABLET_COOKIE_NAME] = token
    page = client.get("/tablet/", follow=True)
    while "/tablet/questions/" in (here := page.request["PATH_INFO"]):
        (main,) = (each for each in html.fromstring(page.content).xpath("//main//form") if "form_key" in each.fields)
        said = form_on(page)
        for name in main.fields:
            box = main.xpath(f".//textarea[@name='{name}'] | .//input[@type='text'][@name='{name}']")
            if name in clear:
                said[name] = "none" if clear[name] == [] else str(clear[name])
            if box and name in ("medicines", "other_condition", "what_matters", "questions"):
                said[name] = a.two()
        page = client.post(here, {name: value for name, value in said.items() if name != "back"}, follow=True)
        assert page.request["PATH_INFO"] != here, html.fromstring(page.content).text_content()
    asking = client.get("/tablet/ask/")
    client.post("/tablet/ask/", {**form_on(asking), "question": a.two(), "act": "send"})
    page = client.get("/tablet/", follow=True)
    client.post(page.request["PATH_INFO"], form_on(page))
    visit.refresh_from_db()
    assert visit.at is Stage.IN_REVIEW


def in_the_review(a: Aviary, visit: Visit, physio: Client) -> None:
    sent(physio.post(f"/review/{visit.pk}/claim/"))
    for each in review_state(visit).flags:
        said = {"outcome": "precaution", "reason": a.two(), "precaution": a.two(), "until": ""}
        sent(physio.post(f"/review/{visit.pk}/flags/{each.flag.pk}/", said))
    plan = {"regions": ["left_calf"], "technique": "superficial", "electro": "no", "sessions": "3"}
    sent(physio.post(f"/review/{visit.pk}/plan/", plan))
    who = {"name": a.one(), "language": a.one(), "number": a.one(), "mode": "phone"}
    sent(physio.post(f"/review/{visit.pk}/vouch/interpreter/", who))
    sent(physio.post(f"/review/{visit.pk}/vouch/talk/", WELL))
    sent(physio.post(f"/review/{visit.pk}/vouch/capacity/", {"helped": a.two(), "reason": a.two()}))
    sent(physio.post(f"/review/{visit.pk}/vouch/questions_answered/"))
    sent(physio.post(f"/review/{visit.pk}/end/", {"ending": "consent"}))


def signs(visit: Visit) -> None:
    tablet, _ = make_tablet()
    at_tablet, visit = hold(visit, tablet), Visit.objects.get(pk=visit.pk)
    drawn = Signed("patient", visit.patient.name, "drawn", decode(str(INK)))
    text = statement(facts(review_state(visit))).sha256
    choices = {"students": False, "observers": False}
    actions.give(visit=visit, hold=at_tablet, shown=text, signed=[drawn], choices=choices, by=acting(receptionist()))


def breaks(record: Any) -> bytes:
    """Fail with words that tell all that was said."""
    raise ValueError(record)


def work() -> None:
    call_command("worker", "--batch", "--no-startup-delay", "--interval", "0", "--worker-id", "canaries", verbosity=0)


def afterwards(a: Aviary, visit: Visit, physio: Client) -> None:
    done = {"regions": ["left_calf"], "treated_at": f"{timezone.localtime():%H:%M}", "needles_in": "4"}
    reaction = {"needles_out": "3", "not_found": "on", "missing": a.two(), "reaction": "faint"}
    sent(physio.post(f"/visits/{visit.pk}/session/", {**done, **reaction, "reaction_text": a.two(), "harm": "minor"}))
    note = {"kind": "follow_up", "text": a.two()}
    sent(physio.post(f"/events/{AdverseEvent.objects.latest('pk').pk}/", note))
    sent(physio.post(f"/consents/{visit.pk}/send/", {"address": f"{a.one()}@example.org"}))
    said = {"who": "guardian", "name": a.one(), "how": "spoken", "reason": a.two()}
    sent(physio.post(f"/consents/{visit.pk}/withdraw/", said))
    other = make_visit(visit.patient, stage=Stage.SEALED)
    assert physio.get(f"/patients/{other.patient_id}/").status_code == 200


def test_forty_canaries_are_read_in_what_is_handed_out_and_nowhere_else(
    aviary: tuple[Aviary, io.StringIO], backup_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a, log), by = aviary, practitioner()
    visit, physio = at_the_desk(a), staff_client(by)
    on_the_tablet(a, visit)
    in_the_review(a, visit, physio)
    signs(visit)
    sent(physio.post(f"/confirm/{visit.pk}/", form()))
    with monkeypatch.context() as broken:
        broken.setattr(tasks, "render", breaks)
        work()
    visit.refresh_from_db()
    assert visit.sealing_failed_at
    actions.seal_again(consent=Consent.objects.get(visit=visit), by=acting(by))
    work()
    afterwards(a, visit, physio)
    work()
    assert len(set(a.out)) >= 40
    assert Session.objects.exists()

    everything = kept(log, tmp_path)
    everything["backup"] = back_up(quick=True).read_bytes()
    assert found_in(a, everything) == {}
    assert not [name for name, content in everything.items() if b"%PDF-" in content]

    # What is handed out has them: so they went through all of it.
    file = SealedFile.objects.get()
    words = pdf_text(file.pdf).lower()
    out = ZipFile(io.BytesIO(physio.post(f"/patients/{visit.patient_id}/export/").content))
    exported = b"".join(out.read(name) for name in out.namelist() if name.endswith(".json")).lower()
    assert Patient.objects.get(pk=visit.patient_id).name.lower() in words
    missing = [each for each in a.out if each.encode() not in exported and each not in words]
    assert [each for each in missing if not re.search(each, " ".join(_elsewhere()).lower())] == []


def _elsewhere() -> list[str]:
    """Names and addresses of the list of the day, and of the copy: they are no part of this patient's record."""
    from django.core import mail

    others = [f"{each.name} {each.email}" for each in Patient.objects.all()]
    return others + [to for each in mail.outbox for to in each.to]


@pytest.mark.parametrize("name", ["name", "phone"])
def test_one_field_in_clear_is_caught(
    aviary: tuple[Aviary, io.StringIO], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The control: what is looked for is found where it is."""
    (a, log), field = aviary, Patient._meta.get_field(name)
    monkeypatch.setattr(field, "pre_save", lambda row, add: row.__dict__[name])
    monkeypatch.setattr(field, "get_db_prep_save", lambda value, connection: value)
    monkeypatch.setattr(field, "from_db_value", lambda value, expression, connection: value)
    at_the_desk(a)
    found = found_in(a, kept(log, tmp_path))
    assert set(found) >= {"table clinic_patient"}
    files = {re.sub(r"_gw\d+", "", where) for where in found if not where.startswith("table ")}
    assert files <= {"test.sqlite3", "test.sqlite3-wal"}
    assert len(found) > 1 or connection.vendor == "postgresql"  # whose files are not ours to read


def test_a_session_in_clear_and_a_log_line_would_be_caught(aviary: tuple[Aviary, io.StringIO], tmp_path: Path) -> None:
    a, log = aviary
    word = a.one()
    log.write(word)
    Session.objects.create(
        session_key="a", session_data=base64.b64encode(f"x{word}".encode()).decode(), expire_date=timezone.now()
    )
    assert set(found_in(a, kept(log, tmp_path))) >= {"log", "table django_session"}
