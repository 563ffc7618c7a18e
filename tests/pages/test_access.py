"""Who may open what: the roles, strangers, leavers, and a view that names nobody."""

import pytest
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Actor, Journal, Role, User
from clinic.web.middleware import DefaultDeny
from tests.support.factories import PASSWORD, make_user, make_visit, manager, practitioner, receptionist, staff_client

pytestmark = pytest.mark.django_db

DESK = ["/board/", "/board/import/", "/patients/", "/patients/add/"]
MANAGER = ["/manage/tablets/", "/manage/staff/", "/manage/staff/add/", "/manage/settings/"]
REVIEW = ["/queue/"]


@pytest.mark.parametrize("address", [*DESK, *MANAGER, *REVIEW, "/urgent/"])
def test_a_stranger_is_sent_to_the_login_page(address):
    assert Client().get(address).url == f"/login/?next={address}"


@pytest.mark.parametrize(
    ("who", "opens", "refused"),
    [
        (receptionist, DESK, [*MANAGER, *REVIEW]),
        (practitioner, [*DESK, *REVIEW], MANAGER),
        (manager, MANAGER, [*DESK[1:], *REVIEW]),
    ],
)
def test_each_role_opens_its_own_pages(who, opens, refused):
    client = staff_client(who())
    assert [client.get(address).status_code for address in opens] == [200] * len(opens)
    assert [client.get(address).status_code for address in refused] == [404] * len(refused)


def test_reception_and_manager_get_no_answers():
    visit = make_visit()
    for user in (receptionist(), manager()):
        assert staff_client(user).get(f"/review/{visit.pk}/").status_code == 404
        assert staff_client(user).get(f"/confirm/{visit.pk}/").status_code == 404


def test_one_person_with_all_roles_acts_under_the_one_that_the_page_needs():
    alone = make_user(*Role)
    client = staff_client(alone)
    client.post("/patients/add/", {"name": "Ana Silva", "born_day": "1", "born_month": "2", "born_year": "1980"})
    client.post("/manage/tablets/", {"name": "Front 1"})
    roles = dict(Journal.objects.filter(user=alone).values_list("action", "role"))
    assert roles["patient added"] == "reception"
    assert roles["tablet added"] == "manager"


def test_a_leaver_is_out_at_the_next_click():
    user = receptionist()
    client = staff_client(user)
    assert client.get("/board/").status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/board/").url.startswith("/login/")


def test_signing_in_and_a_refusal_are_on_record():
    user = receptionist()
    client = Client()
    assert client.post("/login/", {"login": user.username, "password": "wrong"}).status_code == 422
    assert client.post("/login/", {"login": user.username, "password": PASSWORD}).url == "/board/"
    assert set(Journal.objects.values_list("action", flat=True)) == {"sign-in refused", "signed in"}


def test_a_view_that_names_nobody_is_refused():
    def forgotten(request: HttpRequest) -> HttpResponse:
        return HttpResponse("secret")

    with pytest.raises(Http404):
        DefaultDeny(lambda request: HttpResponse()).process_view(HttpRequest(), forgotten, (), {})


@pytest.mark.parametrize("address", ["/login/", "/tablet/", "/nowhere/"])
def test_every_answer_carries_the_headers(address):
    answer = Client().get(address)
    assert answer["Cache-Control"] == "no-store, private"
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "require-trusted-types-for 'script'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in answer["Permissions-Policy"]


def test_the_manager_adds_staff_and_is_told_what_is_missing():
    client = staff_client(manager())
    wrong = client.post("/manage/staff/add/", {"full_name": "New Physio", "username": "np", "is_practitioner": "on"})
    assert wrong.status_code == 422
    assert "registration number" in wrong.text
    right = {
        "full_name": "New Physio",
        "username": "np",
        "is_practitioner": "on",
        "registration_number": "PH1",
        "is_active": "on",
    }
    added = client.post("/manage/staff/add/", right)
    assert "/enrol/#" in added.text
    assert not User.objects.get(username="np").has_usable_password()


def test_a_manager_cannot_lock_the_last_door_behind_them():
    boss = manager()
    answer = staff_client(boss).post(
        f"/manage/staff/{boss.pk}/", {"full_name": boss.full_name, "username": boss.username, "is_reception": "on"}
    )
    assert answer.status_code == 422
    boss.refresh_from_db()
    assert boss.is_manager


def test_the_board_asks_the_database_as_often_for_fifty_visits_as_for_one(django_assert_num_queries):
    client = staff_client(receptionist())
    make_visit()
    with django_assert_num_queries(9):
        client.get("/board/")
    for _ in range(49):
        make_visit()
    with django_assert_num_queries(9):
        page = client.get("/board/", {"day": timezone.localdate().isoformat()})
    assert page.text.count("Alex Example") == 50


def test_the_board_says_what_changed_without_moving_a_row_and_never_why():
    client = staff_client(receptionist())
    visit = make_visit(stage=Stage.ANSWERING)
    page = client.get("/board/")
    news = {"at": page.context["at"]}
    assert "new or changed" not in client.get("/board/news/", news).text
    visit.move(Stage.IN_REVIEW, by=Actor())
    make_visit()
    said = client.get("/board/news/", news).text
    assert "2 visits new or changed" in said
    assert f'<span id="stage-{visit.pk}" hx-swap-oob="innerHTML">Waiting for the physiotherapist</span>' in said


@pytest.mark.parametrize("odd", ["", "yesterday", "2026-99-99", "2026-13-45T99:00:00Z"])
def test_an_odd_day_or_time_in_the_address_is_taken_as_today_and_now(odd):
    client = staff_client(receptionist())
    assert client.get("/board/", {"day": odd}).status_code == 200
    assert client.get("/board/news/", {"day": odd, "at": odd}).status_code == 200


def test_only_practitioners_are_led_from_a_call_to_what_was_said():
    visit = make_visit(stage=Stage.ANSWERING, urgent_at=timezone.now())
    assert f"/review/{visit.pk}/" in staff_client(practitioner()).get("/urgent/").text
    for user in (receptionist(), manager()):
        page = staff_client(user).get("/urgent/").text
        assert "needs help now" in page
        assert "/review/" not in page
