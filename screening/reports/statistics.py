"""What the clinic learns from its own screenings: counts over some weeks, never a person.

Each figure is a table first; the plot beside it shows the same numbers. Weeks begin on Monday.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from django.db.models import Max, OuterRef, QuerySet, Subquery
from django.utils import timezone

from clinic.domain.dates import day_in_words
from clinic.domain.flow import WORDS, Stage
from clinic.models import Hold, Journal, Visit
from clinic.models.sites import FIRST
from clinic.storage.encrypted_fields import with_keys
from screening.assessment.review_state import short
from screening.domain.adverse_events import WORDS as EVENT_WORDS
from screening.domain.questionnaire import QUESTIONS
from screening.domain.rules import Severity
from screening.models import AdverseEvent, Assessment, Decision, Flag, Screening
from screening.reports.charts import Figure, Number
from screening.treatment.forewarned import foreseen

MOST_ROWS = 15  # of a figure with one row for each question
ENDS = (Stage.SEALED, Stage.STOPPED)


@dataclass(frozen=True)
class Span:
    """Whole weeks of a clinic, up to the present one."""

    first: dt.date  # a Monday
    weeks: int
    site: int | None = FIRST

    @classmethod
    def of(cls, weeks: int, today: dt.date, site: int | None = FIRST) -> Span:
        """Return the last ``weeks`` weeks of a clinic, that of ``today`` included."""
        monday = today - dt.timedelta(days=today.weekday())
        return cls(monday - dt.timedelta(weeks=weeks - 1), weeks, site)

    @property
    def mondays(self) -> list[dt.date]:
        """The first day of each week."""
        return [self.first + dt.timedelta(weeks=number) for number in range(self.weeks)]

    @property
    def last(self) -> dt.date:
        """The last day that counts."""
        return self.first + dt.timedelta(days=7 * self.weeks - 1)

    def visits(self) -> QuerySet[Visit]:
        """The clinic's visits of these weeks that were not entered in error."""
        return Visit.objects.of(self.site).filter(day__range=(self.first, self.last), in_error_at=None)


def week_of(day: dt.date) -> dt.date:
    """Return the Monday of a day's week."""
    return day - dt.timedelta(days=day.weekday())


def outcomes(span: Span) -> Figure:
    """Visits a week, by how they ended."""
    counts: dict[dt.date, Counter[str]] = defaultdict(Counter)
    for day, stage, withdrawn in span.visits().values_list("day", "stage", "withdrawn_at"):
        end = "withdrawn" if withdrawn and stage == Stage.SEALED else stage if stage in ENDS else "open"
        counts[week_of(day)][end] += 1
    ends = ("sealed", "withdrawn", "stopped", "open")
    return Figure(
        "visits",
        "Visits a week, by how they ended",
        "A visit that is open may be one of today, or one that nobody closed.",
        ("Week from", WORDS[Stage.SEALED], "Sealed, then withdrawn", WORDS[Stage.STOPPED], "Open"),
        tuple((day_in_words(monday), tuple(counts[monday][end] for end in ends)) for monday in span.mondays),
        (0, 1, 2, 3),
    )


def waiting(span: Span) -> Figure:
    """Minutes from check-in (the first hand-over of a tablet) to cleared (the first time on to consent)."""
    moves = Journal.objects.filter(visit=OuterRef("pk"), action="visit moved", data__to=Stage.CONSENTING.value)
    began = Hold.objects.filter(visit=OuterRef("pk")).order_by("handed_at").values("handed_at")[:1]
    timed = span.visits().annotate(began=Subquery(began), cleared=Subquery(moves.order_by("seq").values("at")[:1]))
    took: dict[dt.date, list[float]] = defaultdict(list)
    for day, start, end in timed.exclude(began=None).exclude(cleared=None).values_list("day", "began", "cleared"):
        if timezone.localtime(start).date() == day:  # time since an answer at home the day before is not waiting
            took[week_of(day)].append((end - start).total_seconds() / 60)
    return Figure(
        "minutes",
        "Minutes from check-in to cleared",
        "From handing over the tablet to going on to consent. Half of the patients took at most the median.",
        ("Week from", "Median", "90th of 100", "Visits"),
        tuple((day_in_words(monday), _spread(took[monday])) for monday in span.mondays),
        (0, 1),
        stacked=False,
        unit="minutes",
    )


def _spread(minutes: Sequence[float]) -> tuple[Number, ...]:
    if not minutes:
        return (None, None, 0)
    ninetieth = quantiles(minutes, n=10, method="inclusive")[-1] if len(minutes) > 1 else minutes[0]
    return (round(median(minutes), 1), round(ninetieth, 1), len(minutes))


def _latest(span: Span) -> QuerySet[Screening]:
    """The latest screening sent, of each visit."""
    sent = Screening.objects.filter(visit__in=span.visits()).exclude(submitted_at=None)
    return Screening.objects.filter(pk__in=sent.values("visit").annotate(last=Max("pk")).values("last"))


def flags(span: Span) -> Figure:
    """How often each question raised a flag, in the last run of the rules of each visit."""
    runs = Assessment.objects.filter(screening__in=_latest(span))
    last = runs.values("screening").annotate(last=Max("pk")).values("last")
    raised = Flag.objects.filter(assessments__in=last).values_list("question", "severity")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for question, severity in raised:
        counts[question][severity] += 1
    kinds = [Severity.URGENT, Severity.STOP, Severity.DEFER, Severity.REVIEW, Severity.CAUTION]
    return Figure(
        "flags",
        "Flags by question",
        "The questions that raised the most flags, in the last run of the rules of each visit.",
        ("About", *(kind.value.capitalize() for kind in kinds), "All"),
        _most(counts, lambda count: (*(count[kind.value] for kind in kinds), count.total()), len(kinds)),
        (len(kinds),),
    )


def unsure(span: Span) -> Figure:
    """The share of "not sure" and "rather not say" by question."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    sent = _latest(span).filter(visit__patient__tombstone=None).only("visit", "number", "answers").order_by("pk")
    for screening in with_keys(sent.iterator(chunk_size=500)):
        for name, value in screening.answers.items():
            if name in QUESTIONS and value not in ("", None):
                counts[name]["asked"] += 1
                counts[name]["unsure"] += value == "unsure"
                counts[name]["private"] += value == "prefer_not"
    shown = {name: count for name, count in counts.items() if count["unsure"] or count["private"]}
    return Figure(
        "not-sure",
        "“Not sure” by question",
        "Out of 100 patients who were asked. A question that many are not sure about may need other words.",
        ("About", "Not sure, of 100", "Rather not say, of 100", "Answered"),
        _most(shown, _shares, 0),
        unit="of 100",
    )


def _shares(count: Counter[str]) -> tuple[Number, ...]:
    asked = count["asked"]
    return (_of_100(count["unsure"], asked), _of_100(count["private"], asked), asked)


def overrides(span: Span) -> Figure:
    """How often a practitioner went ahead where the rules said stop or defer, by rule."""
    grave = (Severity.STOP.value, Severity.DEFER.value)
    rows = Decision.objects.filter(flag__screening__visit__in=span.visits(), flag__severity__in=grave)
    latest = rows.values("flag").annotate(last=Max("pk")).values("last")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    decided = Decision.objects.filter(pk__in=latest).values_list("flag__question", "outcome")
    for question, outcome in decided:
        counts[question]["decided"] += 1
        counts[question]["ahead"] += outcome != Decision.Outcome.NOT_TODAY
    return Figure(
        "overrides",
        "Going ahead against a stop or a defer, by rule",
        "Out of 100 such flags that were decided. A rule that is always overridden may be wrong, or be ignored.",
        ("About", "Went ahead, of 100", "Went ahead", "Decided"),
        _most(counts, lambda count: (_of_100(count["ahead"], count["decided"]), count["ahead"], count["decided"]), 0),
        unit="of 100",
    )


def adverse_events(span: Span) -> Figure:
    """Adverse events by kind: how many a flag had warned of, and how many after going ahead against one."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    events = AdverseEvent.objects.that_count().filter(visit__in=span.visits()).select_related("visit__patient")
    for event in events:
        warnings = foreseen(event)
        counts[event.kind]["flagged" if warnings.flags else "unflagged"] += 1
        counts[event.kind]["ahead"] += bool(warnings.overridden)
    columns = ("flagged", "unflagged", "ahead")
    return Figure(
        "adverse-events",
        "Adverse events, by whether they were flagged",
        "Events after the visits of these weeks. Many without a flag may mean that a question is missing.",
        ("What happened", "Flagged before", "Not flagged", "Went ahead against a stop or a defer"),
        tuple((words, tuple(counts[kind][column] for column in columns)) for kind, words in EVENT_WORDS.items()),
        (0, 1),
    )


def _most(
    counts: Mapping[str, Counter[str]], row: Callable[[Counter[str]], tuple[Number, ...]], by: int
) -> tuple[tuple[str, tuple[Number, ...]], ...]:
    """Return the rows of the questions with the highest numbers in the column ``by``, highest first."""
    rows = [(short(question), row(count)) for question, count in counts.items()]
    return tuple(sorted(rows, key=lambda named: (-(named[1][by] or 0), named[0]))[:MOST_ROWS])


def _of_100(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


FIGURES: Mapping[str, Callable[[Span], Figure]] = {
    "visits": outcomes,
    "minutes": waiting,
    "flags": flags,
    "not-sure": unsure,
    "overrides": overrides,
    "adverse-events": adverse_events,
}
