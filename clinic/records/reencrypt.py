"""Wrap the patients' keys anew. For the operator."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from clinic.accounts import mfa_secrets
from clinic.models import Journal, Patient
from clinic.models.actors import SYSTEM
from clinic.storage import master_keys, patient_keys

PIECE = 500


def rotate(*, drop_earlier: bool = False) -> int:
    """Wrap every patient's key with a new key, and encrypt second factors under it; return how many patients.

    ``drop_earlier``: remove the earlier keys from the keyset; earlier backups then open with an earlier copy of it
    only. Raise ``KeysetTrouble``, and ``ValueError`` if a second factor does not open: no key is dropped.
    """
    master_keys.add(settings.DATA_KEYS)
    with transaction.atomic():
        count = 0
        held = Patient.objects.exclude(wrapped_key=None).order_by("pk").values_list("pk", "wrapped_key")
        for pk, wrapped in held.iterator(chunk_size=PIECE):
            if wrapped is not None:
                Patient.objects.filter(pk=pk).update(wrapped_key=patient_keys.wrap_again(bytes(wrapped)))
                count += 1
        mfa_secrets.encrypt_again()
        Journal.objects.record("data keys rotated", by=SYSTEM, count=count)
    if drop_earlier:
        master_keys.drop_earlier(settings.DATA_KEYS)
    patient_keys.forget()
    return count
