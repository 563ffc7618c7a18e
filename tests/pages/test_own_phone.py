"""The patient's own phone: the link, the birth date, one visit on one device, and nothing once the visit is over."""

import datetime as dt
import re
import smtplib

import pytest
from django.conf import settings
from django.core import mail
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from clinic.devices import holds, invitations
from clinic.domain.digests import sha256
from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.qr_code import qr_code
from clinic.models import Hold, Invitation, Journal, Tablet
from clinic.web.json_logging import Lines
from tests.support.factories import (
    make_patient,
    make_tablet,
    make_visit,
    manager,
    practitioner,
    staff_client,
    tablet_client,
)

pytestmark = pytest.mark.django_db
BORN = {"born_day": "1", "born_month": "5", "born_year": "1990"}
WRONG = {**BORN, "born_day": "2"}
DESK, EMAIL = Invitation.How.DESK, Invitation.How.EMAIL


def in_days(days):
    return timezone.localdate() + dt.timedelta(days=days)


def opens(token, client=None, **born):
    client = client or Client()
    return client, client.post("/tablet/phone/", {**BORN, **born, "token": token})


def invited(desk, how=DESK, **visit):
    one = make_visit(make_patient(email="alex@example.org"), **visit)
    return one, *invitations.invite(visit=one, how=how, by=desk)


def test_looking_at_the_link_changes_nothing_and_the_birth_date_opens_it(desk):
    visit, made, token = invited(desk)
    for _ in range(5):  # a mail scanner, a preview, the patient
        page = Client().get("/tablet/phone/")
        assert page.status_code == 200
        assert token not in page.text
    made.refresh_from_db()
    assert (made.tries, made.opened_at) == (0, None)
    phone, answer = opens(token)
    assert answer.url == "/tablet/"
    hold = Hold.objects.get(visit=visit)
    assert (hold.handed_by, hold.tablet.kind) == (desk.user, Tablet.Kind.PHONE)
    assert hold.identified_at
    visit.refresh_from_db()
    assert visit.at is Stage.ANSWERING
    assert phone.get("/tablet/", follow=True).redirect_chain[-1][0] == "/tablet/questions/start/0/"


def test_the_links_secret_is_kept_nowhere(desk):
    _, made, token = invited(desk)
    assert len(token) >= 43
    assert made.token_sha256 == sha256(token)
    opens(token)
    kept = [*Invitation.objects.values(), *Journal.objects.values(), *Tablet.objects.values()]
    assert token not in str(kept)


def test_the_phones_cookie_is_read_by_no_script(desk):
    *_, token = invited(desk)
    phone, _ = opens(token)
    cookie = phone.cookies[settings.TABLET_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert token != cookie.value


def test_every_refusal_reads_the_same(desk):
    _, _, used = invited(desk)
    opens(used)
    _, _, expired = invited(desk)
    _, gone, ended = invited(desk)
    _, _, good = invited(desk)
    Invitation.objects.filter(pk=gone.pk).update(ended_at=timezone.now(), ended_why="revoked")
    later = timezone.now() + dt.timedelta(minutes=16)
    pages = [opens(token)[1] for token in (used, ended, "", "x" * 43)] + [opens(good, **WRONG)[1]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: later)
        pages.append(opens(expired)[1])
    assert {page.status_code for page in pages} == {422}
    without = [re.sub(r'\s*value="[^"]*"', "", page.text) for page in pages]
    assert set(without) == {without[0]}
    assert "used before" in without[0]


def test_three_wrong_dates_end_a_link_and_each_counts(desk):
    _, made, token = invited(desk)
    for _ in range(3):
        assert opens(token, **WRONG)[1].status_code == 422
    assert opens(token)[1].status_code == 422
    made.refresh_from_db()
    assert (made.tries, made.ended_why) == (3, "tries")
    assert Hold.objects.count() == 0


def test_a_date_that_is_none_is_no_miss_and_keeps_the_secret(desk):
    _, made, token = invited(desk)
    _, page = opens(token, born_month="May")
    assert "The month is not right" in page.text
    assert f'value="{token}"' in page.text
    made.refresh_from_db()
    assert made.tries == 0


def test_strangers_cannot_fill_the_journal(desk, same_minute):
    for _ in range(15):
        opens("x" * 43)
    assert Journal.objects.filter(action="phone refused").count() == 10


def test_a_used_link_opens_on_no_second_device(desk):
    visit, _, token = invited(desk)
    phone, _ = opens(token)
    thief, answer = opens(token)
    assert answer.status_code == 422
    assert thief.get("/tablet/questions/", follow=True).redirect_chain[-1][0] == "/tablet/"
    assert phone.get("/tablet/questions/").status_code == 302
    assert Hold.objects.now().get().visit == visit


def test_the_phone_shows_its_own_visit_and_no_other(desk):
    visit, _, token = invited(desk)
    other, _, others = invited(desk)
    phone, _ = opens(token)
    opens(others, phone)  # the same phone, another visit: the first one is left
    assert {hold.visit for hold in Hold.objects.now()} == {visit, other}
    shown = Tablet.objects.with_token(phone.cookies[settings.TABLET_COOKIE_NAME].value)
    assert shown
    assert shown.hold
    assert shown.hold.visit == other


@pytest.mark.parametrize("over", [Stage.SEALED, Stage.STOPPED])
def test_once_the_visit_is_over_the_phone_is_strange(desk, over):
    visit, _, token = invited(desk)
    phone, _ = opens(token)
    type(visit).objects.filter(pk=visit.pk).update(stage=over.value)
    for address in ("/tablet/questions/", "/tablet/check/", "/tablet/consent/", "/tablet/birth-date/"):
        assert phone.get(address).url == "/tablet/"
    page = phone.get("/tablet/")
    assert "There is nothing left to do on this phone" in page.text
    assert "Alex" not in page.text


def test_a_handed_over_tablet_turns_the_phone_away(desk):
    visit, made, token = invited(desk)
    phone, _ = opens(token)
    holds.hand_over(visit=visit, tablet=make_tablet()[0], by=desk)
    made.refresh_from_db()
    assert made.ended_why == "moved"
    assert "nothing left to do on this phone" in phone.get("/tablet/").text
    assert Hold.objects.now().get().tablet.kind == Tablet.Kind.CLINIC


def test_a_new_link_ends_the_one_before_and_its_phone(desk):
    visit, _, token = invited(desk)
    phone, _ = opens(token)
    _, second = invitations.invite(visit=visit, how=DESK, by=desk)
    assert "nothing left to do" in phone.get("/tablet/").text
    assert opens(token)[1].status_code == 422
    assert opens(second, phone)[1].url == "/tablet/"
    assert phone.get("/tablet/").url == "/tablet/questions/"


def test_an_open_tablet_gives_the_visit_to_the_phone(desk):
    visit = make_visit(stage=Stage.ANSWERING)
    tablet = tablet_client(visit)
    _, token = invitations.invite(visit=visit, how=DESK, by=desk)
    opens(token)
    assert "This tablet is ready" in tablet.get("/tablet/").text


def test_a_clinics_tablet_does_not_become_a_phone(desk):
    *_, token = invited(desk)
    tablet = tablet_client(make_visit(), identified=False)
    assert opens(token, tablet)[1].url == "/tablet/"
    assert not Tablet.objects.filter(kind=Tablet.Kind.PHONE).exists()


def test_the_link_in_the_mail_leads_back_to_where_the_patient_was(desk):
    *_, token = invited(desk, EMAIL, day=in_days(1))
    phone, _ = opens(token)
    assert "Welcome back" in phone.get("/tablet/phone/").text


@pytest.mark.parametrize(("days", "may"), [(3, False), (2, True), (1, True), (0, True), (-1, False)])
def test_the_link_is_mailed_from_two_days_before_until_the_day(desk, days, may):
    visit = make_visit(make_patient(email="alex@example.org"), day=in_days(days))
    page = staff_client(desk.user).get(f"/visits/{visit.pk}/")
    assert ("E-mail the link to alex@example.org" in page.text) is may
    if not may:
        with pytest.raises(NotAllowed, match="can be e-mailed from"):
            invitations.invite(visit=visit, how=EMAIL, by=desk)


def test_the_mail_names_the_clinic_and_nothing_of_the_patients_health(desk):
    visit = make_visit(make_patient("Alex Example", email="alex@example.org"), day=in_days(2))
    client = staff_client(desk.user)
    client.post(f"/visits/{visit.pk}/phone/email/")
    [sent] = mail.outbox
    assert sent.to == ["alex@example.org"]
    said = f"{sent.subject}\n{sent.body}"
    assert re.search(r"http://testserver/tablet/phone/#[\w-]{43}\n", said)
    for word in ("needl", "physio", "treat", "pain", "consent", "screening", "1990", "example"):
        assert word not in said.casefold()
    assert "&" not in said
    page = client.get(f"/visits/{visit.pk}/")
    assert "Link sent" in page.text


def test_a_mail_that_cannot_be_sent_leaves_no_link(desk, monkeypatch, caplog):
    def refuse(self):
        raise smtplib.SMTPRecipientsRefused({"alex@example.org": (550, b"nobody of that name")})

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    visit = make_visit(make_patient(email="alex@example.org"))
    page = staff_client(desk.user).post(f"/visits/{visit.pk}/phone/email/", follow=True)
    assert "could not be sent" in page.text
    assert Invitation.objects.get().ended_why == "unsent"
    (line,) = [Lines().format(each) for each in caplog.records if each.name == "clinic.pages.patient.views.phone"]
    assert "could not be e-mailed" in line
    assert '"error": ["SMTPRecipientsRefused"' in line
    assert "alex" not in line


def test_the_desk_shows_a_code_and_turns_the_phone_away(desk, monkeypatch):
    monkeypatch.setattr(Invitation, "new_token", lambda: "known")
    visit = make_visit()
    client = staff_client(desk.user)
    page = client.post(f"/visits/{visit.pk}/phone/")
    assert "for 15 minutes" in page.text
    assert 'd="M4 4h1v1h-1z' in page.text
    assert "Code shown" in client.get(f"/visits/{visit.pk}/").text
    phone, _ = opens("known")
    assert "Opened on the patient’s phone" in client.get(f"/visits/{visit.pk}/").text
    client.post(f"/visits/{visit.pk}/phone/end/")
    assert "nothing left to do" in phone.get("/tablet/").text
    assert "taken back by staff" in client.get(f"/visits/{visit.pk}/").text
    assert client.post(f"/visits/{visit.pk}/phone/end/", follow=True).status_code == 200


def test_only_the_desk_invites(desk):
    visit = make_visit()
    for address in ("", "email/", "end/"):
        assert staff_client(manager()).post(f"/visits/{visit.pk}/phone/{address}").status_code == 404
        assert staff_client(practitioner()).get(f"/visits/{visit.pk}/phone/{address}").status_code == 405


def test_nobody_is_invited_to_a_parked_or_finished_visit(desk):
    parked = make_visit(parked_at=timezone.now())
    with pytest.raises(NotAllowed, match="parked"):
        invitations.invite(visit=parked, how=DESK, by=desk)
    for stage in (Stage.IN_REVIEW, Stage.SIGNED, Stage.SEALED, Stage.STOPPED):
        with pytest.raises(NotAllowed, match="nothing for the patient"):
            invitations.invite(visit=make_visit(stage=stage), how=DESK, by=desk)


def test_before_the_day_no_link_leads_to_the_signature(desk):
    visit = make_visit(make_patient(email="a@example.org"), stage=Stage.CONSENTING, day=in_days(1))
    for how in (DESK, EMAIL):
        with pytest.raises(NotAllowed, match="begun here"):
            invitations.invite(visit=visit, how=how, by=desk)


def test_a_visit_has_one_open_link(desk):
    visit, made, _ = invited(desk)
    with pytest.raises(IntegrityError):
        Invitation.objects.create(
            visit=visit, how="desk", token_sha256="x", made_by=made.made_by, expires_at=timezone.now()
        )


def test_the_code_reads_as_what_was_written():
    code = qr_code("https://clinic.example/tablet/phone/#" + "x" * 43)
    assert code.size == 45  # version 5 (37 modules), with four of white on each side
    assert code.path.startswith("M4 4h1v1h-1z")
