"""A complete record, made up, with the variations that a document must survive."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from clinic.domain.digests import sha256
from consent.domain.record import (
    Acknowledged,
    Answer,
    ChoiceMade,
    Clinic,
    Confirmation,
    ConsentsAlone,
    Event,
    Interpreter,
    Moment,
    Proof,
    Record,
    RecordedDecision,
    RecordedFlag,
    RecordedPatient,
    RecordedPlan,
    RecordedScreening,
    RecordedSignature,
    RecordedSource,
    RecordedVisit,
    Talk,
    TeachBack,
    Value,
    Witness,
    moment,
)
from consent.domain.statement import CHOICES, TECHNIQUES, StatementInput, acknowledgements, statement

ADELAIDE = ZoneInfo("Australia/Adelaide")
START = datetime(2026, 11, 23, 10, 5, tzinfo=ADELAIDE)
SOURCE = RecordedSource(
    "Guidelines for safe dry needling practice", "2nd edition, 2023", "https://example.org/guidelines"
)
PRECAUTION = "Thin needles only, press for two minutes after each one, and no needles in the left shin."
SCRIBBLE = tuple(
    tuple(
        (40 + 9 * step + 170 * part, 100 + (step * 37 + part * 11) % 61 - 30, 400 * part + step * 16)
        for step in range(20)
    )
    for part in range(3)
)

WITNESS = Witness("Rae Reception", "", "nodded or made a sign", "user name and password typed on the tablet")

QUESTIONS: list[tuple[str, str, str, Value, str]] = [
    ("About today", "understands_why", "Do you understand why you are having dry needling?", "yes", "Yes"),
    ("About today", "wants_treatment", "Do you want to have it?", "yes", "Yes"),
    ("About today", "feels_pressed", "Does anyone press you to have it?", "no", "No"),
    ("How you are now", "infection_now", "Do you have an infection now?", "no", "No"),
    ("How you are now", "urgent_symptoms", "Do you have any of these?", (), "None of these"),
    ("How you are now", "eaten", "Have you eaten in the last 2 hours?", "yes", "Yes"),
    ("Bleeding", "blood_thinners", "Do you take a blood thinner?", "yes", "Yes"),
    ("Bleeding", "blood_thinner_names", "Which?", ("apixaban",), "Apixaban"),
    ("Bleeding", "medicines", "Which medicines do you take?", "Eliquis 5 mg twice a day", "Eliquis 5 mg twice a day"),
    ("Needles", "needle_fear", "How afraid are you of needles, from 0 to 10?", 2, "2"),
    ("Your health", "diabetes", "Do you have diabetes?", "unsure", "Not sure"),
    ("Your health", "driving_after", "Must you drive soon after?", "yes", "Yes"),
    (
        "In your words",
        "what_matters",
        "What matters to you?",
        "Sleeping on my side again.",
        "Sleeping on my side again.",
    ),
    ("In your words", "questions", "What do you want to ask?", "Will it hurt?", "Will it hurt?"),
]


def at(minutes: int) -> Moment:
    """The moment so many minutes after check-in."""
    return moment(START + timedelta(minutes=minutes))


def drawn(**changes: Any) -> RecordedSignature:
    """The patient's own signature, drawn."""
    signature = RecordedSignature(
        "patient", "the patient", "Maria Nowak", "", "drawn", SCRIBBLE, at(24), "Blue", "Rae Reception"
    )
    return replace(signature, **changes)


def decision(at_minute: int = 12, **changes: Any) -> RecordedDecision:
    """A flag cleared with a precaution."""
    made = RecordedDecision(
        outcome="precaution",
        outcome_words="Clear with a precaution",
        reason="Last dose yesterday evening, no bruises, no other drug that thins blood.",
        precaution=PRECAUTION,
        until="",
        by="Pat Physio",
        registration_number="PHY0001234567",
        at=at(at_minute),
    )
    return replace(made, **changes)


def flags() -> tuple[RecordedFlag, ...]:
    """One flag with a precaution, one cleared, one caution."""
    return (
        RecordedFlag(
            "blood_thinners",
            "Blood thinners",
            "review",
            "Takes a blood thinner: bruising and bleeding are more likely.",
            SOURCE,
            (),
            decision(),
        ),
        RecordedFlag(
            "diabetes",
            "Diabetes",
            "review",
            "Not sure about diabetes.",
            SOURCE,
            (),
            decision(
                13,
                outcome="cleared",
                outcome_words="Cleared",
                precaution="",
                reason="GP letter of June 2026: no diabetes.",
            ),
        ),
        RecordedFlag("driving_after", "Driving", "caution", "Must drive soon after.", SOURCE, (), None),
    )


def sample(
    *,
    patient_name: str = "Maria Nowak",
    minor: bool = False,
    typed: bool = False,
    assisted: bool = False,
    interpreter: bool = False,
    precautions: bool = True,
    text: str | None = None,
    **changes: Any,
) -> Record:
    """A whole record. ``text`` goes wherever a person types; ``changes`` replace fields of the record."""
    spoken = "Will it hurt?" if text is None else text
    facts = StatementInput(
        clinic_name="Murray Physiotherapy",
        clinic_phone="08 5550 1234",
        emergency_number="000",
        cost="A visit costs $95.",
        privacy="We keep it for seven years. You can ask us for a copy.",
        practitioner="Pat Physio",
        regions=("left calf", "right shoulder"),
        technique="pistoning",
        electro=False,
        sessions=3,
        near_lung=True,
        own_risks=("blood_thinners", "diabetes", "driving_after") if precautions else (),
        precautions=((PRECAUTION if text is None else text),) if precautions else (),
    )
    patient = drawn(name=patient_name)
    if typed:
        patient = replace(patient, method="typed", strokes=())
    if assisted:
        patient = replace(patient, method="assisted", strokes=(), witness=WITNESS)
    signatures: tuple[RecordedSignature, ...] = (patient,)
    if minor:
        guardian = drawn(capacity="guardian", capacity_words="the guardian", name="Ewa Nowak", relationship="mother")
        assent = replace(patient, capacity="assent", capacity_words="the young person's own assent")
        signatures = (guardian, assent)
    raised = flags() if precautions else ()
    if text is not None:
        raised = tuple(
            replace(
                flag,
                decision=flag.decision
                and replace(flag.decision, reason=text, precaution=flag.decision.precaution and text),
            )
            for flag in raised
        )
    free = {"medicines", "what_matters", "questions"}
    answers = tuple(
        Answer(section, name, wording, value, words)
        if text is None or name not in free
        else Answer(section, name, wording, text, text)
        for section, name, wording, value, words in QUESTIONS
    )
    whole = {
        "app_version": "1.2.3",
        "number": "C-000012",
        "clinic": Clinic("Murray Physiotherapy", "12 River Street\nMurray Bridge SA 5253", "08 5550 1234", "000"),
        "patient": RecordedPatient(
            patient_name,
            "2011-05-01" if minor else "1990-05-01",
            "date of birth confirmed on the tablet",
            at(1),
        ),
        "visit": RecordedVisit("V-000045", "2026-11-23", "10:30"),
        "screening": RecordedScreening(
            "2026-11-23", sha256(b"questions"), "2026-11-23", 1, at(8), "the patient", answers
        ),
        "flags": raised,
        "plan": RecordedPlan(("left calf", "right shoulder"), TECHNIQUES["pistoning"], False, 3, "Pat Physio", at(11)),
        "talk": Talk(
            at(30),
            "Pat Physio",
            (
                TeachBack("What is the main risk near the chest?", "Said it well in own words"),
                TeachBack("What do you do if you get short of breath?", "Said it well in own words"),
            ),
            spoken,
            "Pat Physio",
            at(14),
        ),
        "interpreter": Interpreter("Jan Kowalski", "NAATI 12345", "Polish", "in the room", "Pat Physio", at(10))
        if interpreter
        else None,
        "consents_alone": ConsentsAlone("Pat Physio", "Understands what it is and what can go wrong.", at(10))
        if minor and not signatures
        else None,
        "statement": statement(facts),
        "acknowledged": tuple(Acknowledged(each.name, each.text) for each in acknowledgements(facts)),
        "choices": tuple(ChoiceMade(text, "No") for text in CHOICES.values()),
        "signatures": signatures,
        "confirmation": Confirmation(
            "Pat Physio",
            "PHY0001234567",
            at(31),
            (
                "I talked with the patient about what is done, what can go wrong and what else could be done.",
                "The patient still wants to go ahead.",
            ),
        ),
        "events": (
            Event(at(0), "Put on the board", "Rae Reception"),
            Event(at(1), "Tablet handed over", "Rae Reception"),
            Event(at(8), "Answers sent", "the patient"),
            Event(at(14), "Review closed: on to consent", "Pat Physio"),
            Event(at(24), "Consent given", "the patient"),
            Event(at(31), "Consent confirmed", "Pat Physio"),
        ),
        "proof": Proof(57, sha256(b"row 57"), sha256(b"root")),
    }
    return Record(**{**whole, **changes})
