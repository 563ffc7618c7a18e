"""Reading and deciding on the tablet: yes with a signature, let us talk, not now, no."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from lxml import html  # type: ignore[import-untyped]

from clinic.domain.flow import NotAllowed, Stage
from clinic.domain.policy import AFTER_TALK
from clinic.models import Actor, Journal, PolicyChange, Role, Visit
from consent import actions
from consent.actions.witness import MOST_TRIES, TOO_MANY
from consent.domain.signature_strokes import Signed
from consent.domain.statement import statement
from consent.models import Signature, SignedConsent
from consent.status.statement_input import facts
from screening.actions import attest, decide, save_plan
from screening.assessment.review_state import review_state
from screening.domain.scope import Scope
from screening.domain.talk import ALWAYS, CORRECT
from screening.models import Attestation, Decision, PatientQuestion
from tests.support.consents import DRAWN, SIGN, filled, ready, shown
from tests.support.factories import (
    PASSWORD,
    acting,
    make_patient,
    make_plan,
    make_user,
    make_visit,
    practitioner,
    staff_client,
    tablet_client,
)

pytestmark = pytest.mark.django_db


def stage(visit: Visit) -> Stage:
    visit.refresh_from_db()
    return visit.at


def ended(visit: Visit) -> str:
    return visit.holds.get().ended_why


def test_the_patient_reads_three_pages_and_signs_by_drawing():
    visit = ready()
    tablet = tablet_client(visit)
    assert tablet.get("/tablet/consent/").url == "/tablet/consent/about/"
    text = statement(facts(review_state(visit)))
    for page in ("about", "risks", "sign"):
        html = tablet.get(f"/tablet/consent/{page}/").content.decode()
        for section in text.page(page):
            assert section.heading in html
    answer = tablet.post(SIGN, filled(visit))
    assert (answer.status_code, answer.url) == (302, "/tablet/")
    assert stage(visit) is Stage.SIGNED
    assert ended(visit) == "signed"
    given = SignedConsent.of(visit)
    assert given
    assert given.statement == text.to_json()
    assert given.statement_sha256 == text.sha256
    assert given.choices == {"students": False, "observers": True}
    assert [each["name"] for each in given.acknowledged] == ["lung", "read", "agree"]
    signature = given.signatures.get()
    assert (signature.capacity, signature.method, signature.name) == ("patient", "drawn", visit.patient.name)
    assert signature.strokes == json.loads(DRAWN)
    assert Journal.objects.filter(visit=visit, action="consent given").exists()


def test_the_patient_may_type_the_name_instead():
    visit = ready()
    tablet_client(visit).post(SIGN, filled(visit, method="typed", strokes="", typed_name="  Alex Example "))
    signature = Signature.objects.get(given__visit=visit)
    assert (signature.method, signature.name, signature.strokes) == ("typed", "Alex Example", [])


HELPED = {"method": "assisted", "strokes": "", "did": "nodded", "staff_password": PASSWORD}


def test_a_member_of_staff_helps_and_is_named_as_witness():
    visit = ready()
    helper = make_user(Role.RECEPTION, name="Rae Reception")
    tablet = tablet_client(visit)
    assert tablet.post(SIGN, filled(visit, **HELPED, staff_name=helper.username)).status_code == 302
    signature = Signature.objects.get(given__visit=visit)
    assert (signature.method, signature.did, signature.witness) == ("assisted", "nodded", helper)
    assert (signature.name, signature.strokes) == (visit.patient.name, [])
    told = Journal.objects.get(visit=visit, action="signature witnessed")
    assert told.data == {"staff": helper.pk, "method": "nodded"}
    assert settings.SESSION_COOKIE_NAME not in tablet.cookies  # seen, and not signed in
    assert tablet.get("/board/").status_code == 302


def test_a_witness_may_have_a_long_password():
    visit, helper = ready(), make_user(Role.RECEPTION)
    helper.set_password("seven quiet herons wading " * 12)
    helper.save()
    typed = {**HELPED, "staff_name": helper.username, "staff_password": "seven quiet herons wading " * 12}
    assert tablet_client(visit).post(SIGN, filled(visit, **typed)).status_code == 302
    assert Signature.objects.get(given__visit=visit).witness == helper


def test_the_practitioner_sees_the_witness_and_says_that_they_asked_again():
    visit = ready()
    helper = make_user(Role.RECEPTION, name="Rae Reception")
    tablet_client(visit).post(SIGN, filled(visit, **HELPED, staff_name=helper.username))
    page = staff_client(practitioner()).get(f"/confirm/{visit.pk}/").content.decode()
    assert "Seen by <bdi>Rae Reception</bdi>" in page
    assert "The patient nodded or made a sign, as Rae Reception saw. I asked again, and the answer is the same." in page


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"did": ""}, "did"),
        ({"did": "slept"}, "did"),
        ({"staff_name": ""}, "staff_name"),
        ({"staff_password": ""}, "staff_password"),
        ({"staff_password": "guessed"}, "staff_password"),
        ({"staff_name": "nobody"}, "staff_password"),
    ],
)
def test_without_a_witness_who_is_known_nothing_is_signed(changes, wrong):
    visit = ready()
    helper = make_user(Role.RECEPTION)
    tablet = tablet_client(visit)
    answer = tablet.post(SIGN, filled(visit, **{**HELPED, "staff_name": helper.username, **changes}))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [wrong]
    assert PASSWORD not in answer.content.decode()
    assert stage(visit) is Stage.CONSENTING


def test_somebody_who_left_or_holds_no_role_is_no_witness():
    visit = ready()
    tablet, hold = tablet_client(visit), visit.hold
    assert hold
    for person in (make_user(), make_user(Role.RECEPTION, is_active=False)):
        answer = tablet.post(SIGN, filled(visit, **HELPED, staff_name=person.username))
        assert list(answer.context["form"].errors) == ["staff_password"]
        with pytest.raises(NotAllowed, match="works here"):
            actions.give(
                visit=visit,
                hold=hold,
                shown=shown(visit),
                signed=[Signed("patient", "Alex Example", "assisted", did="spoke", witness=person.pk)],
                choices={},
                by=Actor(tablet=hold.tablet),
            )


def test_whoever_holds_the_tablet_cannot_guess_at_passwords_for_long():
    visit = ready()
    helper = make_user(Role.RECEPTION)
    tablet = tablet_client(visit)
    for _ in range(MOST_TRIES):
        tablet.post(SIGN, filled(visit, **{**HELPED, "staff_name": helper.username, "staff_password": "guess"}))
    answer = tablet.post(SIGN, filled(visit, **HELPED, staff_name=helper.username))
    assert answer.context["form"].errors["staff_password"] == [TOO_MANY]
    assert stage(visit) is Stage.CONSENTING
    assert Journal.objects.filter(action="witness refused", visit=visit).count() == MOST_TRIES


def test_no_way_to_sign_is_chosen_beforehand():
    visit = ready()
    form = tablet_client(visit).get(SIGN).context["form"]
    assert not form["method"].value()
    assert [value for value, _ in form.fields["method"].choices] == ["drawn", "typed", "assisted"]


def test_the_enter_key_agrees_to_nothing_and_loses_nothing():
    visit = ready()
    tablet = tablet_client(visit)
    page = html.fromstring(tablet.get(SIGN).content)
    first = page.xpath("//main//form//button[not(@type='button')]")[0]
    assert (first.get("name"), first.get("value")) == ("act", "look")
    answer = tablet.post(SIGN, filled(visit, act="look", method="typed", typed_name="Alex", lung=None))
    assert answer.status_code == 200
    assert "Nothing is signed yet" in answer.content.decode()
    form = answer.context["form"]
    assert (form["typed_name"].value(), form["read"].value(), bool(form["lung"].value())) == ("Alex", True, False)
    assert not form.errors
    assert stage(visit) is Stage.CONSENTING
    assert not SignedConsent.objects.exists()


def test_nothing_is_ticked_or_agreed_beforehand():
    visit = ready()
    form = tablet_client(visit).get(SIGN).context["form"]
    assert [form[name].value() for name in ("lung", "read", "agree")] == [None] * 3 or not any(
        form[name].value() for name in ("lung", "read", "agree")
    )
    assert {form[name].value() for name in ("students", "observers")} == {"no"}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"lung": None}, "lung"),
        ({"read": None}, "read"),
        ({"agree": None}, "agree"),
        ({"students": None}, "students"),
        ({"observers": "perhaps"}, "observers"),
        ({"method": None}, "method"),
        ({"method": "stamped"}, "method"),
        ({"strokes": ""}, "method"),
        ({"strokes": "[[[300,100,0]]]"}, "method"),
        ({"strokes": "[[[10,100,0],[500,100,9]]]"}, "method"),
        ({"strokes": "<svg onload=alert(1)>"}, "method"),
        ({"strokes": "[" * 70_000}, "method"),
        ({"method": "typed", "typed_name": " "}, "typed_name"),
        ({"method": "typed", "typed_name": "x"}, "typed_name"),
        ({"method": "typed", "typed_name": "Alex\u202eelpmaxE"}, "typed_name"),
        ({"question": "what\x00"}, "question"),
    ],
)
def test_a_form_that_lacks_something_is_refused_and_nothing_typed_is_lost(changes, wrong):
    visit = ready()
    answer = tablet_client(visit).post(SIGN, filled(visit, **changes))
    assert answer.status_code == 422
    form = answer.context["form"]
    assert list(form.errors) == [wrong]
    assert "There is a problem" in answer.content.decode()
    assert form["observers"].value() == changes.get("observers", "yes")
    assert form["strokes"].value() == changes.get("strokes", DRAWN)
    assert stage(visit) is Stage.CONSENTING
    assert not SignedConsent.objects.exists()


def test_no_file_is_taken():
    visit = ready()
    answer = tablet_client(visit).post(SIGN, {**filled(visit), "image": SimpleUploadedFile("s.svg", b"<svg/>")})
    assert answer.status_code == 400
    assert stage(visit) is Stage.CONSENTING


@pytest.mark.parametrize("act", ["", "next", None])
def test_only_the_acts_that_are_there_are_taken(act):
    visit = ready()
    assert tablet_client(visit).post(SIGN, filled(visit, act=act)).status_code == 400


def test_a_text_that_changed_is_shown_again_whole_and_nothing_is_lost():
    visit = ready()
    tablet = tablet_client(visit)
    before = filled(visit)
    PolicyChange.objects.create(name="cost", value="It costs 50 pounds.", by=practitioner())
    answer = tablet.post(SIGN, before)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "The text has changed" in html
    assert "It costs 50 pounds." in html
    for section in statement(facts(review_state(visit))).sections:
        assert section.heading in html
    assert answer.context["form"]["strokes"].value() == DRAWN
    assert answer.context["form"]["agree"].value()
    assert stage(visit) is Stage.CONSENTING
    again = {**before, "statement": answer.context["text"]}
    assert tablet.post(SIGN, again).status_code == 302
    assert stage(visit) is Stage.SIGNED


def test_a_text_that_changed_between_two_pages_starts_again():
    visit = ready()
    tablet = tablet_client(visit)
    old = shown(visit)
    assert tablet.get(f"/tablet/consent/risks/?text={old}").status_code == 200
    PolicyChange.objects.create(name="cost", value="It costs 50 pounds.", by=practitioner())
    answer = tablet.get(f"/tablet/consent/risks/?text={old}", follow=True)
    assert answer.redirect_chain == [("/tablet/consent/about/?changed=1", 302)]
    assert "The text has changed" in answer.content.decode()


def test_wanting_to_talk_sends_the_visit_to_the_practitioner_with_the_question():
    visit = ready()
    answer = tablet_client(visit).post(SIGN, {"act": "talk", "question": "Will it hurt?"})
    assert answer.url == "/tablet/"
    assert stage(visit) is Stage.IN_REVIEW
    assert visit.wants_talk_at
    assert ended(visit) == "waiting"
    assert PatientQuestion.objects.get(visit=visit).text == "Will it hurt?"
    assert review_state(visit).questions_open
    assert not Journal.objects.filter(data__icontains="hurt").exists()


def test_wanting_to_talk_needs_nothing_typed():
    visit = ready()
    tablet_client(visit).post(SIGN, {"act": "talk"})
    assert stage(visit) is Stage.IN_REVIEW
    assert not PatientQuestion.objects.exists()


def test_a_question_with_a_hidden_character_is_refused_alone():
    visit = ready()
    answer = tablet_client(visit).post(SIGN, {"act": "talk", "question": "why\u202e?"})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["question"]
    assert stage(visit) is Stage.CONSENTING


def test_more_time_leaves_the_visit_where_it_is():
    visit = ready()
    tablet_client(visit).post(SIGN, {"act": "time"})
    assert stage(visit) is Stage.CONSENTING
    assert visit.needs_time_at
    assert ended(visit) == "time"
    assert visit.status == "Wants more time to decide"


def test_no_is_taken_at_once_and_needs_no_reason():
    visit = ready()
    tablet_client(visit).post(SIGN, {"act": "refuse"})
    assert stage(visit) is Stage.STOPPED
    assert ended(visit) == "stopped"
    moved = Journal.objects.filter(visit=visit, action="visit moved").get()
    assert moved.data["why"] == "the patient’s choice"
    assert visit.screenings.get().answers  # nothing is lost


def test_a_minor_signs_with_a_guardian():
    born = timezone.localdate() - dt.timedelta(days=16 * 366)
    visit = ready(make_visit(make_patient(name="Sam Young", born=born), Stage.CONSENTING))
    by = acting(practitioner())
    visit.stage = Stage.IN_REVIEW.value
    visit.save()
    save_plan(visit=visit, scope=Scope.of(["left_calf"], technique="superficial", electro=False, visits=2), by=by)
    for each in review_state(visit).undecided:
        decide(flag=each.flag, outcome=Decision.Outcome.CLEARED, reason="Seen with the mother.", by=by)
    visit.stage = Stage.CONSENTING.value
    visit.save()
    tablet = tablet_client(visit)
    alone = tablet.post(SIGN, filled(visit))
    assert alone.status_code == 422
    assert {"guardian_name", "guardian_relationship"} <= set(alone.context["form"].errors)
    both = filled(
        visit,
        guardian_name="Kim Young",
        guardian_relationship="mother",
        guardian_method="typed",
        guardian_typed_name="Kim Young",
    )
    no_ink = tablet.post(SIGN, {**both, "guardian_method": "drawn", "guardian_strokes": ""})
    assert list(no_ink.context["form"].errors) == ["guardian_method"]
    helped = tablet.post(SIGN, {**both, "guardian_method": "assisted"})
    assert list(helped.context["form"].errors) == [
        "guardian_did",
        "guardian_staff_name",
        "guardian_staff_password",
    ]
    assert tablet.post(SIGN, both).status_code == 302
    assert stage(visit) is Stage.SIGNED
    signed = {each.capacity: each for each in Signature.objects.filter(given__visit=visit)}
    assert set(signed) == {"assent", "guardian"}
    assert (signed["guardian"].name, signed["guardian"].relationship) == ("Kim Young", "mother")
    assert signed["assent"].name == "Sam Young"


def test_a_minor_who_consents_alone_signs_alone():
    PolicyChange.objects.create(name="consent_alone_from", value=16, by=practitioner())
    born = timezone.localdate() - dt.timedelta(days=17 * 366)
    visit = ready(make_visit(make_patient(born=born), Stage.CONSENTING))
    assert actions.signers(review_state(visit)) == ("assent", "guardian")
    attest(
        visit=visit,
        kind=Attestation.Kind.CONSENTS_ALONE,
        data={"reason": "Understands it well."},
        by=acting(practitioner()),
    )
    assert actions.signers(review_state(visit)) == ("patient",)


@pytest.mark.parametrize(
    "changes",
    [{"questions": "Is it safe?"}, {"support_needed": ["interpreter"]}, {"pregnancy": "yes"}, {"surgery": "unsure"}],
)
def test_what_is_open_holds_the_signature(changes):
    visit = ready(**changes)
    tablet = tablet_client(visit)
    page = tablet.get(SIGN)
    assert "wants to talk with you before you sign" in page.content.decode()
    assert 'value="agree"' not in page.content.decode()
    assert tablet.post(SIGN, filled(visit)).status_code == 200
    assert stage(visit) is Stage.CONSENTING
    hold = visit.hold
    assert hold
    with pytest.raises(NotAllowed):
        actions.give(
            visit=visit, hold=hold, shown=shown(visit), signed=signed(), choices={}, by=Actor(tablet=hold.tablet)
        )
    assert not SignedConsent.objects.exists()


def signed(*capacities: str) -> list[Signed]:
    return [Signed(each, "Alex Example", "typed") for each in capacities or ("patient",)]


def test_an_open_question_holds_until_it_is_answered():
    visit = ready(questions="Is it safe?")
    assert review_state(visit).signing_holds
    attest(visit=visit, kind=Attestation.Kind.QUESTIONS_ANSWERED, by=acting(practitioner()))
    assert not review_state(visit).signing_holds
    assert tablet_client(visit).post(SIGN, filled(visit)).status_code == 302
    assert stage(visit) is Stage.SIGNED


def test_after_the_talk_means_no_signature_before_plan_and_talk():
    PolicyChange.objects.create(name="sign_when", value=AFTER_TALK, by=practitioner())
    visit = ready()
    tablet = tablet_client(visit)
    assert "agree" not in tablet.get(SIGN).context["form"].fields
    attest(
        visit=visit,
        kind=Attestation.Kind.TALK,
        data={"teach_back": dict.fromkeys(ALWAYS, CORRECT)},
        by=acting(practitioner()),
    )
    assert "agree" not in tablet.get(SIGN).context["form"].fields
    make_plan(visit)
    assert "agree" in tablet.get(SIGN).context["form"].fields


@pytest.mark.parametrize("capacities", [("guardian",), ("assent",), ("patient", "guardian")])
def test_only_the_signatures_that_are_needed_are_taken(capacities):
    visit = ready()
    tablet_client(visit)
    hold = visit.hold
    assert hold
    with pytest.raises(NotAllowed, match="the patient"):
        actions.give(
            visit=visit,
            hold=hold,
            shown=shown(visit),
            signed=signed(*capacities),
            choices={},
            by=Actor(tablet=hold.tablet),
        )
    assert stage(visit) is Stage.CONSENTING


@pytest.mark.parametrize("act", ["agree", "talk", "time", "refuse"])
def test_a_tablet_that_was_taken_back_decides_nothing(act):
    visit = ready()
    tablet = tablet_client(visit)
    data = filled(visit, act=act)
    hold = visit.hold
    assert hold
    hold.end("returned")
    assert tablet.post(SIGN, data).url == "/tablet/"
    assert stage(visit) is Stage.CONSENTING
    assert not visit.needs_time_at
    for verb in (actions.take_time, actions.refuse, actions.ask_to_talk):
        with pytest.raises(NotAllowed):
            verb(visit=visit, hold=hold, by=Actor(tablet=hold.tablet))


@pytest.mark.parametrize("elsewhere", [Stage.ANSWERING, Stage.IN_REVIEW, Stage.SIGNED, Stage.SEALED])
def test_the_text_is_shown_only_while_it_is_the_patients_turn_to_read(elsewhere):
    visit = ready()
    tablet = tablet_client(visit)
    visit.stage = elsewhere.value
    visit.save()
    assert tablet.get(SIGN).url == "/tablet/"
    assert tablet.post(SIGN, {"act": "refuse"}).url == "/tablet/"
    assert stage(visit) is elsewhere


def test_a_page_that_is_not_there_is_a_404():
    assert tablet_client(ready()).get("/tablet/consent/else/").status_code == 404


def test_the_page_shows_the_plan_and_names_no_severity():
    visit = ready(diabetes="yes")
    make_plan(visit, "left_shoulder")
    tablet = tablet_client(visit)
    html = "".join(tablet.get(f"/tablet/consent/{page}/").content.decode() for page in ("about", "risks", "sign"))
    assert "Where: left shoulder." in html
    assert "Diabetes: your sugar can drop" in html
    assert "near the lungs, so please" in html
    assert "caution" not in html.lower()
