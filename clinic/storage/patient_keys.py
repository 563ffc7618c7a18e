"""Patients' data keys: a random one each, wrapped by the installation's keyset, and opened only in memory.

Whoever steals the database has ciphertext and wrapped keys. Destroying that one key erases the patient.
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
    """A value was changed, or encrypted for another place or under another key: it is not shown."""


class Erased(Exception):
    """The key of this patient, ``key_id``, was destroyed. In a template the value is empty."""

    silent_variable_failure = True

    def __init__(self, key_id: str) -> None:
        super().__init__("This record was erased.")
        self.key_id = key_id


class KeyHolder(Protocol):
    """A patient, as far as encryption needs to know one."""

    def key_at_hand(self) -> str:
        """Return the name of the patient's key, after passing the key to ``learn``."""


@dataclass
class _CachedKey:
    wrapped: bytes | None
    until: float
    opened: aead.Aead | None = None


_cache: OrderedDict[str, _CachedKey] = OrderedDict()


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
    """Cache a key as a row has it, wrapped; ``None`` means that it was destroyed."""
    key = _cache.get(key_id)
    if key is None or key.wrapped != wrapped:
        key = _cache[key_id] = _CachedKey(wrapped, 0.0)
    key.until = time.monotonic() + KEPT_SECONDS
    _cache.move_to_end(key_id)
    while len(_cache) > MOST:
        _cache.popitem(last=False)


def fetch(key_ids: Iterable[str]) -> None:
    """Load many keys, in one query for all that are not cached."""
    if wanted := {key_id for key_id in key_ids if not _is_cached(key_id)}:
        patients = apps.get_model("clinic", "Patient")._base_manager
        for key_id, wrapped in patients.filter(key_id__in=wanted).values_list("key_id", "wrapped_key"):
            learn(str(key_id), None if wrapped is None else bytes(wrapped))


def opened(key_id: str) -> aead.Aead:
    """Return what encrypts and decrypts under a key. Raise ``Erased``, or ``Unreadable`` if it is unknown."""
    fetch([key_id])
    key = _cache.get(key_id)
    if key is None:
        raise Unreadable("It is encrypted under a key that is not here.")
    if key.wrapped is None:
        raise Erased(key_id)
    if key.opened is None:
        key.opened = _unwrapped(key.wrapped).primitive(aead.Aead)
    return key.opened


def forget() -> None:
    """Empty the cache."""
    _cache.clear()


def _is_cached(key_id: str) -> bool:
    key = _cache.get(key_id)
    return key is not None and key.until > time.monotonic()


def _wrapped(handle: tink.KeysetHandle) -> bytes:
    return bytes(tink.proto_keyset_format.serialize_encrypted(handle, master_keys.wrapper(settings.DATA_KEYS), PURPOSE))


def _unwrapped(wrapped: bytes) -> tink.KeysetHandle:
    try:
        return tink.proto_keyset_format.parse_encrypted(wrapped, master_keys.wrapper(settings.DATA_KEYS), PURPOSE)
    except tink.TinkError as error:
        raise Unreadable("A patient's key does not open with the keyset in CLINIC_DATA_KEYS.") from error
