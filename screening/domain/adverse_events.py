"""What can go wrong with needling, and which answers would have warned of it. Pure: no Django.

The kinds follow the risks that the consent names (Brady 2014, Boyce 2020; see ``consent.domain.statement``). Which
question warns of which is read off the rules' own reasons and sources (``screening.domain.rules``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What happened."""

    FAINT = "faint"
    BRUISE = "bruise"
    BLEEDING = "bleeding"
    PAIN = "pain"
    INFECTION = "infection"
    LUNG = "pneumothorax"
    NERVE = "nerve"
    NEEDLE = "broken_needle"
    OTHER = "other"


class Harm(StrEnum):
    """How bad it was."""

    MINOR = "minor"
    CARE = "care"
    EMERGENCY = "emergency"


class Reaction(StrEnum):
    """How the patient reacted during the session."""

    NONE = "none"
    FAINT = "faint"
    BLEEDING = "bleeding"
    PAIN = "pain"
    OTHER = "other"


WORDS: Mapping[EventKind, str] = {
    EventKind.FAINT: "Fainted, or nearly",
    EventKind.BRUISE: "Large or painful bruise",
    EventKind.BLEEDING: "Bleeding",
    EventKind.PAIN: "Strong or lasting pain",
    EventKind.INFECTION: "Infection",
    EventKind.LUNG: "Suspected punctured lung (pneumothorax)",
    EventKind.NERVE: "Weakness, numbness or other nerve symptoms",
    EventKind.NEEDLE: "Broken or lost needle",
    EventKind.OTHER: "Something else",
}
HARM_WORDS: Mapping[Harm, str] = {
    Harm.MINOR: "Minor: it passed by itself",
    Harm.CARE: "Needed care, but no emergency",
    Harm.EMERGENCY: "Emergency or hospital",
}
REACTION_WORDS: Mapping[Reaction, str] = {
    Reaction.NONE: "None",
    Reaction.FAINT: "Fainted, or nearly",
    Reaction.BLEEDING: "Bleeding that had to be pressed",
    Reaction.PAIN: "Strong pain",
    Reaction.OTHER: "Something else",
}
# A reaction during the session is an adverse event of the same kind.
EVENT_OF: Mapping[Reaction, EventKind] = {
    Reaction.FAINT: EventKind.FAINT,
    Reaction.BLEEDING: EventKind.BLEEDING,
    Reaction.PAIN: EventKind.PAIN,
    Reaction.OTHER: EventKind.OTHER,
}


@dataclass(frozen=True)
class Related:
    """The questions whose flags warn of a kind of event, and why."""

    questions: frozenset[str]
    why: str


def _related(why: str, *questions: str) -> Related:
    return Related(frozenset(questions), why)


_BLOOD = ("blood_thinners", "inr", "antiplatelets", "bleeding_disorder", "medicines", "vascular")
_THIN = "Thin blood and weak vessels bleed and bruise more."
RELATED: Mapping[EventKind, Related] = {
    EventKind.FAINT: _related(
        "Fear, a faint before, an empty stomach, alcohol, low sugar, an unsteady heart and fits lead to fainting.",
        *("needle_fear", "needle_fear_refuses", "needle_reaction", "last_needling_reaction", "eaten"),
        *("alcohol_or_sedatives", "diabetes", "diabetes_unstable", "epilepsy", "last_seizure", "heart_unstable"),
        *("urgent_symptoms", "driving_after"),
    ),
    EventKind.BRUISE: _related(_THIN, *_BLOOD),
    EventKind.BLEEDING: _related(_THIN, *_BLOOD),
    EventKind.PAIN: _related(
        "Fear and a bad time before make needles hurt more; sore skin and a fresh operation do as well.",
        *("needle_fear", "needle_reaction", "last_needling_reaction", "mental_health", "skin_problem", "surgery"),
    ),
    EventKind.INFECTION: _related(
        "Germs that are there already, broken skin, weak defence, and metal or swelling that germs settle in.",
        *("infection_now", "infection_recent", "antibiotics_until", "skin_problem", "skin_condition", "immune"),
        *("diabetes", "diabetes_unstable", "lymphoedema", "heart_valve", "metal_in_body", "surgery", "cancer"),
    ),
    EventKind.LUNG: _related(
        "A lung that is sick or was operated on is reached and harmed more easily.", "lung_condition"
    ),
    EventKind.NERVE: _related(
        "Skin that is numb already does not warn, and current can upset a device on a nerve.",
        *("skin_condition", "diabetes_unstable", "implanted_device", "urgent_symptoms"),
    ),
    EventKind.NEEDLE: _related(
        "A sudden movement bends and breaks needles: a fit, or fear.",
        *("epilepsy", "last_seizure", "needle_fear", "needle_fear_refuses"),
    ),
    EventKind.OTHER: _related(
        "What the patient named in own words, an allergy, or a bad time before.",
        *("other_condition", "last_needling_reaction", "needle_reaction", "metal_allergy", "other_allergy"),
        *("mental_health", "pregnancy"),
    ),
}


def in_words(kind: str, harm: str) -> str:
    """Return a kind of event and how bad it was, in words for the middle of a sentence."""
    words = WORDS[EventKind(kind)]
    what = words[:1].lower() + words[1:]
    return what if harm == Harm.MINOR else f"{what} ({HARM_WORDS[Harm(harm)].lower()})"
