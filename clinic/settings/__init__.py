"""The settings of one installation. What differs between installations comes from the environment: docs/operating.md.

With no variable set, this is a development machine: data under ``var/``, plain HTTP on localhost. ``CLINIC_HOSTS``
makes it a real installation, which needs ``CLINIC_SECRET_KEY`` as well and serves over TLS only. ``DATABASE_URL`` puts
the data into PostgreSQL instead of SQLite. A wrong value, or half of what belongs together, raises
``ImproperlyConfigured``.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from pathlib import Path
from typing import Any

import fontpkg_atkinson_hyperlegible
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from clinic.settings import environment
from clinic.web.json_logging import CONFIG

# --- Where things are -------------------------------------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parents[2]
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
DATA_DIR = Path(os.environ.get("CLINIC_DATA_DIR", BASE_DIR / "var"))
KEYS_DIR = Path(os.environ.get("CLINIC_KEYS_DIR", DATA_DIR / "keys"))
ANCHORS_FILE = Path(os.environ.get("CLINIC_ANCHORS_FILE", DATA_DIR / "anchors" / "anchors.jsonl"))
BACKUP_DIR = Path(os.environ.get("CLINIC_BACKUP_DIR", DATA_DIR / "backup"))

# --- Which installation this is ---------------------------------------------------------------------------------------

HOSTS = environment.hosts("CLINIC_HOSTS")
REAL = bool(HOSTS)
ALLOWED_HOSTS = HOSTS or ["localhost", "127.0.0.1", "[::1]"]
DEBUG = False
DEMO = environment.switch("CLINIC_DEMO")  # says on every page that the data are made up
SECOND_FACTOR = not environment.switch("CLINIC_SECOND_FACTOR", "off")
if not SECOND_FACTOR and (REAL or not DEMO):
    raise ImproperlyConfigured("CLINIC_SECOND_FACTOR=off is for CLINIC_DEMO=1 alone, and never with CLINIC_HOSTS.")

# --- Keys and secrets -------------------------------------------------------------------------------------------------

SECRET_KEY = environment.secret("CLINIC_SECRET_KEY", least=32)
if REAL and not SECRET_KEY:
    raise ImproperlyConfigured("CLINIC_HOSTS is set, so CLINIC_SECRET_KEY (32 characters or more) must be set as well.")
SECRET_KEY_IS_TEMPORARY = not SECRET_KEY  # fine for one command; `clinic.checks` refuses to serve with it
SECRET_KEY = SECRET_KEY or secrets.token_urlsafe(48)
INDEX_KEY = environment.secret("CLINIC_INDEX_KEY", least=32) or SECRET_KEY  # keys the hashes by which names are found
# Wraps the patients' keys, under which their records are encrypted; encrypts sessions and second factors.
DATA_KEYS = Path(os.environ.get("CLINIC_DATA_KEYS", KEYS_DIR / "data.keys"))
REGISTER_KEYS = DATA_KEYS.with_name("register.keys")  # opens the names of those whose records were erased
# Who can open backups: age recipients, one a line. The key that opens them is not on this machine.
BACKUP_RECIPIENTS = Path(os.environ.get("CLINIC_BACKUP_RECIPIENTS", KEYS_DIR / "backup.recipients"))
READY_TOKEN = environment.secret("CLINIC_READY_TOKEN")  # opens /readyz from other machines

SEAL_PASSPHRASE = environment.secret("CLINIC_SEAL_PASSPHRASE")
# The sealing key in a PKCS#11 token instead of a file: the module's library, the labels of the token and the key.
PKCS11_MODULE = os.environ.get("CLINIC_PKCS11_MODULE", "")
PKCS11_TOKEN = os.environ.get("CLINIC_PKCS11_TOKEN", "")
PKCS11_LABEL = os.environ.get("CLINIC_PKCS11_LABEL", "")
PKCS11_PIN = environment.secret("CLINIC_PKCS11_PIN")
if PKCS11_MODULE and not (PKCS11_TOKEN and PKCS11_LABEL and PKCS11_PIN):
    raise ImproperlyConfigured(
        "CLINIC_PKCS11_MODULE is set, so CLINIC_PKCS11_TOKEN, CLINIC_PKCS11_LABEL and CLINIC_PKCS11_PIN must be too."
    )
# An RFC 3161 timestamp authority, and a PEM file with the root that vouches for it. No other server is ever called.
TSA_URL = os.environ.get("CLINIC_TSA_URL", "")
TSA_ROOTS = os.environ.get("CLINIC_TSA_ROOTS", "")
if TSA_URL and not TSA_ROOTS:
    raise ImproperlyConfigured("CLINIC_TSA_URL is set, so CLINIC_TSA_ROOTS must name a file with the authority's root.")

# --- The application --------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "clinic",
    "screening",
    "consent",
    "operations",
    "django.contrib.auth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "django_include_bootstrap",
]

MIDDLEWARE = [
    "clinic.web.middleware.logged",
    "csp.middleware.CSPMiddleware",  # headers first: what a later one answers must carry them too
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "clinic.web.middleware.headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "clinic.web.middleware.methods",
    "clinic.web.middleware.sizes",
    "clinic.web.middleware.own_site",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "clinic.web.middleware.device_tokens",
    "clinic.web.middleware.refusals",
    "clinic.web.unavailable.DatabaseUnavailable",
    "clinic.web.middleware.SessionTimeout",
    "clinic.web.middleware.ErasedRecords",
    "clinic.web.middleware.DefaultDeny",
]

LOGGING = CONFIG

ROOT_URLCONF = "clinic.urls"
WSGI_APPLICATION = "clinic.wsgi.application"
AUTH_USER_MODEL = "clinic.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # a cookie would hold the words in clear
CSRF_FAILURE_VIEW = "clinic.pages.public.views.form_expired"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "clinic.web.context_processors.clinic",
            ],
            "libraries": {
                "aftercare_tags": "consent.pages.aftercare_tags",
                "consent_tags": "consent.pages.consent_tags",
                "form_tags": "clinic.web.form_tags",
                "screening_tags": "screening.pages.screening_tags",
            },
        },
    }
]
CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_FAIL_SILENTLY = False

# --- The database, and what rests on it -------------------------------------------------------------------------------

# Seconds that a writer waits for others, below gunicorn's thirty. Ten were too few: when a disk stalled that long, all
# waiting writers were refused at once, and would have been served a second later.
PATIENCE = 20
# Django's defaults lost 74 % of concurrent submissions on SQLite; see docs/operating.md. No ATOMIC_REQUESTS: it would
# take the write lock for every page that is only read.
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "clinic.storage.sqlite",
        "NAME": DATA_DIR / "clinic.sqlite3",
        "CONN_MAX_AGE": None,  # kept by each process: opening one costs as much as all that a page reads
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": PATIENCE,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            "PRAGMA recursive_triggers=ON; PRAGMA secure_delete=ON;",
        },
    }
}
if _database := environment.database("DATABASE_URL", pooled=environment.switch("CLINIC_POOLER"), patience=PATIENCE):
    DATABASES["default"] = _database

# The worker takes tasks from the database, so a task is committed together with what asked for it.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # fewer, and a flood of made-up names would push out the real counts
    }
}

# --- Language, time and static files ----------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = environment.time_zone("CLINIC_TIME_ZONE", "Europe/London")
USE_I18N = True
USE_TZ = True
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("fonts/atkinson", fontpkg_atkinson_hyperlegible.ROOT / "files")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site has a use for them
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["map", "gz", "br", "png", "woff", "woff2", "zip"]

# --- Signing in -------------------------------------------------------------------------------------------------------

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "account_login"
# Signing in is allauth's, which counts wrong tries in the cache above. No sign-up, no reset by e-mail.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "clinic.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
ACCOUNT_FORMS = {
    "login": "clinic.pages.account.forms.SignInForm",
    "reauthenticate": "clinic.pages.account.forms.PasswordAgainForm",
    "change_password": "clinic.pages.account.forms.NewPasswordForm",
}
MFA_ADAPTER = "clinic.accounts.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_FORMS = {
    "authenticate": "clinic.pages.account.forms.CodeForm",
    "reauthenticate": "clinic.pages.account.forms.CodeAgainForm",
    "add_webauthn": "clinic.pages.account.forms.AddPasskeyForm",
    "activate_totp": "clinic.pages.account.forms.AddAppForm",
    "deactivate_totp": "clinic.pages.account.forms.RemoveAppForm",
    "generate_recovery_codes": "clinic.pages.account.forms.NewCodesForm",
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "clinic.accounts.password_validators.NotOurWords"},
]

# --- Sessions, cookies and what browsers may do -----------------------------------------------------------------------

SESSION_ENGINE = "clinic.accounts.session_store"
SESSION_COOKIE_AGE = 10 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = REAL
SESSION_COOKIE_NAME = "__Host-staff" if REAL else "staff"
CSRF_COOKIE_NAME = "__Host-csrf" if REAL else "csrf"
TABLET_COOKIE_NAME = "__Host-tablet" if REAL else "tablet"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked over loopback, without the proxy
SECURE_HSTS_SECONDS = 31_536_000 if REAL else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = REAL
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # preloading is for the owner of the domain to ask for, not for one host
SECURE_REFERRER_POLICY = "same-origin"  # with "no-referrer" Chromium posts `Origin: null`, which CSRF refuses
X_FRAME_OPTIONS = "DENY"
if environment.switch("CLINIC_BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # the limiter counts each client's tries, not the proxy's

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {  # no nonces needed: no inline script or style at all
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["htmx"],
        "report-uri": ["/csp"],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000  # files included: `clinic.web.middleware.sizes`
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300

# --- E-mail -----------------------------------------------------------------------------------------------------------

EMAIL_BACKEND = os.environ.get("CLINIC_EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_HOST = os.environ.get("CLINIC_EMAIL_HOST", "localhost")
EMAIL_USE_TLS = EMAIL_HOST not in ("localhost", "127.0.0.1")  # mail leaves this machine encrypted, or not at all
EMAIL_TIMEOUT = 10  # seconds; a link is sent while the front desk waits
DEFAULT_FROM_EMAIL = os.environ.get("CLINIC_EMAIL_FROM", "clinic@localhost")
