"""What a practitioner has to state when vouching for something, by kind, and which values are plausible. No Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MODES: Mapping[str, str] = {"in_person": "In the room", "video": "By video", "phone": "By phone"}


@dataclass(frozen=True)
class Form:
    """The texts of one kind: those needed, those allowed, and what to say if one is missing."""

    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    missing: str = ""


FORMS: Mapping[str, Form] = {
    "interpreter": Form(
        ("name", "language", "mode"),
        ("number",),
        "Record the interpreter’s name, the language, and how they take part.",
    ),
    "guardian": Form(
        ("name", "relationship", "authority"),
        (),
        "Record the guardian’s name, who they are to the patient, and what you saw of their authority.",
    ),
    "consents_alone": Form(("reason",), (), "Say why this young person can decide alone."),
    "capacity": Form(
        ("helped", "reason"), (), "Say what helped, and how the patient showed that they can decide with that help."
    ),
}


def texts(kind: str, data: Mapping[str, object]) -> dict[str, object]:
    """Return the texts that belong to a kind. Raise ``ValueError`` with a sentence if one is missing."""
    form = FORMS[kind]
    if any(not str(data.get(name) or "").strip() for name in form.needs):
        raise ValueError(form.missing)
    return {name: data.get(name) or "" for name in (*form.needs, *form.may)}


@dataclass(frozen=True)
class Range:
    """The plausible values of a measurement. Anything outside is taken for a typing error."""

    label: str
    unit: str
    low: int
    high: int

    @property
    def allowed(self) -> str:
        return f"{self.label}: type a whole number from {self.low} to {self.high}."


# Design judgement: wide enough for anyone who walks into a clinic, narrow enough to catch a digit too many.
VITALS: Mapping[str, Range] = {
    "pulse": Range("Pulse", "beats a minute", 30, 220),
    "systolic": Range("Upper blood pressure", "mmHg", 60, 260),
    "diastolic": Range("Lower blood pressure", "mmHg", 30, 160),
}


def vitals(data: Mapping[str, object]) -> dict[str, object]:
    """Return the measurements given: ``pulse``, ``systolic`` and ``diastolic`` as whole numbers, and ``note``.

    Raise ``ValueError`` with a sentence: out of range, half a blood pressure, the two values swapped, or none given.
    """
    taken: dict[str, int] = {}
    for name, plausible in VITALS.items():
        value = data.get(name)
        if value is None or value == "":
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not plausible.low <= value <= plausible.high:
            raise ValueError(plausible.allowed)
        taken[name] = value
    if not taken:
        raise ValueError("Type the pulse, or both values of the blood pressure.")
    if ("systolic" in taken) != ("diastolic" in taken):
        raise ValueError("Type both values of the blood pressure, or neither.")
    if "systolic" in taken and taken["systolic"] <= taken["diastolic"]:
        raise ValueError("The upper blood pressure must be higher than the lower one.")
    return {**taken, "note": data.get("note") or ""}


def is_high(taken: Mapping[str, object], *, systolic: int, diastolic: int) -> bool:
    """Return whether a blood pressure reaches one of the limits, which are settings: no source gives a number."""
    upper, lower = taken.get("systolic"), taken.get("diastolic")
    return (isinstance(upper, int) and upper >= systolic) or (isinstance(lower, int) and lower >= diastolic)


def vitals_words(taken: Mapping[str, object]) -> str:
    """Return the measurements in words: "Pulse 72 beats a minute; blood pressure 128/82 mmHg"."""
    parts = [f"pulse {taken['pulse']} {VITALS['pulse'].unit}"] if "pulse" in taken else []
    if "systolic" in taken:
        parts.append(f"blood pressure {taken['systolic']}/{taken['diastolic']} {VITALS['systolic'].unit}")
    words = "; ".join(parts)
    return words[:1].upper() + words[1:]
