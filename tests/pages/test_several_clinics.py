"""Several clinics in one installation: what is one's is never another's, but for reading in an emergency, on record."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.devices import holds, invitations, tablets
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import (
    EmergencyAccess,
    Invitation,
    Journal,
    Patient,
    PolicyChange,
    Role,
    Site,
    Tablet,
    User,
    Visit,
    emergency_access,
)
from clinic.records import patients, staff, visits
from clinic.records.day_list import UnreadableList, read
from consent.status.versions import versions
from screening.assessment.review_state import review_state
from tests.support.consents import signed
from tests.support.factories import (
    acting,
    make_patient,
    make_site,
    make_tablet,
    make_user,
    make_visit,
    manager,
    practitioner,
    ready_for_review,
    receptionist,
    staff_client,
)

pytestmark = pytest.mark.django_db

BORN = dt.date(1971, 2, 3)
REASON = "Fainted in our waiting room and cannot speak."


@pytest.fixture
def north() -> Site:
    return make_site("North Clinic")


def of_north(north: Site, name: str = "Nora Northcanary", stage: Stage = Stage.EXPECTED, **marks: Any) -> Visit:
    """Put a patient of the other clinic on its board."""
    return make_visit(make_patient(name, BORN, site=north), stage, **marks)


def everything(user: User) -> str:
    """Return all that the pages without a number show this person."""
    client = staff_client(user)
    asked = ("board", "board_news", "queue", "queue_news", "urgent", "patients", "manage_journal", "manage_tablets")
    pages = [client.get(reverse(name)) for name in asked]
    found = client.post(reverse("patients"), {"name": "Northcanary"}, follow=True)
    return "".join(page.content.decode() for page in (*pages, found) if page.status_code == 200)


@pytest.mark.parametrize("role", list(Role))
def test_no_list_shows_what_another_clinic_has(north: Site, role: Role):
    of_north(north)
    of_north(north, "Nick Northcanary", Stage.IN_REVIEW)
    of_north(north, "Nell Northcanary", Stage.ANSWERING, urgent_at=timezone.now())
    Tablet.objects.create(name="Northcanary tablet", site=north, created_by=manager())
    make_user(Role.PRACTITIONER, name="Nadia Northcanary", site=north)
    assert "Northcanary" not in everything(make_user(role)).replace('value="Northcanary"', "")
    assert "Northcanary" in everything(make_user(role, site=north)).replace('value="Northcanary"', "")


def test_what_is_made_belongs_to_the_clinic_of_who_makes_it(north: Site):
    by = acting(make_user(Role.RECEPTION, Role.MANAGER, site=north), Role.RECEPTION)
    patient = patients.add_patient(name="New", born=BORN, by=by)
    tablet = tablets.add_tablet(name="New one", by=by)
    person = User(username="new", full_name="New Person", is_reception=True)
    staff.save_staff(user=person, by=by)
    assert {patient.site_id, tablet.site_id, person.site_id} == {north.number}


def test_the_other_clinics_record_of_a_person_is_not_offered_as_the_same(north: Site):
    make_patient("Nora Northcanary", BORN, site=north)
    desk = staff_client(receptionist())
    typed = {"name": "Nora Northcanary", "born_day": "3", "born_month": "2", "born_year": "1971"}
    assert desk.post(reverse("add_patient"), typed).status_code == 302
    assert Patient.objects.filter(site=1).count() == 1


def test_no_act_joins_two_clinics(north: Site):
    theirs, mine = of_north(north), make_visit()
    tablet, _ = make_tablet()
    here, there = acting(receptionist(), Role.RECEPTION), acting(make_user(Role.RECEPTION, site=north), Role.RECEPTION)
    for act in (
        lambda: holds.hand_over(visit=theirs, tablet=tablet, by=there),
        lambda: holds.hand_over(visit=theirs, tablet=tablet, by=here),
        lambda: holds.hand_over(visit=mine, tablet=tablet, by=there),
        lambda: patients.merge_patients(kept=mine.patient, gone=theirs.patient, by=here),
        lambda: visits.add_visit(patient=theirs.patient, day=timezone.localdate(), by=here),
        lambda: patients.correct_patient(patient=theirs.patient, name="Other", by=here),
        lambda: invitations.invite(visit=theirs, how=Invitation.How.DESK, by=here),
    ):
        with pytest.raises(NotAllowed, match="another clinic"):
            act()


def test_forms_offer_what_the_clinic_has(north: Site):
    make_tablet("Ours to hand over")
    Tablet.objects.create(name="Northcanary tablet", site=north, created_by=manager()).new_token()
    make_user(Role.PRACTITIONER, name="Nadia Northcanary", username="nadia", site=north)
    visit = make_visit()
    desk = staff_client(receptionist())
    shown = desk.get(reverse("visit", args=[visit.pk])).content.decode()
    assert "Ours to hand over" in shown
    assert "Northcanary" not in shown + desk.get(reverse("patient", args=[visit.patient_id])).content.decode()
    theirs = Tablet.objects.get(name="Northcanary tablet")
    desk.post(reverse("hand_over", args=[visit.pk]), {"tablet": theirs.pk})
    assert visit.hold is None
    with pytest.raises(UnreadableList, match="unknown"):
        read("name,born,practitioner\nA B,1990-05-01,nadia", today=timezone.localdate(), site=1)


def test_a_lent_device_goes_along_to_the_clinic_in_which_its_owner_works_today(north: Site):
    person = make_user(Role.RECEPTION)
    staff_client(person).post(reverse("lend", args=[make_visit().pk]))
    person.site_id = north.number
    person.save()
    theirs = of_north(north)
    staff_client(person).post(reverse("lend", args=[theirs.pk]))
    assert theirs.hold is not None
    assert Tablet.objects.get(created_by=person).site_id == north.number


def test_staff_choose_in_which_of_their_clinics_they_work(north: Site):
    person, other = make_user(Role.PRACTITIONER), make_site("South Clinic")
    person.sites.set([1, north.number])
    client, theirs = staff_client(person), of_north(north)
    assert client.get(reverse("visit", args=[theirs.pk])).status_code == 404
    assert client.post(reverse("work_at"), {"site": other.number}).status_code == 422
    assert client.post(reverse("work_at"), {"site": north.number}).status_code == 302
    assert client.get(reverse("visit", args=[theirs.pk])).status_code == 200
    assert "North Clinic" in client.get(reverse("board")).content.decode()
    assert client.post(reverse("work_at"), {"site": 1}).status_code == 302
    assert [row.data["number"] for row in Journal.objects.filter(action="clinic chosen")] == [north.number, 1]


def test_a_manager_of_one_clinic_opens_no_way_into_another(north: Site):
    """An account counts everywhere: whoever may make a link for it may sign in as its owner."""
    both = make_user(Role.PRACTITIONER, Role.MANAGER)
    both.sites.set([1, north.number])
    only, theirs = make_user(Role.RECEPTION, site=north), staff_client(make_user(Role.MANAGER, site=north))
    for name in ("staff_member", "enrolment_link", "end_sessions"):
        assert theirs.post(reverse(name, args=[both.pk])).status_code == 404
    assert theirs.post(reverse("end_sessions", args=[only.pk])).status_code == 302
    assert staff_client(both).post(reverse("end_sessions", args=[only.pk])).status_code == 404  # works here now
    shown = theirs.get(reverse("manage_staff")).content.decode()
    assert reverse("staff_member", args=[only.pk]) in shown
    assert f'href="{reverse("staff_member", args=[both.pk])}"' not in shown


def test_any_clinics_manager_lets_a_leaver_in_no_more(north: Site):
    both = make_user(Role.PRACTITIONER)
    both.sites.set([1, north.number])
    inside, boss = staff_client(both), make_user(Role.MANAGER, site=north)
    theirs, address = staff_client(boss), reverse("staff_leaves", args=[both.pk])
    assert inside.get(reverse("board")).status_code == 200
    assert staff_client(make_user(Role.MANAGER, site=make_site("South Clinic"))).post(address).status_code == 404
    assert address in theirs.get(reverse("manage_staff")).text
    theirs.post(address)
    assert inside.get(reverse("board")).status_code == 302
    both.refresh_from_db()
    assert not both.is_active
    theirs.post(reverse("staff_leaves", args=[boss.pk]))
    boss.refresh_from_db()
    assert boss.is_active, "nobody locks themselves out"


def test_a_clinic_without_a_manager_gets_one_from_the_servers_terminal(north: Site):
    call_command("createstaff", "mo", "Mo Manager", clinic=north.number, stdout=StringIO())
    mo = User.objects.get(username="mo")
    assert mo.site_id == north.number
    assert mo.works_at == {north.number}
    boss = manager()
    call_command("createstaff", boss.username, again=True, clinic=north.number, stdout=StringIO())
    assert boss.works_at == {1, north.number}
    with pytest.raises(CommandError, match="there is no clinic 9; allowed: 1, 2"):
        call_command("createstaff", "mia", "Mia", clinic=9)


def test_the_first_clinics_manager_mends_a_clinics_name_and_contacts(north: Site):
    address, typed = reverse("manage_site", args=[north.number]), {"name": "North Clinic", "phone": "01632 960 556"}
    assert staff_client(make_user(Role.MANAGER, site=north)).post(address, typed).status_code == 404
    boss = staff_client(manager())
    assert boss.get(reverse("manage_site", args=[1])).status_code == 404
    assert boss.post(address, {"name": ""}).status_code == 422
    assert boss.post(address, typed).status_code == 302
    north.refresh_from_db()
    assert north.phone == "01632 960 556"


def test_what_another_clinic_signed_is_not_counted_here(north: Site):
    visit = signed()
    Patient.objects.filter(pk=visit.patient_id).update(site=north)
    counted = {site: sum(each.signed for _, found in versions(site) for each in found) for site in (1, north.number)}
    assert counted == {1: 0, north.number: 3}
    told = {site: {each.by for _, found in versions(site) for each in found} for site in (1, north.number)}
    assert "another clinic" in told[north.number]
    assert "another clinic" not in told[1]
    assert not told[1] & told[north.number] - {"", "the system"}


def test_a_manager_of_several_clinics_says_where_somebody_works(north: Site):
    boss = manager()
    boss.sites.set([1, north.number])
    typed = {"full_name": "Rae Roving", "username": "rae", "is_reception": "on", "is_active": "on"}
    client = staff_client(boss)
    assert client.post(reverse("add_staff"), typed).status_code == 422
    assert client.post(reverse("add_staff"), {**typed, "sites": [str(north.number)]}).status_code == 200
    rae = User.objects.get(username="rae")
    assert rae.site_id == north.number
    assert rae.works_at == {north.number}


def test_a_group_grows_by_a_clinic_that_the_first_ones_manager_adds(north: Site):
    boss = manager()
    client = staff_client(boss)
    assert client.post(reverse("manage_sites"), {"name": "north clinic"}).status_code == 422
    assert client.post(reverse("manage_sites"), {"name": "West", "phone": "01632 960 999"}).status_code == 302
    assert boss.works_at == {1, 3}
    for name in ("manage_sites", "manage_settings"):
        assert staff_client(make_user(Role.MANAGER, site=north)).get(reverse(name)).status_code == 404


def test_a_clinics_patients_read_its_own_name_and_telephone_number(north: Site):
    north.phone = "01632 960 555"
    north.save()
    review = ready_for_review(epilepsy="yes")
    Patient.objects.filter(pk=review.patient_id).update(site=north)
    policy = review_state(Visit.objects.select_related("patient").get(pk=review.pk)).policy
    assert (policy.clinic_name, policy.clinic_phone) == ("North Clinic", "01632 960 555")
    assert policy.pregnancy == PolicyChange.objects.policy().pregnancy


def emergency(client: Client, name: str = "Nora Northcanary", reason: str = REASON) -> Any:
    born = {"born_day": "3", "born_month": "2", "born_year": "1971"}
    return client.post(reverse("emergency"), {"name": name, "reason": reason, **born})


def test_in_an_emergency_a_record_of_another_clinic_is_read_and_not_changed(north: Site):
    visit, other = of_north(north), make_patient("Ned Northcanary", BORN, site=north)
    me = practitioner()
    client, page = staff_client(me), reverse("patient", args=[visit.patient_id])
    assert client.get(page).status_code == 404
    assert emergency(client).status_code == 302
    shown = client.get(page).content.decode()
    assert "Nora Northcanary" in shown
    assert "Emergency: you may read" in shown
    assert "reading-only" in shown
    assert "reading-only" not in client.get(reverse("patient", args=[make_patient().pk])).text
    assert client.get(reverse("visit", args=[visit.pk])).status_code == 200
    assert client.post(reverse("did_not_come", args=[visit.pk])).status_code == 404
    assert client.post(reverse("correct_patient", args=[visit.patient_id])).status_code == 404
    assert client.get(reverse("correct_patient", args=[visit.patient_id])).status_code == 404
    assert client.get(reverse("merge_patient", args=[visit.patient_id]), {"gone": other.pk}).status_code == 404
    assert staff_client(me).get(page).status_code == 404, "another session of the same person"
    assert staff_client(practitioner()).get(page).status_code == 404
    opened = Journal.objects.get(action="record opened in an emergency")
    assert (opened.user, opened.patient) == (me, visit.patient)


def test_after_four_hours_it_is_closed(north: Site, monkeypatch: pytest.MonkeyPatch):
    assert dt.timedelta(hours=4) == emergency_access.LASTS
    monkeypatch.setattr(emergency_access, "LASTS", dt.timedelta(seconds=-1))
    visit, client = of_north(north), staff_client(practitioner())
    assert emergency(client).status_code == 302
    assert client.get(reverse("patient", args=[visit.patient_id])).status_code == 404


@pytest.mark.parametrize(
    ("name", "reason"), [("Nora North", REASON), ("Nora Northcanary", "because"), ("Nora Northcanary", "")]
)
def test_without_the_full_name_or_a_reason_nothing_opens(north: Site, name: str, reason: str):
    of_north(north)
    client = staff_client(practitioner())
    answer = emergency(client, name, reason)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not EmergencyAccess.objects.exists()


def test_only_who_just_showed_who_they_are_opens_one(north: Site):
    of_north(north)
    client = staff_client(practitioner())
    session = client.session
    for shown in session["account_authentication_methods"]:
        shown["at"] -= 6 * 60
    session.save()
    assert client.get(reverse("emergency")).headers["Location"].startswith("/account/again/")
    answer = emergency(client)
    assert answer.status_code == 422
    assert "show who you are" in answer.text
    assert REASON in answer.text
    assert client.post(reverse("emergency"), {}).status_code == 422
    assert not EmergencyAccess.objects.exists()


def test_the_records_own_manager_is_told_who_and_why(north: Site):
    of_north(north)
    emergency(staff_client(practitioner("Pia Physio")))
    theirs, ours = staff_client(make_user(Role.MANAGER, site=north)), staff_client(manager())
    assert "to look at" in theirs.get(reverse("manage_tablets")).content.decode()
    assert "to look at" not in ours.get(reverse("manage_tablets")).content.decode()
    shown = theirs.get(reverse("manage_emergencies")).content.decode()
    assert "Pia Physio" in shown
    assert REASON in shown
    assert REASON not in ours.get(reverse("manage_emergencies")).content.decode()
    access = EmergencyAccess.objects.get()
    theirs.post(reverse("emergency_seen", args=[access.pk]))
    access.refresh_from_db()
    assert access.seen_by is not None
    assert "to look at" not in theirs.get(reverse("manage_tablets")).content.decode()


def test_one_clinic_alone_is_told_of_no_other():
    both = make_user(Role.PRACTITIONER, Role.MANAGER)
    client = staff_client(both)
    pages = [client.get(reverse(name)).content.decode() for name in ("patients", "mfa_index", "manage_tablets")]
    assert reverse("emergency") not in "".join(pages)
    assert reverse("work_at") not in "".join(pages)
