"""Hypothesis strategies for arbitrary valid answers, plans and policies, made from the questionnaire itself."""

from __future__ import annotations

import datetime
import unicodedata
from functools import partial

from hypothesis import strategies as st

from clinic.domain.body_regions import REGIONS
from clinic.domain.policy import Policy
from screening.domain.questionnaire import QUESTIONS, AnswerKind, Question, Value
from screening.domain.scope import Scope

TODAY = datetime.date(2026, 11, 23)
ADULT = datetime.date(1985, 6, 6)
LATEST_TOMORROW = TODAY + datetime.timedelta(days=400)

_MEDICINES = [
    "",
    "paracetamol",
    "warfarin",
    "stopped Warfarin",
    "Eliquis 5 mg, vitamin D",
    "asprin",
    "Plavix",
    "Clexane",
]
_PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cn", "Co", "Cs"]), max_size=30).map(
    partial(unicodedata.normalize, "NFC")  # as it is stored
)


def values(question: Question) -> st.SearchStrategy[Value]:
    """Any valid answer to one question."""
    if question.kind is AnswerKind.DATE:
        latest = TODAY if question.latest else LATEST_TOMORROW
        return st.dates(TODAY - datetime.timedelta(days=800), latest)
    if question.kind is AnswerKind.TEXT:
        return st.sampled_from(_MEDICINES) | _PLAIN if question.name == "medicines" else _PLAIN
    if question.kind is AnswerKind.SCALE:
        return st.integers(0, 10)
    if question.kind is AnswerKind.NUMBER:
        assert question.low is not None
        assert question.high is not None
        return st.floats(question.low, question.high) | st.integers(int(question.low) + 1, int(question.high))
    names = list(REGIONS) if question.regions else [choice.value for choice in question.choices]
    if question.kind is AnswerKind.ANY_OF:
        return st.lists(st.sampled_from(names), unique=True, max_size=4)
    return st.sampled_from(names)


def answers() -> st.SearchStrategy[dict[str, Value]]:
    """Any valid answers, some left out; also stale ones, to follow-ups that are no longer asked."""
    return st.fixed_dictionaries({}, optional={name: values(each) for name, each in QUESTIONS.items()})


def plans() -> st.SearchStrategy[Scope]:
    """Any plan, or none yet."""
    regions = st.lists(st.sampled_from(REGIONS), unique=True, max_size=4).map(tuple)
    return st.builds(Scope.of, regions, electro=st.booleans())


def policies() -> st.SearchStrategy[Policy]:
    """Any thresholds that a clinic may set."""
    bands = st.tuples(st.integers(1, 10), st.integers(1, 10)).map(sorted)
    return st.builds(
        lambda bands, **others: Policy().but(needle_fear_review=bands[0], needle_fear_stop=bands[1], **others),
        bands,
        pregnancy=st.sampled_from(["stop", "review"]),
        inr_limit=st.floats(1, 6),
        seizure_days=st.integers(1, 730),
        surgery_weeks=st.integers(1, 52),
    )
