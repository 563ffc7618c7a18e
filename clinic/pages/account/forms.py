"""allauth's forms, with our look and words."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as CodeReauthenticateForm
from allauth.mfa.recovery_codes.forms import GenerateRecoveryCodesForm
from allauth.mfa.totp.forms import ActivateTOTPForm, DeactivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.core.exceptions import ValidationError

from clinic.models import Actor, Journal
from clinic.web.fields import helper


class OurLook(forms.Form):
    """No placeholders, errors from the server, and the fields alone."""

    use_required_attribute = False
    helper = helper()
    texts: dict[str, tuple[str, str, str]] = {}  # by field: its label, its hint, and the error when it is empty

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name in self.texts:
                field.label, field.help_text, field.error_messages["required"] = self.texts[name]


class SignInForm(OurLook, LoginForm):  # type: ignore[misc]
    """User name and password."""

    texts = {
        "login": ("Username", "", "Type your user name."),
        "password": ("Password", "", "Type your password."),
    }


class PasswordAgainForm(OurLook, ReauthenticateForm):  # type: ignore[misc]
    """The password once more, before acts for which a machine left signed in must not be enough."""

    texts = {"password": ("Your password, once more", "", "Type your password.")}


class NewPasswordForm(OurLook, ChangePasswordForm):  # type: ignore[misc]
    """The current password, and the new one, twice."""

    texts = {
        "oldpassword": ("Your current password", "", "Type the password that you sign in with."),
        "password1": (
            "Your new password",
            "At least 12 characters; a sentence is easy to remember. No other rules.",
            "Choose a password.",
        ),
        "password2": ("The new password, once more", "", "Type the new password once more."),
    }


APP_CODE = ("Code", "6 digits from your authenticator app.", "Type the 6 digits.")
ANY_CODE = ("Code", "6 digits from your authenticator app, or 8 of a recovery code.", "Type the code.")


class CodeForm(OurLook, AuthenticateForm):  # type: ignore[misc]
    """The second factor at the sign-in, typed."""

    texts = {"code": ANY_CODE}

    def clean_code(self) -> str:
        try:
            return str(super().clean_code())
        except ValidationError:
            Journal.objects.record("second factor refused", by=Actor(user=self.user))
            raise


class CodeAgainForm(OurLook, CodeReauthenticateForm):  # type: ignore[misc]
    """The second factor once more, typed."""

    texts = {"code": ANY_CODE}


class AddAppForm(OurLook, ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an authenticator app, which shows that it has the key."""

    texts = {"code": APP_CODE}


class AddPasskeyForm(OurLook, AddWebAuthnForm):  # type: ignore[misc]
    """The name of a passkey, and what the browser made. It always signs in without a password."""

    texts = {"name": ("Name", "So that you recognise it: for example, “work laptop”.", "Type a name.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["passwordless"]


class RemoveAppForm(OurLook, DeactivateTOTPForm):  # type: ignore[misc]
    """Nothing to fill in."""


class NewCodesForm(OurLook, GenerateRecoveryCodesForm):  # type: ignore[misc]
    """Nothing to fill in."""
