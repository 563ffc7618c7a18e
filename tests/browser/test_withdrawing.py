"""What comes after a consent: taken back, superseded, entered in error. The first file is never touched."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from typing import Any

import pypdf
import pytest
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinic.devices import holds
from clinic.domain.dates import day_in_words
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Hold, Journal, Visit
from clinic.records import visits
from clinic.storage.encrypted_fields import encrypt_for
from consent import actions
from consent.domain import status_record
from consent.domain.record import canonical
from consent.jobs import tasks
from consent.models import (
    Consent,
    ConsentStatusChange,
    SealedFile,
    SealedStatusChange,
    Signature,
    SignedConsent,
    VoidedSignature,
)
from consent.seal.installation_trust import trust
from consent.seal.pades import attached, verify
from consent.status.consent_state import consents_of, others_that_stand, state_of
from tests.support.consents import SPOKEN, again_for, confirmed, form, fresh, reception, signed
from tests.support.factories import (
    acting,
    make_tablet,
    make_visit,
    manager,
    practitioner,
    receptionist,
    staff_client,
    tablet_client,
)
from tests.support.pdf_text import pdf_text
from tests.support.steps import Practitioner

pytestmark = pytest.mark.django_db


def file_of(consent: Consent) -> dict[str, Any]:
    """Return the whole row of the sealed file, its bytes among it."""
    row: dict[str, Any] = dict(SealedFile.objects.values().get(consent=consent))
    return {**row, "pdf": row["pdf"].sealed}  # as it is stored: encrypted once, and never written again


@pytest.fixture
def unsealed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keep first files from being made: the consent stays confirmed."""
    asked: list[int] = []

    class Queue:
        def enqueue(self, consent_id: int) -> None:
            asked.append(consent_id)

    monkeypatch.setattr("consent.actions.confirmation.seal_consent", Queue())
    return asked


# --- taken back ----------------------------------------------------------------------------------------------------


def test_a_withdrawal_leaves_the_first_file_alone_and_cites_it(seal_keys):
    consent = confirmed()
    before = file_of(consent)
    kept = bytes(consent.record)
    by = reception()
    after = actions.withdraw(visit=consent.visit, **SPOKEN, reason="Felt unwell.", by=by)
    assert file_of(consent) == before
    assert bytes(Consent.objects.get(pk=consent.pk).record) == kept

    sealed = SealedStatusChange.objects.get(after=after)
    pdf = bytes(sealed.pdf)
    assert hashlib.sha256(pdf).hexdigest() == sealed.sha256
    verdict = verify(pdf, trust(), sealed.sha256)
    assert verdict.good, verdict.problems
    assert verdict.certificate_sha256 == sealed.certificate_sha256
    data = attached(pdf)
    assert data == bytes(sealed.record)
    record = status_record.read(data)
    assert hashlib.sha256(data).hexdigest() == sealed.record_sha256
    assert (record.first.file_sha256, record.first.record_sha256) == (before["sha256"], consent.sha256)
    assert record.number == f"C-{consent.visit_id:06d}-W"
    assert (record.kind, record.reason, record.by.name) == ("withdrawn", "Felt unwell.", by.staff.full_name)
    text = pdf_text(pdf)
    for printed in (before["sha256"], consent.sha256, sealed.record_sha256, "Felt unwell.", "Consent was withdrawn"):
        assert printed in text


def test_a_sealed_visit_stays_sealed_and_says_withdrawn(seal_keys):
    consent = confirmed()
    after = actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    visit = fresh(consent.visit)
    assert visit.at is Stage.SEALED
    assert visit.status == f"Withdrawn at {timezone.localtime(after.at):%H:%M}"
    assert state_of(consent).kind == "withdrawn"


@pytest.mark.parametrize("how", ["spoken", "gesture", "written"])
@pytest.mark.parametrize(("who", "name"), [("patient", ""), ("guardian", "Ana Silva"), ("representative", "Bo Lee")])
def test_who_took_it_back_and_how_is_on_record(unsealed, who, name, how):
    consent = confirmed()
    after = actions.withdraw(visit=consent.visit, who=who, how=how, name=name, by=reception())
    assert (after.who, after.how, after.name, after.reason, after.role) == (who, how, name, "", "reception")
    row = Journal.objects.get(action="consent withdrawn")
    assert (row.visit_id, row.data) == (consent.visit_id, {"kind": who, "method": how, "digest": consent.sha256})


def test_the_journal_of_a_withdrawal_holds_no_name_and_no_reason(seal_keys):
    consent = confirmed()
    before = set(Journal.objects.values_list("pk", flat=True))
    actions.withdraw(
        visit=consent.visit, who="guardian", name="Ana Silva", how="spoken", reason="She faints.", by=reception()
    )
    rows = Journal.objects.exclude(pk__in=before)
    assert {row.action for row in rows} == {"consent withdrawn", "seal key used", "what came after sealed"}
    assert not [row for row in rows if "Ana" in str(row.data) or "faints" in str(row.data)]


def test_said_twice_it_counts_once(unsealed):
    consent = confirmed()
    client = staff_client(receptionist())
    for _ in range(2):
        answer = client.post(f"/consents/{consent.visit_id}/withdraw/", SPOKEN)
        assert answer.url == f"/visits/{consent.visit_id}/"
    assert actions.withdraw(visit=consent.visit, **SPOKEN, by=reception()) == ConsentStatusChange.objects.get()
    assert Journal.objects.filter(action="consent withdrawn").count() == 1


def test_two_rows_of_a_kind_are_refused_by_the_table(unsealed):
    consent = confirmed()
    after = actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    after.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        after.save(force_insert=True)


def test_before_the_confirmation_the_signature_is_voided_and_the_visit_stops():
    visit = signed()
    given = SignedConsent.of(visit)
    assert given
    after = actions.withdraw(visit=visit, **SPOKEN, reason="Not today.", by=reception())
    visit = fresh(visit)
    assert visit.at is Stage.STOPPED
    assert visit.status.startswith("Withdrawn at ")
    assert SignedConsent.of(visit) is None
    assert after.voiding == VoidedSignature.objects.get(given=given)
    assert after.voiding.why == "withdrawn"
    assert after.consent is None
    assert not SealedStatusChange.objects.exists()
    assert Journal.objects.get(action="visit moved", data__to="stopped").data["why"] == "consent withdrawn"
    with CaptureQueriesContext(connection) as asked:
        [entry] = consents_of(visit.patient)
    assert not [each["sql"] for each in asked if "IN (SELECT" in each["sql"]]  # PostgreSQL would read all consents
    assert entry.state.kind == "withdrawn"
    assert SignedConsent.objects.filter(pk=given.pk).exists()
    assert Signature.objects.filter(given=given).exists()
    assert actions.withdraw(visit=visit, **SPOKEN, by=reception()) == after


def test_between_confirmation_and_seal_it_waits_for_the_file_it_cites(unsealed, seal_keys):
    consent = confirmed()
    after = actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    assert fresh(consent.visit).at is Stage.CONFIRMED
    assert fresh(consent.visit).status.startswith("Withdrawn at ")
    assert not SealedStatusChange.objects.exists()
    page = staff_client(receptionist()).get(f"/visits/{consent.visit_id}/").text
    assert "Its PDF is made as soon as the consent is sealed." in page
    tasks.seal_consent.func(*unsealed)
    sealed = SealedStatusChange.objects.get(after=after)
    assert status_record.read(bytes(sealed.record)).first.file_sha256 == SealedFile.objects.get().sha256
    assert fresh(consent.visit).at is Stage.SEALED
    assert fresh(consent.visit).status.startswith("Withdrawn at ")


def test_a_withdrawal_whose_pdf_fails_stands_and_can_be_asked_for_again(seal_keys, monkeypatch: pytest.MonkeyPatch):
    consent = confirmed()
    with monkeypatch.context() as broken:

        def fails(*_: object) -> None:
            raise OSError("no key")

        broken.setattr(tasks, "seal_and_check", fails)
        after = actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    assert state_of(consent).kind == "withdrawn"
    assert Journal.objects.filter(action="sealing failed", data__kind="withdrawn").count() == 1
    client = staff_client(receptionist())
    assert "Its PDF is not there yet." in client.get(f"/visits/{consent.visit_id}/").text
    assert client.post(f"/consents/{consent.visit_id}/after/{after.pk}/seal/").status_code == 302
    assert SealedStatusChange.objects.filter(after=after).count() == 1
    assert tasks.seal_after.func(after.pk) == SealedStatusChange.objects.get().sha256  # and once more does no harm


@pytest.mark.parametrize("elsewhere", [Stage.EXPECTED, Stage.ANSWERING, Stage.IN_REVIEW, Stage.STOPPED])
def test_where_nothing_was_signed_there_is_nothing_to_take_back(elsewhere):
    visit = make_visit(stage=elsewhere)
    with pytest.raises(NotAllowed, match="no consent to take back"):
        actions.withdraw(visit=visit, **SPOKEN, by=reception())
    answer = staff_client(receptionist()).post(f"/consents/{visit.pk}/withdraw/", SPOKEN)
    assert answer.url == f"/visits/{visit.pk}/"
    assert not ConsentStatusChange.objects.exists()


def test_a_time_before_the_signature_or_to_come_is_refused(unsealed):
    consent = confirmed()
    for wrong in (timezone.now() + dt.timedelta(minutes=5), timezone.now() - dt.timedelta(hours=1)):
        with pytest.raises(NotAllowed, match="between the signature"):
            actions.withdraw(visit=consent.visit, **SPOKEN, at=wrong, by=reception())
    assert not ConsentStatusChange.objects.exists()


# --- at the desk ---------------------------------------------------------------------------------------------------


def test_it_is_one_step_from_the_patients_page(unsealed):
    consent = confirmed()
    client = staff_client(receptionist())
    address = f"/consents/{consent.visit_id}/withdraw/"
    assert address in client.get(f"/patients/{consent.visit.patient_id}/").text
    assert client.get(address).status_code == 200
    assert client.post(address, {**SPOKEN, "reason": "She faints."}).status_code == 302
    page = client.get(f"/patients/{consent.visit.patient_id}/").text
    assert "Withdrawn" in page
    assert "She faints." in page
    assert address not in page


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({}, "Choose who"),
        ({**SPOKEN, "who": "neighbour"}, "Choose who"),
        ({**SPOKEN, "how": "tablet"}, "Choose how"),
        ({**SPOKEN, "who": "guardian"}, "Type the name of the guardian"),
        ({**SPOKEN, "name": "Ana Silva"}, "Leave this empty"),
        ({**SPOKEN, "at": "soon"}, "hours and minutes"),
        ({**SPOKEN, "at": "23:59", "reason": "kept words"}, "still to come"),
        ({**SPOKEN, "at": "00:00"}, "between the signature"),
    ],
)
def test_a_form_that_is_not_right_says_what_is_and_keeps_the_rest(unsealed, monkeypatch, data, named):
    noon = timezone.make_aware(dt.datetime.combine(timezone.localdate(), dt.time(12)))
    monkeypatch.setattr(timezone, "now", lambda: noon)
    consent = confirmed()
    answer = staff_client(receptionist()).post(f"/consents/{consent.visit_id}/withdraw/", data)
    assert answer.status_code == 422
    assert named in answer.text
    assert data.get("reason", "") in answer.text
    assert not ConsentStatusChange.objects.exists()


def test_a_time_earlier_today_counts(unsealed):
    consent = confirmed()
    said = timezone.localtime().replace(second=0, microsecond=0)
    data = {**SPOKEN, "at": f"{said:%H:%M}"}
    assert staff_client(receptionist()).post(f"/consents/{consent.visit_id}/withdraw/", data).status_code == 302
    after = ConsentStatusChange.objects.get()
    assert after.at == said
    assert after.written_at > said
    assert fresh(consent.visit).status == f"Withdrawn at {said:%H:%M}"
    Visit.objects.filter(pk=consent.visit_id).update(day=said.date() - dt.timedelta(days=1))
    assert fresh(consent.visit).status == f"Withdrawn on {day_in_words(said)} at {said:%H:%M}"


def test_every_screen_of_it_says_so(unsealed):
    consent = confirmed()
    by = practitioner()
    client = staff_client(by)
    standing = [client.get(address).text for address in screens(consent)]
    assert not [page for page in standing if "Withdrawn" in page]
    actions.withdraw(visit=consent.visit, **SPOKEN, by=acting(by))
    assert [address for address in screens(consent) if "Withdrawn" not in client.get(address).text] == []


def screens(consent: Consent) -> list[str]:
    visit = consent.visit_id
    return ["/board/", f"/visits/{visit}/", f"/confirm/{visit}/", f"/patients/{consent.visit.patient_id}/"]


@pytest.mark.parametrize("view", ["", "view=1"])
def test_a_download_says_so_first_and_offers_both_files(seal_keys, view):
    consent = confirmed()
    after = actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    client = staff_client(receptionist())
    first, own = f"/consents/{consent.visit_id}/pdf/", f"/consents/{consent.visit_id}/after/{after.pk}/pdf/"
    page = client.get(f"{first}?{view}")
    assert page["Content-Type"].startswith("text/html")
    assert "Withdrawn at" in page.text
    assert f"{first}?first=1" in page.text
    assert own in page.text
    before = Journal.objects.count()
    answers = [client.get(f"{address}&{view}") for address in (f"{first}?first=1", f"{own}?x")]
    kept = [SealedFile.objects.get(), SealedStatusChange.objects.get()]
    assert [answer.content for answer in answers] == [bytes(each.pdf) for each in kept]
    number = f"consent-C-{consent.visit_id:06d}"
    named = [answer["Content-Disposition"].split("filename=")[1] for answer in answers]
    assert named == [f'"{number}-withdrawn.pdf"', f'"{number}-W.pdf"']
    rows = Journal.objects.order_by("seq")[before:]
    assert [row.action for row in rows] == ["document opened" if view else "document downloaded"] * 2
    assert [row.data["digest"] for row in rows] == [each.sha256 for each in kept]


def test_a_file_that_came_after_another_consent_is_not_there(seal_keys):
    one, other = confirmed(), confirmed()
    after = actions.withdraw(visit=one.visit, **SPOKEN, by=reception())
    client = staff_client(receptionist())
    assert client.get(f"/consents/{other.visit_id}/after/{after.pk}/pdf/").status_code == 404
    assert client.post(f"/consents/{other.visit_id}/after/{after.pk}/seal/").status_code == 404


def test_a_copy_by_mail_brings_both_files_and_says_so(seal_keys):
    consent = confirmed()
    actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    address = encrypt_for("alex@example.org", consent.visit.patient, tasks.ADDRESS)
    tasks.send_copy.func(consent.pk, address)
    [sent] = mail.outbox
    assert "does not count any more: Withdrawn at" in sent.body
    kept = [bytes(SealedFile.objects.get().pdf), bytes(SealedStatusChange.objects.get().pdf)]
    assert [attachment[1] for attachment in sent.attachments] == kept


def test_roles(unsealed):
    consent = confirmed()
    visit = consent.visit_id
    withdraw, end = f"/consents/{visit}/withdraw/", f"/consents/{visit}/end/"
    front, boss, physio = (staff_client(who()) for who in (receptionist, manager, practitioner))
    assert [client.get(withdraw).status_code for client in (front, physio, boss)] == [200, 200, 404]
    assert [client.get(end).status_code for client in (front, physio, boss)] == [404, 200, 404]
    assert end not in front.get(f"/visits/{visit}/").text
    assert end in physio.get(f"/visits/{visit}/").text
    assert Client().get(withdraw).url.startswith("/login/")
    assert front.post(end, {"what": "in_error", "reason": "no"}).status_code == 404
    for verb in (actions.enter_in_error, actions.supersede):
        with pytest.raises(NotAllowed, match="Only a practitioner"):
            verb(consent=consent, reason="Wrong patient.", by=reception())
    assert not ConsentStatusChange.objects.exists()


# --- on the tablet -------------------------------------------------------------------------------------------------


def handed_over(visit: Visit) -> Client:
    """Hand over a tablet to withdraw; the patient confirmed the birth date."""
    tablet, token = make_tablet()
    by = reception()
    held = holds.hand_over(visit=visit, tablet=tablet, by=by, purpose=Hold.Purpose.WITHDRAW)
    assert holds.confirm_birth_date(hold=held, born=visit.patient.born, by=Actor(tablet=tablet))
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    return client


def test_the_desk_hands_over_a_tablet_to_withdraw(unsealed):
    consent = confirmed()
    tablet, _ = make_tablet()
    client = staff_client(receptionist())
    address = f"/consents/{consent.visit_id}/withdraw/tablet/"
    assert client.post(address, {"tablet": "99"}).url == f"/consents/{consent.visit_id}/withdraw/"
    assert client.post(address, {"tablet": tablet.pk}).url == f"/visits/{consent.visit_id}/"
    held = Hold.objects.get(visit=consent.visit, ended_at=None)
    assert (held.purpose, held.identified_at) == ("withdraw", None)
    assert "The patient may take consent back on it." in client.get(f"/visits/{consent.visit_id}/").text


def test_a_patient_takes_it_back_on_the_tablet(seal_keys):
    consent = confirmed()
    client = handed_over(consent.visit)
    assert client.get("/tablet/state/").json()["state"] == "withdraw"
    assert client.get("/tablet/").url == "/tablet/withdraw/"
    assert "Do you want to take your consent back?" in client.get("/tablet/withdraw/").text
    assert client.post("/tablet/withdraw/", {"act": "take_back"}).url == "/tablet/"
    after = ConsentStatusChange.objects.get()
    assert (after.who, after.how, after.by, after.role) == ("patient", "tablet", None, "")
    assert after.hold == Hold.objects.get(visit=consent.visit, ended_why="withdrawn")
    assert "You have taken your consent back." in client.get("/tablet/").text
    record = status_record.read(bytes(SealedStatusChange.objects.get().record))
    assert (record.by.tablet, record.by.name) == (after.hold.tablet.name, after.hold.handed_by.full_name)
    assert record.by.identified_at
    assert client.get("/tablet/withdraw/").url == "/tablet/"


def test_a_signature_not_confirmed_yet_can_be_taken_back_on_the_tablet():
    visit = signed()
    client = handed_over(visit)
    client.post("/tablet/withdraw/", {"act": "take_back"})
    assert fresh(visit).at is Stage.STOPPED
    assert ConsentStatusChange.objects.get().voiding


def test_a_patient_keeps_it_after_all(unsealed):
    consent = confirmed()
    client = handed_over(consent.visit)
    assert client.post("/tablet/withdraw/", {"act": "keep"}).url == "/tablet/"
    assert "Your consent stays as it is." in client.get("/tablet/").text
    assert state_of(consent).stands
    assert consent.visit.hold is None


def test_anything_else_from_the_tablet_is_refused(unsealed):
    consent = confirmed()
    client = handed_over(consent.visit)
    assert client.post("/tablet/withdraw/", {"act": "delete"}).status_code == 400
    assert state_of(consent).stands


def test_a_tablet_handed_over_for_one_thing_opens_nothing_of_the_other(unsealed):
    asked = handed_over(confirmed().visit)
    for address in ("/tablet/questions/", "/tablet/check/", "/tablet/consent/sign/"):
        assert asked.get(address).url == "/tablet/"
    visit = signed()
    Visit.objects.filter(pk=visit.pk).update(stage=Stage.CONSENTING.value)
    answering = tablet_client(fresh(visit))
    Visit.objects.filter(pk=visit.pk).update(stage=Stage.SIGNED.value)
    assert answering.post("/tablet/withdraw/", {"act": "take_back"}).url == "/tablet/"
    assert not ConsentStatusChange.objects.exists()


def test_the_birth_date_comes_first(unsealed):
    consent = confirmed()
    tablet, token = make_tablet()
    holds.hand_over(visit=consent.visit, tablet=tablet, by=reception(), purpose=Hold.Purpose.WITHDRAW)
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    assert client.get("/tablet/").url == "/tablet/birth-date/"
    assert client.post("/tablet/withdraw/", {"act": "take_back"}).url == "/tablet/"
    assert state_of(consent).stands


def test_taken_back_at_the_desk_meanwhile_the_tablet_shows_nothing_more(unsealed):
    consent = confirmed()
    client = handed_over(consent.visit)
    actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    assert client.post("/tablet/withdraw/", {"act": "take_back"}).url == "/tablet/"
    assert ConsentStatusChange.objects.get().how == "spoken"
    assert "You have taken your consent back." in client.get("/tablet/").text


@pytest.mark.parametrize("purpose", list(Hold.Purpose))
def test_a_tablet_is_handed_over_for_what_there_is_to_do(purpose):
    stage = Stage.SEALED if purpose == Hold.Purpose.VISIT else Stage.ANSWERING
    with pytest.raises(NotAllowed, match="nothing for the patient to do"):
        holds.hand_over(visit=make_visit(stage=stage), tablet=make_tablet()[0], by=reception(), purpose=purpose)


# --- superseded, entered in error ----------------------------------------------------------------------------------


def test_a_new_consent_replaces_an_earlier_one_where_a_practitioner_says_so(seal_keys):
    old, kept = confirmed(), confirmed()
    Visit.objects.filter(pk=kept.visit_id).update(patient=old.visit.patient)
    visit = signed()
    Visit.objects.filter(pk=visit.pk).update(patient=old.visit.patient)
    client = staff_client(practitioner())
    page = client.get(f"/confirm/{visit.pk}/").text
    assert all(f"C-{each.visit_id:06d} of" in page for each in (old, kept))
    wrong = client.post(f"/confirm/{visit.pk}/", form(replaces=[str(old.pk), "0"]))
    assert wrong.status_code == 422
    assert "does not stand any more" in wrong.text
    assert client.post(f"/confirm/{visit.pk}/", form(replaces=[str(old.pk)])).status_code == 302
    new = Consent.objects.get(visit=visit)
    after = ConsentStatusChange.objects.get()
    assert (after.consent, after.replaced_by, after.kind) == (old, new, "superseded")
    assert (state_of(old).kind, state_of(kept).kind, state_of(new).kind) == ("superseded", "current", "current")
    assert fresh(old.visit).status.startswith("Superseded at ")
    record = status_record.read(bytes(SealedStatusChange.objects.get().record))
    assert record.replaced_by
    assert (record.replaced_by.number, record.replaced_by.record_sha256) == (f"C-{visit.pk:06d}", new.sha256)
    assert record.first.file_sha256 == SealedFile.objects.get(consent=old).sha256


def test_without_a_tick_the_earlier_one_stands_beside_the_new(unsealed):
    old = confirmed()
    new = again_for(old)
    assert state_of(old).stands
    assert others_that_stand(new.visit) == [old]


def test_without_an_earlier_consent_nothing_is_asked(unsealed):
    assert 'name="replaces"' not in staff_client(practitioner()).get(f"/confirm/{signed().pk}/").text


def test_a_newer_consent_can_be_named_afterwards(unsealed):
    old = confirmed()
    new = again_for(old)
    client = staff_client(practitioner())
    assert f"Consent C-{new.visit_id:06d} replaces it" in client.get(f"/consents/{old.visit_id}/end/").text
    assert f"C-{old.visit_id:06d} replaces" not in client.get(f"/consents/{new.visit_id}/end/").text
    assert client.post(f"/consents/{old.visit_id}/end/", {"what": str(new.pk)}).status_code == 302
    assert ConsentStatusChange.objects.get().replaced_by == new


@pytest.mark.parametrize(("what", "kind", "letter"), [("changed", "superseded", "S"), ("in_error", "in_error", "E")])
def test_it_no_longer_counts_for_a_reason(seal_keys, what, kind, letter):
    consent = confirmed()
    client = staff_client(practitioner())
    address = f"/consents/{consent.visit_id}/end/"
    refused = client.post(address, {"what": what})
    assert refused.status_code == 422
    assert "Say in a few words" in refused.text
    assert client.post(address, {"what": what, "reason": "The plan is for the neck now."}).status_code == 302
    after = ConsentStatusChange.objects.get()
    assert (after.kind, after.reason) == (kind, "The plan is for the neck now.")
    pdf = bytes(SealedStatusChange.objects.get(after=after).pdf)
    assert verify(pdf, trust()).good
    text = pdf_text(pdf)
    assert f"C-{consent.visit_id:06d}-{letter}" in text
    assert "The plan is for the neck now." in text
    assert state_of(consent).kind == kind


def test_whatever_became_of_it_may_still_turn_out_to_be_an_error(unsealed):
    consent, by = confirmed(), acting(practitioner())
    actions.withdraw(visit=consent.visit, **SPOKEN, by=by)
    with pytest.raises(NotAllowed, match="does not stand any more: Withdrawn at"):
        actions.supersede(consent=consent, reason="Another plan.", by=by)
    client = staff_client(by.staff)
    address = f"/consents/{consent.visit_id}/end/"
    assert 'value="changed"' not in client.get(address).text
    assert client.post(address, {"what": "in_error", "reason": "Wrong patient."}).status_code == 302
    assert state_of(consent).kind == "in_error"
    assert fresh(consent.visit).status.startswith("Entered in error, at ")
    assert client.get(address).url == f"/visits/{consent.visit_id}/"  # there is nothing left to say
    with pytest.raises(NotAllowed, match="Entered in error"):
        actions.supersede(consent=consent, reason="Another plan.", by=by)


def test_a_visit_entered_in_error_is_no_earlier_treatment(unsealed):
    consent, by = confirmed(), acting(practitioner())
    Visit.objects.filter(pk=consent.visit_id).update(stage=Stage.SEALED.value)
    new: dict[str, Any] = {"patient": consent.visit.patient, "day": timezone.localdate(), "by": by}
    assert visits.add_visit(**new).returning
    actions.enter_in_error(consent=consent, reason="Wrong patient.", by=by)
    assert not visits.add_visit(**new).returning


def test_a_replacement_is_a_newer_one_of_the_same_patient_that_stands(unsealed):
    old, stranger, by = confirmed(), confirmed(), acting(practitioner())
    new = again_for(old)
    with pytest.raises(NotAllowed, match="same patient"):
        actions.supersede(consent=old, replaced_by=stranger, by=by)
    with pytest.raises(NotAllowed, match="newer one"):
        actions.supersede(consent=new, replaced_by=old, by=by)
    with pytest.raises(NotAllowed, match="Say what changed"):
        actions.supersede(consent=old, reason=" ", by=by)
    with pytest.raises(NotAllowed, match="Say what is wrong"):
        actions.enter_in_error(consent=old, reason=" ", by=by)
    actions.withdraw(visit=new.visit, **SPOKEN, by=by)
    with pytest.raises(NotAllowed, match="newer consent does not stand"):
        actions.supersede(consent=old, replaced_by=new, by=by)


# --- what the tables refuse ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": ""},
        {"how": ""},
        {"who": "guardian"},
        {"name": "Ana Silva"},
        {"how": "tablet"},
        {"by": None},
        {"role": ""},
        {"consent": None},
        {"kind": "superseded"},
        {"kind": "in_error", "who": "", "how": ""},
        {"kind": "superseded", "who": "", "how": "", "reason": ""},
    ],
)
def test_a_row_that_leaves_something_out_is_refused_by_the_table(unsealed, wrong: dict[str, Any]):
    user = receptionist()
    right: dict[str, Any] = {
        "consent": confirmed(),
        "kind": "withdrawn",
        **SPOKEN,
        "by": user,
        "role": "reception",
        "at": timezone.now(),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentStatusChange.objects.create(**{**right, **wrong})
    assert ConsentStatusChange.objects.create(**right)


def test_a_consent_cannot_replace_itself(unsealed):
    consent, user = confirmed(), practitioner()
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentStatusChange.objects.create(
            consent=consent, replaced_by=consent, kind="superseded", by=user, role="practitioner", at=timezone.now()
        )


def test_nothing_deletes_a_signed_consent(seal_keys):
    consent = confirmed()
    actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    rows = [
        *ConsentStatusChange.objects.all(),
        *SealedStatusChange.objects.all(),
        consent,
        *SealedFile.objects.all(),
        consent.given,
    ]
    for row in rows:
        with pytest.raises(Exception, match="|".join(REFUSED)), transaction.atomic():
            row.delete()
    for person in (consent.visit, consent.visit.patient):
        with pytest.raises(models.ProtectedError), transaction.atomic():
            person.delete()
    assert (ConsentStatusChange.objects.count(), SealedStatusChange.objects.count(), SealedFile.objects.count()) == (
        1,
        1,
        1,
    )


REFUSED = ["protected foreign key", "written once", "Cannot delete"]


def test_a_record_of_what_came_after_is_read_back_strictly(seal_keys):
    consent = confirmed()
    actions.withdraw(visit=consent.visit, **SPOKEN, by=reception())
    data = bytes(SealedStatusChange.objects.get().record)
    record = status_record.read(data)
    assert canonical(record) == data
    for wrong in (
        data.replace(b"consent-after/1", b"consent-after/2"),
        data.replace(b'"withdrawn"', b'"revoked"'),
        data.replace(consent.sha256.encode(), b"not a digest"),
        data + b" ",
        data.replace(b'"kind":"withdrawn"', b'"kind":"in_error"'),
    ):
        with pytest.raises(ValueError, match=r"record|format|kind|sha256|withdrawal"):
            status_record.read(wrong)


# --- in the browser ------------------------------------------------------------------------------------------------


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
def test_a_receptionist_withdraws_at_the_desk(
    page: Any, live_server: Any, axe: Any, seal_keys: Any, offline_guard: Any
):
    consent = confirmed()
    receptionist_of = receptionist()
    desk = Practitioner(page, live_server.url, axe)
    desk.signs_in(receptionist_of.username)
    desk.go(f"/patients/{consent.visit.patient_id}/")
    page.get_by_role("link", name="Withdraw consent").click()
    desk.looks()
    desk.choose("who", "guardian")
    desk.press("Withdraw consent")
    desk.sees("There is a problem")
    page.get_by_label("Name of the guardian or representative").fill("Ana Silva")
    page.get_by_label("Reason").fill("He felt faint after two needles.")
    desk.press("Withdraw consent")
    desk.sees("Withdrawn. Stop if treatment has begun")
    desk.sees("He felt faint after two needles.")
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Download C-{consent.visit_id:06d}-W").click()
    pdf = download.value.path().read_bytes()
    assert verify(pdf, trust(), SealedStatusChange.objects.get().sha256).good
    assert "Ana Silva" in pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    desk.go(f"/patients/{consent.visit.patient_id}/")
    desk.sees("Withdrawn")
    desk.go("/board/")
    desk.sees("Withdrawn at")
