"""What is kept of a screening: answers, plan, flags, review, clearance and treatment."""

from screening.models.clearance import Clearance, ClearanceLapse
from screening.models.flags import Assessment, Decision, Flag
from screening.models.plan import Plan, Technique
from screening.models.review import Attestation, Claim, ReviewOutcome
from screening.models.screening import PaperForm, PatientQuestion, Screening
from screening.models.treatment import AdverseEvent, EventNote, Session

__all__ = [
    "AdverseEvent",
    "Assessment",
    "Attestation",
    "Claim",
    "Clearance",
    "ClearanceLapse",
    "Decision",
    "EventNote",
    "Flag",
    "PaperForm",
    "PatientQuestion",
    "Plan",
    "ReviewOutcome",
    "Screening",
    "Session",
    "Technique",
]
