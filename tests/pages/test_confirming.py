"""The practitioner confirms in the room: the record is frozen and sealed, or the visit goes back."""

from __future__ import annotations

import io
import json
from typing import Any

import pypdf
import pytest
from django.conf import settings
from django.core import mail
from django.db import transaction
from django.test import Client

from clinic.domain.digests import sha256
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Journal, Role, User, Visit
from consent import actions
from consent.domain.record import read
from consent.domain.statement import Statement
from consent.jobs import seal_document, tasks
from consent.models import Consent, SealedFile, SignedConsent, VoidedSignature
from screening.assessment.review_state import review_state
from screening.models import Attestation, Plan
from tests.support.consents import INK, PLAN, WELL, form, signed
from tests.support.factories import (
    acting,
    make_screening,
    make_user,
    manager,
    practitioner,
    receptionist,
    staff_client,
)

pytestmark = pytest.mark.django_db


def post(visit: Visit, user: User | None = None, **changes: Any) -> Any:
    return staff_client(user or practitioner()).post(f"/confirm/{visit.pk}/", form(**changes))


def stage(visit: Visit) -> Stage:
    visit.refresh_from_db()
    return visit.at


@pytest.fixture
def no_seal(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keep the seal from being made; give what was asked for."""
    asked: list[int] = []

    class Queue:
        def enqueue(self, consent_id: int) -> None:
            assert transaction.get_connection().in_atomic_block  # the task commits with the confirmation
            asked.append(consent_id)

    monkeypatch.setattr("consent.actions.confirmation.seal_consent", Queue())
    return asked


def test_the_page_shows_what_was_given():
    visit = signed(diabetes="yes", diabetes_unstable="no")
    given = SignedConsent.of(visit)
    assert given
    html = staff_client(practitioner()).get(f"/confirm/{visit.pk}/").content.decode()
    for shown in ('<path d="M20 100L', "drawn", given.hold.tablet.name, given.hold.handed_by.full_name, "Diabetes"):
        assert shown in html
    for section in Statement.from_json(given.statement).sections:
        assert section.heading in html
    assert "PH" in html
    assert 'name="sign"' in html
    assert "checked" not in html.split('id="the_signature"')[1].split("<details")[0]


def test_a_confirmation_freezes_the_record_and_asks_for_the_seal(no_seal: list[int]):
    visit, by = signed(diabetes="yes", diabetes_unstable="no"), practitioner("Jo Reed")
    answer = post(visit, by)
    assert (answer.status_code, answer.url) == (302, f"/confirm/{visit.pk}/")
    assert stage(visit) is Stage.CONFIRMED
    consent = Consent.objects.get(visit=visit)
    assert no_seal == [consent.pk]
    assert consent.sha256 == sha256(bytes(consent.record))
    record = read(bytes(consent.record))
    given = SignedConsent.of(visit)
    assert given
    assert record.number == f"C-{visit.pk:06d}"
    assert record.app_version == settings.VERSION
    assert record.statement.to_json() == given.statement
    assert record.signatures[0].strokes == INK
    assert record.signatures[0].tablet == given.hold.tablet.name
    assert record.plan.regions == ("left calf",)
    assert [each.question for each in record.flags] == ["diabetes"]
    assert (record.confirmation.by, record.confirmation.registration_number) == ("Jo Reed", by.registration_number)
    assert f"I sign as Jo Reed, registration number {by.registration_number}." in record.confirmation.statements
    assert len(record.talk.teach_back) == 6
    assert {each.name for each in record.acknowledged} == {"lung", "read", "agree"}
    answers = {each.question: each.words for each in record.screening.answers}
    assert answers["diabetes"] == "Yes"
    assert record.events[-1].what == "Confirmed in the room"
    assert Plan.objects.get(visit=visit).by == by


def test_a_confirmation_and_its_task_stand_or_fall_together(monkeypatch: pytest.MonkeyPatch):
    visit = signed()

    class Broken:
        def enqueue(self, consent_id: int) -> None:
            raise OSError("disk full")

    monkeypatch.setattr("consent.actions.confirmation.seal_consent", Broken())
    with pytest.raises(OSError, match="disk full"):
        actions.confirm(visit=visit, plan=PLAN, teach_back=WELL, by=acting(practitioner()))
    assert stage(visit) is Stage.SIGNED
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"talk_took_place": None}, "talk_took_place"),
        ({"still_happy": None}, "still_happy"),
        ({"sign": None}, "sign"),
        ({"regions": None}, "regions"),
        ({"technique": "acupuncture"}, "technique"),
        ({"electro": None}, "electro"),
        ({"sessions": "0"}, "sessions"),
        ({"regions": ["neck"], "prompt_6": None}, "prompt_6"),
    ],
)
def test_a_confirmation_that_lacks_something_is_refused(changes, wrong):
    visit = signed()
    answer = post(visit, **changes)
    assert answer.status_code == 422
    assert [name for each in answer.context["wrong"] for name in each.errors] == [wrong]
    assert "There is a problem" in answer.content.decode()
    assert stage(visit) is Stage.SIGNED


def test_breathlessness_need_not_be_asked_about_far_from_the_lung(no_seal: list[int]):
    visit = signed()
    assert post(visit, prompt_6=None).status_code == 302
    assert stage(visit) is Stage.CONFIRMED


@pytest.mark.parametrize("prompt", ["prompt_1", "prompt_6"])
def test_what_could_not_be_said_back_stops_the_consent(prompt: str):
    visit = signed()
    answer = post(visit, None, **{prompt: "not_able"})
    assert answer.url == f"/review/{visit.pk}/"
    assert stage(visit) is Stage.IN_REVIEW
    assert SignedConsent.of(visit) is None
    assert VoidedSignature.objects.get().why == "not understood"
    assert any("could not say it back" in why for why in review_state(visit).holds)
    assert not Consent.objects.exists()


def test_a_plan_that_raises_a_flag_sends_the_visit_back_to_review():
    visit = signed(blood_thinners="no", metal_in_body="yes", metal_in_body_regions=["left_knee"])
    before = {each.flag.key for each in review_state(visit).flags}
    client = staff_client(practitioner())
    answer = client.post(f"/confirm/{visit.pk}/", form(regions=["left_knee"]), follow=True)
    assert answer.redirect_chain[0][0] == f"/review/{visit.pk}/"
    assert "The plan raised a flag" in answer.content.decode()
    assert stage(visit) is Stage.IN_REVIEW
    assert {each.flag.key for each in review_state(visit).undecided} - before
    assert VoidedSignature.objects.get().why == "the plan raised a flag"
    assert Journal.objects.filter(visit=visit, action="consent voided").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"regions": ["left_calf", "right_calf"]}, "a new place: right calf"),
        ({"electro": "yes"}, "electrical stimulation"),
        ({"technique": "pistoning"}, "another technique"),
    ],
)
def test_a_plan_beyond_what_was_signed_for_is_signed_again(changes, said):
    visit = signed(plan=("left_calf",))
    client = staff_client(practitioner())
    answer = client.post(f"/confirm/{visit.pk}/", form(**changes), follow=True)
    html = answer.content.decode()
    assert said in html
    assert "sign again" in html
    assert stage(visit) is Stage.IN_REVIEW
    assert VoidedSignature.objects.get().why == "the plan goes further"
    assert SignedConsent.objects.filter(visit=visit).exists()  # nothing is overwritten
    assert not Consent.objects.exists()


def test_a_region_that_the_front_desk_noted_was_named_too():
    visit = signed("left_calf")
    post(visit, regions=["left_thigh"])
    assert stage(visit) is Stage.IN_REVIEW


@pytest.mark.parametrize(
    ("plan", "changes"),
    [
        ((), {"regions": ["left_calf", "right_thigh"], "electro": "yes", "technique": "pistoning"}),
        (("left_calf", "right_calf"), {"regions": ["left_calf"], "sessions": "2"}),
        (("calf",), {"regions": ["left_calf", "right_calf"]}),
    ],
    ids=["nothing was named", "less than was named", "the same in other words"],
)
def test_a_plan_within_what_was_signed_for_is_confirmed(no_seal: list[int], plan, changes):
    visit = signed(plan=plan)
    post(visit, **changes)
    assert stage(visit) is Stage.CONFIRMED


def test_a_plan_that_stays_the_same_is_not_written_again(no_seal: list[int]):
    visit = signed(plan=("left_calf",))
    post(visit)
    assert Plan.objects.filter(visit=visit).count() == 1


def test_an_answer_that_changes_voids_the_signature_and_is_asked_again():
    visit = signed()
    answer = staff_client(practitioner()).post(f"/confirm/{visit.pk}/change/", {"change": ["pregnancy", "eaten"]})
    assert answer.url == f"/visits/{visit.pk}/"
    assert stage(visit) is Stage.ANSWERING
    assert SignedConsent.of(visit) is None
    assert VoidedSignature.objects.get().why == "an answer changes"
    assert visit.screenings.latest("number").ask_again == ["pregnancy", "eaten"]


@pytest.mark.parametrize("names", [[], ["favourite_colour"]])
def test_which_answers_change_must_be_named(names):
    visit = signed()
    answer = staff_client(practitioner()).post(f"/confirm/{visit.pk}/change/", {"change": names})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["change"]
    assert stage(visit) is Stage.SIGNED


def test_answers_changed_elsewhere_leave_nothing_to_confirm():
    visit = signed()
    make_screening(visit)
    with pytest.raises(NotAllowed, match="sign again"):
        actions.confirm(visit=visit, plan=PLAN, teach_back=WELL, by=acting(practitioner()))


def test_only_a_practitioner_confirms():
    visit = signed()
    for user in (receptionist(), manager()):
        assert staff_client(user).get(f"/confirm/{visit.pk}/").status_code == 404
        assert post(visit, user).status_code == 404
    assert "/login/" in Client().get(f"/confirm/{visit.pk}/").url
    both = make_user(Role.RECEPTION, Role.PRACTITIONER)
    with pytest.raises(NotAllowed):
        actions.confirm(visit=visit, plan=PLAN, teach_back=WELL, by=acting(both, Role.RECEPTION))


@pytest.mark.parametrize("elsewhere", [Stage.ANSWERING, Stage.IN_REVIEW, Stage.CONSENTING, Stage.STOPPED])
def test_there_is_nothing_to_confirm_elsewhere(elsewhere):
    visit = signed()
    Visit.objects.filter(pk=visit.pk).update(stage=elsewhere.value)
    assert post(visit).url == f"/visits/{visit.pk}/"
    visit.refresh_from_db()
    with pytest.raises(NotAllowed):
        actions.confirm(visit=visit, plan=PLAN, teach_back=WELL, by=acting(practitioner()))
    assert not Consent.objects.exists()


def test_two_clicks_confirm_once(no_seal: list[int]):
    visit = signed()
    post(visit)
    assert post(visit).status_code == 200  # it shows what was confirmed
    assert Consent.objects.filter(visit=visit).count() == 1
    assert len(no_seal) == 1


def test_the_sealed_document_carries_the_record(seal_keys):
    visit = signed()
    post(visit)
    assert stage(visit) is Stage.SEALED
    sealed = SealedFile.objects.get(consent__visit=visit)
    assert sealed.sha256 == sha256(bytes(sealed.pdf))
    reader = pypdf.PdfReader(io.BytesIO(bytes(sealed.pdf)))
    assert reader.attachments["record.json"] == [bytes(sealed.consent.record)]
    moved = Journal.objects.filter(visit=visit, action="visit moved").latest("seq")
    assert (moved.actor_kind, moved.data["to"]) == ("system", "sealed")


def test_sealing_twice_makes_one_file(seal_keys):
    visit = signed()
    post(visit)
    consent = Consent.objects.get(visit=visit)
    first = SealedFile.objects.get(consent=consent).sha256
    assert tasks.seal_consent.call(consent.pk) == first
    assert SealedFile.objects.filter(consent=consent).count() == 1


def test_a_seal_that_fails_leaves_the_record_and_can_be_asked_for_again(seal_keys, monkeypatch: pytest.MonkeyPatch):
    visit = signed()
    with monkeypatch.context() as broken:
        broken.setattr(tasks, "render", lambda record: b"not a pdf")
        post(visit)
    assert stage(visit) is Stage.CONFIRMED
    assert visit.sealing_failed_at
    assert visit.status == "Sealing failed"
    assert Consent.objects.filter(visit=visit).exists()
    assert not SealedFile.objects.exists()
    client = staff_client(receptionist())
    assert client.get(f"/consents/{visit.pk}/pdf/").status_code == 404
    assert client.post(f"/consents/{visit.pk}/seal/").url == f"/visits/{visit.pk}/"
    assert stage(visit) is Stage.SEALED
    assert visit.sealing_failed_at is None


def test_a_sealed_document_that_does_not_verify_is_not_filed(seal_keys, monkeypatch: pytest.MonkeyPatch):
    visit = signed()
    real = seal_document.seal
    monkeypatch.setattr(seal_document, "seal", lambda pdf, key, authority: real(pdf, key) + b"\n%% more")
    post(visit)
    assert stage(visit) is Stage.CONFIRMED
    assert visit.sealing_failed_at
    assert not SealedFile.objects.exists()


def test_a_record_that_is_not_the_one_confirmed_is_not_sealed(seal_keys, no_seal: list[int]):
    visit = signed()
    post(visit)
    consent = Consent.objects.get(visit=visit)
    consent.sha256 = "0" * 64
    with pytest.raises(tasks.NotSealed, match="not the one"):
        tasks._sealed(consent)


def test_what_is_sealed_is_not_sealed_again(seal_keys):
    visit = signed()
    post(visit)
    with pytest.raises(NotAllowed):
        actions.seal_again(consent=Consent.objects.get(visit=visit), by=acting(practitioner()))


@pytest.mark.parametrize(
    ("query", "how", "noted"),
    [("", "attachment", "document downloaded"), ("?view=1", "inline", "document opened")],
)
def test_the_document_is_fetched_and_each_time_is_noted(seal_keys, query, how, noted):
    visit = signed()
    post(visit)
    for user in (receptionist(), practitioner()):
        answer = staff_client(user).get(f"/consents/{visit.pk}/pdf/{query}")
        assert answer.content == bytes(SealedFile.objects.get().pdf)
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == f'{how}; filename="consent-C-{visit.pk:06d}.pdf"'
        assert "no-store" in answer["Cache-Control"]
        assert "default-src 'none'" in answer["Content-Security-Policy"] or how == "attachment"
        assert (answer["Content-Security-Policy"] == "sandbox") == (how == "attachment")
        assert Journal.objects.filter(visit=visit, action=noted, user=user).count() == 1
    assert staff_client(manager()).get(f"/consents/{visit.pk}/pdf/").status_code == 404
    assert "/login/" in Client().get(f"/consents/{visit.pk}/pdf/").url


def test_a_copy_goes_to_the_address_on_record(seal_keys):
    visit = signed()
    post(visit)
    staff_client(receptionist()).post(f"/consents/{visit.pk}/send/")
    [message] = mail.outbox
    assert message.to == ["alex@example.org"]
    assert message.attachments[0][0] == f"consent-C-{visit.pk:06d}.pdf"
    assert message.attachments[0][1] == bytes(SealedFile.objects.get().pdf)
    for row in Journal.objects.filter(visit=visit):
        assert "example.org" not in json.dumps(row.data)
    assert Journal.objects.filter(visit=visit, action="copy sent").exists()


def test_a_copy_goes_to_another_address_if_the_patient_names_one(seal_keys):
    visit = signed()
    post(visit)
    client = staff_client(practitioner())
    assert "alex@example.org" in client.get(f"/consents/{visit.pk}/send/").content.decode()
    assert client.post(f"/consents/{visit.pk}/send/", {"address": "not one"}).status_code == 422
    assert mail.outbox == []
    client.post(f"/consents/{visit.pk}/send/", {"address": "other@example.org"})
    assert mail.outbox[0].to == ["other@example.org"]


def test_without_an_address_on_record_one_is_asked_for(seal_keys):
    visit = signed()
    visit.patient.email = ""
    visit.patient.save()
    post(visit)
    assert staff_client(receptionist()).post(f"/consents/{visit.pk}/send/").status_code == 422
    assert mail.outbox == []


def test_there_is_no_copy_of_what_is_not_sealed(no_seal: list[int]):
    visit = signed()
    post(visit)
    client = staff_client(practitioner())
    assert client.post(f"/consents/{visit.pk}/send/").status_code == 404
    assert "Being sealed" in client.get(f"/confirm/{visit.pk}/").content.decode()


def test_a_prompt_left_out_is_named_and_nothing_typed_is_lost(no_seal: list[int]):
    visit = signed()
    page = post(visit, prompt_3=None, prompt_6=None)
    assert page.status_code == 422
    assert list(page.context["forms"].talk.errors) == ["prompt_3"]  # nothing near the lung is planned
    assert "The risk that matters most: record what the patient said." in page.text
    assert stage(visit) is Stage.SIGNED
    assert page.context["forms"].talk["prompt_1"].value() == "correct"


def test_the_talk_is_on_record_with_who_held_it(no_seal: list[int]):
    visit, by = signed(), practitioner()
    post(visit, by)
    talk = Attestation.objects.get(visit=visit, kind="talk")
    assert (talk.by, talk.data["teach_back"]) == (by, WELL)
