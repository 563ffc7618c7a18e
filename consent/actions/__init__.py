"""The verbs of consent: give it, say no, confirm it or send it back; take it back, replace it, enter it in error.

Each is one short transaction with its journal row; what it refuses raises :class:`~clinic.flow.NotAllowed` with a
sentence fit for the screen. A consent that stands keeps its row, its record and its file, whatever comes after it.
"""

from consent.actions.confirming import SentBack, confirm, vouched
from consent.actions.covered import PlanNow
from consent.actions.giving import TextChanged, give, go_ahead, signers
from consent.actions.reaching import ask_to_talk, refuse, take_time, talk_first
from consent.actions.replacing import enter_in_error, supersede
from consent.actions.sealing import seal_after_again, seal_again
from consent.actions.voiding import change_answers
from consent.actions.withdrawing import withdraw

__all__ = [
    "PlanNow",
    "SentBack",
    "TextChanged",
    "ask_to_talk",
    "change_answers",
    "confirm",
    "enter_in_error",
    "give",
    "go_ahead",
    "refuse",
    "seal_after_again",
    "seal_again",
    "signers",
    "supersede",
    "take_time",
    "talk_first",
    "vouched",
    "withdraw",
]
