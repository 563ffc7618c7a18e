"""The room's forms: one made from any page of questions, and those of the review."""

from screening.forms.answers import PageForm
from screening.forms.asking import AskForm
from screening.forms.queue import QueueSearchForm
from screening.forms.review import (
    AloneForm,
    BackForm,
    DecisionForm,
    InterpreterForm,
    PlanForm,
    StopForm,
    TalkForm,
)

__all__ = [
    "AloneForm",
    "AskForm",
    "BackForm",
    "DecisionForm",
    "InterpreterForm",
    "PageForm",
    "PlanForm",
    "QueueSearchForm",
    "StopForm",
    "TalkForm",
]
