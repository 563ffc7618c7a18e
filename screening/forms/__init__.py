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
from screening.forms.treating import EventForm, NoteForm, SessionForm

__all__ = [
    "AloneForm",
    "AskForm",
    "BackForm",
    "DecisionForm",
    "EventForm",
    "InterpreterForm",
    "NoteForm",
    "PageForm",
    "PlanForm",
    "QueueSearchForm",
    "SessionForm",
    "StopForm",
    "TalkForm",
]
