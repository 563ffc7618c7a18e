"""RFC 3161 timestamps: request and check them. No Django.

A token is either inside a seal (PAdES B-T) or kept beside a sealed file, over the file's SHA-256. Only the clinic's own
choice of authority is ever asked, without following redirects and without a proxy.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import urlsplit

from asn1crypto import cms, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from pyhanko.sign.general import NonexistentAttributeError, find_unique_cms_attribute
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import handle_tsp_response
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from consent.seal.keys import as_asn1

SECONDS = 10  # to wait for the authority
LONGEST = 12_000  # bytes of a token; public authorities' have 3,000 to 7,000
T = TypeVar("T")


class StampTrouble(Exception):
    """The authority cannot be reached, refuses, or gave a timestamp that is not valid."""


@dataclass(frozen=True)
class Stamp:
    """What a token says: at what time (aware) the digest existed, and the authority's name.

    ``trusted``: one of the given roots vouches for the authority; ``None`` if no roots were given.
    """

    at: datetime
    by: str
    trusted: bool | None


class Authority(TimeStamper):
    """A timestamp authority at a URL, whose certificate one of ``roots`` vouches for."""

    def __init__(self, url: str, roots: Sequence[x509.Certificate]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.url, self.roots = url, tuple(roots)

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Ask the authority. Raise ``StampTrouble`` if it cannot be reached or answers something else."""
        return await asyncio.to_thread(self._ask, req.dump())

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """Return a checked token over ``message_digest``, in the one form that ``_written`` gives."""
        nonce, request = self.request_cms(message_digest, md_algorithm)  # type: ignore[no-untyped-call]
        response = await self.async_request_tsa_response(request)
        try:
            token = handle_tsp_response(response, nonce)
            status = await _status(token, lambda _: message_digest, self.roots)
            if not (status.intact and status.valid and status.trusted and status.validation_path):
                raise StampTrouble("the timestamp is not by an authority that our roots vouch for")
            written = _written(token, list(status.validation_path.iter_certs(include_root=True))[::-1])
        except StampTrouble:
            raise
        except Exception as error:  # refused, or not what it should be: two libraries' errors
            raise StampTrouble(f"the timestamp authority's answer: {error}") from error
        if len(written.dump()) > LONGEST:
            raise StampTrouble("the timestamp is longer than the space that a seal keeps for it")
        return written

    def _ask(self, body: bytes) -> tsp.TimeStampResp:
        address = urlsplit(self.url)
        kind = {"http": HTTPConnection, "https": HTTPSConnection}.get(address.scheme)
        if kind is None or not address.hostname:
            raise StampTrouble(f"{self.url} is not an address of a timestamp authority")
        connection = kind(address.hostname, address.port, timeout=SECONDS)
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read(4 * LONGEST)
            if answer.status != 200:
                raise StampTrouble(f"the timestamp authority answered with status {answer.status}")
            return tsp.TimeStampResp.load(content, strict=True)
        except (OSError, HTTPException, ValueError) as error:
            raise StampTrouble(f"the timestamp authority gave no answer: {error}") from error
        finally:
            connection.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also in a thread whose own event loop is running."""
    if not _is_running():
        return _run_here(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_run_here, work).result()


def _run_here(work: Coroutine[Any, Any, T]) -> T:
    # Not asyncio.run: its handling of Ctrl-C formats the repr of the coroutine's result, certificates included, and for
    # some signatures that took four times as long as verifying them.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def _is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def stamp(sha256: str, authority: Authority) -> bytes:
    """Return the authority's token over a file's SHA-256 (hex), in DER. Raise ``StampTrouble`` if there is none now."""
    return bytes(run(authority.async_timestamp(bytes.fromhex(sha256), "sha256")).dump())


def check(token: bytes, sha256: str, roots: Sequence[x509.Certificate]) -> Stamp:
    """Return what the token kept beside a file says of the file's SHA-256 (hex).

    Raise ``StampTrouble`` if it is damaged or of another file.
    """
    try:
        return run(read_token(cms.ContentInfo.load(token, strict=True), {"sha256": bytes.fromhex(sha256)}.get, roots))
    except StampTrouble:
        raise
    except Exception as error:  # a damaged token can fail anywhere
        raise StampTrouble(f"the timestamp cannot be read ({type(error).__name__})") from error


async def read_token(
    token: cms.ContentInfo, digest: Callable[[str], bytes | None], roots: Sequence[x509.Certificate]
) -> Stamp:
    """Return what ``token`` says. ``digest`` returns the digest that must have been stamped, by the hash's name."""
    status = await _status(token, digest, roots)
    chain = _chain(token)
    if not (status.intact and status.valid) or _written(token, chain).dump() != token.dump():
        raise StampTrouble("the timestamp is damaged, or was made for something else")
    return Stamp(status.timestamp, _name(chain[0]), bool(status.trusted) if roots else None)


def embedded_token(signer_info: cms.SignerInfo) -> cms.ContentInfo | None:
    """Return the token inside a seal, or ``None``."""
    try:
        token: cms.ContentInfo = find_unique_cms_attribute(signer_info["unsigned_attrs"], "signature_time_stamp_token")
    except NonexistentAttributeError:
        return None
    return token


def stamped_digest(signer_info: cms.SignerInfo) -> Callable[[str], bytes]:
    """Return what the token inside a seal must have stamped: the signature's digest, by the hash's name."""
    return lambda algorithm: hashlib.new(algorithm, signer_info["signature"].native).digest()


async def _status(
    token: cms.ContentInfo, digest: Callable[[str], bytes | None], roots: Sequence[x509.Certificate]
) -> TimestampSignatureStatus:
    data = token["content"]
    at = data["encap_content_info"]["content"].parsed["gen_time"].native
    context = ValidationContext(trust_roots=[as_asn1(root) for root in roots], moment=at, allow_fetching=False)
    return TimestampSignatureStatus(**await validate_tst_signed_data(data, context, digest))  # type: ignore[arg-type]


def _name(certificate: asn1.Certificate) -> str:
    """Return the authority's name: "Time Stamping (Some Authority Ltd)"."""
    subject = certificate.subject.native
    own, organisation = subject.get("common_name"), subject.get("organization_name")
    return f"{own} ({organisation})" if own and organisation else str(own or organisation or "an unnamed authority")


def _chain(token: cms.ContentInfo) -> list[asn1.Certificate]:
    """Return the token's certificates from the signer's to a root, each issued by the next, the last by itself.

    Raise ``StampTrouble`` if one is missing or not needed: a certificate that is not needed could be any bytes.
    """
    held = {choice.chosen.subject.dump(): choice.chosen for choice in token["content"]["certificates"]}
    (info,) = token["content"]["signer_infos"]
    named = (info["sid"].chosen["issuer"].dump(), info["sid"].chosen["serial_number"].native)
    chain: list[asn1.Certificate] = [
        certificate for certificate in held.values() if (certificate.issuer.dump(), certificate.serial_number) == named
    ][:1]
    while chain and chain[-1].issuer.dump() != chain[-1].subject.dump():
        above = held.get(chain[-1].issuer.dump())
        if above is None or above in chain:
            raise StampTrouble("the timestamp lacks a certificate")
        chain.append(above)
    if not chain or len(chain) != len(token["content"]["certificates"]):
        raise StampTrouble("the timestamp does not hold the certificates that it must")
    loaded = [x509.load_der_x509_certificate(certificate.dump()) for certificate in chain]
    for below, above in zip(loaded, [*loaded[1:], loaded[-1]], strict=True):
        below.verify_directly_issued_by(above)
    return chain


def _written(token: cms.ContentInfo, chain: Sequence[asn1.Certificate]) -> cms.ContentInfo:
    """Return ``token`` written again from its signed parts and its certificates alone.

    The unsigned parts of a token could be changed without breaking it; this form has none.
    """
    data = token["content"]
    (info,) = data["signer_infos"]
    if info["sid"].name != "issuer_and_serial_number":
        raise StampTrouble("the timestamp names its signer in a way that is not supported")
    return cms.ContentInfo(
        {
            "content_type": "signed_data",
            "content": cms.SignedData(
                {
                    "version": "v3",
                    "digest_algorithms": [_copy(info["digest_algorithm"])],
                    "encap_content_info": {
                        "content_type": "tst_info",
                        "content": cms.ParsableOctetString(bytes(data["encap_content_info"]["content"])),
                    },
                    "certificates": cms.CertificateSet(
                        [cms.CertificateChoices("certificate", _copy(certificate)) for certificate in chain]
                    ),
                    "signer_infos": [
                        cms.SignerInfo(
                            {
                                "version": "v1",
                                "sid": cms.SignerIdentifier(
                                    "issuer_and_serial_number",
                                    {
                                        "issuer": _copy(chain[0].issuer),
                                        "serial_number": chain[0].serial_number,
                                    },
                                ),
                                "digest_algorithm": _copy(info["digest_algorithm"]),
                                "signed_attrs": cms.CMSAttributes.load(info["signed_attrs"].untag().dump()),
                                "signature_algorithm": _copy(info["signature_algorithm"]),
                                "signature": info["signature"].native,
                            }
                        )
                    ],
                }
            ),
        }
    )


def _copy(value: Any) -> Any:
    return type(value).load(value.dump(), strict=True)
