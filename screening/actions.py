"""The verbs of the screening room: a patient answers and sends, a practitioner plans, decides, vouches and closes.

Each is one short transaction with its journal row, and refuses with ``NotAllowed``, a sentence fit for the screen.
"""

from screening.answering.answer import ChangedElsewhere, answer, draft, reopen, submit, version
from screening.answering.carry_over import finish_at_home
from screening.answering.patient_requests import ask, refuse, stop_for_now, talk_before_going_on
from screening.answering.reconfirm import confirm_last_time
from screening.answering.transcribe import print_blank, transcribe
from screening.assessment.assess import MOST_SESSIONS, Planned, assess, save_plan
from screening.assessment.clear import lapse_if_due, note_lapse
from screening.assessment.preconditions import ClaimedByAnother
from screening.review.claim import claim, release, take_over
from screening.review.close import close_review
from screening.review.decide import attest, decide
from screening.treatment.record import note_event, record_event, record_session

__all__ = [
    "MOST_SESSIONS",
    "ChangedElsewhere",
    "ClaimedByAnother",
    "Planned",
    "answer",
    "ask",
    "assess",
    "attest",
    "claim",
    "close_review",
    "confirm_last_time",
    "decide",
    "draft",
    "finish_at_home",
    "lapse_if_due",
    "note_event",
    "note_lapse",
    "print_blank",
    "record_event",
    "record_session",
    "refuse",
    "release",
    "reopen",
    "save_plan",
    "stop_for_now",
    "submit",
    "take_over",
    "talk_before_going_on",
    "transcribe",
    "version",
]
