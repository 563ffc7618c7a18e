"""What a clinic may set: each setting with its default, its range and its reason. Pure: no Django.

The six thresholds that rules use have the public names of the case-file format. Numbers marked "design judgement" have
no published source; a clinic's lead physiotherapist signs them off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from clinic.domain.retention import PACKS

Value = str | int | float

AT_CHECK_IN = "at_check_in"
AFTER_TALK = "after_talk"
COUNTDOWN = 120  # seconds; WCAG 2.2.1 asks for 20 at least


@dataclass(frozen=True)
class Setting:
    """How one setting is edited: its kind, what is allowed, and why it is there."""

    label: str
    reason: str
    kind: Literal["integer", "decimal", "choice", "text"] = "text"
    low: float | None = None
    high: float | None = None
    choices: tuple[tuple[str, str], ...] = ()
    max_length: int = 200
    group: str = "Clinic"

    @property
    def allowed(self) -> str:
        """What this setting takes, in words."""
        if self.kind == "choice":
            return " or ".join(value for value, _ in self.choices)
        if self.kind == "text":
            return f"text of at most {self.max_length} characters"
        number = "a whole number" if self.kind == "integer" else "a number"
        return f"{number} from {self.low:g} to {self.high:g}"

    def clean(self, name: str, value: object) -> Value:
        """Return ``value`` as this setting's type. Raise ``ValueError`` naming the setting and what is allowed."""
        refusal = ValueError(f"{name}: {value!r} is not allowed; allowed: {self.allowed}")
        if self.kind == "choice":
            if value not in [choice for choice, _ in self.choices]:
                raise refusal
            return str(value)
        if self.kind == "text":
            if not isinstance(value, str) or len(value) > self.max_length:
                raise refusal
            return value
        wanted = int if self.kind == "integer" else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise refusal
        assert isinstance(value, (int, float))
        assert self.low is not None
        assert self.high is not None
        if not self.low <= value <= self.high:  # also refuses NaN
            raise refusal
        return value


def _set(default: Value, label: str, reason: str, **how: Any) -> Any:
    return field(default=default, metadata={"setting": Setting(label=label, reason=reason, **how)})


@dataclass(frozen=True)
class Policy:
    """One clinic's settings. ``Policy()`` is what ships: the safe side everywhere."""

    pregnancy: str = _set(
        "stop",
        "Pregnancy",
        "The clinic's article says pregnant people should not have it; guidelines disagree.",
        kind="choice",
        choices=(("stop", "Stop"), ("review", "Review by the practitioner")),
        group="Rules",
    )
    needle_fear_review: int = _set(
        4,
        "Needle fear: lowest score that is reviewed",
        "Bands of the 0-10 scale are a design judgement: no validated cut-off exists.",
        kind="integer",
        low=1,
        high=10,
        group="Rules",
    )
    needle_fear_stop: int = _set(
        8,
        "Needle fear: lowest score that stops",
        "The clinic's article says people very afraid of needles should not have it; the number is a design judgement.",
        kind="integer",
        low=1,
        high=10,
        group="Rules",
    )
    inr_limit: float = _set(
        3.5,
        "INR: highest value that does not stop",
        "Above this, bleeding is likelier. Design judgement.",
        kind="decimal",
        low=1.0,
        high=6.0,
        group="Rules",
    )
    seizure_days: int = _set(
        90,
        "Last seizure: days that still count",
        "Uncontrolled epilepsy is a no in the clinic forms read. The number is a design judgement.",
        kind="integer",
        low=1,
        high=730,
        group="Rules",
    )
    surgery_weeks: int = _set(
        6,
        "Surgery: weeks that still count",
        "One clinic form uses six weeks; no guideline number was found. Design judgement.",
        kind="integer",
        low=1,
        high=52,
        group="Rules",
    )
    sign_when: str = _set(
        AT_CHECK_IN,
        "When an unflagged patient signs",
        "At check-in: given there, confirmed in the room. After the talk: only once plan and talk are recorded.",
        kind="choice",
        choices=((AT_CHECK_IN, "At check-in"), (AFTER_TALK, "After the talk")),
        group="Consent",
    )
    consent_alone_from: int = _set(
        18,
        "Youngest age that may consent alone",
        "Under 18 needs a guardian, unless your country lets a practitioner record that the young person may consent "
        "alone. 18 means never.",
        kind="integer",
        low=12,
        high=18,
        group="Consent",
    )
    invite_days_before: int = _set(
        2,
        "Link to the questions by e-mail: days before the visit",
        "Enough to decide in peace at home. What changes by the day is asked again at check-in all the same.",
        kind="integer",
        low=0,
        high=14,
        group="Consent",
    )
    review_due_minutes: int = _set(
        10,
        "Review: minutes until it is due",
        "The queue says “due soon” in the last third of this time, then “overdue”; never before the appointment of "
        "who came early. Design judgement: there are about ten minutes between two patients.",
        kind="integer",
        low=1,
        high=240,
        group="Queue",
    )
    clearance_hours: int = _set(
        12,
        "Hours that a clearance, and the answers of the day, may be relied on",
        "Who was well, fed and not pregnant on one day may not be on the next. 12 is one clinic day: design judgement.",
        kind="integer",
        low=1,
        high=72,
        group="Consent",
    )
    systolic_high: int = _set(
        180,
        "Blood pressure: upper value from which going on needs a reason",
        "Uncontrolled blood pressure is a no in the clinic forms read. The number is a design judgement.",
        kind="integer",
        low=140,
        high=220,
        group="Review",
    )
    diastolic_high: int = _set(
        110,
        "Blood pressure: lower value from which going on needs a reason",
        "Uncontrolled blood pressure is a no in the clinic forms read. The number is a design judgement.",
        kind="integer",
        low=90,
        high=140,
        group="Review",
    )
    course_sessions: int = _set(
        6,
        "Course: sessions that one consent covers",
        "The first is counted. In between a patient answers the short questions and says yes again; then all is read "
        "and signed anew. No law or guideline gives a number. Design judgement.",
        kind="integer",
        low=1,
        high=12,
        group="Consent",
    )
    course_days: int = _set(
        90,
        "Course: days that one consent covers",
        "Counted from the day of the first session. No law or guideline gives a number. Design judgement.",
        kind="integer",
        low=1,
        high=365,
        group="Consent",
    )
    clinic_name: str = _set("Our clinic", "Clinic's name", "Shown to patients and printed on the consent.")
    clinic_address: str = _set("", "Clinic's address", "Printed on the consent.", max_length=400)
    clinic_phone: str = _set(
        "", "Clinic's phone", "Printed with the aftercare, for patients who feel unwell.", max_length=40
    )
    emergency_number: str = _set(
        "112",
        "Emergency number",
        "Printed with the warning signs. 000 in Australia, 999 in the UK, 911 in the US.",
        max_length=20,
    )
    idle_minutes: int = _set(
        5,
        "Tablet: minutes without a touch before it asks",
        "Then it counts down for two minutes and locks, so that nobody else reads it. The answers are kept.",
        kind="integer",
        low=1,
        high=60,
    )
    records_kept: str = _set(
        "england",
        "How long records are kept",
        "The law of the place where the clinic is. The first is the longest of those known here.",
        kind="choice",
        choices=tuple(
            (name, f"{pack.label}: {pack.years} years; of a child until {pack.child_until}")
            for name, pack in PACKS.items()
        ),
    )
    cost: str = _set(
        "Ask us what it costs before you start.",
        "What it costs, in one or two sentences",
        "A patient must know the cost before agreeing; insurers do not always pay.",
        max_length=400,
        group="Consent",
    )
    privacy: str = _set(
        "We keep it safe, and only the people who care for you see your answers. You can ask us for a copy.",
        "How records are kept, in two or three sentences",
        "A patient must know who keeps the answers, where, and how to ask or complain.",
        max_length=800,
        group="Consent",
    )

    @property
    def locks_after(self) -> int:
        """Seconds without a touch after which a tablet locks, the countdown included."""
        return self.idle_minutes * 60 + COUNTDOWN

    def but(self, **changes: object) -> Policy:
        """Return a copy with ``changes``. Raise ``ValueError`` naming an unknown setting or what is allowed."""
        clean = {name: setting(name).clean(name, value) for name, value in changes.items()}
        changed = replace(self, **clean)  # type: ignore[arg-type]
        if changed.needle_fear_review > changed.needle_fear_stop:
            raise ValueError(
                f"needle_fear_review: {changed.needle_fear_review} is above needle_fear_stop "
                f"({changed.needle_fear_stop}); allowed: at most {changed.needle_fear_stop}"
            )
        return changed


SETTINGS: Mapping[str, Setting] = {item.name: item.metadata["setting"] for item in fields(Policy)}
RULE_SETTINGS = tuple(name for name, item in SETTINGS.items() if item.group == "Rules")


def setting(name: str) -> Setting:
    """Return the setting called ``name``. Raise ``ValueError`` with the known names if there is none."""
    if name not in SETTINGS:
        raise ValueError(f"{name}: no such setting; allowed: {', '.join(SETTINGS)}")
    return SETTINGS[name]
