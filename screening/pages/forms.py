"""The room's forms: one made from any page of questions, and those of the review."""

from screening.pages.desk.forms.attestation import (
    AloneForm,
    CapacityForm,
    GuardianForm,
    InterpreterForm,
    TalkForm,
    VitalsForm,
)
from screening.pages.desk.forms.queue import QueueSearchForm
from screening.pages.desk.forms.review import AheadForm, BackForm, DecisionForm, PlanForm, StopForm
from screening.pages.desk.forms.transcription import PaperAnswersForm, PaperCodeForm
from screening.pages.desk.forms.treatment import EventForm, NoteForm, SessionForm
from screening.pages.patient.forms.answers import PageForm
from screening.pages.patient.forms.form_cache import drawn
from screening.pages.patient.forms.patient_question import AskForm

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
