"""Sealed files, and the times that others vouch for."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.storage.append_only import AppendOnly
from clinic.storage.encrypted_fields import EncryptedBytes
from consent.models.consents import Consent
from consent.models.status import ConsentStatusChange


class SealedFile(AppendOnly):
    """The sealed PDF of a consent, opened again and checked before this row was written."""

    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="sealed")
    pdf = EncryptedBytes(of="consent.visit.patient", row=("consent",))
    sha256 = models.CharField(max_length=64, unique=True)  # of `pdf`, in hex
    certificate_sha256 = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"sealed {self.consent_id}"


class SealedStatusChange(AppendOnly):
    """The sealed PDF of a status change, with the record it shows; opened again and checked before it was written."""

    after = models.OneToOneField(ConsentStatusChange, on_delete=models.PROTECT, related_name="sealed")
    record = EncryptedBytes(of="after.visit.patient", row=("after",))  # canonical bytes (RFC 8785)
    record_sha256 = models.CharField(max_length=64, unique=True)  # of `record`, in hex
    pdf = EncryptedBytes(of="after.visit.patient", row=("after",))
    sha256 = models.CharField(max_length=64, unique=True)  # of `pdf`, in hex
    certificate_sha256 = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"sealed {self.after_id}"


class Timestamp(AppendOnly):
    """A timestamp of one sealed file, by another authority's clock: inside its seal, or the token kept here."""

    file_sha256 = models.CharField(max_length=64, unique=True)  # of the sealed PDF, in hex
    inside = models.BooleanField(default=False)
    token = models.BinaryField(null=True)  # RFC 3161, over the SHA-256; None when it is inside the seal
    at = models.DateTimeField()  # as the authority says
    authority = models.CharField(max_length=300)
    kept_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(inside=True, token=None) | models.Q(inside=False, token__isnull=False),
                name="a_token_is_inside_or_here",
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_sha256[:12]} at {self.at:%Y-%m-%d %H:%M}"
