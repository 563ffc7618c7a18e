"""What the clinic keeps: staff, patients, visits, tablets, settings and the journal."""

from clinic.models.actors import Actor
from clinic.models.emergency_access import EmergencyAccess
from clinic.models.enrolments import Enrolment
from clinic.models.erasures import LegalHold, Tombstone
from clinic.models.invitations import Invitation
from clinic.models.journal import Journal
from clinic.models.patients import Correction, Merge, Patient, PatientToken
from clinic.models.policy_changes import PolicyChange
from clinic.models.sites import Site
from clinic.models.staff import Role, User
from clinic.models.tablets import Hold, SpentToken, Tablet
from clinic.models.versions import VersionSeen
from clinic.models.visits import StaleVisit, Visit
from clinic.storage.append_only import AppendOnly, FrozenWhenSet

__all__ = [
    "Actor",
    "AppendOnly",
    "Correction",
    "EmergencyAccess",
    "Enrolment",
    "FrozenWhenSet",
    "Hold",
    "Invitation",
    "Journal",
    "LegalHold",
    "Merge",
    "Patient",
    "PatientToken",
    "PolicyChange",
    "Role",
    "Site",
    "SpentToken",
    "StaleVisit",
    "Tablet",
    "Tombstone",
    "User",
    "VersionSeen",
    "Visit",
]
