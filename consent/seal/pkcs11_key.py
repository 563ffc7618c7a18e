"""A sealing key that never leaves its hardware: PKCS#11. The only module that knows python-pkcs11; no Django.

The key signs a digest computed here with ECDSA, which every module offers; not all can hash as well (SoftHSM 2.6
cannot for ECDSA).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey, EllipticCurveSignatureAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

_one_at_a_time = threading.Lock()  # a process is signed in to a token as a whole, with all its threads


class HardwareTrouble(Exception):
    """The module, the token or the key in it cannot be used. The message is for an administrator."""


@dataclass(frozen=True)
class HardwareKey:
    """A P-256 key in a PKCS#11 token: the module's file, the token's and the key's labels, the user's PIN.

    Every use opens its own session, so that a token works again after it was unplugged. Each method raises
    ``HardwareTrouble`` if the token cannot be used.
    """

    module: str
    token: str
    label: str
    pin: str = field(repr=False)

    def sign(self, data: bytes, signature_algorithm: EllipticCurveSignatureAlgorithm) -> bytes:
        """Return the ECDSA signature of ``data``, hashed with SHA-256, in DER."""
        from pkcs11 import KeyType, Mechanism, ObjectClass
        from pkcs11.util.ec import encode_ecdsa_signature

        if not isinstance(signature_algorithm.algorithm, SHA256):
            raise HardwareTrouble("the key in the token signs SHA-256 alone")
        with self._session() as session:
            key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.EC, label=self.label)
            raw = key.sign(hashlib.sha256(data).digest(), mechanism=Mechanism.ECDSA)
            return bytes(encode_ecdsa_signature(raw))

    def public_key(self) -> EllipticCurvePublicKey:
        """Return the public half, as the token holds it."""
        from pkcs11 import KeyType, ObjectClass
        from pkcs11.util.ec import encode_ec_public_key

        with self._session() as session:
            key = session.get_key(object_class=ObjectClass.PUBLIC_KEY, key_type=KeyType.EC, label=self.label)
            public = load_der_public_key(encode_ec_public_key(key))
        if not isinstance(public, EllipticCurvePublicKey) or public.curve.name != "secp256r1":
            raise HardwareTrouble(f"the key {self.label} is not a P-256 key")
        return public

    def exists(self) -> bool:
        """Say whether the token holds a private key of this label."""
        from pkcs11 import Attribute, ObjectClass

        with self._session() as session:
            wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: self.label}
            return any(True for _ in session.get_objects(wanted))

    def make(self) -> None:
        """Make a key of this label in the token, which never leaves it."""
        from pkcs11 import Attribute, KeyType
        from pkcs11.util.ec import encode_named_curve_parameters

        with self._session(rw=True) as session:
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
            kept = {Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True}
            parameters.generate_keypair(store=True, label=self.label, private_template=kept)

    @contextmanager
    def _session(self, *, rw: bool = False) -> Iterator[Any]:
        try:
            import pkcs11
        except ImportError as error:
            raise HardwareTrouble("python-pkcs11 is not installed") from error
        with _one_at_a_time:
            try:
                with (
                    pkcs11.lib(self.module).get_token(token_label=self.token).open(rw=rw, user_pin=self.pin) as session
                ):
                    yield session
            except HardwareTrouble:
                raise
            except Exception as error:  # the module's own errors, and the dynamic linker's
                trouble = f"the key {self.label} in the token {self.token}: {type(error).__name__} {error}"
                raise HardwareTrouble(trouble.strip()) from error
