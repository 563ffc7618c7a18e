"""The talk before consent: what the patient is asked to say back. Pure: no Django.

Teach-back checks the explanation, never the patient: the physiotherapist asks, explains again where needed, and asks
once more (AHRQ Health Literacy Universal Precautions Toolkit, tool 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Prompt:
    """One thing the patient says back in their own words."""

    name: str
    asks: str  # what the practitioner asks
    about: str  # what it checks


PROMPTS = (
    Prompt("prompt_1", "Tell me in your own words: what are we going to do today?", "What will be done"),
    Prompt("prompt_2", "And what is it meant to help with?", "Why"),
    Prompt("prompt_3", "What could go wrong that would matter most to you?", "The risk that matters most"),
    Prompt("prompt_4", "What else could you do instead of needles?", "The alternatives"),
    Prompt("prompt_5", "Say you want me to stop halfway. What do you do?", "Stopping at any moment"),
    Prompt("prompt_6", "Tonight you get short of breath. What do you do?", "Breathlessness afterwards"),
)
BREATHLESS = "prompt_6"  # required near the lung: in HDC 15HDC00947 the warning signs were never discussed
ALWAYS = tuple(prompt.name for prompt in PROMPTS if prompt.name != BREATHLESS)  # before a consent in full

CORRECT, CORRECTED, NOT_ABLE = "correct", "corrected", "not_able"
RESULTS: Mapping[str, str] = {
    CORRECT: "Said it back right",
    CORRECTED: "Right after explaining again",
    NOT_ABLE: "Not able to, after two tries",
}


def prompt(name: str) -> Prompt:
    """Return the prompt called ``name``. Raise ``ValueError`` with the known names if there is none."""
    known = {prompt.name: prompt for prompt in PROMPTS}
    if name not in known:
        raise ValueError(f"{name}: no such prompt; allowed: {', '.join(known)}")
    return known[name]


def required(*, near_lung: bool, whole: bool = True) -> tuple[str, ...]:
    """Return the names of the prompts that a talk may not leave out.

    ``whole``: for a consent in full. Later sessions of a course rest on the talk before the first one.
    """
    return (*(ALWAYS if whole else ()), *((BREATHLESS,) if near_lung else ()))


def left_out(teach_back: Mapping[str, str], *, near_lung: bool, whole: bool = True) -> list[Prompt]:
    """Return the required prompts without a result; none if the talk failed, because it may end there."""
    if not_able(teach_back):
        return []
    return [prompt(name) for name in required(near_lung=near_lung, whole=whole) if not teach_back.get(name)]


def check(teach_back: Mapping[str, str], *, near_lung: bool, whole: bool = True) -> dict[str, str]:
    """Return the results by prompt name, in the order of the prompts.

    Raise ``ValueError`` for an unknown prompt or result, or if a required prompt was left out.
    """
    for name, result in teach_back.items():
        prompt(name)
        if result not in RESULTS:
            raise ValueError(f"{name}: {result!r} is not a result; allowed: {', '.join(RESULTS)}")
    if missing := left_out(teach_back, near_lung=near_lung, whole=whole):
        what = ", ".join(asked.about.lower() for asked in missing)
        near = " The needles go near the lung." if missing[-1].name == BREATHLESS else ""
        raise ValueError(f"Ask the patient to say back, and record: {what}.{near}")
    return {asked.name: teach_back[asked.name] for asked in PROMPTS if asked.name in teach_back}


TRIES = 2  # failed talks after which another talk alone is not enough


def not_able(teach_back: Mapping[str, str]) -> list[Prompt]:
    """Return the prompts that the patient could not say back."""
    return [asked for asked in PROMPTS if teach_back.get(asked.name) == NOT_ABLE]
