"""The verbs of the screening room: a patient answers and sends, a practitioner plans, decides, vouches and closes.

Each is one short transaction with its journal row; what it refuses raises :class:`~clinic.flow.NotAllowed` with a
sentence fit for the screen.
"""

from screening.actions.answering import ChangedElsewhere, answer, draft, reopen, submit, version
from screening.actions.assessing import MOST_SESSIONS, Planned, assess, save_plan
from screening.actions.checking_in import finish_at_home
from screening.actions.claiming import claim, release, take_over
from screening.actions.clearing import lapse_if_due, note_lapse
from screening.actions.closing import close_review
from screening.actions.confirming import confirm_last_time
from screening.actions.deciding import attest, decide
from screening.actions.guards import ClaimedByAnother
from screening.actions.on_paper import print_blank, transcribe
from screening.actions.reaching import ask, refuse, stop_for_now, talk_before_going_on
from screening.actions.treating import note_event, record_event, record_session

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
