"""An RFC 3161 timestamp authority of our own, at an address on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from asn1crypto import tsp
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig, ServiceLabel
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

CONFIG = """
keysets:
  keys:
    keys:
      root: {path: root.pem}
      interm: {path: interm.pem}
      tsa: {path: tsa.pem}
pki-architectures:
  time:
    keyset: keys
    entity-defaults: {country-name: AU, organization-name: Clockwork}
    entities:
      root: {common-name: Clockwork Root}
      interm: {common-name: Clockwork Intermediate}
      tsa: {common-name: Clockwork Time Stamping}
    certs:
      root:
        subject: root
        issuer: root
        validity: {valid-from: "2020-01-01T00:00:00+0000", valid-to: "2050-01-01T00:00:00+0000"}
        extensions:
          - {id: basic_constraints, critical: true, value: {ca: true}}
          - {id: key_usage, critical: true, smart-value: {schema: key-usage, params: [key_cert_sign, crl_sign]}}
      interm:
        subject: interm
        issuer: root
        validity: {valid-from: "2020-01-01T00:00:00+0000", valid-to: "2050-01-01T00:00:00+0000"}
        extensions:
          - {id: basic_constraints, critical: true, value: {ca: true, path_len_constraint: 0}}
          - {id: key_usage, critical: true, smart-value: {schema: key-usage, params: [key_cert_sign, crl_sign]}}
      tsa:
        subject: tsa
        issuer: interm
        validity: {valid-from: "2020-01-01T00:00:00+0000", valid-to: "2050-01-01T00:00:00+0000"}
        extensions:
          - {id: key_usage, critical: true, smart-value: {schema: key-usage, params: [digital_signature]}}
          - {id: extended_key_usage, critical: true, value: [time_stamping]}
    services:
      time-stamping:
        stamps: {signing-cert: tsa, certs-to-embed: [interm]}
"""


@dataclass
class Responder:
    """The authority as it runs. ``mood`` is how it answers: ``well``, ``down`` (503), ``redirect`` or ``nonsense``."""

    root: x509.Certificate
    url: str = ""
    mood: str = "well"
    asked: list[str] = field(default_factory=list)


@contextmanager
def responder(folder: Path) -> Iterator[Responder]:
    """Run an authority with a root, an intermediate and a signer, keys and all made in ``folder``."""
    for name in ("root", "interm", "tsa"):
        key = generate_private_key(65537, 2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.pem").write_bytes(pem)
    (folder / "pki.yml").write_text(CONFIG, encoding="utf-8")
    config = CertomancerConfig.from_file(str(folder / "pki.yml"), str(folder))
    architecture = config.get_pki_arch(ArchLabel("time"))
    root = x509.load_der_x509_certificate(architecture.get_cert(CertLabel("root")).dump())
    services = architecture.service_registry
    here = Responder(root)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.asked.append(self.path)
            if here.mood == "redirect":
                self.send_response(307)
                self.send_header("Location", f"{here.url}elsewhere")
                self.end_headers()
                return
            content = b"<html>no</html>"
            if here.mood == "well":
                content = (
                    services.summon_timestamper(ServiceLabel("stamps"), datetime.now(UTC))
                    .request_tsa_response(tsp.TimeStampReq.load(body))
                    .dump()
                )
            self.send_response(503 if here.mood == "down" else 200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}/stamps/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
