"""A consent covers a course: within it one yes goes on; what is beyond it asks for a full consent, and says why."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from clinic.domain.digests import sha256
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Actor, Hold, Journal, Role, User, Visit
from clinic.records.staff import change_policy
from consent import actions
from consent.document.rendering import render
from consent.document.subject_export import record as exported
from consent.domain.course import Course, FullConsentReason, Today, why_full
from consent.domain.record import RecordedCourse as Cited
from consent.domain.record import canonical, read
from consent.domain.signature_strokes import Signed, decode
from consent.domain.statement import OWN_RISKS, VERSION, statement
from consent.models import Consent, SealedFile, Signature, SignedConsent
from consent.status.course_state import course_for
from consent.status.statement_input import facts
from screening.assessment.review_state import review_state
from screening.domain.scope import Scope
from screening.treatment.record import record_event
from tests.support.clock import put_forward
from tests.support.factories import (
    acting,
    hold,
    make_patient,
    make_screening,
    make_tablet,
    make_visit,
    manager,
    practitioner,
    receptionist,
    rules_ran,
    staff_client,
    tablet_client,
)
from tests.support.pdf_text import pdf_text
from tests.support.reading import easy
from tests.support.sample_records import at, sample

BEGAN = dt.date(2026, 9, 1)
CALF = Scope.of(["left_calf"], technique="superficial", electro=False, practitioner=7)
COVERED = replace(CALF, visits=6, last_day=BEGAN + dt.timedelta(days=90))
COURSE = Course(BEGAN, COVERED, "1", frozenset({"a"}), sessions=1)
TODAY = Today(BEGAN, "1")


# What is beyond a course


def why(course: Course = COURSE, **today: Any) -> tuple[FullConsentReason, ...]:
    return why_full(course, replace(TODAY, **today))


def test_what_is_not_settled_yet_is_taken_as_agreed():
    assert why() == ()
    assert why(scope=CALF, flags=frozenset({"a"})) == ()


@pytest.mark.parametrize(
    ("today", "reason"),
    [
        ({"scope": Scope.of(["left_calf", "right_calf"])}, FullConsentReason.REGION),
        ({"scope": Scope.of(["calf"])}, FullConsentReason.REGION),  # both
        ({"scope": Scope(technique="pistoning")}, FullConsentReason.TECHNIQUE),
        ({"scope": Scope(electro=True)}, FullConsentReason.ELECTRO),
        ({"scope": Scope(practitioner=8)}, FullConsentReason.PRACTITIONER),
        ({"flags": frozenset({"a", "b"})}, FullConsentReason.FLAG),
        ({"text_version": "2"}, FullConsentReason.TEXT),
        ({"minor": True}, FullConsentReason.YOUNG),
        ({"reacted": True}, FullConsentReason.REACTED),
        ({"changed": True}, FullConsentReason.CHANGED),
        ({"day": BEGAN + dt.timedelta(days=91)}, FullConsentReason.OVER),
        ({"day": BEGAN - dt.timedelta(days=1)}, FullConsentReason.OVER),
    ],
)
def test_each_of_these_asks_for_a_full_consent(today: dict[str, Any], reason: FullConsentReason):
    assert why(**today) == (reason,)


@pytest.mark.parametrize(
    ("course", "reason"),
    [
        ({"minor": True}, FullConsentReason.GREW_UP),
        ({"helped": True}, FullConsentReason.HELPED),
        ({"stands": False}, FullConsentReason.ENDED),
        ({"sessions": 6}, FullConsentReason.USED_UP),
    ],
)
def test_a_course_ends(course: dict[str, Any], reason: FullConsentReason):
    assert why(replace(COURSE, **course)) == (reason,)


def test_the_last_day_and_the_last_session_still_count():
    assert why(replace(COURSE, sessions=5), day=BEGAN + dt.timedelta(days=90)) == ()


def test_every_reason_has_words_for_both():
    assert all(each.words and each.kindly.endswith(".") for each in FullConsentReason)


# The record of a session

CITED = Cited("C-000003", at(0), sha256(b"file"), sha256(b"record"), 3, 6, "2027-02-01", ("Something new.",))


def test_a_session_is_read_back_as_it_was_written():
    record = sample(course=CITED)
    assert read(canonical(record)) == record


@pytest.mark.parametrize("session", [1, 7])
def test_a_session_beyond_the_course_is_no_record(session: int):
    with pytest.raises(ValueError, match=r"course\.session"):
        replace(CITED, session=session)


@pytest.mark.thorough
def test_the_document_of_a_session_is_short_and_cites_the_consent():
    whole, session = (render(sample(typed=True, course=each)) for each in (None, CITED))
    text = pdf_text(session)
    for words in ("Session 3 of 6 under consent C-000003", CITED.file_sha256, CITED.record_sha256, "Something new."):
        assert words.replace(" ", "") in text.replace(" ", "")
    assert "1 February 2027" in text
    assert len(text) < len(pdf_text(whole))


# In the clinic

pytestmark = pytest.mark.django_db

INK = decode(json.dumps([[[20 + 9 * i, 100 + (i % 5) * 12, 16 * i] for i in range(40)]]))
WELL = {f"prompt_{number}": "correct" for number in range(1, 7)}
PLAN = Scope.of(["left_calf"], technique="superficial", electro=False, visits=6)


class Clinic:
    """One physiotherapist, one patient, and as many visits as it takes."""

    def __init__(self) -> None:
        self.physio = practitioner("Pat Physio")
        self.patient = make_patient()

    def comes(self, *planned: str, returning: bool = True, **said: Any) -> tuple[Visit, Hold]:
        """The patient answered, nothing had to be looked at, and the tablet is in their hands."""
        visit = make_visit(self.patient, Stage.CONSENTING, planned_regions=list(planned), returning=returning)
        told: dict[str, Any] = {"last_needling_reaction": "no"} if returning else {}
        rules_ran(make_screening(visit, **told, **said))
        tablet, _ = make_tablet()
        return visit, hold(visit, tablet)

    def signs(self, visit: Visit, held: Hold) -> Visit:
        actions.give(
            visit=visit,
            hold=held,
            shown=statement(facts(review_state(visit))).sha256,
            signed=[Signed("patient", visit.patient.name, "drawn", INK)],
            choices={"students": False, "observers": False},
            by=Actor(tablet=held.tablet),
        )
        return visit

    def says_yes(self, visit: Visit, held: Hold) -> Visit:
        client = patient_of(visit, held)
        page = client.get("/tablet/still-happy/")
        assert page.status_code == 200
        answer = client.post("/tablet/still-happy/", {"act": "yes", "statement": page.context["text"]})
        assert answer.status_code == 302
        return visit

    def confirms(self, visit: Visit, by: User | None = None, **plan: Any) -> Consent | actions.SentBack:
        now = replace(PLAN, **plan)
        done = actions.confirm(visit=visit, plan=now, teach_back=WELL, by=acting(by or self.physio))
        if isinstance(done, Consent):
            sealed_by_hand(done)
        return done

    def begins(self) -> Consent:
        """The first session, with a consent in full."""
        done = self.confirms(self.signs(*self.comes(returning=False)))
        assert isinstance(done, Consent)
        return done

    def goes_on(self) -> Consent:
        done = self.confirms(self.says_yes(*self.comes()))
        assert isinstance(done, Consent)
        return done


def patient_of(visit: Visit, held: Hold) -> Client:
    held.end("returned")
    return tablet_client(visit)


def sealed_by_hand(consent: Consent) -> None:
    """File something as the seal, if nothing was: what a seal is made of is looked at elsewhere."""
    if not SealedFile.objects.filter(consent=consent).exists():
        pdf = f"file {consent.pk}".encode()
        SealedFile.objects.create(consent=consent, pdf=pdf, sha256=sha256(pdf), certificate_sha256=sha256(b"c"))
        Visit.objects.filter(pk=consent.visit_id).update(stage=Stage.SEALED.value)


@pytest.fixture
def course_clinic(monkeypatch: pytest.MonkeyPatch) -> Clinic:
    class Queue:
        def enqueue(self, number: int) -> None:
            pass

    monkeypatch.setattr("consent.actions.confirmation.seal_consent", Queue())
    monkeypatch.setattr("consent.actions.status_rows.seal_after", Queue())
    return Clinic()


def reasons(visit: Visit, held: Hold) -> tuple[FullConsentReason, ...]:
    """Why the patient is asked to read all of it."""
    page = patient_of(visit, held).get("/tablet/consent/", follow=True)
    assert page.redirect_chain[-1][0] == "/tablet/consent/about/"
    found: tuple[FullConsentReason, ...] = page.context["within"].why
    assert all(each.kindly in page.text for each in found)
    assert easy(page.content)
    return found


def test_within_a_course_one_page_asks_and_a_yes_is_sealed_as_a_session(course_clinic: Clinic):
    first = course_clinic.begins()
    visit, held = course_clinic.comes()
    client = patient_of(visit, held)
    page = client.get("/tablet/", follow=True)
    assert page.redirect_chain[-1][0] == "/tablet/still-happy/"
    for words in ("Still happy to go ahead?", "visit 2 of 6", "left calf", "Pat Physio"):
        assert words in page.text
    assert easy(page.content)
    client.post("/tablet/still-happy/", {"act": "yes", "statement": page.context["text"]})
    given = SignedConsent.of(visit)
    assert given
    assert (given.course, given.signatures.get().method) == (first, Signature.Method.TAPPED)
    assert Journal.objects.filter(action="session agreed", visit=visit).exists()
    desk = staff_client(course_clinic.physio).get(f"/confirm/{visit.pk}/").text
    assert "Session 2 of 6" in desk
    visit.refresh_from_db()
    done = course_clinic.confirms(visit)
    assert isinstance(done, Consent)
    cited = read(bytes(done.record)).course
    assert cited
    assert (cited.number, cited.session, cited.most) == (f"C-{first.visit_id:06d}", 2, 6)
    assert (cited.record_sha256, cited.file_sha256) == (first.sha256, first.sealed.sha256)
    assert "Session 2 of 6" in staff_client(course_clinic.physio).get(f"/visits/{visit.pk}/").text


def test_the_export_tells_which_consent_a_session_goes_on_with(course_clinic: Clinic):
    first, session = course_clinic.begins(), course_clinic.goes_on()
    told = {each["id"]: each["course"] for each in exported(course_clinic.patient)["given"]}
    assert told == {first.given_id: None, session.given_id: first.pk}


def test_the_seventh_session_is_signed_for_in_full(course_clinic: Clinic):
    course_clinic.begins()
    numbers = [read(bytes(course_clinic.goes_on().record)).course.session for _ in range(5)]  # type: ignore[union-attr]
    assert numbers == [2, 3, 4, 5, 6]
    visit, held = course_clinic.comes()
    assert reasons(visit, held) == (FullConsentReason.USED_UP,)
    text = staff_client(course_clinic.physio).get(f"/visits/{visit.pk}/").text
    assert "A full consent is needed" in text
    assert FullConsentReason.USED_UP.words in text


def test_two_open_visits_do_not_share_the_last_session(course_clinic: Clinic):
    change_policy(course_sessions=2, by=acting(manager(), Role.MANAGER))
    course_clinic.begins()
    one, other = (course_clinic.says_yes(*course_clinic.comes()) for _ in range(2))
    assert isinstance(course_clinic.confirms(one), Consent)
    done = course_clinic.confirms(other)
    assert isinstance(done, actions.SentBack)
    assert FullConsentReason.USED_UP.words in done.why


def test_the_course_is_over_after_its_days(course_clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    ahead = [dt.timedelta(days=-92)]  # one more: within the last hour of a day, the clocks may have changed since
    put_forward(monkeypatch, lambda: ahead[0])
    course_clinic.begins()
    ahead[0] = dt.timedelta()
    assert reasons(*course_clinic.comes()) == (FullConsentReason.OVER,)


def test_an_adverse_event_on_record_asks_for_all_of_it_whatever_the_patient_says(course_clinic: Clinic):
    first = course_clinic.begins()
    record_event(
        visit=first.visit,
        kind="faint",
        harm="minor",
        began_on=timezone.localdate(),
        what="Fainted on the way home.",
        done="",
        by=acting(course_clinic.physio),
    )
    within = course_for(review_state(course_clinic.comes()[0]))
    assert within
    assert FullConsentReason.REACTED in within.why


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"last_needling_reaction": "yes"}, FullConsentReason.REACTED),
        ({"last_needling_reaction": "unsure"}, FullConsentReason.REACTED),
    ],
)
def test_something_that_happened_after_the_last_session(
    course_clinic: Clinic, said: dict[str, Any], reason: FullConsentReason
):
    course_clinic.begins()
    visit = make_visit(course_clinic.patient, Stage.CONSENTING, returning=True)
    rules_ran(make_screening(visit, **said))
    tablet, _ = make_tablet()
    assert reason in reasons(visit, hold(visit, tablet))


def test_a_new_place_is_no_part_of_the_course(course_clinic: Clinic):
    course_clinic.begins()
    assert reasons(*course_clinic.comes("right_calf")) == (FullConsentReason.REGION,)


def test_another_practitioner_asks_for_all_of_it(course_clinic: Clinic):
    course_clinic.begins()
    visit, held = course_clinic.comes()
    Visit.objects.filter(pk=visit.pk).update(practitioner=practitioner())
    visit.refresh_from_db()
    assert reasons(visit, held) == (FullConsentReason.PRACTITIONER,)


def test_another_practitioner_in_the_room_cannot_confirm_a_session(course_clinic: Clinic):
    course_clinic.begins()
    visit = course_clinic.says_yes(*course_clinic.comes())
    done = course_clinic.confirms(visit, by=practitioner())
    assert isinstance(done, actions.SentBack)
    assert FullConsentReason.PRACTITIONER.words in done.why
    visit.refresh_from_db()
    assert visit.at is Stage.IN_REVIEW
    visit.move(Stage.CONSENTING, by=Actor())
    tablet, _ = make_tablet()
    assert FullConsentReason.CHANGED in reasons(visit, hold(visit, tablet))


@pytest.mark.parametrize("plan", [{"regions": frozenset({"neck"})}, {"technique": "pistoning"}, {"electro": True}])
def test_a_plan_beyond_the_course_cannot_be_confirmed(course_clinic: Clinic, plan: dict[str, Any]):
    course_clinic.begins()
    visit = course_clinic.says_yes(*course_clinic.comes())
    assert isinstance(course_clinic.confirms(visit, **plan), actions.SentBack)


def test_a_yes_that_was_not_put_to_the_patient_counts_for_nothing(course_clinic: Clinic):
    visit, held = course_clinic.comes()
    with pytest.raises(NotAllowed):
        actions.go_ahead(visit=visit, hold=held, shown="0" * 64, by=Actor(tablet=held.tablet))
    course_clinic.begins()
    visit, held = course_clinic.comes()
    with pytest.raises(actions.TextChanged):
        actions.go_ahead(visit=visit, hold=held, shown="0" * 64, by=Actor(tablet=held.tablet))
    page = patient_of(visit, held).post("/tablet/still-happy/", {"act": "yes", "statement": "x", "question": "Why?"})
    assert (page.status_code, "Why?" in page.text) == (422, True)
    assert SignedConsent.of(visit) is None


def test_what_is_new_today_is_told_before_the_yes(course_clinic: Clinic):
    course_clinic.begins()
    visit, held = course_clinic.comes(driving_after="yes")
    page = patient_of(visit, held).get("/tablet/still-happy/")
    assert page.context["news"]
    assert all(line in page.text for line in ("New this time", *page.context["news"]))


def test_what_was_told_at_the_last_session_is_not_new_any_more(course_clinic: Clinic):
    course_clinic.begins()
    assert isinstance(
        course_clinic.confirms(course_clinic.says_yes(*course_clinic.comes(driving_after="yes"))), Consent
    )
    visit, held = course_clinic.comes(driving_after="yes", skin_condition="yes")
    page = patient_of(visit, held).get("/tablet/still-happy/")
    assert page.context["news"] == [OWN_RISKS["skin_condition"]]
    assert OWN_RISKS["driving_after"] in page.text  # among the patient's own risks
    visit.refresh_from_db()
    answer = page.client.post("/tablet/still-happy/", {"act": "yes", "statement": page.context["text"]})
    assert answer.status_code == 302
    done = course_clinic.confirms(visit)
    assert isinstance(done, Consent)
    cited = read(bytes(done.record)).course
    assert cited
    assert set(cited.news) == {OWN_RISKS["driving_after"], OWN_RISKS["skin_condition"]}  # since the signature


def test_a_session_asks_for_no_new_teach_back_but_a_full_consent_does(course_clinic: Clinic):
    with pytest.raises(NotAllowed, match="what will be done"):
        actions.confirm(
            visit=course_clinic.signs(*course_clinic.comes(returning=False)),
            plan=PLAN,
            teach_back={},
            by=acting(course_clinic.physio),
        )
    course_clinic.begins()
    visit = course_clinic.says_yes(*course_clinic.comes())
    assert "(optional)" in staff_client(course_clinic.physio).get(f"/confirm/{visit.pk}/").text
    assert isinstance(actions.confirm(visit=visit, plan=PLAN, teach_back={}, by=acting(course_clinic.physio)), Consent)


def test_the_patient_may_read_and_sign_all_of_it(course_clinic: Clinic):
    course_clinic.begins()
    visit, held = course_clinic.comes()
    client = patient_of(visit, held)
    assert "/tablet/consent/about/" in client.get("/tablet/still-happy/").text
    for page in ("about", "risks", "sign"):
        assert client.get(f"/tablet/consent/{page}/").status_code == 200
    held_now = visit.hold
    assert held_now
    done = course_clinic.confirms(course_clinic.signs(visit, held_now))
    assert isinstance(done, Consent)
    assert (done.given.course, read(bytes(done.record)).course) == (None, None)


@pytest.mark.parametrize(
    ("act", "stage"), [("talk", Stage.IN_REVIEW), ("time", Stage.CONSENTING), ("refuse", Stage.STOPPED)]
)
def test_the_other_ways_stay_open(course_clinic: Clinic, act: str, stage: Stage):
    course_clinic.begins()
    visit, held = course_clinic.comes()
    assert patient_of(visit, held).post("/tablet/still-happy/", {"act": act}).status_code == 302
    visit.refresh_from_db()
    assert visit.at is stage
    assert visit.hold is None


def test_taken_back_at_a_session_the_course_ends_with_it(course_clinic: Clinic):
    first = course_clinic.begins()
    session = course_clinic.goes_on()
    actions.withdraw(visit=session.visit, who="patient", how="spoken", by=acting(receptionist(), Role.RECEPTION))
    assert [each.after.get().kind for each in (first, session)] == ["withdrawn", "withdrawn"]
    assert reasons(*course_clinic.comes()) == (FullConsentReason.ENDED,)


def test_taken_back_before_a_session_is_confirmed_the_course_ends_too(course_clinic: Clinic):
    first = course_clinic.begins()
    visit = course_clinic.says_yes(*course_clinic.comes())
    visit.refresh_from_db()
    actions.withdraw(visit=visit, who="patient", how="spoken", by=acting(receptionist(), Role.RECEPTION))
    assert first.after.get().kind == "withdrawn"


def test_taken_back_itself_todays_session_ends_and_a_yes_is_not_confirmed(course_clinic: Clinic):
    first = course_clinic.begins()
    session, visit = course_clinic.goes_on(), course_clinic.says_yes(*course_clinic.comes())
    actions.withdraw(visit=first.visit, who="patient", how="spoken", by=acting(receptionist(), Role.RECEPTION))
    assert session.after.get().kind == "withdrawn"
    done = course_clinic.confirms(visit)
    assert isinstance(done, actions.SentBack)
    assert FullConsentReason.ENDED.words in done.why


def test_a_session_replaces_nothing_and_is_replaced_by_nothing(course_clinic: Clinic):
    first = course_clinic.begins()
    visit = course_clinic.says_yes(*course_clinic.comes())
    with pytest.raises(NotAllowed):
        actions.confirm(visit=visit, plan=PLAN, teach_back=WELL, by=acting(course_clinic.physio), replaces=[first])
    assert 'name="replaces"' not in staff_client(course_clinic.physio).get(f"/confirm/{visit.pk}/").text


def test_the_patients_page_shows_the_course(course_clinic: Clinic):
    first = course_clinic.begins()
    course_clinic.goes_on()
    text = staff_client(receptionist()).get(f"/patients/{course_clinic.patient.pk}/").text
    for words in ("Course: session 2 of 6", "Left calf", "Pat Physio", f"A session under C-{first.visit_id:06d}"):
        assert words in text


def test_reception_does_not_see_why(course_clinic: Clinic):
    course_clinic.begins()
    visit, _ = course_clinic.comes("right_calf")
    text = staff_client(receptionist()).get(f"/visits/{visit.pk}/").text
    assert "A full consent is needed" in text
    assert FullConsentReason.REGION.words not in text


def test_a_young_patient_is_asked_in_full_each_time(course_clinic: Clinic):
    course_clinic.begins()
    course_clinic.patient.born = timezone.localdate() - dt.timedelta(days=16 * 366)
    course_clinic.patient.save(update_fields=["born"])
    course_clinic.patient.refresh_from_db()
    assert FullConsentReason.YOUNG in reasons(*course_clinic.comes())


def test_the_text_of_another_version_is_read_again(course_clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    course_clinic.begins()
    monkeypatch.setattr("consent.status.course_state.VERSION", VERSION + ".next")
    assert reasons(*course_clinic.comes()) == (FullConsentReason.TEXT,)
