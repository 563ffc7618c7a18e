"""Paper, when there is no tablet: a blank with a code, and what is on it typed in under the same rules."""

import datetime as dt
from io import BytesIO

import pytest
from django.conf import settings
from django.utils import timezone
from pypdf import PdfReader

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Journal, PolicyChange, Role, Visit
from consent.actions import confirm, give
from consent.document.rendering import render
from consent.domain.record import read
from consent.domain.signature_strokes import Signed
from consent.domain.statement import statement
from consent.models import Consent
from consent.status.blank_statement import blank_text
from consent.status.statement_input import facts
from screening import actions
from screening.assessment.review_state import review_state
from screening.domain import paper_form, questionnaire, talk
from screening.domain.questionnaire import QUESTIONS, AnswerKind
from screening.domain.scope import Scope
from screening.models import PaperForm, Screening
from tests.support.earlier_visits import printed
from tests.support.factories import (
    acting,
    answers,
    hold,
    make_patient,
    make_screening,
    make_tablet,
    make_user,
    make_visit,
    manager,
    practitioner,
    receptionist,
    staff_client,
    tablet_client,
)
from tests.support.pdf_text import text_of

pytestmark = pytest.mark.django_db
BORN = {"born_day": "1", "born_month": "5", "born_year": "1990"}


def posted(**said):
    """Return answers as the page sends them."""
    return {name: ["none"] if value == [] else value for name, value in said.items()}


def send(client, form, said, **changes):
    sent = {"act": "send", "code": form.code, **BORN, "copied": "on", **posted(**said), **changes}
    return client.post(f"/visits/{form.visit_id}/paper/record/", sent)


def test_reception_prints_a_blank_whose_code_pins_what_is_on_it():
    visit = make_visit(returning=True)
    client = staff_client(receptionist())
    assert "Print a blank form" in client.get(f"/visits/{visit.pk}/").text
    where = client.post(f"/visits/{visit.pk}/paper/").url
    form = PaperForm.objects.get(visit=visit)
    assert where == f"/visits/{visit.pk}/paper/{form.code}/"
    assert form.code.startswith(f"P-{visit.pk}-")
    assert (form.questionnaire_sha256, form.statement_sha256) == (questionnaire.digest(), blank_text().sha256)
    assert Journal.objects.filter(action="paper form printed", visit=visit, data={"number": form.pk}).exists()
    page = client.get(where).text
    assert form.code in page
    plain = page.replace("&#x27;", "'")
    assert [name for name, each in QUESTIONS.items() if each.wording not in plain] == []
    assert "1990" not in page  # the patient writes it, and it is compared
    assert "If yes:" in page
    assert "I agree to have dry needling" in page
    assert "on this screen" not in page
    assert "extra risk that we know of" not in page


def test_who_was_never_here_is_not_asked_about_last_time():
    asked = {each.name for _, rows in paper_form.sheet(returning=False) for each in rows}
    assert set(QUESTIONS) - asked == {"last_needling_reaction"}


def test_a_guardian_signs_for_a_minor():
    born = timezone.localdate() - dt.timedelta(days=14 * 365)
    for patient, lines in ((make_patient(born=born), 1), (make_patient(), 0)):
        form = printed(make_visit(patient))
        page = staff_client(receptionist()).get(f"/visits/{form.visit_id}/paper/{form.code}/").text
        assert page.count("signature of the parent or guardian") == lines


def test_reception_and_manager_cannot_type_in_answers():
    form = printed(make_visit())
    for user in (receptionist(), manager()):
        client = staff_client(user)
        assert client.get(f"/visits/{form.visit_id}/paper/record/").status_code == 404
        assert send(client, form, answers()).status_code == 404
    assert staff_client(manager()).get(f"/visits/{form.visit_id}/paper/{form.code}/").status_code == 404
    assert "Record a paper form" not in staff_client(receptionist()).get(f"/visits/{form.visit_id}/").text
    assert not Screening.objects.exists()


def test_the_code_and_the_birth_date_open_the_page_with_nothing_answered():
    form = printed(make_visit())
    client = staff_client(practitioner())
    where = f"/visits/{form.visit_id}/paper/record/"
    assert "Code on the paper" in client.get(where).text
    opened = client.post(where, {"code": form.code.lower().replace("-", " "), **BORN})
    assert opened.status_code == 200
    assert set(opened.context["form"].fields) >= {*QUESTIONS} - {"last_needling_reaction"}
    assert " checked" not in opened.text
    assert "Error:" not in opened.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"code": ""}, "Type the code"),
        ({"code": "P-1-AAAAAAAA"}, "No form of this visit has this code"),
        ({"born_year": "1991"}, "not the date of birth on record"),
    ],
)
def test_another_patients_paper_is_refused(changes, says):
    form = printed(make_visit())
    client = staff_client(practitioner())
    wrong = client.post(f"/visits/{form.visit_id}/paper/record/", {"code": form.code, **BORN, **changes})
    assert wrong.status_code == 422
    assert says in wrong.text
    assert send(client, form, answers(), **changes).status_code == 422
    assert not Screening.objects.exists()


def test_the_form_of_another_visit_is_refused():
    form, other = printed(make_visit()), make_visit()
    answer = staff_client(practitioner()).post(f"/visits/{other.pk}/paper/record/", {"code": form.code, **BORN})
    assert "No form of this visit has this code" in answer.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"questionnaire_sha256": "0" * 64}, "changed since this form was printed"),
        ({"rules_version": "older"}, "changed since this form was printed"),
        ({"statement_sha256": "0" * 64}, "changed since this form was printed"),
        ({"at": timezone.now() - dt.timedelta(days=1)}, "printed on another day"),
    ],
)
def test_a_form_of_other_versions_or_of_another_day_is_printed_anew(changes, says):
    form = printed(make_visit(), **changes)
    client = staff_client(practitioner())
    refused = send(client, form, answers())
    assert refused.status_code == 422
    assert says in refused.text
    assert "Print a new form" in refused.text
    assert client.get(f"/visits/{form.visit_id}/paper/{form.code}/").url == f"/visits/{form.visit_id}/"
    with pytest.raises(NotAllowed, match=says):
        actions.transcribe(
            printed=form, given=answers(), statement_sha256=blank_text().sha256, by=acting(practitioner())
        )
    assert not Screening.objects.exists()


def test_a_setting_in_the_text_makes_a_new_blank_necessary():
    form = printed(make_visit())
    PolicyChange.objects.create(name="clinic_phone", value="555 0100", by=manager())
    assert "changed since" in send(staff_client(practitioner()), form, answers()).text


def test_what_is_on_paper_goes_through_the_same_rules_to_the_review():
    form = printed(make_visit())
    who = practitioner("Robin Hart")
    sent = send(
        staff_client(who),
        form,
        answers(blood_thinners="yes") | {"blood_thinner_names": ["warfarin"], "inr": "2,5"},
    )
    assert sent.url == f"/review/{form.visit_id}/"
    screening = Screening.objects.get()
    assert (screening.paper, screening.transcribed_by) == (form, who)
    assert screening.answers["inr"] == 2.5
    assert screening.answered_at("inr") == form.at
    assert {flag.question for flag in screening.flags.all()} >= {"blood_thinners"}
    visit = Visit.objects.get()
    assert visit.at is Stage.IN_REVIEW
    page = staff_client(who).get(sent.url).text
    assert "Answered on paper" in page
    assert form.code in page
    assert "transcribed by Robin Hart" in page
    assert Journal.objects.filter(action="paper form recorded", visit=visit, user=who).exists()


def test_nothing_to_look_at_goes_on_to_consent_as_from_a_tablet():
    form = printed(make_visit())
    assert send(staff_client(practitioner()), form, answers()).url == f"/visits/{form.visit_id}/"
    assert Visit.objects.get().at is Stage.CONSENTING


def test_what_is_left_empty_is_not_given_and_never_no():
    form = printed(make_visit())
    sent = send(staff_client(practitioner()), form, {})
    assert sent.url == f"/review/{form.visit_id}/"
    screening = Screening.objects.get()
    assert screening.answers == {}
    silent = {flag.question for flag in screening.flags.all()}
    own = {each.name for each in QUESTIONS.values() if not each.parent and not each.returning and not each.optional}
    assert silent >= {name for name in own if QUESTIONS[name].kind is not AnswerKind.TEXT}


@pytest.mark.parametrize("name", ["urgent_symptoms", "support_needed", "pregnancy", "needle_fear", "eaten", "cancer"])
@pytest.mark.parametrize("slip", [False, True])
def test_one_answer_that_is_missing_is_flagged(name, slip):
    several = QUESTIONS[name].kind is AnswerKind.ANY_OF
    taken_back = {name: "empty"} if slip and not several else {}
    form = printed(make_visit())
    send(staff_client(practitioner()), form, answers(**{name: None}) | taken_back)
    screening = Screening.objects.get()
    assert name not in screening.answers
    assert [flag for flag in screening.flags.filter(question=name) if flag.reason.startswith("Not given")]
    assert Visit.objects.get().at is Stage.IN_REVIEW


def test_an_answer_to_a_question_that_was_not_called_for_is_asked_about():
    form = printed(make_visit())
    said = answers(blood_thinners=None) | {"blood_thinner_names": ["warfarin"]}
    wrong = send(staff_client(practitioner()), form, said)
    assert wrong.status_code == 422
    assert set(wrong.context["form"].errors) == {"blood_thinner_names"}
    assert wrong.context["form"].data.getlist("blood_thinner_names") == ["warfarin"]  # nothing typed is lost
    assert not Screening.objects.exists()


def test_the_end_of_antibiotics_is_asked_below_each_question_that_calls_for_it():
    rows = {
        section.slug: [(each.name, each.condition) for each in rows]
        for section, rows in paper_form.sheet(returning=False)
    }
    for section, caller in (("today", "infection_now"), ("lungs", "infection_recent")):
        below = rows[section][rows[section].index(next(row for row in rows[section] if row[0] == caller)) :]
        assert ("antibiotics_until", "If yes:") in below
    assert [name for _, all_rows in rows.items() for name, says in all_rows if "Only if" in says] == [
        "infection_recent"
    ]
    form = printed(make_visit())
    said = answers(infection_now="yes", infection_recent="yes") | {"infection_kinds": ["fever"]}
    assert send(staff_client(practitioner()), form, said).url == f"/review/{form.visit_id}/"
    assert "infection_recent" not in Screening.objects.get().answers  # as on a tablet


def test_errors_are_those_of_the_tablet_and_nothing_is_sent_by_chance():
    form = printed(make_visit())
    said = answers(blood_thinners="yes") | {"blood_thinner_names": ["warfarin"], "inr": "250"}
    wrong = send(staff_client(practitioner()), form, said, copied="")
    assert wrong.status_code == 422
    assert "Type a number from" in wrong.text
    assert "tick that it is as on the paper" in wrong.text
    assert not Screening.objects.exists()


def test_urgent_symptoms_on_paper_call_staff():
    form = printed(make_visit())
    send(staff_client(practitioner()), form, answers(urgent_symptoms=["chest_pain"]))
    assert Visit.objects.get().urgent_at


def test_a_form_counts_once():
    form = printed(make_visit())
    send(staff_client(practitioner()), form, answers(diabetes="yes", cancer="yes"))
    visit = Visit.objects.get()
    actions.reopen(visit=visit, by=acting(practitioner()), why="sent back", names=["cancer"])
    again = send(staff_client(practitioner()), form, answers())
    assert "recorded before" in again.text
    assert Screening.objects.filter(paper=form).count() == 1


def test_a_tablet_that_shows_the_visit_is_taken_back_first():
    visit = make_visit(stage=Stage.ANSWERING)
    tablet_client(visit)
    form = printed(visit)
    client = staff_client(practitioner())
    assert send(client, form, answers()).url == f"/visits/{visit.pk}/"
    assert "Take it back first" in client.get(f"/visits/{visit.pk}/").text
    assert not Screening.objects.exists()


def test_what_was_begun_on_a_tablet_is_kept_and_somebody_compares():
    visit = make_visit(stage=Stage.ANSWERING)
    begun = make_screening(visit, submitted=False, cancer="yes")
    send(staff_client(practitioner()), printed(visit), answers())
    begun.refresh_from_db()
    assert begun.answers["cancer"] == "yes"
    assert visit.screenings.get(number=2).paper
    assert Visit.objects.get().at is Stage.IN_REVIEW


@pytest.mark.parametrize("fields", [{"stage": Stage.IN_REVIEW}, {"stage": Stage.SEALED}, {"parked_at": timezone.now()}])
def test_there_is_no_paper_where_it_is_not_the_patients_turn_to_answer(fields):
    visit = make_visit(**fields)
    client = staff_client(practitioner())
    assert "Print a blank form" not in client.get(f"/visits/{visit.pk}/").text
    assert client.post(f"/visits/{visit.pk}/paper/").url == f"/visits/{visit.pk}/"
    assert client.get(f"/visits/{visit.pk}/paper/record/").url == f"/visits/{visit.pk}/"
    assert not PaperForm.objects.exists()


def test_a_blank_is_printed_on_the_day():
    tomorrow = make_visit(day=timezone.localdate() + dt.timedelta(days=1))
    with pytest.raises(NotAllowed, match="on the day"):
        printed(tomorrow)


@pytest.mark.thorough
def test_the_record_and_the_document_say_that_it_was_on_paper():
    form = printed(make_visit())
    send(staff_client(practitioner("Robin Hart")), form, answers())
    visit = Visit.objects.get()
    tablet, _ = make_tablet()
    give(
        visit=visit,
        hold=hold(visit, tablet),
        shown=statement(facts(review_state(visit))).sha256,
        signed=[Signed("patient", visit.patient.name, "typed")],
        choices={"students": False, "observers": False},
        by=Actor(tablet=tablet),
    )
    plan = Scope.of(["left_calf"], technique="superficial", electro=False, visits=3)
    well = {each.name: "correct" for each in talk.PROMPTS}
    consent = confirm(visit=visit, plan=plan, teach_back=well, by=acting(practitioner()))
    assert isinstance(consent, Consent)
    record = read(bytes(consent.record))
    assert record.screening.on_paper
    assert (record.screening.on_paper.form, record.screening.on_paper.transcribed_by) == (form.code, "Robin Hart")
    assert "Date of birth on the paper compared, answers typed in" in [event.what for event in record.events]
    said = text_of(render(record)).replace("- ", "-")  # at the end of a line
    assert f"The answers were given on paper, on form {form.code}" in said
    assert "Robin Hart" in said


def test_the_code_is_on_every_sheet(page, live_server, offline_guard):
    form = printed(make_visit(returning=True))
    client = staff_client(make_user(*Role))
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    page.goto(f"{live_server.url}/visits/{form.visit_id}/paper/{form.code}/")
    sheets = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True))).pages
    assert len(sheets) > 3
    assert all(form.code in sheet.extract_text() for sheet in sheets)
