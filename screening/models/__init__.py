"""What is kept of a screening: answers, plan, flags, review, clearance and treatment."""

from screening.models.clearance import Clearance, ClearanceLapse
from screening.models.flags import Assessment, Decision, Flag
from screening.models.plan import Plan, Technique
from screening.models.review import Attestation, Claim, Closing
from screening.models.screening import Asked, PaperForm, Screening
from screening.models.treatment import AdverseEvent, EventNote, Session

__all__ = [
    "AdverseEvent",
    "Asked",
    "Assessment",
    "Attestation",
    "Claim",
    "Clearance",
    "ClearanceLapse",
    "Closing",
    "Decision",
    "EventNote",
    "Flag",
    "PaperForm",
    "Plan",
    "Screening",
    "Session",
    "Technique",
]
