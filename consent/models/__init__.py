"""A consent's rows: its text, signatures and record, its sealed files, and its status changes."""

from consent.models.consents import Consent, SignedConsent, VoidedSignature
from consent.models.sealed import SealedFile, SealedStatusChange, Timestamp
from consent.models.signatures import Signature
from consent.models.status import ConsentStatusChange
from consent.models.worker import Heartbeat

__all__ = [
    "Consent",
    "ConsentStatusChange",
    "Heartbeat",
    "SealedFile",
    "SealedStatusChange",
    "Signature",
    "SignedConsent",
    "Timestamp",
    "VoidedSignature",
]
