"""For anyone, signed in or not: is this file one of yours, and does it still stand?"""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from clinic.storage import rate_limit
from clinic.web.access import anyone
from consent.models import Timestamp
from consent.pages.public.forms import DigestForm
from consent.pages.public.lookup import known
from consent.seal import verifier_zip
from consent.seal.installation_trust import root_sha256
from consent.seal.keys import REVOKED, KeyTrouble, revocations, roots

A_MINUTE = 30  # questions from one address


@csrf_exempt  # it changes nothing, and programs may ask too
@anyone
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Ask about a file by its SHA-256, which the page computes in the browser; the file itself is never sent."""
    form = DigestForm(request.POST if request.method == "POST" else None)
    if request.method == "GET":
        return _page(request, form)
    is_valid = form.is_valid()
    if not _may_ask(request):
        form.add_error(None, f"That was more than {A_MINUTE} questions in a minute. Wait a minute, then ask again.")
        answer = _page(request, form, status=429)
        answer["Retry-After"] = "60"
        return answer
    if not is_valid:
        return _page(request, form, status=422)
    digest = form.cleaned_data["sha256"]
    return _page(request, DigestForm(), asked=digest, answer=known(digest))


def _may_ask(request: HttpRequest) -> bool:
    return rate_limit.allow("verify", {rate_limit.address(request): A_MINUTE})


def _page(request: HttpRequest, form: DigestForm, *, status: int = 200, **context: object) -> HttpResponse:
    return render(
        request, "consent/public/verify.html", {"form": form, "root": root_sha256(), **context}, status=status
    )


@anyone
@require_GET
def verify_help(request: HttpRequest) -> HttpResponse:
    """What common programs show for a sealed file, what they miss, and how to check without us."""
    has_revoked = (settings.KEYS_DIR / REVOKED).exists()
    return render(request, "consent/public/verify_help.html", {"root": root_sha256(), "has_revoked": has_revoked})


@anyone
@require_GET
def root_certificate(request: HttpRequest) -> HttpResponse:
    """The root certificate in DER."""
    try:
        root = roots(settings.KEYS_DIR)[0]
    except KeyTrouble as trouble:
        raise Http404 from trouble
    return _download(root.public_bytes(Encoding.DER), "application/pkix-cert", "root.cer")


@anyone
@require_GET
def revoked(request: HttpRequest) -> HttpResponse:
    """The list of revoked sealing keys, signed by the root, in DER; 404 if there is none."""
    revocation_list = revocations(settings.KEYS_DIR)
    if revocation_list is None:
        raise Http404
    return _download(revocation_list.public_bytes(Encoding.DER), "application/pkix-crl", "revoked.crl")


@anyone
@require_GET
def timestamp_token(request: HttpRequest, sha256: str) -> HttpResponse:
    """The timestamp kept beside a sealed file; 404 if it is inside the seal, or there is none."""
    kept = Timestamp.objects.filter(file_sha256=sha256, inside=False).first() if _may_ask(request) else None
    if kept is None:
        raise Http404
    return _download(bytes(kept.token or b""), "application/timestamp-token", f"{sha256[:16]}.tst")


@anyone
@require_GET
def verifier(request: HttpRequest) -> HttpResponse:
    """The program that checks a file without us, as a ZIP."""
    return _download(verifier_zip.verifier(), "application/zip", "verifier.zip")


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
