"""What keeps a record from being erased, and what is left of one that was."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from clinic.models.patients import Patient
from clinic.models.staff import User
from clinic.storage import master_keys
from clinic.storage.append_only import AppendOnly, FrozenWhenSet
from clinic.storage.encrypted_fields import EncryptedText


class OfAClinic(models.QuerySet[Any]):
    def of(self, site: int | None) -> OfAClinic:
        """Rows about the patients of one clinic."""
        return self.filter(patient__site=site)


class LegalHold(FrozenWhenSet):
    """A reason not to erase a record: a complaint, a claim, an order of a court. It holds until somebody ends it."""

    final = "ended_at"
    open_fields = ("ended_at", "ended_by")

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="legal_holds")
    reason = EncryptedText(of="patient", row=("patient",), max_length=400)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = OfAClinic.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient"], condition=models.Q(ended_at=None), name="one_legal_hold_a_patient"
            )
        ]

    def __str__(self) -> str:
        return f"hold on {self.patient_id}"


class Tombstone(AppendOnly):
    """A record that was erased by destroying its key: by which rule, by whom, and what can still be checked.

    Some laws ask for a note of name and period: it is in ``register``, encrypted under a key of its own.
    """

    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="tombstone")
    last_contact = models.DateField()
    keep_until = models.DateField()
    pack = models.CharField(max_length=20)  # of `retention.PACKS`
    source = models.CharField(max_length=200)
    digests = models.JSONField(default=list)  # SHA-256 of the records and files, as the journal has them
    register = models.TextField()
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfAClinic.as_manager()

    def __str__(self) -> str:
        return f"erased {self.patient_id}"

    @staticmethod
    def noted(patient: Patient, **note: str) -> str:
        """Return a register's entry, encrypted. Raise ``KeysetTrouble`` without the register's keyset."""
        return master_keys.encrypt(settings.REGISTER_KEYS, json.dumps(note), _purpose(patient.pk))

    @property
    def note(self) -> dict[str, str]:
        """The register's entry: name, born, first, last."""
        opened = master_keys.decrypt(settings.REGISTER_KEYS, self.register, _purpose(self.patient_id))
        note: dict[str, str] = json.loads(opened)
        return note


def _purpose(patient: int) -> bytes:
    return f"register:{patient}".encode()
