"""How allauth signs staff in here: no sign-up, encrypted seeds, our words, and each step in the journal."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from clinic.accounts import lockout, mfa_secrets, reauthentication
from clinic.models import Actor, Journal, PolicyChange, User
from clinic.storage import rate_limit

REFUSALS_A_MINUTE = 10
SIGNED_IN_BY = {
    "totp": "signed in by app",
    "recovery_codes": "signed in by recovery code",
    "webauthn": "signed in by passkey",
}
WAIT = "Too many wrong tries. Wait five minutes, or ask a manager."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """The password; ``MFAAdapter`` has what comes after it."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "The user name or the password is wrong. Capital letters count.",
        "too_many_login_attempts": WAIT,
        "incorrect_password": "This is not your password. Type the one that you sign in with.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try; record a refusal after too many wrong ones."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            note_refused_sign_in()
            raise

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count by account alone: allauth adds the host name, and each name of this server gives five tries more."""
        return lockout.password_key(str(credentials.get("username", "")))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        note_refused_sign_in()

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Open the session, and record how the user signed in."""
        super().login(request, user)
        assert isinstance(user, User)
        used = [record["type"] for record in get_authentication_records(request, user) if record["method"] == "mfa"]
        Journal.objects.record(SIGNED_IN_BY[used[-1]] if used else "signed in", by=Actor(user=user))

    def get_reauthentication_methods(self, user: AbstractBaseUser) -> list[dict[str, Any]]:
        """Return the ways to show again who one is: allauth asks for the first, and offers the others."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        page = reauthentication.page_for_proof(context.request)
        return sorted(methods, key=lambda each: each["url"] != reverse(page)) if page else methods

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Ask again unless the user signed in, or was asked, within the last few minutes."""
        return not reauthentication.is_fresh(context.request)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors: never stored in clear, and the last one stays."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is wrong, or was used already. Wait for the next one and type it.",
        "cannot_delete_authenticator": "This is your only second factor. Add another one first.",
    }

    def encrypt(self, text: str) -> str:
        return mfa_secrets.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return mfa_secrets.decrypt(encrypted_text)

    def get_totp_issuer(self) -> str:
        return PolicyChange.objects.policy().clinic_name

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        return f"Passkey {Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1}"

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return whether another second factor is left."""
        others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
        return bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


def note_refused_sign_in() -> None:
    """Record a refusal, at most ten times a minute: anyone can be refused, at any speed."""
    if rate_limit.allow("sign-in-refused", {rate_limit.EVERYBODY: REFUSALS_A_MINUTE}):
        Journal.objects.record("sign-in refused", by=Actor())
