"""One contender in a process of its own: ``python -m bench.contender NAME``.

It reads a round's number from each line of its input, makes that round's record before the clock starts, and answers
with one line of JSON: a sample, or why it is missing.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.support.settings"

import django

django.setup()

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from bench import material, rivals
from bench.rounds import Missing, Sample
from consent.document import rendering
from consent.seal.certificate_authority import make_keys
from consent.seal.keys import SealKey
from consent.seal.pades import Trust, attached, seal, verify

PASSPHRASE = "of-a-benchmark-alone-of-a-benchmark-alone"


@cache
def key() -> SealKey:
    with TemporaryDirectory(prefix="bench-keys-") as folder:
        make_keys(Path(folder), PASSPHRASE, "Benchmark")
        return SealKey.load(Path(folder), PASSPHRASE)


def _stock() -> Callable[[bytes], bytes]:
    """Return pyHanko's own signer, with a certificate and an RSA key of 3,072 bits."""
    from pyhanko.sign import fields
    from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf

    with TemporaryDirectory(prefix="bench-rsa-") as folder:
        file = Path(folder) / "stock.p12"
        file.write_bytes(_rsa())
        signer = SimpleSigner.load_pkcs12(str(file), passphrase=PASSPHRASE.encode())
    meta = PdfSignatureMetadata(field_name="Stock", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256")
    return lambda pdf: sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), meta, signer).getvalue()


def _rsa() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Benchmark")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(True, True, *[False] * 7)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    return pkcs12.serialize_key_and_certificates(b"stock", key, certificate, None, encryption)


def _update_alone(pdf: bytes) -> bytes:
    """Append a revision that changes only the document's dates: the least that any seal must do."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    writer.update_root()
    target = BytesIO()
    writer.write(target)
    return target.getvalue()


def _drawn(number: int) -> bytes:
    return rendering.render(material.record(number))


def _opened_again(pdf: bytes) -> bytes:
    assert verify(pdf, Trust(roots=[key().root])).good
    assert attached(pdf)
    return pdf


# By name: what makes the contender, once, and what makes its material, before each round.
CONTENDERS: dict[str, tuple[Callable[[], Callable[[Any], bytes]], Callable[[int], Any]]] = {
    "ours, unsealed": (lambda: rendering.render, material.record),
    "ours, sealed": (lambda: lambda record: seal(rendering.render(record), key()), material.record),
    "ours, sealed and opened again": (
        lambda: lambda record: _opened_again(seal(rendering.render(record), key())),
        material.record,
    ),
    "WeasyPrint, naive": (rivals.naive, lambda number: material.styled(material.record(number))),
    "ReportLab": (rivals.reportlab, lambda number: material.paper(material.record(number))),
    "fpdf2": (rivals.fpdf2, lambda number: material.paper(material.record(number))),
    "Typst": (rivals.typst, lambda number: material.paper(material.record(number))),
    "Chromium, warm, tagged": (rivals.Chromium, lambda number: material.styled(material.record(number))),
    "our seal": (lambda: lambda pdf: seal(pdf, key()), _drawn),
    "stock signer": (_stock, _drawn),
    "incremental update alone": (lambda: _update_alone, _drawn),
}


def main() -> None:
    """Answer each line of the input until it ends."""
    make, prepare = CONTENDERS[sys.argv[1]]
    engine: Callable[[Any], bytes] | None = None
    for line in sys.stdin:
        try:
            engine = engine or make()
        except Missing as reason:
            print(json.dumps({"missing": str(reason)}), flush=True)
            continue
        work = prepare(int(line))
        gc.collect()
        print(json.dumps(_measured(engine, work)._asdict()), flush=True)
    if isinstance(engine, rivals.Chromium):
        engine.close()


def _measured(engine: Callable[[Any], bytes], work: Any) -> Sample:
    cpu, wall = rivals.clock()
    output = engine(work)
    cpu_after, wall_after = rivals.clock()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + rivals.peak_of_children()
    return Sample(cpu_after - cpu, wall_after - wall, len(output), peak)


if __name__ == "__main__":
    main()
