"""A clinic's days, made by the actions that its pages call: what a grown clinic is copied from, and today.

The shares are a guess at a physiotherapy practice that screens everybody: of a hundred visits, sixty-eight are signed
without a flag, twenty-four raise flags that a practitioner clears, and eight are stopped. Signed visits are confirmed,
sealed and treated. Reception and practitioners look at pages meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Actor, Journal, Patient, Visit
from clinic.records import staff
from clinic.records import visits as visits_records
from consent import actions as consents
from consent.models import Consent
from operations.management.commands.load_demo import STAFF, DemoDay
from screening import actions as screenings
from screening.domain.questionnaire import all_clear
from screening.domain.scope import Scope
from screening.domain.talk import CORRECT, PROMPTS
from screening.models import Technique
from screening.models.treatment import Reaction

SHARES: Mapping[str, int] = {"sealed": 17, "reviewed": 6, "stopped": 2}
# One day, as the desk sees it in the afternoon.
TODAY: Mapping[str, int] = {
    "expected": 12,
    "answering": 1,
    "in_review": 8,
    "to_sign": 4,
    "signed": 4,
    "sealed": 3,
    "stopped": 2,
}
REGULAR, REGULAR_VISITS = ("Xanthippe Quillfeather", dt.date(1931, 7, 14)), 6


class Days(DemoDay):
    """Staff, tablets, and visits of any kind in any number."""

    def begin(self) -> None:
        """Make what a clinic has before its first visit; its keys must exist."""
        people = {row[0]: self._staff(*row) for row in STAFF}
        self.reception = Actor(user=people["reception"], role=STAFF[0][3][0])
        self.physio = Actor(user=people["physio"], role=STAFF[1][3][0])
        self.manager = Actor(user=people["manager"], role=STAFF[3][3][0])
        staff.change_policy(by=self.manager, clinic_name="Grown Clinic", emergency_number="112")
        self.tablets = [self._tablet("Front desk 1"), self._tablet("Room 2")]

    def visit_of(self, patient: Patient, minute: int) -> Visit:
        """Put the patient on today's board."""
        time = dt.time(8 + minute // 60 % 10, minute % 60)
        return visits_records.add_visit(
            patient=patient, day=self.today, time=time, practitioner=self.physio.staff, by=self.reception
        )

    def make(self, kind: str, visit: Visit) -> None:
        """Bring an expected visit to where a visit of this kind ends."""
        self._look("board opened", self.reception, count=40)
        self._look("patients searched", self.reception, count=3)
        self._look("patient opened", self.reception, patient=visit.patient)
        getattr(self, f"_bring_{kind}")(visit)

    def _look(self, action: str, by: Actor, **about: Any) -> None:
        Journal.objects.record(action, by=by, **about)

    def _bring_expected(self, visit: Visit) -> None:
        """Nothing happened yet."""

    def _bring_answering(self, visit: Visit) -> None:
        self._partly(visit, self.tablets[1])

    def _bring_in_review(self, visit: Visit) -> None:
        self._answer(visit, needle_fear=5, needle_reaction="yes", needle_reaction_kinds=["fainted"], epilepsy="yes")
        self._look("queue opened", self.physio, count=10)

    def _bring_to_sign(self, visit: Visit) -> None:
        self._review(visit)

    def _bring_asked(self, visit: Visit) -> None:
        """The questions are answered, and the patient still has the tablet, to read and sign."""
        self._answer(visit)

    def _bring_signed(self, visit: Visit) -> None:
        self._give(visit)

    def _bring_stopped(self, visit: Visit) -> None:
        self._look("review opened", self.physio, visit=visit)
        self._stop(visit)

    def _bring_sealed(self, visit: Visit) -> None:
        self._give(visit)
        self._confirm(visit)

    def _bring_reviewed(self, visit: Visit) -> None:
        self._review(visit)
        self._look("review opened", self.physio, visit=visit)
        visit.refresh_from_db()
        self._sign(visit, self._hand_over(visit))
        self._confirm(visit)

    def _answer(self, visit: Visit, **changes: Any) -> Any:
        """Answer page by page, as on the tablet, so that the journal has a row for each."""
        hold = self._hand_over(visit)
        by = Actor(tablet=hold.tablet)
        answers = {**all_clear(), **changes}
        names = list(answers)
        for start in range(0, len(names), ANSWERS_A_PAGE):
            page = {name: answers[name] for name in names[start : start + ANSWERS_A_PAGE]}
            screenings.answer(visit=visit, given=page, by=by)
            visit.refresh_from_db()
        screenings.answer(visit=visit, given=answers, by=by)
        screenings.submit(visit=visit, by=by)
        visit.refresh_from_db()
        return hold

    def _confirm(self, visit: Visit) -> None:
        self._look("confirmation opened", self.physio, visit=visit)
        plan = Scope.of(["left_calf"], technique=Technique.SUPERFICIAL.value, electro=False, visits=3)
        answers = {prompt.name: CORRECT for prompt in PROMPTS}
        visit.refresh_from_db()
        done = consents.confirm(visit=visit, plan=plan, teach_back=answers, by=self.physio)
        assert isinstance(done, Consent), done.why
        visit.refresh_from_db()
        assert visit.at is Stage.SEALED, visit.stage
        screenings.record_session(
            visit=visit,
            regions=["left_calf"],
            electro=False,
            needles_in=4,
            needles_out=4,
            reaction=Reaction.NONE,
            treated_at=timezone.now(),
            by=self.physio,
        )
        self._look("document opened", self.reception, visit=visit)


ANSWERS_A_PAGE = 3
