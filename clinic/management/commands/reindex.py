"""Index every patient anew, under the current CLINIC_INDEX_KEY."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from clinic.models import Journal, Patient
from clinic.models.actors import SYSTEM


class Command(BaseCommand):
    help = "Writes the hashes under which patients are found anew, after a change of CLINIC_INDEX_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            count = sum(1 for patient in Patient.objects.iterator(chunk_size=500) if _indexed(patient))
            Journal.objects.record("patients indexed", by=SYSTEM, count=count)
        self.stdout.write(f"{count:,} patients are found under the present key.")


def _indexed(patient: Patient) -> bool:
    """Index a patient who is not erased; return whether there was one to index."""
    if not patient.is_erased:
        patient.index()
    return not patient.is_erased
