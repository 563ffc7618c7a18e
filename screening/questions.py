"""The questionnaire as frozen values: name, wording, kind, choices, and when each is asked. Pure: no Django.

Names and answer values are public and keep their meaning for ever; wording may change, and then ``VERSION`` does too.
To ask a new question: add it below, put its name into a section (or give it a ``parent``), and add its rule.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from hashlib import sha256
from typing import Any

import rfc8785

from clinic import text
from clinic.regions import (
    CONCRETE,
    NEAR_LUNG,
    NOT_PRESSED,
    REGIONS,
    limb_of,
    near_lung,
    region_words,
    sides,
)

__all__ = [
    "BY_THE_HOUR",
    "NEAR_LUNG",
    "NOT_PRESSED",
    "ON_THE_DAY",
    "QUESTIONS",
    "REGIONS",
    "SECTIONS",
    "VERSION",
    "Answers",
    "Choice",
    "Kind",
    "Question",
    "Section",
    "Value",
    "When",
    "all_clear",
    "asked",
    "caller",
    "check_value",
    "day_in_words",
    "digest",
    "dump",
    "in_private",
    "in_words",
    "limb_of",
    "load",
    "missing",
    "near_lung",
    "pages",
    "place",
    "prune",
    "region_words",
    "sides",
]

VERSION = "2026-11-24.1"
A_PAGE = 4  # questions at most

Value = str | int | float | datetime.date | list[str]
Answers = Mapping[str, Value]  # an absent key is a question left out


class Kind(StrEnum):
    """How a question is answered. The values are those of the questionnaire's public interface."""

    YNU = "ynu"
    YN = "yn"
    SCALE = "scale"
    DATE = "date"
    TEXT = "text"
    NUMBER = "number"
    ONE_OF = "one_of"
    ANY_OF = "any_of"


@dataclass(frozen=True)
class Choice:
    """One answer that can be picked: its public value and its words."""

    value: str
    label: str


@dataclass(frozen=True)
class When:
    """One reason to ask a follow-up: ``question`` has one of ``values`` (any answer at all, if none is named)."""

    question: str
    values: tuple[str, ...] = ()
    unless: bool = False  # turns it round: asked while the question has none of the values

    def holds(self, answers: Answers) -> bool:
        """Say whether ``answers`` call for the follow-up."""
        answer = answers.get(self.question)
        if not self.values:
            return (answer is not None) != self.unless
        given = answer if isinstance(answer, list) else [answer]
        return any(value in self.values for value in given) != self.unless


@dataclass(frozen=True)
class Question:
    """One question. ``short`` is the staff's label; a follow-up has a ``parent``; ``asked`` says what calls for it."""

    name: str
    kind: Kind
    wording: str
    short: str
    hint: str = ""
    why: str = ""
    choices: tuple[Choice, ...] = ()
    parent: str | None = None
    asked: tuple[When, ...] = ()  # any of them; () is always
    returning: bool = False  # asked of returning patients only
    optional: bool = False
    none_label: str = ""  # of "none of these", for ANY_OF
    low: float | None = None
    high: float | None = None
    unit: str = ""
    latest: str = ""  # "today" where a date may not be in the future
    regions: bool = False  # choices are regions of the body
    stable: bool = False  # seldom changes: a returning patient may confirm it; any other is asked on the day
    private: bool = False  # "prefer_not" reads as a wish to say it in private, to the practitioner alone

    @property
    def allowed(self) -> str:
        """Say in words which values this question takes."""
        if self.kind is Kind.DATE:
            return "a date such as 2026-11-23" + (", not in the future" if self.latest else "")
        if self.kind is Kind.TEXT:
            return f"text of at most {text.LONGEST_TEXT:,} characters"
        if self.kind is Kind.SCALE:
            return f"a whole number from {self.low:g} to {self.high:g}"
        if self.kind is Kind.NUMBER:
            return f"a number from {self.low:g} to {self.high:g} ({self.unit})"
        names = REGIONS if self.regions else [choice.value for choice in self.choices]
        return ("a list of any of " if self.kind is Kind.ANY_OF else "one of ") + ", ".join(names)


@dataclass(frozen=True)
class Section:
    """One part of the form: a plain heading over one to four related questions (their follow-ups come after)."""

    slug: str
    heading: str
    questions: tuple[str, ...]


_YES, _NO = Choice("yes", "Yes"), Choice("no", "No")
_YN = (_YES, _NO)
_YNU = (_YES, _NO, Choice("unsure", "I am not sure"), Choice("prefer_not", "I would rather not say"))
_IN_PRIVATE = Choice("prefer_not", "I would rather say this in private")
_REGION_CHOICES = tuple(Choice(name, region_words(name).capitalize()) for name in CONCRETE)
_NONE = "None of these"


def _ynu(
    name: str,
    wording: str,
    short: str,
    *,
    hint: str = "",
    why: str = "",
    parent: str | None = None,
    asked: tuple[When, ...] = (),
    returning: bool = False,
    optional: bool = False,
    stable: bool = False,
    private: bool = False,
) -> Question:
    choices = (*_YNU[:-1], _IN_PRIVATE) if private else _YNU
    return Question(
        name,
        Kind.YNU,
        wording,
        short,
        hint,
        why,
        choices,
        parent,
        asked,
        returning=returning,
        optional=optional,
        stable=stable,
        private=private,
    )


def _yn(name: str, wording: str, short: str, *, hint: str = "", why: str = "") -> Question:
    return Question(name, Kind.YN, wording, short, hint, why, _YN)


def _any_of(
    name: str,
    wording: str,
    short: str,
    *choices: tuple[str, str],
    hint: str = "",
    why: str = "",
    none: str = _NONE,
    parent: str | None = None,
    stable: bool = False,
) -> Question:
    return Question(
        name,
        Kind.ANY_OF,
        wording,
        short,
        hint,
        why,
        tuple(Choice(*choice) for choice in choices),
        parent,
        (When(parent, ("yes",)),) if parent else (),
        none_label=none,
        stable=stable,
    )


def _regions(
    parent: str, wording: str, short: str, *, hint: str = "Choose all that apply.", stable: bool = False
) -> Question:
    return Question(
        f"{parent}_regions",
        Kind.ANY_OF,
        wording,
        short,
        hint,
        choices=_REGION_CHOICES,
        parent=parent,
        asked=(When(parent, ("yes",)),),
        none_label=_NONE,
        regions=True,
        stable=stable,
    )


def _one_of(
    name: str,
    wording: str,
    short: str,
    *choices: tuple[str, str],
    hint: str = "",
    why: str = "",
    parent: str | None = None,
    stable: bool = False,
    private: bool = False,
) -> Question:
    return Question(
        name,
        Kind.ONE_OF,
        wording,
        short,
        hint,
        why,
        tuple(Choice(*choice) for choice in choices),
        parent,
        (When(parent, ("yes",)),) if parent else (),
        stable=stable,
        private=private,
    )


def _text(
    name: str,
    wording: str,
    short: str,
    *,
    hint: str = "",
    why: str = "",
    parent: str | None = None,
    stable: bool = False,
) -> Question:
    asked = (When(parent, ("yes",)),) if parent else ()
    return Question(name, Kind.TEXT, wording, short, hint, why, parent=parent, asked=asked, stable=stable)


_ALL = (
    _one_of(
        "filled_in_by",
        "Who is filling in this form?",
        "Filled in by",
        ("self", "I am, for myself"),
        ("guardian", "A parent or guardian"),
        ("carer", "A carer, or someone else who helps"),
        ("interpreter", "An interpreter"),
    ),
    _any_of(
        "support_needed",
        "Would any of these help you today?",
        "Support needed",
        ("interpreter", "An interpreter, to speak my language"),
        ("reading_help", "Help with reading"),
        ("large_text", "Bigger print"),
        ("other", "Some other help"),
        none="No, I need no help",
        hint="Choose all that apply.",
        why="We want this to be easy for you.",
    ),
    _any_of(
        "urgent_symptoms",
        "Do you have any of these now, or did they start in the last few days?",
        "Urgent symptoms",
        ("chest_pain", "Chest pain"),
        ("breathless", "Trouble breathing"),
        ("new_weakness", "New weakness or numb parts"),
        ("calf_swelling", "A swollen or sore calf"),
        hint="If you feel very ill, tell someone at the desk now.",
        why="You may need to see a doctor first.",
    ),
    _yn(
        "eaten",
        "Have you eaten in the last 2 hours?",
        "Eaten in the last 2 hours",
        why="You could faint if you have not had food.",
    ),
    _ynu(
        "understands_why",
        "Do you know what dry needling is for, and why we offer it to you?",
        "Understands why",
        hint="A thin needle goes into a tight muscle, to ease pain. If you are not sure, say so. We will explain.",
        why="You can only choose well if you know what it is for.",
    ),
    _ynu(
        "wants_treatment",
        "Do you want to have dry needling?",
        "Wants the treatment",
        hint="You can change your mind at any time.",
    ),
    _ynu(
        "feels_pressed",
        "Does anyone make you feel that you have to have it?",
        "Feels pressed",
        hint="It is your choice. You can say no, and we will still look after you.",
        private=True,
    ),
    Question(
        "needle_fear",
        Kind.SCALE,
        "How afraid are you of needles?",
        "Needle fear",
        hint="0 means not at all. 10 means as afraid as you can be.",
        why="Many people are afraid. We can help if we know.",
        low=0,
        high=10,
    ),
    _yn(
        "needle_fear_refuses",
        "Are you so afraid of needles that you would not go ahead?",
        "Would not go ahead for fear",
    ),
    _ynu(
        "needle_reaction",
        "Have you ever fainted or felt ill because of a needle?",
        "Bad reaction to needles",
        hint="Think of blood tests, jabs, tattoos, or needles in a muscle.",
        why="If we know, we can keep you safe.",
        stable=True,
    ),
    _any_of(
        "needle_reaction_kinds",
        "What happened with the needle?",
        "Kind of reaction",
        ("fainted", "I fainted"),
        ("fit", "I had a fit"),
        ("injured", "I got hurt"),
        ("to_dry_needling", "It was from dry needling"),
        ("other", "Something else"),
        hint="Choose all that apply.",
        parent="needle_reaction",
        stable=True,
    ),
    _ynu(
        "last_needling_reaction",
        "Did you feel ill or get hurt after your last dry needling?",
        "Reaction to the last dry needling",
        hint="Such as fainting, strong pain, a lot of bleeding, or trouble breathing.",
        returning=True,
        why="We may need to do it in another way, or not at all.",
    ),
    _ynu(
        "infection_now",
        "Do you have an infection now?",
        "Infection now",
        hint="Such as a fever, flu, COVID, a bad cough, or an infected cut. It counts wherever it is in your body.",
        why="We wait until it is fully gone.",
    ),
    _any_of(
        "infection_kinds",
        "What kind of infection is it?",
        "Kind of infection",
        ("fever", "Fever"),
        ("flu_like", "Cold or flu"),
        ("covid", "COVID"),
        ("chest", "Chest"),
        ("skin", "Skin"),
        ("urine", "Bladder or kidneys"),
        ("other", "Another kind"),
        hint="Choose all that apply.",
        parent="infection_now",
    ),
    _text(
        "infection_site",
        "Where in your body is the infection?",
        "Site of the infection",
        hint="You can leave this empty.",
        parent="infection_now",
    ),
    Question(
        "antibiotics_until",
        Kind.DATE,
        "If you have had antibiotics for an infection, when is your last dose?",
        "Antibiotics until",
        hint="It can be a past day or a day to come. Leave it empty if you had none.",
        parent="infection_now",
        asked=(When("infection_now", ("yes",)), When("infection_recent", ("yes",))),
    ),
    _ynu(
        "skin_problem",
        "Do you have a wound, a rash or sore skin where needles might go?",
        "Skin problem",
        why="We keep needles away from sore skin, so that no germs get in.",
    ),
    _regions("skin_problem", "Where is your skin sore, broken or red?", "Where the skin problem is"),
    _yn(
        "alcohol_or_sedatives",
        "Have you had alcohol today, or anything that makes you sleepy?",
        "Alcohol or sedatives today",
        hint="Such as sleeping pills, strong pain pills or street drugs.",
        why="They can cloud your choice, and you could faint.",
    ),
    _yn(
        "driving_after",
        "Do you have to drive, use machines, fly or dive soon after?",
        "Drives, flies or dives after",
        why="Some people feel sleepy after the needles.",
    ),
    _ynu(
        "blood_thinners",
        "Do you take a blood thinner?",
        "Blood thinners",
        hint="Such as warfarin, apixaban (Eliquis), rivaroxaban (Xarelto) or heparin jabs. "
        "Keep on taking it unless your doctor tells you not to.",
        why="You may bleed or bruise more.",
    ),
    _any_of(
        "blood_thinner_names",
        "Which blood thinner do you take?",
        "Which blood thinner",
        ("warfarin", "Warfarin (Coumadin, Marevan)"),
        ("acenocoumarol", "Acenocoumarol (Sinthrome, Acitrom)"),
        ("phenindione", "Phenindione"),
        ("apixaban", "Apixaban (Eliquis)"),
        ("rivaroxaban", "Rivaroxaban (Xarelto)"),
        ("dabigatran", "Dabigatran (Pradaxa)"),
        ("edoxaban", "Edoxaban (Lixiana, Savaysa)"),
        ("heparin", "Heparin or enoxaparin jabs (Clexane, Lovenox)"),
        ("other", "Another one"),
        hint="Choose all that apply.",
        parent="blood_thinners",
    ),
    Question(
        "inr",
        Kind.NUMBER,
        "What was your last INR result?",
        "INR",
        hint="This is the number from your blood test, such as 2.5. Leave it empty if you do not know.",
        why="A high number means that you may bleed more.",
        parent="blood_thinner_names",
        asked=(When("blood_thinner_names", ("warfarin", "acenocoumarol", "phenindione")),),
        low=0.5,
        high=15,
        unit="INR",
    ),
    Question(
        "inr_date",
        Kind.DATE,
        "When was the blood test for your INR?",
        "Date of the INR",
        hint="Leave it empty if you do not know.",
        parent="inr",
        asked=(When("inr"),),
        latest="today",
    ),
    _ynu(
        "antiplatelets",
        "Do you take aspirin, or another drug to prevent clots?",
        "Antiplatelet drugs",
        hint="Such as low-dose aspirin, clopidogrel (Plavix) or ticagrelor, or ibuprofen on most days.",
        why="You may bleed or bruise more.",
    ),
    _any_of(
        "antiplatelet_names",
        "Which of these drugs do you take?",
        "Which antiplatelet drug",
        ("aspirin", "Aspirin"),
        ("clopidogrel", "Clopidogrel (Plavix)"),
        ("prasugrel", "Prasugrel (Effient)"),
        ("ticagrelor", "Ticagrelor (Brilinta, Brilique)"),
        ("dipyridamole", "Dipyridamole (Persantin)"),
        ("nsaid", "Ibuprofen, naproxen or the like, on most days"),
        ("other", "Another one"),
        hint="Choose all that apply.",
        parent="antiplatelets",
    ),
    _ynu(
        "bleeding_disorder",
        "Do you have a bleeding or clotting problem?",
        "Bleeding disorder",
        hint="Such as haemophilia, low platelets, bad liver disease, or bruises that come from nothing.",
        why="A small bleed could become a big one.",
        stable=True,
    ),
    _one_of(
        "bleeding_disorder_severity",
        "How bad is your bleeding or clotting problem?",
        "How bad the bleeding disorder is",
        ("mild", "Mild"),
        ("moderate", "In between"),
        ("severe", "Severe"),
        ("unsure", "I am not sure"),
        parent="bleeding_disorder",
        stable=True,
    ),
    _text(
        "medicines",
        "Which medicines do you take?",
        "Medicines",
        hint="List them all: pills, jabs, creams, herbs. Leave it empty if you take none.",
        why="Some of them can make you bleed more.",
    ),
    _ynu(
        "implanted_device",
        "Do you have a medical device in your body?",
        "Implanted device",
        hint="Such as a pacemaker, a defibrillator, a nerve stimulator, a pump, or a hearing implant.",
        why="We must keep needles and currents away from it.",
        stable=True,
    ),
    _ynu(
        "heart_valve",
        "Have you ever had a problem with a heart valve?",
        "Heart valve",
        hint="A new valve counts, and so does an infection in the heart, or a heart that has been ill from birth.",
        why="Germs in the blood can harm the heart.",
        stable=True,
    ),
    _ynu(
        "heart_unstable",
        "Is your heart or your blood pressure out of control right now?",
        "Unstable heart",
        hint="Such as angina that gets worse, a new odd heartbeat, or very high blood pressure.",
        why="Needles and stress could make it worse.",
    ),
    _ynu(
        "vascular",
        "Have you ever had a blood clot, or a problem with your blood vessels?",
        "Blood vessels or clots",
        hint="Such as a clot in the leg or lung, blocked or bulging vessels, or varicose veins.",
        why="We keep needles away from weak vessels.",
        stable=True,
    ),
    _ynu(
        "lung_condition",
        "Have you ever had a problem with your lungs, chest or spine?",
        "Lung condition",
        hint="Such as asthma, lung disease, a lung that went flat, chest surgery, or a curved spine (scoliosis).",
        why="We take more care near your lungs.",
        stable=True,
    ),
    _ynu(
        "infection_recent",
        "Have you had an infection in the last 14 days that is now over?",
        "Infection in the last 14 days",
        asked=(When("infection_now", ("yes",), unless=True),),
        why="We need to be sure that it is gone.",
    ),
    _ynu(
        "immune",
        "Is your body weak at fighting germs?",
        "Weak immune system",
        hint="Such as from chemo, steroids, a transplant, or a spleen that was taken out.",
        why="Germs could spread more easily.",
        stable=True,
    ),
    _ynu(
        "blood_borne_virus",
        "Do you have hepatitis B, hepatitis C or HIV?",
        "Blood-borne virus",
        hint="You can skip this one. We take the same care with everyone.",
        optional=True,
        why="It can change how well you fight germs.",
        private=True,
        stable=True,
    ),
    _ynu(
        "diabetes",
        "Do you have diabetes?",
        "Diabetes",
        why="Low sugar can make you faint, and cuts may heal slowly.",
        stable=True,
    ),
    _ynu(
        "diabetes_unstable",
        "Is your sugar often too high or too low, or do you have numb feet or foot sores?",
        "Unstable diabetes",
        parent="diabetes",
        asked=(When("diabetes", ("yes",)),),
    ),
    _ynu(
        "epilepsy",
        "Do you have epilepsy, or have you had fits?",
        "Epilepsy or fits",
        why="Needles or stress may set off a fit.",
        stable=True,
    ),
    Question(
        "last_seizure",
        Kind.DATE,
        "When was your last fit?",
        "Last seizure",
        hint="Your best guess is fine. Leave it empty if you do not know.",
        parent="epilepsy",
        asked=(When("epilepsy", ("yes",)),),
        latest="today",
    ),
    _ynu(
        "cancer",
        "Do you have cancer now, or have you had radiotherapy?",
        "Cancer or radiotherapy",
        why="You may bleed more, or get ill from germs more easily.",
        stable=True,
    ),
    _ynu(
        "lymphoedema",
        "Do you have swelling that does not go away, or were lymph nodes taken out?",
        "Lymphoedema",
        hint="Lymph nodes are small glands, such as those in the armpit or groin.",
        why="We keep needles away from that arm or leg.",
        stable=True,
    ),
    _regions(
        "lymphoedema",
        "Which parts of your body does the swelling affect?",
        "Where the lymphoedema is",
        hint="If nodes were taken out, choose the arm or leg on that side. Choose all that apply.",
        stable=True,
    ),
    _ynu(
        "surgery",
        "Did you have surgery in the last 12 weeks, or will you have some soon?",
        "Surgery",
        why="The place needs time to heal.",
    ),
    Question(
        "surgery_date",
        Kind.DATE,
        "When was the surgery, or when will it be?",
        "Date of surgery",
        hint="Your best guess is fine. Leave it empty if you do not know.",
        parent="surgery",
        asked=(When("surgery", ("yes",)),),
    ),
    _regions("surgery", "Which part of your body is the surgery on?", "Where the surgery is"),
    _ynu(
        "metal_in_body",
        "Do you have metal or an implant in your body?",
        "Metal or implants",
        hint="Such as a new hip or knee, plates, screws or rods, or a breast implant.",
        why="We keep needles away from it.",
        stable=True,
    ),
    _regions("metal_in_body", "Where is the metal or implant?", "Where the metal or implant is", stable=True),
    _ynu(
        "metal_allergy",
        "Are you allergic to metal?",
        "Metal allergy",
        hint="Such as nickel, or a rash from cheap rings.",
        why="The needles are made of steel.",
        stable=True,
    ),
    _one_of(
        "metal_allergy_severity",
        "How bad does your metal allergy get?",
        "How bad the metal allergy is",
        ("mild", "Mild, such as an itchy rash"),
        ("severe", "Severe, such as trouble breathing"),
        ("unsure", "I am not sure"),
        parent="metal_allergy",
        stable=True,
    ),
    _any_of(
        "other_allergy",
        "Are you allergic to any of these?",
        "Other allergies",
        ("latex", "Latex gloves"),
        ("antiseptic", "Skin cleaner (antiseptic)"),
        ("tape", "Tape or plasters"),
        ("other", "Something else"),
        hint="Choose all that apply.",
        why="We can use other gloves, wipes or tape.",
        stable=True,
    ),
    _one_of(
        "pregnancy",
        "Are you pregnant, or could you be?",
        "Pregnancy",
        ("yes", "Yes"),
        ("might_be", "I might be"),
        ("trying", "I am trying to be"),
        ("no", "No"),
        ("does_not_apply", "This does not apply to me"),
        ("unsure", "I am not sure"),
        (_IN_PRIVATE.value, _IN_PRIVATE.label),
        hint="We ask everyone.",
        why="Needles may not be safe for a baby.",
        private=True,
    ),
    Question(
        "pregnancy_weeks",
        Kind.NUMBER,
        "How many weeks pregnant are you?",
        "Weeks pregnant",
        hint="Leave it empty if you do not know.",
        parent="pregnancy",
        asked=(When("pregnancy", ("yes",)),),
        low=1,
        high=42,
        unit="weeks",
    ),
    _ynu(
        "skin_condition",
        "Do you have a skin condition?",
        "Skin condition",
        hint="Such as eczema, psoriasis, thin or numb skin, or scars that grow thick.",
        why="We choose a place where your skin is well.",
        stable=True,
    ),
    _ynu(
        "mental_health",
        "Is there something about your mental health that we should know before we use needles?",
        "Mental health",
        hint="Such as panic, or bad things in the past. You need not write it down. You can tell us in the room.",
        why="Needles can bring up strong feelings.",
        private=True,
        stable=True,
    ),
    _text(
        "other_condition",
        "Do you have any other health problem?",
        "Other condition",
        hint="Tell us here. Leave it empty if you have none.",
        why="It may change what is safe for you.",
        stable=True,
    ),
    _text(
        "what_matters",
        "What matters most to you?",
        "What matters to the patient",
        hint="Such as your job, your sport, or a trip that comes up. You can leave this empty.",
        why="It helps us to tell you what you need to know.",
        stable=True,
    ),
    _text(
        "questions",
        "What would you like to ask us?",
        "The patient's questions",
        hint="We will answer before you sign. Leave it empty if you have no questions.",
    ),
)
QUESTIONS: Mapping[str, Question] = {question.name: question for question in _ALL}

SECTIONS: tuple[Section, ...] = (
    Section("start", "Before you start", ("filled_in_by", "support_needed", "urgent_symptoms", "eaten")),
    Section("choice", "Your choice", ("understands_why", "wants_treatment", "feels_pressed")),
    Section(
        "needles",
        "You and needles",
        ("needle_fear", "needle_fear_refuses", "needle_reaction", "last_needling_reaction"),
    ),
    Section("today", "How you are today", ("infection_now", "skin_problem", "alcohol_or_sedatives", "driving_after")),
    Section(
        "medicines", "Bleeding and medicines", ("blood_thinners", "antiplatelets", "bleeding_disorder", "medicines")
    ),
    Section("heart", "Heart and blood", ("implanted_device", "heart_valve", "heart_unstable", "vascular")),
    Section("lungs", "Lungs and germs", ("lung_condition", "infection_recent", "immune", "blood_borne_virus")),
    Section("long-term", "Long-term illness", ("diabetes", "epilepsy", "cancer", "lymphoedema")),
    Section(
        "operations", "Surgery, metal and allergies", ("surgery", "metal_in_body", "metal_allergy", "other_allergy")
    ),
    Section("more", "More about you", ("pregnancy", "skin_condition", "mental_health", "other_condition")),
    Section("words", "In your own words", ("what_matters", "questions")),
)

# What changes by the day, and in it what changes by the hour. Answered before the day, it is asked again at check-in.
BY_THE_HOUR = frozenset({"eaten", "alcohol_or_sedatives"})
ON_THE_DAY = BY_THE_HOUR | {
    "urgent_symptoms",
    "infection_now",
    "infection_recent",
    "antibiotics_until",
    "skin_problem",
    "blood_thinners",
    "antiplatelets",
    "medicines",
    "pregnancy",
}


@cache
def digest() -> str:
    """Return the SHA-256 (hex) of the whole questionnaire as canonical JSON (RFC 8785)."""
    whole: dict[str, Any] = {
        "version": VERSION,
        "sections": [asdict(section) for section in SECTIONS],
        "questions": [asdict(question) for question in QUESTIONS.values()],
    }
    return sha256(rfc8785.dumps(whole)).hexdigest()


def caller(question: Question, answers: Answers) -> str | None:
    """Return the name of the question whose answer calls for this one, or nothing."""
    for when in question.asked:
        # A question that is not asked itself calls for nothing, whatever answer it still carries.
        if asked(QUESTIONS[when.question], answers, returning=True) and when.holds(answers):
            return when.question
    return None


def asked(question: Question, answers: Answers, *, returning: bool) -> bool:
    """Say whether ``question`` is asked of a patient with these answers (``returning``: was needled here before)."""
    if question.returning and not returning:
        return False
    return not question.asked or caller(question, answers) is not None


@cache
def _follow_ups(section: Section) -> tuple[Question, ...]:
    """Return the follow-ups that some answers may call for in a section."""
    family: set[str] = set()
    below = set(section.questions)
    while below - family:
        family |= below
        below = {each.name for each in QUESTIONS.values() if any(when.question in family for when in each.asked)}
    return tuple(each for each in QUESTIONS.values() if each.parent and each.name in family)


def pages(section: Section, answers: Answers, *, returning: bool) -> list[list[Question]]:
    """Return what a section shows: its own questions, then pages of follow-ups that the answers so far call for.

    The first page may be empty. Follow-ups come level by level, four a page at most.
    """
    own = [QUESTIONS[name] for name in section.questions]
    shown = [[question for question in own if asked(question, answers, returning=returning)]]
    level = set(section.questions)
    while level:
        called = [question for question in _follow_ups(section) if caller(question, answers) in level]
        shown += [called[start : start + A_PAGE] for start in range(0, len(called), A_PAGE)]
        level = {question.name for question in called}
    return shown


def place(name: str, answers: Answers, *, returning: bool) -> tuple[str, int] | None:
    """Return the section's slug and the page (from 0) on which a question stands, or nothing while it is not asked."""
    for section in SECTIONS:
        for number, page in enumerate(pages(section, answers, returning=returning)):
            if any(question.name == name for question in page):
                return section.slug, number
    return None


def prune(answers: Answers, *, returning: bool) -> dict[str, Value]:
    """Return the answers without those to questions that are not asked (any more), follow-ups of follow-ups too."""
    return {
        name: value
        for name, value in answers.items()
        if name in QUESTIONS and asked(QUESTIONS[name], answers, returning=returning)
    }


def _may_stay_empty(question: Question) -> bool:
    empty_kinds = (Kind.TEXT, Kind.DATE, Kind.NUMBER)  # dates and numbers are follow-ups, all of them
    return question.optional or question.kind in empty_kinds


def missing(answers: Answers, *, returning: bool) -> list[str]:
    """Return the names of questions that are asked, must be answered on the form, and have no answer yet."""
    return [
        question.name
        for question in QUESTIONS.values()
        if question.name not in answers
        and not _may_stay_empty(question)
        and asked(question, answers, returning=returning)
    ]


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def in_private(answers: Answers) -> list[Question]:
    """Return the questions that the patient would rather answer in private, to the practitioner."""
    return [each for each in QUESTIONS.values() if each.private and answers.get(each.name) == "prefer_not"]


def day_in_words(day: datetime.date) -> str:
    """Say a day as people do, whatever the machine's language: "23 November 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def in_words(question: Question, value: Value | None) -> str:
    """Say an answer in words: "Yes", "Left calf, right shin", "23 November 2026", "7 out of 10", "Not given"."""
    if value is None or value == "":
        return "Not given"
    if isinstance(value, list):
        return _listed(question, value) or question.none_label
    if isinstance(value, datetime.date):
        return day_in_words(value)
    if question.kind is Kind.SCALE:
        return f"{value} out of {question.high:g}"
    if question.kind is Kind.NUMBER:
        unit = "" if question.unit == question.short else question.unit  # "INR: 2.4", not "INR: 2.4 INR"
        return f"{value} {unit}".strip()
    return {choice.value: choice.label for choice in question.choices}.get(str(value), str(value))


def _listed(question: Question, values: Iterable[str]) -> str:
    if question.regions:
        given = [region_words(name) for name in REGIONS if name in values]
        return ", ".join(given).capitalize()
    return ", ".join(choice.label for choice in question.choices if choice.value in values)


def dump(answers: Answers) -> dict[str, str | int | float | list[str]]:
    """Return the answers as JSON can hold them: dates as ISO text."""
    return {name: value.isoformat() if isinstance(value, datetime.date) else value for name, value in answers.items()}


def load(stored: Mapping[str, object]) -> dict[str, Value]:
    """Return typed answers from what :func:`dump` wrote. Raise ``ValueError`` naming what does not belong."""
    answers: dict[str, Value] = {}
    for name, value in stored.items():
        if name not in QUESTIONS:
            raise ValueError(f"{name}: no such question; allowed: {', '.join(QUESTIONS)}")
        answers[name] = check_value(QUESTIONS[name], value)
    return answers


def all_clear() -> dict[str, Value]:
    """Return the answers of a healthy adult: nothing to look at. Texts are left empty, follow-ups unanswered."""
    harmless: dict[str, Value] = {"filled_in_by": "self", "understands_why": "yes", "wants_treatment": "yes"}
    harmless |= {"eaten": "yes", "needle_fear": 0}
    for question in QUESTIONS.values():
        if question.parent or question.name in harmless:
            continue
        if question.kind is Kind.ANY_OF:
            harmless[question.name] = []
        else:
            harmless[question.name] = "" if question.kind is Kind.TEXT else "no"
    return {name: harmless[name] for name in QUESTIONS if name in harmless}


def check_value(question: Question, value: object) -> Value:
    """Return ``value`` typed as this question's answer; a date may also come as ISO text.

    Raise ``ValueError`` naming the question, the value and what is allowed. "Not in the future" is the caller's to
    check: only the caller knows which day it is.
    """
    typed = _typed(question, value)
    if typed is None:
        raise ValueError(f"{question.name}: {value!r} is not allowed; allowed: {question.allowed}")
    return typed


def _typed(question: Question, value: object) -> Value | None:
    if question.kind is Kind.ANY_OF:
        return _picked(question, value)
    if question.kind is Kind.DATE:
        return _date(value)
    if question.kind is Kind.TEXT:
        return _clean_text(question, value)
    if question.kind in (Kind.SCALE, Kind.NUMBER):
        return _number(question, value)
    known = [choice.value for choice in question.choices]
    return value if isinstance(value, str) and value in known else None


def _picked(question: Question, value: object) -> list[str] | None:
    known = REGIONS if question.regions else [choice.value for choice in question.choices]
    if not isinstance(value, list) or any(each not in known for each in value):
        return None
    return list(dict.fromkeys(str(each) for each in value))


def _number(question: Question, value: object) -> int | float | None:
    wanted = int if question.kind is Kind.SCALE else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        return None
    assert isinstance(value, int | float)
    assert question.low is not None
    assert question.high is not None
    return value if math.isfinite(value) and question.low <= value <= question.high else None


def _date(value: object) -> datetime.date | None:
    if isinstance(value, str):
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        return None
    return value if 1900 <= value.year <= 2199 else None  # outside it is a slip of the finger


def _clean_text(question: Question, value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return text.clean(value)
    except text.HiddenCharacter as refusal:
        raise ValueError(
            f"{question.name}: {refusal} Allowed: {question.allowed}, without control characters."
        ) from None
    except ValueError:
        return None
