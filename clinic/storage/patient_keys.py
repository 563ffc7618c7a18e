"""Patients' data keys: one each, random, wrapped by the installation's keyset, and opened only in memory.

Whoever steals the database has ciphertext and wrapped keys. A patient is erased by destroying the one key.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import tink
from django.apps import apps
from django.conf import settings
from tink import aead

from clinic.storage import master_keys

# Design judgement: long enough that a day's list asks once, short enough that a destroyed key is gone everywhere soon.
KEPT_SECONDS = 300
MOST = 5000
PURPOSE = b"a patient's data key"


class Unreadable(Exception):
    """It was encrypted for another place, under another key, or was changed: it is not shown."""


class Erased(Exception):
    """The key of this patient, ``key_id``, was destroyed. In a page's template, what was erased is empty."""

    silent_variable_failure = True

    def __init__(self, key_id: str) -> None:
        super().__init__("This record was erased.")
        self.key_id = key_id


class KeyHolder(Protocol):
    """A patient, as far as encryption needs to know one."""

    def key_at_hand(self) -> str:
        """Return the name of the patient's key, having had ``learn`` told of it."""


@dataclass
class _Known:
    wrapped: bytes | None
    until: float
    opened: aead.Aead | None = None


_known: OrderedDict[str, _Known] = OrderedDict()


def new_key_id() -> str:
    """Return the name of a new key: 96 random bits, 16 letters."""
    return secrets.token_urlsafe(12)


def new_key() -> bytes:
    """Return a new data key, wrapped. Raise ``KeysetTrouble`` where there is no keyset."""
    return _wrapped(tink.new_keyset_handle(master_keys.TEMPLATE))


def wrap_again(wrapped: bytes) -> bytes:
    """Return the same data key, wrapped by the present primary key of the keyset."""
    return _wrapped(_unwrapped(wrapped))


def learn(key_id: str, wrapped: bytes | None) -> None:
    """Keep what a row just told of a key; nothing is a key that was destroyed."""
    known = _known.get(key_id)
    if known is None or known.wrapped != wrapped:
        known = _known[key_id] = _Known(wrapped, 0.0)
    known.until = time.monotonic() + KEPT_SECONDS
    _known.move_to_end(key_id)
    while len(_known) > MOST:
        _known.popitem(last=False)


def fetch(key_ids: Iterable[str]) -> None:
    """Ask for many keys at once, in one query for all that are not known here."""
    if wanted := {key_id for key_id in key_ids if not _is_known(key_id)}:
        patients = apps.get_model("clinic", "Patient")._base_manager
        for key_id, wrapped in patients.filter(key_id__in=wanted).values_list("key_id", "wrapped_key"):
            learn(str(key_id), None if wrapped is None else bytes(wrapped))


def opened(key_id: str) -> aead.Aead:
    """Return what encrypts and decrypts with a key. Raise ``Erased``, or ``Unreadable`` if it is unknown."""
    fetch([key_id])
    known = _known.get(key_id)
    if known is None:
        raise Unreadable("It is encrypted under a key that is not here.")
    if known.wrapped is None:
        raise Erased(key_id)
    if known.opened is None:
        known.opened = _unwrapped(known.wrapped).primitive(aead.Aead)
    return known.opened


def forget() -> None:
    """Know nothing any more, and ask for each key again."""
    _known.clear()


def _is_known(key_id: str) -> bool:
    known = _known.get(key_id)
    return known is not None and known.until > time.monotonic()


def _wrapped(handle: tink.KeysetHandle) -> bytes:
    return bytes(tink.proto_keyset_format.serialize_encrypted(handle, master_keys.wrapper(settings.DATA_KEYS), PURPOSE))


def _unwrapped(wrapped: bytes) -> tink.KeysetHandle:
    try:
        return tink.proto_keyset_format.parse_encrypted(wrapped, master_keys.wrapper(settings.DATA_KEYS), PURPOSE)
    except tink.TinkError as error:
        raise Unreadable("A patient's key does not open with the keyset in CLINIC_DATA_KEYS.") from error
