"""What most tests stand on: staff of each role, a patient, a visit, a tablet that holds it. Each call writes rows."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings
from django.test import Client
from django.utils import timezone

from clinic.accounts.reauthentication import Rechecked
from clinic.domain.flow import Stage
from clinic.domain.policy import Policy
from clinic.models import Actor, Hold, Patient, Role, Site, Tablet, User, Visit
from screening import actions
from screening.assessment.clear import clear
from screening.assessment.clearance_state import CLEARED
from screening.domain import questionnaire, rules
from screening.models import Assessment, Clearance, Plan, Screening, Technique

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def make_user(*roles: Role, name: str = "", **fields: Any) -> User:
    """Make a staff member with these roles and ``PASSWORD``."""
    number = next(_numbers)
    fields.setdefault("username", f"staff{number}")
    user = User(full_name=name or f"Staff {number}", **fields)
    for role in roles:
        setattr(user, f"is_{role.value}", True)
    if Role.PRACTITIONER in roles and not user.registration_number:
        user.registration_number = f"PH{number:05d}"
    user.set_password(PASSWORD)
    user.save()
    return user


def make_site(name: str = "") -> Site:
    """Add a clinic to the group."""
    number = Site.objects.count() + 1
    return Site.objects.create(number=number, name=name or f"Clinic {number}")


def receptionist() -> User:
    return make_user(Role.RECEPTION)


def practitioner(name: str = "") -> User:
    return make_user(Role.PRACTITIONER, name=name)


def manager() -> User:
    return make_user(Role.MANAGER)


def acting(user: User, role: Role = Role.PRACTITIONER) -> Actor:
    """Return the staff member as an actor under ``role``."""
    return Actor(user=user, role=role)


def rechecked(by: Actor) -> Rechecked:
    """Return the proof that this staff member typed their password just now, without typing it."""
    return Rechecked(user=by.staff.pk, at=timezone.now())


def make_patient(name: str = "Alex Example", born: dt.date = dt.date(1990, 5, 1), **fields: Any) -> Patient:
    patient = Patient.objects.create(name=name, born=born, created_by=receptionist(), **fields)
    patient.index()
    return patient


def make_visit(patient: Patient | None = None, stage: Stage = Stage.EXPECTED, **fields: Any) -> Visit:
    """Make a visit of today, in any stage (set, not moved to)."""
    patient = patient or make_patient()
    fields.setdefault("day", timezone.localdate())
    fields.setdefault("created_by", patient.created_by)
    return Visit.objects.create(patient=patient, stage=stage.value, **fields)


def make_tablet(name: str = "") -> tuple[Tablet, str]:
    """Make a paired tablet; return it and its cookie."""
    tablet = Tablet.objects.create(name=name or f"Tablet {next(_numbers)}", created_by=manager())
    return tablet, tablet.new_token()


def hold(visit: Visit, tablet: Tablet, *, identified: bool = True) -> Hold:
    """Hand ``tablet`` over with ``visit``; ``identified``: the birth date was confirmed."""
    return Hold.objects.create(
        visit=visit, tablet=tablet, handed_by=visit.created_by, identified_at=timezone.now() if identified else None
    )


def sign_in(client: Client, user: User) -> None:
    """Sign a client in without the pages: the password and a second factor, just now."""
    client.force_login(user)
    session = client.session
    shown = [{"method": "password", "at": time.time()}, {"method": "mfa", "at": time.time(), "type": "totp", "id": 0}]
    session["account_authentication_methods"] = shown
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def staff_client(user: User) -> Client:
    """Return a client that is signed in."""
    client = Client()
    sign_in(client, user)
    return client


def code_for(user: User) -> str:
    """Give the user an authenticator app if there is none; return a code that signs in once: a recovery code."""
    if not Authenticator.objects.filter(user=user).exists():
        TOTP.activate(user, generate_totp_secret())
    return str(RecoveryCodes.activate(user).get_unused_codes()[0])


def code_of_key(key: str) -> str:
    """Return what an authenticator app shows for this key."""
    return str(format_hotp_value(hotp_value(key, int(time.time()) // 30)))


def tablet_client(visit: Visit, *, identified: bool = True) -> Client:
    """Return a client that is a paired tablet holding ``visit``."""
    tablet, token = make_tablet()
    hold(visit, tablet, identified=identified)
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    return client


def answers(**changes: Any) -> dict[str, Any]:
    """Return the answers of a healthy adult with ``changes``; ``None`` leaves an answer out."""
    changed = {**questionnaire.all_clear(), **changes}
    return {name: value for name, value in changed.items() if value is not None}


def make_screening(visit: Visit, *, submitted: bool = True, **changes: Any) -> Screening:
    """Write a screening with ``answers(**changes)``, without running the rules; a visit that is to sign is cleared."""
    made = Screening(visit=visit, number=visit.screenings.count() + 1, **answered(**changes))
    made.submitted_at = timezone.now() if submitted else None
    made.save()
    if visit.at in CLEARED and not Clearance.objects.filter(screening__visit=visit).exists():
        clear(visit)
    return made


def answered(**changes: Any) -> dict[str, Any]:
    """Return the fields of a screening that was answered now, on the live questions, with ``answers(**changes)``."""
    said = questionnaire.dump(answers(**changes))
    return {
        "questionnaire_version": questionnaire.VERSION,
        "questionnaire_sha256": questionnaire.digest(),
        "answers": said,
        "given_at": dict.fromkeys(said, timezone.now().isoformat()),
    }


def make_plan(visit: Visit, *regions: str, electro: bool = False, by: User | None = None) -> Plan:
    """Write a plan, without running the rules."""
    return Plan.objects.create(
        visit=visit,
        number=visit.plans.count() + 1,
        regions=list(regions or ["left_calf"]),
        technique=Technique.SUPERFICIAL,
        electro=electro,
        sessions=3,
        by=by or practitioner(),
    )


def assessed(visit: Visit, policy: Policy | None = None, **changes: Any) -> rules.RuleResult:
    """Return what the rules say of ``answers(**changes)`` for this visit's patient, without writing anything."""
    return rules.run(
        rules.RuleInput(
            answers(**changes),
            born=visit.patient.born,
            today=timezone.localdate(),
            returning=visit.returning,
            policy=policy or Policy(),
        )
    )


def rules_ran(screening: Screening, by: Actor | None = None) -> Assessment:
    """Let the rules run over a screening, and return what they wrote."""
    return actions.assess(screening=screening, by=by or Actor())


def ready_for_review(**changes: Any) -> Visit:
    """Make a visit whose patient answered and sent ``answers(**changes)`` at a tablet; the rules said where it went."""
    visit = make_visit(stage=Stage.ANSWERING)
    tablet, _ = make_tablet()
    hold(visit, tablet)
    make_screening(visit, submitted=False, **changes)
    actions.submit(visit=visit, by=Actor(tablet=tablet))
    visit.refresh_from_db()
    return visit


LIST = "time,name,born,email\n09:30,Ana Silva,1980-02-01,ana@example.org\n10:00,Zoë Müller,01/05/1990,\n"
