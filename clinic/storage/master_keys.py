"""The keys that wrap every patient's own key, and encrypt what is no patient's: sessions, second factors. No Django.

They are a Tink keyset in a file that its owner alone may read: JSON as Tink writes it, AES-256-GCM. Its primary key
wraps; each key unwraps what it wrapped. Without it nothing that is encrypted in the database can be read again,
so a copy of it is kept apart from the backups.
"""

from __future__ import annotations

import base64
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import tink
from tink import aead, secret_key_access

aead.register()

TEMPLATE = aead.aead_key_templates.AES256_GCM


class KeysetTrouble(Exception):
    """The keyset is missing, cannot be read, or is there already. In words for an administrator."""


def exists(path: Path) -> bool:
    """Return whether there is a keyset."""
    return path.exists()


def make(path: Path) -> None:
    """Write a new keyset with one key. Raise ``KeysetTrouble`` if there is one: what it wrapped would be lost."""
    if path.exists():
        raise KeysetTrouble(f"{path} is there already")
    _write(path, _plain(tink.new_keyset_handle(TEMPLATE)))


def add(path: Path) -> None:
    """Add a key that wraps from now on; the earlier ones go on unwrapping."""
    keyset, new = _read(path), _plain(tink.new_keyset_handle(TEMPLATE))
    _write(path, {"primaryKeyId": new["primaryKeyId"], "key": [*keyset["key"], *new["key"]]})


def drop_earlier(path: Path) -> int:
    """Remove all keys but the one that wraps; return how many. What they wrapped must have been wrapped anew."""
    keyset = _read(path)
    kept = [key for key in keyset["key"] if key["keyId"] == keyset["primaryKeyId"]]
    _write(path, {**keyset, "key": kept})
    return len(keyset["key"]) - len(kept)


def wrapper(path: Path) -> aead.Aead:
    """Return what wraps and unwraps; the file is read again whenever it changed. Raise ``KeysetTrouble``."""
    try:
        return _wrapper(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise KeysetTrouble(f"there is no keyset in {path}") from error


def encrypt(path: Path, text: str, purpose: bytes) -> str:
    """Return ``text`` encrypted for ``purpose``, and no other, as ASCII. Raise ``KeysetTrouble``."""
    return base64.b64encode(wrapper(path).encrypt(text.encode(), purpose)).decode("ascii")


def decrypt(path: Path, encrypted: str | bytes, purpose: bytes) -> str:
    """Return what ``encrypt`` was given. Raise ``ValueError`` for anything else, and ``KeysetTrouble``."""
    try:
        opened: bytes = wrapper(path).decrypt(base64.b64decode(encrypted), purpose)
    except tink.TinkError as error:
        raise ValueError(f"It was not encrypted under a key of {path.name} for this purpose.") from error
    return opened.decode()


@cache
def _wrapper(path: Path, changed: int) -> aead.Aead:
    return _handle(_read(path), path).primitive(aead.Aead)


def _handle(keyset: dict[str, Any], path: Path) -> tink.KeysetHandle:
    try:
        return tink.json_proto_keyset_format.parse(json.dumps(keyset), secret_key_access.TOKEN)
    except tink.TinkError as error:
        raise KeysetTrouble(f"{path} is no keyset") from error


def _plain(handle: tink.KeysetHandle) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(tink.json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
    return plain


def _read(path: Path) -> dict[str, Any]:
    try:
        keyset = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KeysetTrouble(f"{path} cannot be read") from error
    if not isinstance(keyset, dict) or "key" not in keyset:
        raise KeysetTrouble(f"{path} is no keyset")
    return keyset


def _write(path: Path, keyset: dict[str, Any]) -> None:
    """Put the file in place once it is whole and on the disk."""
    _handle(keyset, path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(keyset, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)  # the new name too: patients' keys are about to need it
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
