"""The questionnaire as frozen values: name, wording, kind, choices, and when each is asked.

``content`` is what a clinical lead reads; ``question`` defines what a question is, ``answers`` what may be answered.
"""

from screening.domain.questionnaire.answers import (
    all_clear,
    asked,
    caller,
    check_value,
    dump,
    in_private,
    in_words,
    load,
    missing,
    pages,
    place,
    prune,
)
from screening.domain.questionnaire.content import (
    BY_THE_HOUR,
    ON_THE_DAY,
    QUESTIONS,
    SECTIONS,
    VERSION,
    digest,
)
from screening.domain.questionnaire.question import AnswerKind, Answers, Choice, Question, Section, Value, When

__all__ = [
    "BY_THE_HOUR",
    "ON_THE_DAY",
    "QUESTIONS",
    "SECTIONS",
    "VERSION",
    "AnswerKind",
    "Answers",
    "Choice",
    "Question",
    "Section",
    "Value",
    "When",
    "all_clear",
    "asked",
    "caller",
    "check_value",
    "digest",
    "dump",
    "in_private",
    "in_words",
    "load",
    "missing",
    "pages",
    "place",
    "prune",
]
