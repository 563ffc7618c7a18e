"""A patient would rather say something in private: the practitioner is told before consent, the front desk never."""

from __future__ import annotations

import pytest

from clinic.domain.flow import Stage
from screening.assessment.review_state import review_state
from tests.support.factories import practitioner, ready_for_review, receptionist, staff_client

pytestmark = pytest.mark.django_db

SENSITIVE = {
    "pregnancy": "Pregnancy",
    "blood_borne_virus": "Blood-borne virus",
    "mental_health": "Mental health",
    "feels_pressed": "Feels pressed",
}


@pytest.mark.parametrize(("name", "short"), SENSITIVE.items())
def test_the_practitioner_is_told_before_consent(name, short):
    visit = ready_for_review(**{name: "prefer_not"})
    assert visit.at is Stage.IN_REVIEW
    assert review_state(visit).in_private == (short,)
    desk = staff_client(practitioner())
    assert "Wants to say something in private" in desk.get("/queue/").content.decode()
    review = desk.get(f"/review/{visit.pk}/").content.decode()
    assert f"Wants to say this in private:</strong> {short}" in review


def test_the_front_desk_sees_nothing_of_it():
    visit = ready_for_review(**dict.fromkeys(SENSITIVE, "prefer_not"))
    desk = staff_client(receptionist())
    for page in ("/board/", f"/visits/{visit.pk}/"):
        html = desk.get(page).content.decode()
        assert visit.patient.name in html
        assert "in private" not in html
    assert desk.get("/queue/").status_code == 404


def test_a_patient_who_keeps_nothing_private_is_not_held():
    visit = ready_for_review()
    assert visit.at is Stage.CONSENTING
    assert review_state(visit).in_private == ()
