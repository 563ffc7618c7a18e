"""Fields whose columns hold ciphertext: encrypted when a row is saved, decrypted when the value is read.

A value is ``enc:v1:<key>:<ciphertext>``, in the column that the plain value would have: text, JSON (a string), bytes.
What it is bound to (table, column, and the columns that say whose row it is) is authenticated with it, so that a value
moved to another row or column does not open. Empty values stay empty, for constraints. Nothing that is encrypted can be
looked up or set by a query: such a query raises ``TypeError`` or ``FieldError``.
A value in clear was planted: reading it raises ``Unreadable``.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import tink
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute

from clinic.storage import patient_keys
from clinic.storage.patient_keys import Erased, KeyHolder, Unreadable

JSON = models.JSONField()
TAG = "enc:v1:"
PLANTED = object()  # in place of a value in clear
EMPTY: tuple[Any, ...] = (None, "", b"", [], {})


@dataclass(frozen=True)
class Envelope:
    """A value as it is stored: the name of the key, and what it encrypted."""

    key_id: str
    sealed: bytes

    @classmethod
    def read(cls, stored: Any) -> Envelope | None:
        """Return what a column holds; ``None`` if it is no ciphertext of ours."""
        if isinstance(stored, bytes | memoryview):
            tag, *parts = bytes(stored).split(b":", 3) if bytes(stored).startswith(TAG.encode()) else [b""]
            return cls(parts[1].decode(), parts[2]) if tag else None
        if not isinstance(stored, str) or not stored.startswith(TAG):
            return None
        key_id, sealed = stored.removeprefix(TAG).split(":", 1)
        return cls(key_id, base64.urlsafe_b64decode(sealed))

    @property
    def as_text(self) -> str:
        """The stored form, in a column of text."""
        return f"{TAG}{self.key_id}:{base64.urlsafe_b64encode(self.sealed).decode('ascii')}"

    @property
    def as_bytes(self) -> bytes:
        """The stored form, in a column of bytes."""
        return f"{TAG}{self.key_id}:".encode() + self.sealed


class Opening(DeferredAttribute):
    """The attribute of a row: opens the envelope when it is first read."""

    field: Encrypted

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        values, name = instance.__dict__, self.field.attname
        if name not in values:  # deferred
            rows = type(instance)._base_manager.using(instance._state.db)
            values[name] = rows.values_list(name, flat=True).get(pk=instance.pk)
        if values[name] is PLANTED:
            raise Unreadable(f"{type(instance).__name__} {instance.pk}: {name} holds what was never encrypted.")
        if isinstance(values[name], Envelope):
            try:
                values[name] = self.field.opened(values[name], instance)
            except Erased:
                if self.field.erased is None:
                    raise
                return self.field.erased
        return values[name]

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class Encrypted(models.Field):  # type: ignore[type-arg]
    """What the fields below share.

    ``of``: the way from a row to its patient ("visit.patient"); ``row``: the columns that the value is bound to;
    ``erased``: what is read once the key is destroyed, where that must not raise ``Erased``.
    """

    descriptor_class = Opening
    plain: type[models.Field]  # type: ignore[type-arg]  # the field that migrations know

    def __init__(self, *args: Any, of: str = "", row: tuple[str, ...] = (), erased: Any = None, **kwargs: Any) -> None:
        self.of, self.row, self.erased = of, row, erased
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """Show migrations a plain column, which is what it is."""
        name, _, args, kwargs = super().deconstruct()
        return name, f"django.db.models.{self.plain.__name__}", args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the envelope or the empty value; a value in clear becomes ``PLANTED``."""
        return value if value in EMPTY else Envelope.read(value) or PLANTED

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return what is to be stored: only here are both the value and its row known."""
        stored = model_instance.__dict__.get(self.attname)
        value = stored if isinstance(stored, Envelope) else super().pre_save(model_instance, add)
        return value if value in EMPTY or isinstance(value, Envelope) else self.sealed(value, model_instance)

    def get_prep_value(self, value: Any) -> Any:
        """Refuse a value that did not go through a row."""
        if value in EMPTY or isinstance(value, Envelope):
            return value
        raise TypeError(f"{self.name} is encrypted: it is written through its row, and cannot be looked up.")

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return self.stored(self.get_prep_value(value), connection)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        return self.get_db_prep_value(value, connection)

    def get_transform(self, lookup_name: str) -> Any:
        """Offer no part of a value to look up."""
        return None

    def stored(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return an envelope, or an empty value, as the column takes it."""
        return value.as_text if isinstance(value, Envelope) else value

    def dumped(self, value: Any) -> bytes:
        """Return the bytes that are encrypted."""
        return str(value).encode()

    def loaded(self, plain: bytes) -> Any:
        """Return what ``dumped`` was given."""
        return plain.decode()

    def sealed(self, value: Any, row: models.Model) -> Envelope:
        """Return ``value`` encrypted for this place in ``row``, under its patient's key."""
        key_id = self.patient(row).key_at_hand()
        return Envelope(key_id, patient_keys.opened(key_id).encrypt(self.dumped(value), self._bound(row)))

    def opened(self, envelope: Envelope, row: models.Model) -> Any:
        """Return the value. Raise ``Erased``, or ``Unreadable`` if it is not the one of this place in this row."""
        try:
            plain = patient_keys.opened(envelope.key_id).decrypt(envelope.sealed, self._bound(row))
        except tink.TinkError as error:
            raise Unreadable(f"{type(row).__name__} {row.pk}: {self.name} was changed, or moved here.") from error
        return self.loaded(plain)

    def patient(self, row: Any) -> KeyHolder:
        """Return whose row it is."""
        for name in self.of.split(".") if self.of else ():
            row = getattr(row, name)
        holder: KeyHolder = row
        return holder

    def _bound(self, row: Any) -> bytes:
        values = [getattr(row, row._meta.get_field(name).attname) for name in self.row]
        return ":".join([row._meta.db_table, self.attname, *map(str, values)]).encode()


Row = TypeVar("Row", bound=models.Model)


def with_keys(rows: Iterable[Row], size: int = 500) -> Iterator[Row]:
    """Yield ``rows``, loading the keys of ``size`` of them in one query."""
    waiting = iter(rows)
    while block := list(islice(waiting, size)):
        held = (value for row in block for value in row.__dict__.values())
        patient_keys.fetch(value.key_id for value in held if isinstance(value, Envelope))
        yield from block


def encrypt_for(text: str, patient: KeyHolder, purpose: str) -> str:
    """Return ``text`` encrypted under a patient's key, for what is kept outside of our tables, such as a task."""
    key_id = patient.key_at_hand()
    return Envelope(key_id, patient_keys.opened(key_id).encrypt(text.encode(), purpose.encode())).as_text


def decrypt_for(enclosed_text: str, purpose: str) -> str:
    """Return what ``encrypt_for`` was given. Raise ``Erased`` or ``Unreadable``."""
    if (envelope := Envelope.read(enclosed_text)) is None:
        raise Unreadable("It was not encrypted.")
    try:
        plain: bytes = patient_keys.opened(envelope.key_id).decrypt(envelope.sealed, purpose.encode())
    except tink.TinkError as error:
        raise Unreadable(f"It was not encrypted as {purpose}.") from error
    return plain.decode()


class EncryptedText(Encrypted, models.TextField):  # type: ignore[type-arg]
    """Text. ``max_length`` is of the plain text, for forms."""

    plain = models.TextField

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any) -> str: ...  # type: ignore[override]


class EncryptedDate(Encrypted, models.DateField):  # type: ignore[type-arg]
    """A date, in a column of text."""

    plain = models.TextField

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any) -> dt.date: ...  # type: ignore[override]

    def get_internal_type(self) -> str:
        return "TextField"

    def dumped(self, value: dt.date) -> bytes:
        return value.isoformat().encode()

    def loaded(self, plain: bytes) -> dt.date:
        return dt.date.fromisoformat(plain.decode())


class EncryptedJSON(Encrypted, models.JSONField):
    """A JSON value; encrypted, the column holds a JSON string."""

    plain = models.JSONField

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any) -> Any: ...

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        if value is not None:
            value = models.JSONField.from_db_value(models.JSONField(), value, expression, connection)
        return super().from_db_value(value, expression, connection)

    def stored(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        text = super().stored(value, connection)
        return None if text is None else connection.ops.adapt_json_value(text, None)

    def dumped(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def loaded(self, plain: bytes) -> Any:
        return json.loads(plain)


class EncryptedBytes(Encrypted, models.BinaryField):  # type: ignore[type-arg]
    """Bytes."""

    plain = models.BinaryField

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any) -> bytes: ...  # type: ignore[override]

    def stored(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        return value.as_bytes if isinstance(value, Envelope) else value

    def dumped(self, value: Any) -> bytes:
        return bytes(value)

    def loaded(self, plain: bytes) -> bytes:
        return plain
