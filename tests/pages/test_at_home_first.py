"""Answering at home, on the own phone: what changes by the day is asked again at check-in, and nothing is signed."""

import datetime as dt

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from clinic.devices import holds, invitations
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Invitation, Journal, Tablet, Visit
from clinic.records import visits
from screening import actions
from screening.domain import questionnaire
from screening.domain.questionnaire import BY_THE_HOUR, ON_THE_DAY, QUESTIONS
from screening.models import Screening
from tests.support.factories import (
    answered,
    answers,
    make_patient,
    make_tablet,
    make_visit,
    practitioner,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def early(desk):
    """Make a visit of tomorrow whose patient opened the link in the e-mail."""
    made = make_visit(make_patient(email="alex@example.org", phone="01234 567890"), day=in_days(1))
    _, token = invitations.invite(visit=made, how=Invitation.How.EMAIL, by=desk)
    opened = invitations.open_invitation(token=token, born=dt.date(1990, 5, 1))
    assert opened
    made.refresh_from_db()
    made.phone = Client()
    made.phone.cookies[settings.TABLET_COOKIE_NAME] = opened[1]
    made.by = Actor(tablet=opened[0])
    return made


def latest(visit):
    found = Screening.of(visit)
    assert found
    return found


def in_days(days):
    return timezone.localdate() + dt.timedelta(days=days)


def all_said(visit, **changes):
    """Answer everything that is asked at home."""
    given = {name: value for name, value in answers(**changes).items() if name not in BY_THE_HOUR}
    return actions.answer(visit=visit, given=given, by=visit.by)


def checks_in(visit, desk):
    """The day has come: the front desk hands over a tablet. Return it."""
    Visit.objects.filter(pk=visit.pk).update(day=timezone.localdate())
    visit.refresh_from_db()
    tablet, token = make_tablet()
    hold = holds.hand_over(visit=visit, tablet=tablet, by=desk)
    holds.confirm_birth_date(hold=hold, born=dt.date(1990, 5, 1), by=Actor(tablet=tablet))
    visit.refresh_from_db()
    visit.by = Actor(tablet=tablet)
    client = Client()
    client.cookies[settings.TABLET_COOKIE_NAME] = token
    return client


def asked_on(client):
    """Go through the pages that this tablet shows, answering like a healthy adult; return the questions asked."""
    asked, page = [], client.get("/tablet/questions/", follow=True)
    while "form" in page.context and "step" in page.context:
        names = list(page.context["step"].names)
        asked += names
        shown = page.context["form"]
        data = {"questionnaire": questionnaire.digest()}
        for name in names:
            value = answers().get(name, "")
            data[name] = "none" if value == [] else value
        assert not shown.errors
        page = client.post(page.redirect_chain[-1][0].split("?")[0], data, follow=True)
        assert page.redirect_chain, page.context["form"].errors
    return asked, page


def test_at_home_everything_is_asked_but_what_changes_by_the_hour(early):
    asked, page = asked_on(early.phone)
    always = {name for name, question in QUESTIONS.items() if questionnaire.asked(question, answers(), returning=False)}
    assert set(asked) == always - BY_THE_HOUR
    assert "Keep my answers" in page.text
    assert "Send my answers" not in page.text
    assert early.phone.post("/tablet/check/", {}).url == "/tablet/kept/"
    assert "Nothing is signed" in early.phone.get("/tablet/kept/").text
    assert Invitation.objects.get().answered_at
    early.refresh_from_db()
    assert early.at is Stage.ANSWERING
    assert latest(early).submitted_at is None


def test_at_check_in_what_changes_by_the_day_is_asked_again_blank(early, desk):
    all_said(early, skin_condition="yes", pregnancy="no", medicines="vitamins")
    tablet = checks_in(early, desk)
    first = tablet.get("/tablet/questions/", follow=True)
    assert "What you told us before is kept" in first.text
    assert not ON_THE_DAY & set(first.context["form"].initial)
    asked, page = asked_on(tablet)
    assert set(asked) == ON_THE_DAY - {"antibiotics_until"}  # a follow-up of an infection
    assert "vitamins" not in page.text
    assert "Send my answers" in page.text
    tablet.post("/tablet/check/", {})
    sent = latest(early)
    assert sent.submitted_at
    assert not sent.at_home
    assert sent.answers["skin_condition"] == "yes"
    assert sent.answers["medicines"] == ""


@pytest.mark.parametrize("name", sorted(ON_THE_DAY - {"medicines", "antibiotics_until"}))
def test_each_of_them_holds_the_answers_back_until_it_is_answered_here(early, desk, name):
    all_said(early)
    checks_in(early, desk)
    here = {each: value for each, value in answers().items() if each in ON_THE_DAY and each != name}
    actions.answer(visit=early, given=here, by=early.by)
    with pytest.raises(NotAllowed, match="Not answered yet"):
        actions.submit(visit=early, by=early.by)


def test_nothing_is_sent_or_signed_at_home(early):
    all_said(early)
    with pytest.raises(NotAllowed, match="check-in"):
        actions.submit(visit=early, by=early.by)
    early.refresh_from_db()
    assert early.at is Stage.ANSWERING
    for address in ("/tablet/consent/", "/tablet/consent/sign/"):
        assert early.phone.get(address).url == "/tablet/"
    assert early.phone.post("/tablet/consent/sign/", {"act": "agree"}).url == "/tablet/"


def test_what_was_said_at_home_stays_on_record(early, desk):
    home = all_said(early, pregnancy="might_be")
    checks_in(early, desk)
    actions.answer(visit=early, given={"pregnancy": "no"}, by=early.by)
    home.refresh_from_db()
    assert home.at_home
    assert home.answers["pregnancy"] == "might_be"
    assert latest(early).number == home.number + 1


def test_a_form_that_was_begun_at_home_is_finished_here(early, desk):
    actions.answer(visit=early, given={"filled_in_by": "self", "support_needed": [], "eaten": "yes"}, by=early.by)
    asked, page = asked_on(checks_in(early, desk))
    assert "eaten" in asked
    assert "filled_in_by" not in asked
    assert "diabetes" in asked
    assert "Send my answers" in page.text


def test_a_clear_patient_signs_as_without_a_phone(early, desk):
    all_said(early)
    checks_in(early, desk)
    actions.answer(visit=early, given={n: v for n, v in answers().items() if n in ON_THE_DAY}, by=early.by)
    assert actions.submit(visit=early, by=early.by) is Stage.CONSENTING


@pytest.mark.parametrize(
    ("name", "at_home", "followed"),
    [
        ("pregnancy", "might_be", {}),
        ("blood_thinners", "yes", {"blood_thinner_names": ["warfarin"]}),
        ("infection_now", "unsure", {}),
        ("urgent_symptoms", ["breathless"], {}),
        ("medicines", "warfarin 3 mg", {}),
    ],
)
def test_what_is_no_longer_so_goes_to_a_practitioner_who_sees_both(early, desk, name, at_home, followed):
    all_said(early, **{name: at_home}, **followed)
    if early.urgent_at:
        visits.take_urgent(visit=early, by=desk)
    checks_in(early, desk)
    actions.answer(visit=early, given={n: v for n, v in answers().items() if n in ON_THE_DAY}, by=early.by)
    assert actions.submit(visit=early, by=early.by) is Stage.IN_REVIEW
    page = staff_client(practitioner()).get(f"/review/{early.pk}/")
    assert "Answered differently at home" in page.text
    assert QUESTIONS[name].short in page.text


def test_what_changes_by_the_hour_needs_nobody(early, desk):
    all_said(early)
    actions.answer(visit=early, given={"alcohol_or_sedatives": "yes"}, by=early.by)  # a page of another day
    checks_in(early, desk)
    actions.answer(visit=early, given={n: v for n, v in answers().items() if n in ON_THE_DAY}, by=early.by)
    assert actions.submit(visit=early, by=early.by) is Stage.CONSENTING


def test_at_home_nobody_is_sent_to_the_front_desk(early):
    first = early.phone.get("/tablet/questions/", follow=True).text
    assert "Ring <strong>112</strong>" in first
    assert "Ask at the front desk" not in first
    all_said(early)
    for address in ("/tablet/check/", "/tablet/kept/", "/tablet/read/"):
        assert "front desk" not in early.phone.get(address).text


@pytest.mark.parametrize("act", ["time", "talk"])
def test_who_stops_for_now_at_home_goes_on_later_on_the_same_phone(early, act):
    assert early.phone.post("/tablet/stop/", {"act": act}).url == "/tablet/kept/"
    assert "Your answers are kept" in early.phone.get("/tablet/kept/").text
    assert early.phone.get("/tablet/").url == "/tablet/questions/"


def test_who_refuses_at_home_is_asked_nothing_more(early):
    early.phone.post("/tablet/stop/", {"act": "refuse"})
    early.refresh_from_db()
    assert early.at is Stage.STOPPED


def test_an_urgent_symptom_at_home_gives_the_emergency_number_and_calls_the_desk(early, desk):
    page = early.phone.post(
        "/tablet/questions/start/0/",
        {"questionnaire": questionnaire.digest(), "urgent_symptoms": "chest_pain"},
        follow=True,
    )
    assert "Ring <strong>112</strong> now" in page.text
    assert "front desk" not in page.text
    call = staff_client(desk.user).get("/urgent/").text
    assert "at home: ring 01234 567890" in call
    assert "I am ringing" in call


def test_the_text_can_be_read_at_home_and_not_answered(early):
    for address in ("/tablet/read/", "/tablet/read/risks/", "/tablet/read/sign/"):
        page = early.phone.get(address)
        assert page.status_code == 200
        assert "<form" not in page.text.split("<main")[1].split("</main")[0]
    risks = early.phone.get("/tablet/read/risks/").text
    assert "lung" in risks
    assert "no extra risk" not in risks  # no rule has looked at the answers yet
    assert early.phone.get("/tablet/read/nothing/").status_code == 404
    assert early.phone.get("/tablet/kept/").status_code == 200


def test_here_there_are_no_pages_of_home(early, desk):
    tablet = checks_in(early, desk)
    assert tablet.get("/tablet/kept/").url == "/tablet/"
    assert tablet.get("/tablet/read/").url == "/tablet/"
    with pytest.raises(NotAllowed, match="at home"):
        actions.finish_at_home(visit=early, by=early.by)


def test_a_code_at_the_desk_on_the_day_is_a_check_in(early, desk):
    all_said(early)
    Visit.objects.filter(pk=early.pk).update(day=timezone.localdate())
    early.refresh_from_db()
    _, token = invitations.invite(visit=early, how=Invitation.How.DESK, by=desk)
    opened = invitations.open_invitation(token=token, born=dt.date(1990, 5, 1))
    assert opened
    early.refresh_from_db()
    assert early.at_home_at is None
    actions.answer(
        visit=early, given={n: v for n, v in answers().items() if n in ON_THE_DAY}, by=Actor(tablet=opened[0])
    )
    assert actions.submit(visit=early, by=Actor(tablet=opened[0])) is Stage.CONSENTING


def test_an_e_mailed_link_on_the_day_itself_is_still_at_home(early, desk):
    Visit.objects.filter(pk=early.pk).update(day=timezone.localdate())
    early.refresh_from_db()
    _, token = invitations.invite(visit=early, how=Invitation.How.EMAIL, by=desk)
    invitations.open_invitation(token=token, born=dt.date(1990, 5, 1))
    early.refresh_from_db()
    assert early.at_home_at


def test_who_answered_at_home_and_did_not_come_is_noted_so(early, desk):
    all_said(early)
    client = staff_client(desk.user)
    page = client.get(f"/visits/{early.pk}/")
    assert "Answering at home" in page.text
    client.post(f"/visits/{early.pk}/did-not-come/")
    early.refresh_from_db()
    assert early.at is Stage.STOPPED
    assert "nothing left to do on this phone" in early.phone.get("/tablet/").text


def test_after_check_in_the_phone_at_home_writes_nothing(early, desk):
    checks_in(early, desk)
    before = Screening.objects.filter(visit=early).count()
    page = early.phone.post("/tablet/questions/start/0/", {"filled_in_by": "self"})
    assert page.url == "/tablet/"
    assert Screening.objects.filter(visit=early).count() == before


def test_a_form_that_was_left_overnight_asks_again_what_changes_by_the_day():
    visit = make_visit(stage=Stage.ANSWERING)
    tablet, _ = make_tablet()
    by = Actor(tablet=tablet)
    actions.answer(visit=visit, given=answers(), by=by)
    Screening.objects.create(visit=visit, number=2, started_at=timezone.now() - dt.timedelta(days=1), **answered())
    with pytest.raises(NotAllowed, match="changes by the day"):
        actions.submit(visit=visit, by=by)
    new = actions.draft(visit=visit, by=by)
    assert new.number == 3
    assert not ON_THE_DAY & set(new.answers)
    assert set(new.ask_again) >= ON_THE_DAY


def test_the_story_tells_it_without_an_answer(early):
    all_said(early)
    actions.finish_at_home(visit=early, by=early.by)
    told = [row.words for row in Journal.objects.filter(visit=early)]
    assert "Made a link to the questions for the patient’s own phone: sent by e-mail" in told
    assert any(words.startswith("Answered every question at home") for words in told)
    assert Tablet.objects.get(kind="phone").name in str([row.tablet for row in Journal.objects.filter(visit=early)])
