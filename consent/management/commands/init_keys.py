"""Make the clinic's root and sealing key, and the keys that encrypt the patients' keys, once."""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from clinic.domain.policy import Policy
from clinic.models import Journal, PolicyChange
from clinic.models.actors import SYSTEM
from clinic.storage import master_keys
from consent.seal import installation_trust
from consent.seal.certificate_authority import make_keys
from consent.seal.keys import KeyTrouble, fingerprint


class Command(BaseCommand):
    help = (
        "Makes the clinic's root and sealing key in CLINIC_KEYS_DIR, encrypted with CLINIC_SEAL_PASSPHRASE (or the "
        "content of CLINIC_SEAL_PASSPHRASE_FILE); with CLINIC_PKCS11_MODULE set, the sealing key is in the token. Also "
        "makes CLINIC_DATA_KEYS, which encrypts the patients' keys. Never overwrites keys."
    )
    requires_system_checks: list[str] = []  # one of them needs the keys that this makes

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", help="the name in the certificates; default: the clinic's name in the settings")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["clinic"] or _clinic_name()
        try:
            key = make_keys(settings.KEYS_DIR, settings.SEAL_PASSPHRASE, name, hardware=installation_trust.hardware())
        except KeyTrouble as trouble:
            raise CommandError(f"No keys made: {trouble}.") from trouble
        for path in (settings.DATA_KEYS, settings.REGISTER_KEYS):
            if not master_keys.exists(path):
                master_keys.make(path)
        _note(key.sha256)
        self.stdout.write(f"Keys for {name} are in {settings.KEYS_DIR}.")
        self.stdout.write(f"Root certificate, SHA-256: {fingerprint(key.root)}")
        self.stdout.write(
            f"Sealing certificate, SHA-256: {key.sha256}, until {key.certificate.not_valid_after_utc:%Y-%m-%d}"
        )
        self.stdout.write(
            f"{settings.DATA_KEYS} opens the patients' data: without it, no backup can be read. "
            "Copy the folder to a safe place apart from the database's backups, and the passphrase to another. "
            "root.key is needed again only for the next sealing certificate: take it off this machine."
        )


def _note(certificate_sha256: str) -> None:
    """Write it in the journal, if there is one yet."""
    with contextlib.suppress(DatabaseError):
        Journal.objects.record("sealing keys made", by=SYSTEM, certificate=certificate_sha256)


def _clinic_name() -> str:
    try:
        return PolicyChange.objects.policy().clinic_name
    except DatabaseError:  # keys may be made before the database is
        return Policy().clinic_name
