"""Every page of the desk with whatever it needs to be there, opened and refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import EmergencyAccess, Role, User
from screening import actions
from screening.assessment.review_state import review_state
from screening.review.queue_filters import GROUPS
from tests.support import load_clients
from tests.support.consents import signed
from tests.support.course_factories import course_on_record
from tests.support.earlier_visits import FAINTED, printed
from tests.support.factories import (
    acting,
    code_for,
    make_patient,
    make_site,
    make_tablet,
    make_user,
    make_visit,
    ready_for_review,
    sign_in,
)


@dataclass(frozen=True)
class Scene:
    """A page of the desk. ``press``: the address of the form that leads to it; ``refuses``: the form to send empty."""

    url_name: str
    address: str
    refuses: str = ""
    press: str = ""
    status: int = 200


class Clinic:
    """One day with a visit in each state that has a page of its own."""

    def __init__(self) -> None:
        self.me = make_user(*Role, name="Kim Everyone")
        code_for(self.me)
        by = acting(self.me)
        self.flagged = ready_for_review(
            blood_thinners="yes", blood_thinner_names=["warfarin"], inr=4.1, questions="Why?"
        )
        self.stop = next(each.flag.pk for each in review_state(self.flagged).flags if each.is_stop)
        self.taken = ready_for_review(epilepsy="yes")
        actions.claim(visit=self.taken, by=acting(make_user(Role.PRACTITIONER, name="Lou Other")))
        self.stopped = ready_for_review(epilepsy="yes")
        actions.close_review(visit=self.stopped, ending="stopped", reason="A scan first.", by=by)
        self.expected = make_visit(make_patient("Ana Expected", email="ana@example.org"))
        self.form = printed(self.expected)
        self.signed = signed(diabetes="yes", diabetes_unstable="no")
        treated = make_patient("Sam Treated")
        self.sealed = course_on_record(treated, self.me, sessions=2).visit
        self.next = make_visit(treated, stage=Stage.CONSENTING, returning=True)
        today = timezone.localdate()
        self.event = actions.record_event(visit=self.sealed, began_on=today, by=by, **FAINTED)
        self.tablet, _ = make_tablet("Front 1")
        load_clients.in_review(2, by=self.me)


def at(name: str, *parts: object) -> str:
    return reverse(name, args=parts)


def of_patients(clinic: Clinic) -> Iterator[Scene]:
    visit, one = clinic.expected, clinic.sealed.patient_id
    yield Scene("board", "/board/")
    yield Scene("import_day", "/board/import/", "/board/import/")
    yield Scene("patients", "/patients/")
    yield Scene("patients", "/patients/", "/patients/")
    yield Scene("add_patient", at("add_patient"), at("add_patient"))
    yield Scene("correct_patient", at("correct_patient", one), at("correct_patient", one))
    yield Scene("merge_patient", at("merge_patient", one))
    yield Scene("patient", at("patient", one), at("add_visit", one))
    yield Scene("looked", at("looked", one))
    for each in (visit, clinic.flagged, clinic.stopped, clinic.signed, clinic.sealed, clinic.next):
        yield Scene("visit", at("visit", each.pk))
    yield Scene("phone_code", at("visit", visit.pk), press=at("phone_code", visit.pk))
    yield Scene("paper_form", at("paper_form", visit.pk, clinic.form.code))
    yield Scene("paper_record", at("paper_record", visit.pk), at("paper_record", visit.pk))


def of_reviews(clinic: Clinic) -> Iterator[Scene]:
    yield Scene("queue", "/queue/")
    for group, values in GROUPS.items():
        for value in values:
            yield Scene("queue", f"/queue/?{group}={value}")
    yield Scene("queue", "/queue/?stage=confirm&severity=stop")
    review = at("review", clinic.flagged.pk)
    yield Scene("review", at("review", clinic.taken.pk))
    yield Scene("review_claim", at("review", clinic.flagged.pk), press=at("review_claim", clinic.flagged.pk))
    yield Scene("review", review, at("review_decide", clinic.flagged.pk, clinic.stop))
    for part in ("plan", "end"):
        yield Scene("review", review, f"{review}{part}/")
    for kind in ("interpreter", "vitals"):
        yield Scene("review", review, at("review_attest", clinic.flagged.pk, kind))
    ahead = at("review_ahead", clinic.flagged.pk, clinic.stop)
    yield Scene("review_ahead", ahead)
    yield Scene("not_treated_note", at("not_treated_note", clinic.stopped.pk))
    confirm = at("confirm", clinic.signed.pk)
    yield Scene("confirm", confirm, confirm)
    yield Scene("confirm", confirm, f"{confirm}change/")


def of_treatments(clinic: Clinic) -> Iterator[Scene]:
    for name in ("record_session", "record_event", "withdraw_consent", "end_consent", "send_copy"):
        where = at(name, clinic.sealed.pk)
        yield Scene(name, where, "" if name == "send_copy" else where)
    yield Scene("adverse_event", at("adverse_event", clinic.event.pk), at("adverse_event", clinic.event.pk))
    yield Scene("aftercare", at("aftercare", clinic.sealed.pk))


def of_managers(clinic: Clinic) -> Iterator[Scene]:
    for name in ("manage_tablets", "manage_staff", "manage_journal", "manage_figures", "manage_versions"):
        yield Scene(name, at(name), at(name) if name == "manage_tablets" else "")
    yield Scene("retention", at("retention"), at("hold_record"))
    yield Scene("pairing_code", at("manage_tablets"), press=at("pairing_code", clinic.tablet.pk))
    yield Scene("add_staff", at("add_staff"), at("add_staff"))
    yield Scene("staff_member", at("staff_member", clinic.me.pk), at("staff_member", clinic.me.pk))
    other = make_user(Role.RECEPTION).pk
    yield Scene("enrolment_link", at("staff_member", other), press=at("enrolment_link", other))
    yield Scene("manage_settings", at("manage_settings"), at("manage_settings"))
    yield Scene("manage_sites", at("manage_sites"), at("manage_sites"))
    yield Scene("manage_emergencies", at("manage_emergencies"))


def of_the_group(clinic: Clinic) -> Iterator[Scene]:
    """What is there for staff once there is a second clinic."""
    north = make_site("North Clinic")
    clinic.me.sites.add(north)
    patient = make_patient("Nora North", site=north)
    for whose in (patient, clinic.expected.patient):
        EmergencyAccess.objects.create(
            patient=whose, by=clinic.me, site=north, reason="Fainted in the room and cannot speak."
        )
    yield Scene("manage_site", at("manage_site", north.pk), at("manage_site", north.pk))
    yield Scene("work_at", at("work_at"), at("work_at"))
    yield Scene("emergency", at("emergency"), at("emergency"))


def of_the_own_account(clinic: Clinic) -> Iterator[Scene]:
    """What whoever is signed in adds and sees: these pages are of no role."""
    yield Scene("mfa_index", at("mfa_index"))
    yield Scene("my_sessions", at("my_sessions"))
    yield Scene("account_change_password", at("account_change_password"), at("account_change_password"))
    yield Scene("account_reauthenticate", at("account_reauthenticate"), at("account_reauthenticate"))
    yield Scene("mfa_reauthenticate", at("mfa_reauthenticate"), at("mfa_reauthenticate"))
    yield Scene("mfa_reauthenticate_webauthn", at("mfa_reauthenticate_webauthn"))
    yield Scene("mfa_add_webauthn", at("mfa_add_webauthn"))
    yield Scene("mfa_view_recovery_codes", at("mfa_view_recovery_codes"))
    yield Scene("mfa_generate_recovery_codes", at("mfa_generate_recovery_codes"))
    yield Scene("mfa_deactivate_totp", at("mfa_deactivate_totp"), status=422)  # it is the only one: it stays


def scenes(clinic: Clinic) -> list[Scene]:
    every = (of_patients, of_reviews, of_treatments, of_managers, of_the_group, of_the_own_account)
    return [scene for some in every for scene in some(clinic)]


def signed_in(context: Any, user: User, address: str) -> None:
    client = Client()
    sign_in(client, user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
