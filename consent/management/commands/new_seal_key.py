"""Replace the sealing key in use; what was sealed before still verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.models import Journal, PolicyChange
from clinic.models.actors import SYSTEM
from consent.seal import certificate_authority, installation_trust
from consent.seal.keys import KeyTrouble, SealKey, fingerprint


class Command(BaseCommand):
    help = (
        "Makes the next sealing key, signed by the root's private key, and replaces the one in use. "
        "Earlier certificates are kept, and what they sealed still verifies. With CLINIC_PKCS11_MODULE set, the "
        "key is made in the token under CLINIC_PKCS11_LABEL: set a new label first."
    )
    requires_system_checks: list[str] = []  # one of them needs the key that this replaces

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--root-key", type=Path, help="the file of the root's private key, brought back for this")
        how.add_argument(
            "--new-root",
            action="store_true",
            help="make a new root as well: the root's private key is lost, or the root ends soon",
        )
        parser.add_argument("--root-passphrase-file", type=Path, help="if the root's key has a passphrase of its own")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = self._next(options)
        except KeyTrouble as trouble:
            raise CommandError(f"Nothing was changed: {trouble}.") from trouble
        Journal.objects.record("sealing key changed", by=SYSTEM, certificate=key.sha256)
        self.stdout.write(
            f"Sealing certificate, SHA-256: {key.sha256}, until {key.certificate.not_valid_after_utc:%Y-%m-%d}"
        )
        if options["new_root"]:
            self.stdout.write(f"New root certificate, SHA-256: {fingerprint(key.root)}")
            self.stdout.write("Publish it, and take root.key off this machine once a copy is safe.")

    def _next(self, options: dict[str, Any]) -> SealKey:
        folder, passphrase = settings.KEYS_DIR, settings.SEAL_PASSPHRASE
        if options["new_root"]:
            name = PolicyChange.objects.policy().clinic_name
            return certificate_authority.new_root(folder, passphrase, name, hardware=installation_trust.hardware())
        return certificate_authority.new_seal_key(
            folder,
            passphrase,
            root_key=options["root_key"],
            root_passphrase=read_passphrase(options["root_passphrase_file"]),
            hardware=installation_trust.hardware(),
        )


def read_passphrase(path: Path | None) -> str:
    """Return the root's own passphrase, or "" if ``path`` is ``None``. Raise ``KeyTrouble`` if it cannot be read."""
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise KeyTrouble(f"{path} cannot be read") from error
