"""The verbs of the screening room: a patient answers and sends, a practitioner plans, decides, vouches and closes.

Each is one short transaction with its journal row; what it refuses raises :class:`~clinic.flow.NotAllowed` with a
sentence fit for the screen.
"""

from screening.actions.answering import answer, draft, reopen, submit
from screening.actions.assessing import MOST_SESSIONS, Planned, assess, save_plan
from screening.actions.closing import close_review
from screening.actions.deciding import attest, decide

__all__ = [
    "MOST_SESSIONS",
    "Planned",
    "answer",
    "assess",
    "attest",
    "close_review",
    "decide",
    "draft",
    "reopen",
    "save_plan",
    "submit",
]
