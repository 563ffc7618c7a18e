"""A day's list of patients from a CSV file: read it, say what is wrong by line, and put it on the board."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass

from django.db import transaction

from clinic.models import Actor, Patient, User, Visit
from clinic.models.patients import words
from clinic.models.staff import practitioners_of
from clinic.records import patients, visits

COLUMNS = ("time", "name", "born", "phone", "email", "practitioner")
NEEDED = ("name", "born")
MOST_ROWS = 200


@dataclass(frozen=True)
class Appointment:
    """One line: a patient who is expected, and when."""

    name: str
    born: dt.date
    time: dt.time | None = None
    phone: str = ""
    email: str = ""
    practitioner: User | None = None


class UnreadableList(ValueError):
    """A list that cannot be read; ``problems`` says why, one sentence a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def read_date(text: str) -> dt.date:
    """Return a birth date written 1990-05-01 or 01/05/1990 (day first); raise ``ValueError`` otherwise."""
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"):
        try:
            day = dt.datetime.strptime(text.strip(), form).replace(tzinfo=dt.UTC).date()
        except ValueError:
            continue
        return day
    raise ValueError(f"“{text}” is not a date; allowed: 1990-05-01 or 01/05/1990 (day first)")


def read(text: str, *, today: dt.date, site: int | None) -> list[Appointment]:
    """Return the rows of a CSV text with a header line; ``site``: whose practitioners it may name.

    Raise ``UnreadableList`` with every problem by line.
    """
    lines = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""))
    header = [name.strip().lower() for name in lines.fieldnames or []]
    lines.fieldnames = header
    if missing := [name for name in NEEDED if name not in header]:
        raise UnreadableList(
            [f"The first line must name the columns. Missing: {', '.join(missing)}. Known: {', '.join(COLUMNS)}."]
        )
    if unknown := [name for name in header if name not in COLUMNS]:
        raise UnreadableList([f"Unknown columns: {', '.join(unknown)}. Known: {', '.join(COLUMNS)}."])
    rows: list[Appointment] = []
    problems: list[str] = []
    staff = {user.username: user for user in practitioners_of(site)}
    for number, line in enumerate(lines, start=2):
        try:
            rows.append(_row(line, staff=staff, today=today))
        except ValueError as error:
            problems.append(f"Line {number}: {error}.")
        if len(rows) > MOST_ROWS:
            raise UnreadableList([f"More than {MOST_ROWS} lines. Split the list."])
    if not rows and not problems:
        problems.append("There is no line below the column names.")
    if problems:
        raise UnreadableList(problems)
    return rows


def _row(line: dict[str, str | None], *, staff: dict[str, User], today: dt.date) -> Appointment:
    cell = {name: (line.get(name) or "").strip() for name in COLUMNS}
    if not cell["name"] or len(cell["name"]) > 200:
        raise ValueError("name: at most 200 characters, and not empty")
    born = read_date(cell["born"])
    if not dt.date(1900, 1, 1) <= born <= today:
        raise ValueError(f"born: “{cell['born']}” is not a birth date; allowed: 1900 to today")
    if cell["practitioner"] and cell["practitioner"] not in staff:
        raise ValueError(
            f"practitioner: “{cell['practitioner']}” is unknown; allowed: {', '.join(sorted(staff)) or 'none'}"
        )
    try:
        time = dt.time.fromisoformat(cell["time"]) if cell["time"] else None
    except ValueError as error:
        raise ValueError(f"time: “{cell['time']}” is not a time; allowed: 09:30") from error
    return Appointment(
        name=cell["name"],
        born=born,
        time=time,
        phone=cell["phone"][:40],
        email=cell["email"],
        practitioner=staff.get(cell["practitioner"]),
    )


@transaction.atomic
def add(*, rows: list[Appointment], same: dict[int, str], day: dt.date, by: Actor) -> int:
    """Put the rows on the board; return how many were added.

    ``same``: by row, the id of the patient it is, or "" for somebody new. A patient who is on the board for that day
    and time already is left alone, so that a list can be sent twice.
    """
    added = 0
    new: dict[tuple[str, ...], Patient] = {}  # one person may come twice on a day
    for number, row in enumerate(rows):
        who = (*words(row.name), row.born.isoformat())
        if same.get(number):
            patient = Patient.objects.visible_to(by).current().get(pk=int(same[number]))
        elif who in new:
            patient = new[who]
        else:
            patient = patients.add_patient(name=row.name, born=row.born, phone=row.phone, email=row.email, by=by)
            new[who] = patient
        if Visit.objects.filter(patient=patient, day=day, time=row.time).exists():
            continue
        visits.add_visit(patient=patient, day=day, time=row.time, practitioner=row.practitioner, by=by)
        added += 1
    return added
