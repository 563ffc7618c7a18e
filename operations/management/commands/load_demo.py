"""A clinic of made-up people, in the middle of a working day: `manage.py load_demo --address http://localhost:8000`.

Every visit is brought to its stage by the same actions that the pages call, so the demo shows what the app does.
"""

from __future__ import annotations

import datetime as dt
import math
import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from clinic.devices import holds, tablets
from clinic.domain.flow import Stage
from clinic.models import Actor, Hold, Patient, Role, Tablet, User, Visit
from clinic.records import patients
from clinic.records import staff as staff_records
from clinic.records import visits as visits_records
from consent import actions as consents
from consent.actions import signers
from consent.domain.signature_strokes import Signed, Strokes
from consent.domain.statement import CHOICES, statement
from consent.jobs.tasks import seal_consent
from consent.models import Consent, Signature
from consent.status.statement_input import facts
from screening import actions as screenings
from screening.assessment.review_state import review_state
from screening.domain.questionnaire import all_clear
from screening.domain.scope import Scope
from screening.domain.talk import CORRECT, PROMPTS
from screening.models import Decision, ReviewOutcome, Technique

STAFF: tuple[tuple[str, str, str, tuple[Role, ...]], ...] = (
    ("reception", "Mara Lind", "", (Role.RECEPTION,)),
    ("physio", "Jonas Weber", "PH 20417", (Role.PRACTITIONER,)),
    ("physio2", "Aisha Rahman", "PH 31882", (Role.PRACTITIONER,)),
    ("manager", "Nadia Okafor", "", (Role.MANAGER,)),
)
PATIENTS: dict[str, tuple[str, str, str]] = {
    "well": ("Hannah Berg", "1991-04-12", "hannah@example.org"),
    "sealed": ("Tom Fletcher", "1984-09-30", "tom@example.org"),
    "to_confirm": ("Priya Nair", "1979-01-22", ""),
    "warfarin": ("George Hill", "1952-06-03", ""),
    "pregnant": ("Sofia Marin", "1995-11-08", "sofia@example.org"),
    "stopped": ("Peter Novak", "1968-02-17", ""),
    "urgent": ("Ines Duarte", "1961-12-05", ""),
    "answering": ("Ben Adeyemi", "1999-07-19", ""),
    "to_sign": ("Clara Fox", "1973-03-28", ""),
    "late": ("Omar Haddad", "1988-10-10", ""),
}


WARFARIN: dict[str, Any] = {
    "blood_thinners": "yes",
    "blood_thinner_names": ["warfarin"],
    "inr": 2.4,
    "medicines": "Warfarin 3 mg, bisoprolol 2.5 mg",
    "what_matters": "I play the cello. I cannot risk my left arm.",
    "questions": "Do I have to stop my tablets first?",
}


class Command(BaseCommand):
    help = "Fill an empty database with a demo clinic of made-up people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--address", default="http://localhost:8000", help="where the server will answer")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This is for a demo only: set CLINIC_DEMO=1 on a machine that holds no real patient.")
        if User.objects.exists():
            raise CommandError("The database is not empty.")
        day = DemoDay()
        day.fill()
        self.stdout.write(day.signs(options["address"]))


def scribble(seed: int) -> Strokes:
    """Return strokes that look written: three waves in the signing box."""
    waves = []
    for wave in range(3):
        start, speed = 60 + wave * 170, 0.16 + 0.03 * ((seed + wave) % 4)
        points = [
            (
                start + 3 * step,
                round(105 + (38 - 7 * wave) * math.sin(speed * step * 2) + 18 * math.sin(0.07 * step * (seed % 3 + 1))),
                wave * 900 + step * 14,
            )
            for step in range(50)
        ]
        waves.append(tuple(points))
    return tuple(waves)


class DemoDay:
    """A demo clinic: its people, and each visit at its stage."""

    def __init__(self) -> None:
        self.password = f"demo-{secrets.token_hex(3)}"
        self.today = timezone.localdate()
        self.codes: dict[str, str] = {}
        self.sealed: Visit | None = None

    def fill(self) -> None:
        """Make the staff, tablets and patients, and bring each visit to its stage."""
        people = {row[0]: self._staff(*row) for row in STAFF}
        self.reception = Actor(user=people["reception"], role=Role.RECEPTION)
        self.physio = Actor(user=people["physio"], role=Role.PRACTITIONER)
        self.manager = Actor(user=people["manager"], role=Role.MANAGER)
        staff_records.change_policy(
            by=self.manager,
            clinic_name="Riverside Physiotherapy (demo)",
            clinic_address="12 Mill Lane, Riverside",
            clinic_phone="01632 960 123",
            emergency_number="999",
            cost="Dry needling is £20 on top of your session. Insurers do not always pay for it. Please ask yours.",
        )
        self.tablets = [self._tablet("Front desk 1"), self._tablet("Room 2")]
        visits = {name: self._visit(name, number) for number, name in enumerate(PATIENTS)}
        self._seal(visits["sealed"])
        self._give(visits["to_confirm"], eaten="no")
        self._answer(visits["warfarin"], **WARFARIN)
        self._answer(visits["pregnant"], pregnancy="yes", pregnancy_weeks=22, needle_fear=5)
        self._stop(visits["stopped"])
        self._review(visits["to_sign"])
        self._partly(visits["answering"], self.tablets[0])
        self._partly(visits["urgent"], self.tablets[1], urgent_symptoms=["chest_pain", "breathless"])

    def _staff(self, username: str, name: str, number: str, roles: tuple[Role, ...]) -> User:
        user = User(username=username, full_name=name, registration_number=number)
        for role in roles:
            setattr(user, f"is_{role}", True)
        user.set_password(self.password)
        user.save()
        return user

    def _tablet(self, name: str) -> Tablet:
        """Make a tablet, and a code that pairs a browser with it and is valid all day."""
        tablet = tablets.add_tablet(name=name, by=self.manager)
        tablet.new_token()
        code = tablets.offer_code(tablet=tablet, by=self.manager)
        Tablet.objects.filter(pk=tablet.pk).update(code_expires_at=timezone.now() + dt.timedelta(hours=24))
        self.codes[name] = f"{code[:4]}-{code[4:]}"
        tablet.refresh_from_db()
        return tablet

    def _visit(self, name: str, number: int) -> Visit:
        full_name, born, email = PATIENTS[name]
        patient: Patient = patients.add_patient(
            name=full_name, born=dt.date.fromisoformat(born), phone="01632 960 999", email=email, by=self.reception
        )
        return visits_records.add_visit(
            patient=patient,
            day=self.today,
            time=dt.time(9 + number // 2, 30 * (number % 2)),
            practitioner=self.physio.staff,
            by=self.reception,
        )

    def _hand_over(self, visit: Visit, tablet: Tablet | None = None) -> Hold:
        tablet = tablet or self.tablets[0]
        hold = holds.hand_over(visit=visit, tablet=tablet, by=self.reception)
        hold.visit.refresh_from_db()
        holds.confirm_birth_date(hold=hold, born=visit.patient.born, by=Actor(tablet=tablet))
        visit.refresh_from_db()
        return hold

    def _partly(self, visit: Visit, tablet: Tablet, **changes: Any) -> None:
        """Let a patient answer the first page and keep the tablet."""
        self._hand_over(visit, tablet)
        first = {"filled_in_by": "self", "support_needed": [], "urgent_symptoms": [], "eaten": "yes", **changes}
        screenings.answer(visit=visit, given=first, by=Actor(tablet=tablet))

    def _answer(self, visit: Visit, **changes: Any) -> Hold:
        """Let a patient answer and send everything."""
        hold = self._hand_over(visit)
        by = Actor(tablet=hold.tablet)
        screenings.answer(visit=visit, given={**all_clear(), **changes}, by=by)
        screenings.submit(visit=visit, by=by)
        visit.refresh_from_db()
        return hold

    def _sign(self, visit: Visit, hold: Hold) -> None:
        """Let the patient read and sign on the tablet."""
        state = review_state(visit)
        patient = Signed(signers(state)[0], visit.patient.name, Signature.Method.DRAWN.value, scribble(visit.pk))
        consents.give(
            visit=visit,
            hold=hold,
            shown=statement(facts(state)).sha256,
            signed=[patient],
            choices=dict.fromkeys(CHOICES, False),
            by=Actor(tablet=hold.tablet),
        )

    def _seal(self, visit: Visit) -> None:
        """Answer with a flag, clear it, sign, confirm and seal."""
        self._review(visit)
        visit.refresh_from_db()
        self._sign(visit, self._hand_over(visit))
        plan = Scope.of(["left_calf"], technique=Technique.SUPERFICIAL.value, electro=False, visits=3)
        answers = {prompt.name: CORRECT for prompt in PROMPTS}
        done = consents.confirm(visit=visit, plan=plan, teach_back=answers, by=self.physio)
        if not isinstance(done, Consent):
            raise CommandError(done.why)
        seal_consent.func(done.pk)  # now, so that the address printed below works; the worker finds it done
        self.sealed = visit

    def signs(self, address: str) -> str:
        """Return what to print: where to look, and how to sign in."""
        assert self.sealed is not None
        codes = "".join(f"\n             pairing code for {name}: {code}" for name, code in self.codes.items())
        staff = "".join(f"\n             {name:<10} {who}, {roles[0]}" for name, who, _, roles in STAFF)
        return f"""
  Desk       {address}/
             password for everybody: {self.password}{staff}
  Tablet     {address}/tablet/   (best in a second browser or a private window){codes}
             each patient’s date of birth is on the board
  Sealed PDF {address}/consents/{self.sealed.pk}/pdf/?view=1   (sign in as reception or physio first)
"""

    def _give(self, visit: Visit, **changes: Any) -> None:
        self._sign(visit, self._answer(visit, **changes))

    def _plan(self, visit: Visit, *regions: str) -> None:
        screenings.save_plan(
            visit=visit,
            scope=Scope.of(regions, technique=Technique.SUPERFICIAL.value, electro=False, visits=3),
            by=self.physio,
        )

    def _review(self, visit: Visit) -> None:
        """Answer with a flag, clear it with a precaution, and go on to consent."""
        self._answer(visit, needle_fear=5, needle_reaction="yes", needle_reaction_kinds=["fainted"])
        self._plan(visit, "left_calf")
        for flag_state in review_state(visit).undecided:
            screenings.decide(
                flag=flag_state.flag,
                outcome=Decision.Outcome.PRECAUTION,
                reason="We talked it over. She wants to try one needle first.",
                precaution="You lie down, and we start with one needle.",
                by=self.physio,
            )
        screenings.close_review(visit=visit, ending=ReviewOutcome.Ending.CONSENT, by=self.physio)

    def _stop(self, visit: Visit) -> None:
        """Answer with an infection, and do not treat today."""
        self._answer(
            visit,
            infection_now="yes",
            infection_kinds=["skin"],
            infection_site="Sore red patch on the left shin",
        )
        screenings.close_review(
            visit=visit,
            ending=ReviewOutcome.Ending.STOPPED,
            reason="You have a skin infection. It has to heal first.",
            come_back="When it has healed and any antibiotics are finished, in about two weeks.",
            by=self.physio,
        )
        visit.refresh_from_db()
        assert visit.at is Stage.STOPPED
