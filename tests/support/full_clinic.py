"""A clinic with one of everything behind an address, and everybody who could knock: for tests that try every door."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from clinic.devices import invitations
from clinic.domain.flow import Stage
from clinic.models import EmergencyAccess, Hold, Invitation, LegalHold, Patient, Role, User, Visit
from consent.models import SealedStatusChange, Timestamp
from consent.pages.patient.views.read_at_home import ORDER
from consent.status.blank_statement import blank_text
from screening.actions import print_blank, record_event
from screening.models import Flag, PaperForm
from screening.reports.statistics import FIGURES
from tests.support.consents import signed
from tests.support.course_factories import course_on_record
from tests.support.factories import (
    acting,
    make_patient,
    make_plan,
    make_screening,
    make_site,
    make_tablet,
    make_user,
    make_visit,
    manager,
    practitioner,
    ready_for_review,
    receptionist,
    rules_ran,
    staff_client,
    tablet_client,
)
from tests.support.row_counts import make_row

MISSING = 987_654
# Whoever could knock. A tablet is named for what the visit that it holds is at.
STRANGERS = ("anonymous", "other device")
TABLETS = ("bare tablet", "answering", "consenting", "withdrawing", "phone")
STAFF = ("reception", "practitioner", "manager")
# Of another clinic of the group: each may what the own one may, there, and finds nothing of this clinic.
OTHERS = {"other reception": "reception", "other practitioner": "practitioner", "other manager": "manager"}
ACTORS = STRANGERS + TABLETS + STAFF + tuple(OTHERS)


@dataclass(frozen=True)
class Door:
    """One address of the app: the view's name, its pattern, and the arguments it takes."""

    name: str
    pattern: str
    takes: tuple[str, ...]

    @property
    def has_object(self) -> bool:
        """Whether it names a record, so that there is one that is missing."""
        return any(each in self.takes for each in ("pk", "sha256"))


def doors() -> list[Door]:
    """Return every address there is, from the URL resolver itself."""
    return [Door(one.name or "", path, tuple(one.pattern.converters)) for path, one in _walk(get_resolver(), "")]


def _walk(resolver: URLResolver, before: str) -> list[tuple[str, URLPattern]]:
    found: list[tuple[str, URLPattern]] = []
    for each in resolver.url_patterns:
        path = before + str(each.pattern)
        found += _walk(each, path) if isinstance(each, URLResolver) else [(path, each)]
    return found


def _signed_in(user: User) -> Client:
    """Return a client whose owner is taken to have shown who they are just now, however long the tests go on."""
    client = staff_client(user)
    session = client.session
    for shown in session["account_authentication_methods"]:
        shown["at"] += 3600
    session.save()
    return client


class WholeClinic:
    """Rows for every address, and a client for everybody."""

    def __init__(self) -> None:
        self.physio = practitioner("Pat Physio")
        self.clients = {**self._strangers(), **self._tablets(), **self._staff()}
        self.cookies = {name: client.cookies.output() for name, client in self.clients.items()}
        self.kwargs = self._own()
        # No tablet is left alone, however long the tests go on: what a request notes of that is taken back with it.
        Hold.objects.now().update(seen_at=timezone.now() + dt.timedelta(days=1))

    @staticmethod
    def _strangers() -> dict[str, Client]:
        other = Client()
        other.cookies[settings.TABLET_COOKIE_NAME] = "no-token-of-ours"
        return {"anonymous": Client(), "other device": other}

    def _tablets(self) -> dict[str, Client]:
        bare = Client()
        bare.cookies[settings.TABLET_COOKIE_NAME] = make_tablet()[1]
        self.answering = make_visit(stage=Stage.ANSWERING)
        make_screening(self.answering, submitted=False)
        self.consenting = make_visit(stage=Stage.CONSENTING)
        rules_ran(make_screening(self.consenting))
        return {
            "bare tablet": bare,
            "answering": tablet_client(self.answering),
            "consenting": tablet_client(self.consenting),
            "withdrawing": self._withdrawing(),
            "phone": self._phone(),
        }

    def _withdrawing(self) -> Client:
        tablet, token = make_tablet()
        consent = course_on_record(make_patient("Wim Withdraws"), self.physio)
        Hold.objects.create(
            visit=consent.visit,
            tablet=tablet,
            handed_by=self.physio,
            identified_at=timezone.now(),
            purpose=Hold.Purpose.WITHDRAW,
        )
        client = Client()
        client.cookies[settings.TABLET_COOKIE_NAME] = token
        return client

    def _phone(self) -> Client:
        visit = make_visit(make_patient("Phil Phone"))
        by = acting(receptionist(), Role.RECEPTION)
        _, secret = invitations.invite(visit=visit, how=Invitation.How.DESK, by=by)
        opened = invitations.open_invitation(token=secret, born=visit.patient.born)
        assert opened
        client = Client()
        client.cookies[settings.TABLET_COOKIE_NAME] = opened[1]
        return client

    def _staff(self) -> dict[str, Client]:
        self.reception, self.manager = receptionist(), manager()
        people = {"reception": self.reception, "practitioner": self.physio, "manager": self.manager}
        there = make_site()
        people |= {
            other: make_user(role, site=there)
            for other, role in zip(OTHERS, (Role.RECEPTION, Role.PRACTITIONER, Role.MANAGER), strict=True)
        }
        return {name: _signed_in(user) for name, user in people.items()}

    def _own(self) -> dict[str, dict[str, Any]]:
        """Return the arguments that lead to a record, by the view's name; "" is for every view that has none here."""
        patient = make_patient("Olive Own")
        expected = make_visit(patient)
        review = ready_for_review(epilepsy="yes")
        flag = Flag.objects.filter(screening__visit=review).first()
        assert flag
        sealed = {"pk": course_on_record(patient, self.physio).visit_id}
        treated = make_visit(patient, stage=Stage.SEALED)
        make_plan(treated)
        after = make_row(SealedStatusChange).after
        paper = self._paper(expected)
        reviewed = {"pk": review.pk}
        timestamp: Timestamp = make_row(Timestamp)
        here = {"pk": expected.pk, "slug": next(iter(FIGURES))}
        own: dict[str, dict[str, Any]] = {"": {**here, "section": "start", "page": 0, "kind": "talk"}}
        for names, takes in (
            ("patient correct_patient merge_patient looked add_visit export_patient", {"pk": patient.pk}),
            ("pairing_code revoke_tablet", {"pk": make_tablet()[0].pk}),
            ("emergency_seen", {"pk": make_row(EmergencyAccess).pk}),
            ("staff_member enrolment_link end_sessions staff_leaves", {"pk": self.reception.pk}),
            ("manage_site", {"number": 2}),
            ("review review_claim review_release review_take_over review_plan review_close review_attest", reviewed),
            ("review_decide review_ahead", {**reviewed, "flag": flag.pk}),
            ("not_treated_note", {"pk": make_visit(stage=Stage.STOPPED).pk}),
            ("record_session record_event", {"pk": treated.pk}),
            ("aftercare send_aftercare", {"pk": treated.pk}),
            ("adverse_event", {"pk": self._event(treated)}),
            ("consent_page read_at_home_page", {"page": ORDER[0]}),
            ("paper_form", {"pk": expected.pk, "code": paper.code}),
            ("confirm change_answers", {"pk": signed().pk}),
            ("consent_pdf seal_again send_copy withdraw_consent withdraw_on_tablet end_consent", sealed),
            ("after_pdf seal_after_again", {"pk": after.consent.visit_id, "after": after.pk}),
            ("release_record", {"pk": self._held(patient).pk}),
            ("timestamp_token", {"sha256": timestamp.file_sha256}),
        ):
            own |= dict.fromkeys(names.split(), takes)
        return own

    def _held(self, patient: Patient) -> LegalHold:
        return LegalHold.objects.create(patient=patient, reason="A claim.", by=self.manager)

    def _paper(self, visit: Visit) -> PaperForm:
        text = blank_text()
        return print_blank(
            visit=visit, statement_version=text.version, statement_sha256=text.sha256, by=acting(self.physio)
        )

    def _event(self, visit: Visit) -> int:
        said = {"kind": "faint", "harm": "minor", "what": "Went pale.", "done": "Lay down."}
        return record_event(visit=visit, by=acting(self.physio), began_on=visit.day, **said).pk

    def own(self, door: Door, name: str) -> Any:
        """Return what stands in this place of an address of a record that is there."""
        return {**self.kwargs[""], **self.kwargs.get(door.name, {})}[name]

    def address(self, door: Door, *, missing: bool = False) -> str:
        """Return where a door is: of a record that is there, or of one that is not."""
        path = "/" + door.pattern
        for name in door.takes:
            gone = missing and name in ("pk", "sha256")
            for kind in ("int", "slug", "str"):
                path = path.replace(f"<{kind}:{name}>", str(MISSING if gone else self.own(door, name)))
        return path

    def ask(self, actor: str, method: str, address: str, **how: Any) -> Any:
        """Send one request as ``actor`` and take back whatever it wrote, so that the next finds the same clinic."""
        client = self.clients[actor]
        client.raise_request_exception = False  # what breaks is answered with 500, as by the server
        client.cookies = SimpleCookie()
        client.cookies.load(self.cookies[actor].replace("Set-Cookie: ", "").replace("\r\n", "; "))
        with transaction.atomic():
            answer = client.generic(method, address, **how)
            transaction.set_rollback(True)
        return answer
