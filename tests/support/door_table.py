"""What each address answers to whom: the table that the app is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.shortcuts import resolve_url

from clinic.web import middleware
from tests.support.full_clinic import ACTORS, OTHERS, STAFF, TABLETS, Door, doors

DESK = ("reception", "practitioner")

PHYSIO, BOSS = ("practitioner",), ("manager",)

ANSWERS, READS, TAKES_BACK = ("answering", "phone"), ("consenting",), ("withdrawing",)

OTHER_METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS")

GO, NO = 302, 404


@dataclass(frozen=True)
class Row:
    """What one address answers those who may open it: to GET, and to POST with nothing filled in."""

    who: tuple[str, ...]
    get: int | tuple[int, ...] = 405
    post: int | tuple[int, ...] = 405


ALL = tuple(each for each in ACTORS if each not in OTHERS)

TABLE: dict[str, Row] = {
    # Open to anyone.
    "home": Row(ALL, GO, GO),
    "account_login": Row(ALL, (200, GO), (422, GO)),
    "mfa_authenticate": Row(ALL, GO, GO),
    "mfa_login_webauthn": Row(ALL, (GO, 429), (422, GO, 429)),  # counted: few tries from one address
    "account_inactive": Row(ALL, 200, 405),
    "enrol": Row(ALL, 200, 422),
    "logout": Row(ALL, 405, GO),
    "csp": Row(ALL, 405, (400, 429)),
    "resume": Row(ALL, (200, GO), (200, GO)),
    "pair": Row(ALL, 200, 422),
    "phone": Row(ALL, (200, GO), (200, 422, GO)),
    "healthz": Row(ALL, 200),
    "readyz": Row(ALL, (200, 503)),
    "verify": Row(ALL, 200, 422),
    "verify_help": Row(ALL, 200),
    "root_certificate": Row(ALL, 200),
    "revoked": Row(ALL, 404),
    "verifier": Row(ALL, 200),
    "timestamp_token": Row(ALL, 200),
    # Whoever is signed in, for the own account.
    "mfa_index": Row(STAFF, 200, 405),
    "account_change_password": Row(STAFF, 200, (422, 429)),
    "work_at": Row(STAFF, 200, 422),
    "my_sessions": Row(STAFF, 200, GO),
    "account_reauthenticate": Row(STAFF, 200, 422),
    "mfa_reauthenticate": Row(STAFF, GO, GO),
    "mfa_reauthenticate_webauthn": Row(STAFF, (200, GO), (422, GO)),
    "mfa_add_webauthn": Row(STAFF, 200, 422),
    "mfa_remove_webauthn": Row(STAFF, 404, 404),  # of somebody else: each may remove their own alone
    "mfa_activate_totp": Row(STAFF, 200, 422),
    "mfa_deactivate_totp": Row(STAFF, 404, 404),
    "mfa_view_recovery_codes": Row(STAFF, 404, 405),
    "mfa_generate_recovery_codes": Row(STAFF, 200, 422),
    # A paired tablet.
    "birth_date": Row(TABLETS, GO, GO),
    "tablet_look": Row(TABLETS, 405, GO),
    "tablet_state": Row(TABLETS, 200),
    "more_time": Row(TABLETS, 405, 200),
    "lock_tablet": Row(TABLETS, 405, 200),
    # The patient whose visit the tablet holds.
    "answering": Row(ANSWERS, GO),
    "part": Row(ANSWERS, 200, 422),
    "ask": Row((*ANSWERS, *READS), 200, 200),
    "stop": Row((*ANSWERS, *READS), 200, 200),
    "last_time": Row(ANSWERS, GO, GO),
    "check": Row(ANSWERS, (200, GO), GO),
    "kept": Row(ANSWERS, GO),
    "read_at_home": Row(ANSWERS, GO),
    "read_at_home_page": Row(ANSWERS, GO),
    "still_happy": Row(READS, GO, 400),
    "consenting": Row(READS, GO),
    "consent_page": Row(READS, 200, 400),
    "withdraw": Row(TAKES_BACK, 200, 400),
    # The front desk, and practitioners.
    "board": Row(STAFF, (200, GO)),
    "urgent": Row(STAFF, 200),
    "board_news": Row(DESK, 200),
    "import_day": Row(DESK, 200, 422),
    "patients": Row(DESK, 200, 422),
    "add_patient": Row(DESK, 200, 422),
    "patient": Row(DESK, 200),
    "correct_patient": Row(DESK, 200, 422),
    "merge_patient": Row(DESK, 200, 422),
    "add_visit": Row(DESK, 405, 422),
    "visit": Row(DESK, 200),
    "hand_over": Row(DESK, 405, GO),
    "lend": Row(DESK, 405, GO),
    "take_back": Row(DESK, 405, GO),
    "reopen_visit": Row(DESK, 405, GO),
    "did_not_come": Row(DESK, 405, GO),
    "phone_code": Row(DESK, 405, 200),
    "phone_email": Row(DESK, 405, GO),
    "phone_end": Row(DESK, 405, GO),
    "take_urgent": Row(DESK, 405, GO),
    "paper_print": Row(DESK, 405, GO),
    "paper_form": Row(DESK, 200),
    "consent_pdf": Row(DESK, 200),
    "seal_again": Row(DESK, 405, GO),
    "send_copy": Row(DESK, 200, 422),
    "aftercare": Row(DESK, 200),
    "send_aftercare": Row(DESK, 405, GO),
    "withdraw_consent": Row(DESK, 200, 422),
    "withdraw_on_tablet": Row(DESK, 405, GO),
    "after_pdf": Row(DESK, 200),
    "seal_after_again": Row(DESK, 405, GO),
    # Managers: what is kept how long.
    "retention": Row(("manager",), 200),
    "erase_records": Row(("manager",), 405, GO),
    "hold_record": Row(("manager",), 405, 422),
    "release_record": Row(("manager",), 405, GO),
    # Practitioners.
    "emergency": Row(PHYSIO, 200, 422),
    "queue": Row(PHYSIO, 200, GO),
    "queue_news": Row(PHYSIO, 200),
    "queue_next": Row(PHYSIO, 405, GO),
    "review_claim": Row(PHYSIO, 405, GO),
    "review_release": Row(PHYSIO, 405, GO),
    "review_take_over": Row(PHYSIO, 405, NO),
    "review": Row(PHYSIO, 200),
    "review_plan": Row(PHYSIO, 405, 422),
    "review_decide": Row(PHYSIO, 405, 422),
    "review_ahead": Row(PHYSIO, GO, GO),
    "review_attest": Row(PHYSIO, 405, (422, GO)),
    "review_close": Row(PHYSIO, 405, NO),
    "not_treated_note": Row(PHYSIO, 200),
    "record_session": Row(PHYSIO, 200, 422),
    "record_event": Row(PHYSIO, 200, 422),
    "adverse_event": Row(PHYSIO, 200, 422),
    "paper_record": Row(PHYSIO, 200, 422),
    "confirm": Row(PHYSIO, 200, 422),
    "change_answers": Row(PHYSIO, 405, 422),
    "end_consent": Row(PHYSIO, 200, 422),
    # A record's history, and all of it: not for the front desk.
    "looked": Row((*PHYSIO, *BOSS), 200),
    "export_patient": Row((*PHYSIO, *BOSS), 405, 200),
    # The manager.
    "manage_tablets": Row(BOSS, 200, 422),
    "pairing_code": Row(BOSS, 405, 200),
    "revoke_tablet": Row(BOSS, 405, GO),
    "manage_staff": Row(BOSS, 200, 405),
    "add_staff": Row(BOSS, 200, 422),
    "staff_member": Row(BOSS, 200, 422),
    "enrolment_link": Row(BOSS, 405, 200),
    "end_sessions": Row(BOSS, 405, GO),
    "staff_leaves": Row(BOSS, 405, GO),
    "manage_journal": Row(BOSS, 200),
    "manage_sites": Row(BOSS, 200, 422),
    "manage_site": Row(BOSS, 200, 422),
    "manage_emergencies": Row(BOSS, 200),
    "emergency_seen": Row(BOSS, 405, GO),
    "manage_settings": Row(BOSS, 200, 422),
    "manage_figures": Row(BOSS, 200),
    "figure_plot": Row(BOSS, 200),
    "figure_sheet": Row(BOSS, 200),
    "manage_versions": Row(BOSS, 200),
}

HEADERS = {
    "Cache-Control": "no-store, private",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": middleware.PERMISSIONS,
    "Cross-Origin-Resource-Policy": "same-origin",
}

IN_EACH_POLICY = (
    "script-src 'self'",
    "require-trusted-types-for 'script'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "report-uri /csp",
)

OF_FILES = {"consent_pdf": "sandbox", "after_pdf": "sandbox"}  # downloads, with a policy that lets nothing run


def wrong_headers(answer: Any, door: str) -> list[str]:
    """Name each header that an answer lacks, or has otherwise."""
    wrong = [name for name, value in HEADERS.items() if answer.headers.get(name) != value]
    policy = answer.headers.get("Content-Security-Policy", "")
    if not (answer.status_code == 200 and policy == OF_FILES.get(door)):
        wrong += [f"no {part}" for part in IN_EACH_POLICY if part not in policy]
    for cookie in (each for each in answer.cookies.values() if each.value):  # one without a value is taken away
        known = cookie.key in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.TABLET_COOKIE_NAME)
        if not known or not cookie["httponly"] or cookie["samesite"] not in SAME_SITE:
            wrong.append(f"cookie {cookie.key}")
    return wrong


SAME_SITE = ("Strict", "Lax")  # "Lax" on a patient's own phone alone: it comes back through a link


def outcome(answer: Any) -> str:
    """Say what an answer is: its status, and where it leads if that is one of the two doors."""
    if answer.status_code != GO:
        return str(answer.status_code)
    where = answer.headers["Location"]
    if where.startswith(f"{resolve_url(settings.LOGIN_URL)}?next="):
        return "sign in"
    return "tablet" if where == "/tablet/" else "302"


def expected(row: Row, actor: str, method: str, door: Door) -> set[str]:
    """What the table says of this actor and this method."""
    if method in OTHER_METHODS:
        return {"405"}
    if actor in OTHERS:
        return _elsewhere(row, actor, method, door)
    if actor not in row.who:
        if set(row.who) <= set(TABLETS):
            return {"tablet"}
        return {"404"} if actor in STAFF else {"sign in"}
    told = {"GET": row.get, "POST": row.post, "HEAD": row.get}[method]
    statuses = {str(each) for each in (told if isinstance(told, tuple) else (told,))}
    return (
        statuses | ({"tablet", "sign in"} if str(GO) in statuses else set()) | ({"405"} if method == "HEAD" else set())
    )


OF_THE_GROUP = ("manage_settings", "manage_sites", "manage_site")  # for managers of the first clinic

OF_NO_CLINIC = ("timestamp_token",)


def _elsewhere(row: Row, actor: str, method: str, door: Door) -> set[str]:
    """What the same role of another clinic is told: of a record, that there is none."""
    same = expected(row, OTHERS[actor], method, door)
    if "405" in same and method != "HEAD":
        return same
    if OTHERS[actor] in row.who and (door.name in OF_THE_GROUP or door.has_object):
        return same if door.name in OF_NO_CLINIC else {"404"} | (same & {"405"})
    return same


TAKES_POSTS = [door for door in doors() if TABLE[door.name].post != 405]

DJANGOS_OWN = (b"CSRF verification failed", b"Traceback", b"DEBUG = True", b"<h1>Forbidden</h1>", b"Server Error (500)")
