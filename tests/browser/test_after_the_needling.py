"""After the treatment: it is recorded, every needle is counted, and the patient takes the warning signs home."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Journal, PolicyChange, Role, Visit
from consent.document.aftercare_sheet import sheet
from consent.domain.statement import Statement
from consent.models import SignedConsent
from screening import actions
from screening.models import AdverseEvent, Session
from tests.support.consents import confirmed
from tests.support.earlier_visits import DONE, record
from tests.support.factories import acting, make_plan, make_visit, manager, practitioner, receptionist, staff_client
from tests.support.pdf_text import plain

pytestmark = pytest.mark.django_db


def treated_visit(*regions: str, electro: bool = False) -> Visit:
    """Make a visit whose consent was sealed, with its plan."""
    visit = make_visit(stage=Stage.SEALED)
    make_plan(visit, *(regions or ("left_calf",)), electro=electro)
    return visit


def post(visit: Visit, **changes: Any) -> Any:
    data = {
        "regions": ["left_calf"],
        "treated_at": "00:00",
        "needles_in": "4",
        "needles_out": "4",
        "reaction": "none",
        **changes,
    }
    return staff_client(practitioner()).post(f"/visits/{visit.pk}/session/", data)


# --- the session ---------------------------------------------------------------------------------------------------


def test_what_was_done_is_on_record():
    visit = treated_visit("left_calf", "neck")
    answer = post(visit)
    assert (answer.status_code, answer.url) == (302, f"/visits/{visit.pk}/")
    session = Session.of(visit)
    assert session
    assert (session.regions, session.technique, session.electro) == (["left_calf"], "superficial", False)
    assert (session.needles_in, session.needles_out, session.reaction) == (4, 4, "none")
    assert AdverseEvent.objects.count() == 0
    assert Journal.objects.filter(action="session recorded", visit=visit).count() == 1
    html = staff_client(practitioner()).get(f"/visits/{visit.pk}/").content.decode()
    assert "4 needles in, 4 out" in html


def test_a_correction_is_another_row_and_the_latest_counts():
    visit = treated_visit()
    first = record(visit)
    second = record(visit, needles_in=6, needles_out=6)
    assert Session.of(visit) == second
    assert Session.objects.get(pk=first.pk).needles_in == 4


def test_a_place_that_was_not_agreed_to_is_refused_with_the_reason():
    visit = treated_visit("left_calf")
    with pytest.raises(NotAllowed, match=r"did not agree to this: neck\. Agreed: left calf"):
        record(visit, regions=["left_calf", "neck"])
    answer = post(visit, regions=["left_calf", "neck"])
    assert answer.status_code == 422
    assert "did not agree to this: neck" in plain(answer.content.decode())
    assert Session.of(visit) is None


def test_a_plan_for_both_sides_covers_each():
    assert record(treated_visit("calf"), regions=["right_calf"]).regions == ["right_calf"]


def test_current_that_was_not_agreed_to_is_refused():
    with pytest.raises(NotAllowed, match="electrical stimulation"):
        record(treated_visit(), electro=True)
    assert record(treated_visit(electro=True), electro=True).electro


def test_fewer_needles_out_than_in_asks_to_count_again():
    visit = treated_visit()
    answer = post(visit, needles_out="3")
    assert answer.status_code == 422
    html = plain(answer.content.decode())
    assert "4 went in, 3 came out. Count again" in html
    assert "A needle could not be found" in html
    assert Session.of(visit) is None


def test_more_needles_out_than_in_is_never_right():
    visit = treated_visit()
    assert post(visit, needles_out="5", not_found="on", missing="No idea", harm="minor").status_code == 422
    with pytest.raises(NotAllowed, match="Count again"):
        record(visit, needles_out=5, missing="No idea", harm="minor")


def test_a_needle_that_is_not_found_is_an_adverse_event():
    visit = treated_visit()
    assert post(visit, needles_out="3", not_found="on").status_code == 422
    answer = post(visit, needles_out="3", not_found="on", missing="Looked twice; X-ray asked for.", harm="care")
    assert answer.status_code == 302
    event = AdverseEvent.objects.get(visit=visit)
    assert (event.kind, event.harm) == ("broken_needle", "care")
    assert "X-ray asked for" in event.what
    assert Session.objects.get(visit=visit).not_found == 1


def test_a_reaction_at_once_is_an_adverse_event_once():
    visit = treated_visit()
    assert post(visit, reaction="faint").status_code == 422
    record(visit, reaction="faint", reaction_text="Lay down, well after 5 minutes.", harm="minor")
    record(visit, reaction="faint", reaction_text="Lay down, well after 10 minutes.", harm="minor")
    assert [event.kind for event in AdverseEvent.objects.filter(visit=visit)] == ["faint"]


@pytest.mark.parametrize("stage", [Stage.EXPECTED, Stage.IN_REVIEW, Stage.SIGNED, Stage.STOPPED])
def test_nothing_is_recorded_without_a_confirmed_consent(stage):
    visit = make_visit(stage=stage)
    make_plan(visit)
    with pytest.raises(NotAllowed):
        record(visit)
    assert post(visit).status_code == 404


def test_only_a_practitioner_records_it():
    visit = treated_visit()
    for user in (receptionist(), manager()):
        assert staff_client(user).get(f"/visits/{visit.pk}/session/").status_code == 404
    with pytest.raises(NotAllowed, match="Only a practitioner"):
        actions.record_session(
            visit=visit, by=acting(receptionist(), Role.RECEPTION), treated_at=timezone.now(), **DONE
        )


# --- the sheet -----------------------------------------------------------------------------------------------------


def the_sheet(visit: Visit) -> str:
    return plain(staff_client(receptionist()).get(f"/visits/{visit.pk}/aftercare/").content.decode())


def test_the_sheet_says_what_the_signed_text_says(seal_keys):
    consent = confirmed()
    visit = consent.visit
    record(visit)
    given = SignedConsent.of(visit)
    assert given
    signed = next(each for each in Statement.from_json(given.statement).sections if each.id == "aftercare")
    (section,) = sheet(visit).sections
    assert section == signed
    html = the_sheet(visit)
    assert "left calf" in html
    assert PolicyChange.objects.policy().emergency_number in html
    assert "short of breath" in html
    assert Journal.objects.filter(action="aftercare opened", visit=visit).exists()


def test_near_the_lung_the_sheet_says_when_the_signs_begin():
    near, far = treated_visit("upper_back"), treated_visit()
    record(near, regions=["upper_back"])
    assert "up to 2 days later" in the_sheet(near)
    assert "up to 2 days later" not in the_sheet(far)


def test_the_sheet_goes_to_the_patients_address(seal_keys):
    visit = confirmed().visit
    record(visit)
    staff_client(receptionist()).post(f"/visits/{visit.pk}/aftercare/send/")
    (letter,) = mail.outbox
    assert letter.to == ["alex@example.org"]
    assert "- have pain in your chest" in letter.body
    assert "Where: left calf" in letter.body
    told = Journal.objects.filter(visit=visit, action__startswith="aftercare").values_list("action", flat=True)
    assert set(told) == {"aftercare asked for", "aftercare sent"}


def test_without_an_address_nothing_is_sent():
    visit = treated_visit()
    staff_client(receptionist()).post(f"/visits/{visit.pk}/aftercare/send/")
    assert mail.outbox == []


def test_there_is_no_sheet_before_there_is_a_consent():
    assert staff_client(practitioner()).get(f"/visits/{make_visit().pk}/aftercare/").status_code == 404
