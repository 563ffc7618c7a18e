"""Is the guardian who signed the one whom the practitioner recorded? Reads only."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from consent.models import Signature, SignedConsent
from screening.models import Attestation


@dataclass(frozen=True)
class OtherGuardian:
    """Two names for one guardian, with relationships: ``recorded`` at the desk, ``signed`` on the tablet."""

    recorded: str
    recorded_as: str
    signed: str
    signed_as: str

    @property
    def vouched(self) -> str:
        """The printed sentence that the practitioner vouches for when confirming all the same."""
        return (
            f"{self.recorded} was recorded as the guardian and {self.signed} signed as the guardian: I found out who "
            "it is, and that this person may decide."
        )


def other_guardian(given: SignedConsent) -> OtherGuardian | None:
    """Return both names if they differ in more than capitals and spaces, else ``None``."""
    signature = given.signatures.filter(capacity=Signature.Capacity.GUARDIAN).first()
    attestation = Attestation.objects.filter(visit=given.visit_id, kind=Attestation.Kind.GUARDIAN).last()
    if signature is None or attestation is None:
        return None
    recorded, recorded_as = (str(attestation.data.get(name, "")) for name in ("name", "relationship"))
    if _folded(recorded) == _folded(signature.name):
        return None
    return OtherGuardian(recorded, recorded_as, signature.name, signature.relationship)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
