"""Who signed how, and in which capacity."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import User
from clinic.storage.append_only import AppendOnly
from clinic.storage.encrypted_fields import EncryptedJSON, EncryptedText
from consent.models.consents import SignedConsent


class Signature(AppendOnly):
    """One signature under a signed consent."""

    class Capacity(models.TextChoices):
        PATIENT = "patient", "the patient"
        GUARDIAN = "guardian", "the guardian"
        ASSENT = "assent", "the young person's own assent"

    class Method(models.TextChoices):
        DRAWN = "drawn", "drawn"
        TYPED = "typed", "typed"
        ASSISTED = "assisted", "with a member of staff’s help"
        TAPPED = "tapped", "said yes with a tap"  # at a session: nothing was drawn or typed

    class Did(models.TextChoices):
        SPOKE = "spoke", "said yes"
        NODDED = "nodded", "nodded or made a sign"
        MARKED = "marked", "made a mark"

    given = models.ForeignKey(SignedConsent, on_delete=models.PROTECT, related_name="signatures")
    capacity = models.CharField(max_length=10, choices=Capacity.choices)
    name = EncryptedText(of="given.visit.patient", row=("given", "capacity"), max_length=200)
    relationship = EncryptedText(
        of="given.visit.patient", row=("given", "capacity"), max_length=100, blank=True
    )  # of a guardian
    method = models.CharField(max_length=10, choices=Method.choices)
    strokes = EncryptedJSON(
        of="given.visit.patient", row=("given", "capacity"), default=list
    )  # of a drawing: [[[x, y, ms], …], …] in the fixed box
    # Of an assisted one: what the person did, and who saw it and typed their own password to say so.
    did = models.CharField(max_length=6, choices=Did.choices, blank=True)
    witness = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["given", "capacity"], name="one_signature_a_capacity"),
            models.CheckConstraint(
                condition=models.Q(method="assisted", witness__isnull=False) & ~models.Q(did="")
                | ~models.Q(method="assisted") & models.Q(witness=None, did=""),
                name="an_assisted_signature_has_a_witness",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.capacity} under {self.given_id}"
