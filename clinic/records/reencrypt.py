"""Encrypt what is still in clear, and wrap the patients' keys anew. For the operator, with the clinic closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, models, transaction
from django.db.models import QuerySet
from django_tasks_db.models import DBTaskResult

from clinic.accounts import mfa_secrets
from clinic.domain.flow import NotAllowed
from clinic.models import Journal, Patient
from clinic.models.journal import SYSTEM
from clinic.storage import append_only_triggers, master_keys, patient_keys
from clinic.storage.encrypted_fields import EMPTY, Encrypted, Envelope, encrypting

PIECE = 500


def encrypted_fields() -> Iterator[tuple[type[models.Model], list[Encrypted]]]:
    """Yield each table that has encrypted columns, with them."""
    for model in apps.get_models():
        if fields := [field for field in model._meta.concrete_fields if isinstance(field, Encrypted)]:
            yield model, fields


def encrypt_all() -> int:
    """Encrypt every value that is in clear; return how many were. Rows that are written once included: what they say
    stays, and the guards are away for this one transaction alone. Every patient has a key afterwards. Sessions and
    finished tasks hold names and addresses in clear: they go, so that everybody signs in anew.

    Raise ``NotAllowed`` while e-mails wait to be sent: their addresses are in clear.
    """
    if any("@" in json.dumps(each.args_kwargs) for each in DBTaskResult.objects.exclude(pk__in=_finished())):
        raise NotAllowed("e-mails wait to be sent. Run `clinic worker --batch` first")
    if not master_keys.exists(settings.DATA_KEYS) and not Patient.objects.exclude(key_id=None).exists():
        master_keys.make(settings.DATA_KEYS)
    if not master_keys.exists(settings.REGISTER_KEYS):
        master_keys.make(settings.REGISTER_KEYS)
    with append_only_triggers.lifted(connection), encrypting():
        count = sum(_encrypt(model, fields) for model, fields in encrypted_fields())
        for patient in Patient.objects.filter(key_id=None).iterator(chunk_size=PIECE):
            patient.have_key()
        _finished().delete()
        Session.objects.all().delete()
        Journal.objects.record("records encrypted", by=SYSTEM, count=count)
    patient_keys.forget()
    leave_nothing_behind()
    return count


def _finished() -> QuerySet[Any]:
    return DBTaskResult.objects.filter(finished_at__isnull=False)


def _encrypt(model: type[models.Model], fields: list[Encrypted]) -> int:
    count = 0
    for row in model._base_manager.order_by("pk").iterator(chunk_size=PIECE):
        clear = {field.name: field for field in fields if not _is_done(row.__dict__[field.attname])}
        if clear:
            values = {name: field.sealed(getattr(row, name), row) for name, field in clear.items()}
            model._base_manager.filter(pk=row.pk).update(**values)
            count += len(values)
    return count


def _is_done(value: object) -> bool:
    return isinstance(value, Envelope) or value in EMPTY


def leave_nothing_behind() -> None:
    """Have the write-ahead log of SQLite written into the file, and emptied: what was just taken away is in it."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def rotate(*, drop_earlier: bool = False) -> int:
    """Wrap every patient's key with a new key of the keyset; return how many. Second factors are encrypted under it.

    ``drop_earlier``: take the keys before it out of the keyset. A backup from before then opens with an earlier copy of
    the keyset only. Raise ``KeysetTrouble``, and ``ValueError`` if a second factor does not open: no key is dropped.
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
