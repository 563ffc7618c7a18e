"""What is kept of a consent: its text, signatures and record, its sealed files, and what came after it."""

from consent.models.consents import Consent, Given, Voiding
from consent.models.sealed import SealedAfter, SealedFile, Timestamp
from consent.models.signatures import Signature
from consent.models.status import After
from consent.models.worker import Heartbeat

__all__ = [
    "After",
    "Consent",
    "Given",
    "Heartbeat",
    "SealedAfter",
    "SealedFile",
    "Signature",
    "Timestamp",
    "Voiding",
]
