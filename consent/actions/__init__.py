"""The verbs of consent: give it, say no, confirm it or send it back; take it back, replace it, enter it in error.

Each is one short transaction with its journal row, and refuses with ``NotAllowed`` and a sentence fit for the screen. A
consent keeps its row, its record and its file, whatever comes after it.
"""

from consent.actions.confirmation import SentBack, confirm, vouched
from consent.actions.patient_requests import ask_to_talk, refuse, take_time, talk_first
from consent.actions.replacement import enter_in_error, supersede
from consent.actions.reseal import seal_after_again, seal_again
from consent.actions.signing import TextChanged, give, go_ahead, signers
from consent.actions.voiding import change_answers
from consent.actions.withdrawal import withdraw

__all__ = [
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
