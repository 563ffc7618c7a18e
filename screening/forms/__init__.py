"""The room's forms: one made from any page of questions, and those of the review."""

from screening.forms.answers import PageForm
from screening.forms.asking import AskForm
from screening.forms.blank import drawn
from screening.forms.paper import PaperAnswersForm, PaperCodeForm
from screening.forms.queue import QueueSearchForm
from screening.forms.review import AheadForm, BackForm, DecisionForm, PlanForm, StopForm
from screening.forms.treating import EventForm, NoteForm, SessionForm
from screening.forms.vouching import AloneForm, CapacityForm, GuardianForm, InterpreterForm, TalkForm, VitalsForm

__all__ = [
    "AheadForm",
    "AloneForm",
    "AskForm",
    "BackForm",
    "CapacityForm",
    "DecisionForm",
    "EventForm",
    "GuardianForm",
    "InterpreterForm",
    "NoteForm",
    "PageForm",
    "PaperAnswersForm",
    "PaperCodeForm",
    "PlanForm",
    "QueueSearchForm",
    "SessionForm",
    "StopForm",
    "TalkForm",
    "VitalsForm",
    "drawn",
]
