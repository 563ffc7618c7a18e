"""What the clinic learns: each figure counts what it says, names nobody, and leaves as CSV that runs nothing."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from xml.etree import ElementTree

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic.domain.csv_export import as_csv
from clinic.domain.flow import Stage
from clinic.models import Journal
from screening.models import Decision, Flag
from screening.reports.charts import Figure, Number, svg
from screening.reports.statistics import FIGURES, Span
from tests.support.factories import (
    acting,
    make_patient,
    make_screening,
    make_visit,
    manager,
    practitioner,
    ready_for_review,
    receptionist,
    rules_ran,
    staff_client,
)

TODAY = dt.date(2026, 11, 23)  # a Monday


# --- pure ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+44", "-2", "@SUM(A1)", "\tx", "\rx", "  =1+1", '=HYPERLINK("x")'])
def test_no_cell_is_run_as_a_formula(text):
    (row,) = list(csv.reader(io.StringIO(as_csv(["a"], [[text]]).decode("utf-8-sig"), newline="")))[1:]
    assert row == [f"'{text}"]


def test_numbers_stay_numbers_and_plain_text_stays_as_it_is():
    assert as_csv(["About", "n"], [["Diabetes", -3], ["", None]]) == "\ufeffAbout,n\r\nDiabetes,-3\r\n,\r\n".encode()


@pytest.mark.parametrize(
    ("today", "first"), [(TODAY, dt.date(2026, 11, 16)), (dt.date(2026, 11, 29), dt.date(2026, 11, 16))]
)
def test_weeks_are_whole_and_begin_on_monday(today, first):
    span = Span.of(2, today)
    assert span.mondays == [first, first + dt.timedelta(weeks=1)]
    assert span.last == first + dt.timedelta(days=13)


# --- counted -------------------------------------------------------------------------------------------------------


def this_week() -> Span:
    return Span.of(1, timezone.localdate())


def rows(slug: str) -> dict[str, tuple[Number, ...]]:
    return dict(FIGURES[slug](this_week()).rows)


@pytest.mark.django_db
def test_visits_are_counted_by_how_they_ended():
    now = timezone.now()
    for stage in (Stage.SEALED, Stage.SEALED, Stage.STOPPED, Stage.IN_REVIEW):
        make_visit(stage=stage)
    make_visit(stage=Stage.SEALED, withdrawn_at=now)
    make_visit(stage=Stage.SEALED, in_error_at=now)
    make_visit(stage=Stage.SEALED, day=timezone.localdate() - dt.timedelta(days=8))
    assert list(rows("visits").values()) == [(2, 1, 1, 1)]


@pytest.mark.django_db
def test_minutes_run_from_the_first_hand_over_to_the_first_clearance():
    begun = timezone.now() - dt.timedelta(hours=2)
    for minutes in (10, 20, 60):
        visit = make_visit(stage=Stage.IN_REVIEW)
        _held(visit, begun)
        row = Journal.objects.record("visit moved", by=acting(practitioner()), visit=visit, to=Stage.CONSENTING.value)
        _at(row, begun + dt.timedelta(minutes=minutes))
    make_visit(stage=Stage.IN_REVIEW)  # not cleared: not counted
    if timezone.localtime(begun).date() == timezone.localdate():
        assert list(rows("minutes").values()) == [(20.0, 52.0, 3)]


def _held(visit, at):
    from clinic.models import Hold
    from tests.support.factories import make_tablet

    tablet, _ = make_tablet()
    Hold.objects.create(visit=visit, tablet=tablet, handed_by=receptionist(), handed_at=at, ended_at=at, ended_why="x")


def _at(row, at):
    from django.db import connection

    from tests.support.raw_database import lift_guards

    lift_guards(connection)
    Journal.objects.filter(pk=row.pk).update(at=at)


@pytest.mark.django_db
def test_flags_not_sure_and_overrides_are_counted_by_question():
    doctor = practitioner()
    for diabetes in ("yes", "unsure", "no", "no"):
        visit = make_visit(stage=Stage.IN_REVIEW)
        rules_ran(make_screening(visit, diabetes=diabetes), acting(doctor))
    assert rows("flags")["Diabetes"][-1] == 2
    assert rows("not-sure") == {"Diabetes": (25.0, 0.0, 4)}
    assert rows("overrides") == {}


@pytest.mark.django_db
def test_going_ahead_against_a_stop_is_an_override_and_not_today_is_none():
    doctor = practitioner()
    for outcome in ("not_today", "cleared", "cleared"):
        visit = ready_for_review(pregnancy="yes")
        flag = Flag.objects.get(screening__visit=visit, severity="stop")
        until = "After the birth" if outcome == "not_today" else ""
        Decision.objects.create(flag=flag, outcome="not_today", reason="First thought", until="Later", by=doctor)
        Decision.objects.create(flag=flag, outcome=outcome, reason="Talked with the midwife", until=until, by=doctor)
    assert list(rows("overrides").values()) == [(66.7, 2, 3)]


# --- shown ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(db):
    make_visit(stage=Stage.SEALED, patient=make_patient("Zyxwv Secretname"))
    ready_for_review(diabetes="unsure", pregnancy="yes")


def test_the_page_shows_each_figure_with_its_table_and_names_nobody(filled):
    page = staff_client(manager()).get(reverse("manage_figures"), {"weeks": "4"}).content.decode()
    for make in FIGURES.values():
        assert make(this_week()).title in page
    assert page.count("<table") >= 3
    assert "Secretname" not in page


@pytest.mark.parametrize("slug", FIGURES)
def test_each_plot_is_svg_without_script_and_asks_nobody(filled, slug):
    answer = staff_client(manager()).get(reverse("figure_plot", args=[slug]))
    assert answer["Content-Type"] == "image/svg+xml"
    assert not re.search(rb"<script|style", answer.content)
    assert re.findall(rb"https?://[^\"' <]+", answer.content) == [b"http://www.w3.org/2000/svg"]


def drawn(figure: Figure) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the texts of a figure's picture, and where each bar begins and how long it is, in order."""
    root = ElementTree.fromstring(svg(figure))
    bars = root.iterfind(".//{*}g/{*}rect")
    return [each.text for each in root.iter() if each.text and each.text.strip()], [
        (int(bar.attrib["x"]), int(bar.attrib["width"])) for bar in bars
    ]


ROWS = (("Blood <thinners>", (10, 30, 1)), ("Diabetes", (None, 20, 2)))
COLUMNS = ("About", "Sealed", "Stopped", "Visits")


def test_the_parts_of_a_bar_lie_end_to_end_before_their_sum():
    texts, bars = drawn(Figure("flags", "Flags", "How often", COLUMNS, ROWS, (0, 1)))
    assert texts == ["Flags", "How often", "Sealed", "Stopped", "Blood <thinners>", "40", "Diabetes", "20"]
    (left, ten), (after, thirty), (begin, nothing), (_, twenty) = bars
    assert (after, begin, nothing) == (left + ten, left, 0)
    assert twenty == pytest.approx(2 * ten, abs=1)
    assert thirty == pytest.approx(3 * ten, abs=2)


def test_bars_below_each_other_have_a_number_each_and_none_where_none_is_known():
    texts, bars = drawn(Figure("minutes", "Minutes", "", COLUMNS, ROWS, (0, 1), stacked=False, unit="min"))
    assert texts[-6:] == ["Blood <thinners>", "10 min", "30 min", "Diabetes", "–", "20 min"]
    assert len({begin for begin, _ in bars}) == 1
    assert [width for _, width in bars] == pytest.approx([bars[1][1] / 3, bars[1][1], 0, bars[1][1] * 2 / 3], abs=1)


@pytest.mark.parametrize("slug", FIGURES)
def test_each_sheet_has_the_numbers_of_its_figure(filled, slug):
    answer = staff_client(manager()).get(reverse("figure_sheet", args=[slug]), {"weeks": "4"})
    read = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    figure = FIGURES[slug](Span.of(4, timezone.localdate()))
    assert tuple(read[0]) == figure.columns
    assert len(read) == 1 + len(figure.rows)
    assert Journal.objects.filter(action="figures exported", data__kind=slug).exists()


def test_nobody_but_a_manager_sees_them_and_an_unknown_one_is_not_there(filled):
    for user in (practitioner(), receptionist()):
        assert staff_client(user).get(reverse("manage_figures")).status_code == 404
    assert staff_client(manager()).get(reverse("figure_plot", args=["names"])).status_code == 404
