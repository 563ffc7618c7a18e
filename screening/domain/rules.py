"""Which answers raise a flag, how severe, why, and on whose authority. Pure: no Django.

``RULES`` holds all rules, in the order of the questionnaire. An answer that is not given is never read as "no"; the
rules for that are made from the questionnaire itself, at the end of the table.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785

from clinic.domain.body_regions import NOT_PRESSED, concrete, in_order, limb_of, region_words
from clinic.domain.dates import day_in_words
from clinic.domain.digests import sha256
from clinic.domain.policy import RULE_SETTINGS, Policy
from screening.domain import medicines, questionnaire, sources
from screening.domain.questionnaire import QUESTIONS, AnswerKind, Answers, Question, Value
from screening.domain.scope import Scope
from screening.domain.sources import Source

__all__ = [
    "RULES",
    "VERSION",
    "OnRecord",
    "Raised",
    "Rule",
    "RuleInput",
    "RuleResult",
    "Severity",
    "Source",
    "digest",
    "is_minor",
    "needs_decision",
    "needs_interpreter",
    "open_questions",
    "run",
    "worse",
]

VERSION = "2026-11-23.3"
WRITTEN_IN = ("rules.py", "sources.py", "medicines.py")  # a rule is code, so its digest is over the text of these
ADULT = 18  # years; who may consent alone below it is a setting of the clinic


class Severity(StrEnum):
    """How grave a flag is, worst first."""

    URGENT = "urgent"
    STOP = "stop"
    DEFER = "defer"
    REVIEW = "review"
    CAUTION = "caution"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


URGENT, STOP, DEFER, REVIEW, CAUTION, NOTE = Severity


def worse(first: Severity, second: Severity) -> Severity:
    """Return the graver of the two."""
    return min(first, second, key=lambda severity: severity.rank)


def needs_decision(severity: Severity) -> bool:
    """Return whether a practitioner must decide on a flag of this severity before consent."""
    return Severity(severity).rank <= REVIEW.rank


@dataclass(frozen=True)
class Raised:
    """One raised rule: a flag. ``regions`` are concrete names; () is the whole body.

    ``precautions`` are suggestions in words fit for the patient's consent text; ``ask`` is what the practitioner should
    find out next.
    """

    rule: str
    question: str
    severity: Severity
    reason: str
    source: Source
    regions: tuple[str, ...] = ()
    never_cleared: bool = False
    precautions: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same rule, severity, regions and reason give the same key, so that a decision on it still counts.

        The reason too, because some rules name the planned regions in it.
        """
        digest = sha256(f"{','.join(self.regions)}\n{self.reason}")
        return f"{self.rule}:{self.severity}:{digest[:16]}"


@dataclass(frozen=True)
class OnRecord:
    """An adverse event of an earlier visit: its number, its day, and what it was in words."""

    event: int
    day: datetime.date
    what: str


@dataclass(frozen=True)
class RuleResult:
    """What the rules make of one screening: the worst severity (or "clear") and every flag, worst first."""

    outcome: str
    flags: tuple[Raised, ...]


@dataclass(frozen=True)
class RuleInput:
    """All that a rule may look at.

    ``born`` and ``today`` are the patient's birth date and the clinic's day; ``scope`` is what is planned;
    ``returning``: the patient was needled here before; ``on_record``: adverse events of earlier visits that count now,
    whatever the patient says. Answers to questions that are not asked are dropped.
    """

    answers: Answers
    born: datetime.date
    today: datetime.date
    scope: Scope = field(default_factory=Scope)
    returning: bool = False
    policy: Policy = field(default_factory=Policy)
    on_record: tuple[OnRecord, ...] = ()
    typed: medicines.Named = field(init=False)  # medicines that the patient named

    def __post_init__(self) -> None:
        asked = questionnaire.prune(self.answers, returning=self.returning)
        object.__setattr__(self, "answers", asked)
        object.__setattr__(self, "typed", medicines.find(str(asked.get("medicines", ""))))

    @property
    def planned(self) -> frozenset[str]:
        return self.scope.regions

    def digest(self) -> str:
        """Return the SHA-256 (hex) of all of it. The same input gives the same result."""
        seen: dict[str, Any] = {
            "answers": questionnaire.dump(self.answers),
            "born": self.born.isoformat(),
            "today": self.today.isoformat(),
            "scope": self.scope.to_json(),
            "returning": self.returning,
            "policy": {name: getattr(self.policy, name) for name in RULE_SETTINGS},
            "on_record": [[event.event, event.day.isoformat(), event.what] for event in self.on_record],
            "rules": digest(),
        }
        return sha256(rfc8785.dumps(seen))

    def asked(self, name: str) -> bool:
        return questionnaire.asked(QUESTIONS[name], self.answers, returning=self.returning)

    def is_(self, name: str, *values: str) -> bool:
        return self.answers.get(name) in values

    def picked(self, name: str) -> tuple[str, ...]:
        answer = self.answers.get(name)
        return tuple(answer) if isinstance(answer, list) else ()

    def regions(self, name: str) -> frozenset[str]:
        return concrete(self.picked(name))

    def date(self, name: str) -> datetime.date | None:
        answer = self.answers.get(name)
        return answer if isinstance(answer, datetime.date) else None

    def number(self, name: str) -> float | None:
        answer = self.answers.get(name)
        return answer if isinstance(answer, int | float) else None

    def text(self, name: str) -> str:
        answer = self.answers.get(name)
        return answer.strip() if isinstance(answer, str) else ""

    def words(self, name: str) -> str:
        return questionnaire.in_words(QUESTIONS[name], self.answers.get(name))

    def days_since(self, name: str) -> int | None:
        day = self.date(name)
        return None if day is None else (self.today - day).days

    def may_thin_blood(self) -> bool:
        """Return whether blood thinners are not ruled out by a plain "no"."""
        return not self.is_("blood_thinners", "no") or bool(self.typed.anticoagulants)

    def antiplatelet_drugs(self) -> frozenset[str]:
        return frozenset(self.picked("antiplatelet_names")) | frozenset(self.typed.antiplatelets)


Test = Callable[[RuleInput], bool]
Words = str | Callable[[RuleInput], str]


@dataclass(frozen=True)
class Rule:
    """One rule. With ``regions`` it is scoped: if none of them is planned, a worse severity counts as ``review``."""

    name: str
    about: str
    severity: Severity
    raised: Test
    reason: Words
    source: Source
    regions: Callable[[RuleInput], frozenset[str]] | None = None
    never_cleared: bool = False
    precautions: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()

    def flag(self, facts: RuleInput) -> Raised:
        """Return the flag of this rule, which ``facts`` raised."""
        regions = self.regions(facts) if self.regions else frozenset()
        here = self.regions is None or bool(regions & facts.planned)
        return Raised(
            self.name,
            self.about,
            self.severity if here or self.severity.rank > REVIEW.rank else REVIEW,
            self.reason if isinstance(self.reason, str) else self.reason(facts),
            self.source,
            in_order(regions),
            self.never_cleared,
            self.precautions,
            self.ask,
        )


def _yes(name: str) -> Test:
    return lambda facts: facts.answers.get(name) == "yes"


def _no(name: str) -> Test:
    return lambda facts: facts.answers.get(name) == "no"


def _picked(name: str, *values: str) -> Test:
    return lambda facts: any(value in values for value in facts.picked(name))


def _names(regions: frozenset[str]) -> str:
    return ", ".join(region_words(name) for name in in_order(regions))


def _recorded(facts: RuleInput) -> str:
    return "; ".join(f"{event.what}, {day_in_words(event.day)}" for event in facts.on_record)


def _affected_limbs(facts: RuleInput) -> frozenset[str]:
    return frozenset().union(*(limb_of(name) for name in facts.picked("lymphoedema_regions")))


def _recent_surgery(facts: RuleInput) -> bool:
    days = facts.days_since("surgery_date")
    return days is not None and 0 <= days <= 7 * facts.policy.surgery_weeks


def _surgery_to_be_healed(facts: RuleInput) -> bool:
    # Until such a region is planned, the rule "surgery" is enough.
    return _recent_surgery(facts) and bool(facts.regions("surgery_regions") & facts.planned)


def _recent_seizure(facts: RuleInput) -> bool:
    days = facts.days_since("last_seizure")
    return days is not None and days <= facts.policy.seizure_days


def _surgery_words(facts: RuleInput) -> str:
    regions = facts.regions("surgery_regions")
    where = f" on {_names(regions)}" if regions else ""
    return f"Surgery in the last 12 weeks or planned ({facts.words('surgery_date')}){where}."


def _several_antiplatelets(facts: RuleInput) -> bool:
    return facts.is_("antiplatelets", "yes") and (len(facts.antiplatelet_drugs()) > 1 or facts.may_thin_blood())


def _fear(facts: RuleInput) -> float:
    return facts.number("needle_fear") or 0


def _inr_too_high(facts: RuleInput) -> bool:
    inr = facts.number("inr")
    return inr is not None and inr > facts.policy.inr_limit


def _inr_words(facts: RuleInput) -> str:
    return (
        f"INR {facts.answers.get('inr')} (date: {facts.words('inr_date')}) is above the clinic's limit of "
        f"{facts.policy.inr_limit:g}."
    )


def _understanding_words(facts: RuleInput) -> str:
    words = {"no": "says they do not know", "unsure": "is not sure", "prefer_not": "would rather not say"}
    how = words.get(str(facts.answers.get("understands_why")), "left out")
    return (
        f"The patient {how} what the treatment is for. Explain, with support, and ask again: consent is not valid yet."
    )


_AVOID_AREA = "We keep the needles away from the area."
_LIE_DOWN = "You lie down for the needles and get up slowly."

# fmt: off
_TABLE: tuple[Rule, ...] = (
    Rule("age", "age", REVIEW, lambda facts: is_minor(facts.born, facts.today),
         "Under 18: a guardian takes part, unless you record that the young person may consent alone.",
         sources.PHYSIOMAN,
         ask=("Who is here with the young person, and what is their relationship?", "Does the young person want it?")),
    Rule("filled_in_by_carer", "filled_in_by", REVIEW, lambda facts: facts.is_("filled_in_by", "carer"),
         "A carer filled in the form: hear the answers, and the choice, from the patient.", sources.CAPACITY,
         ask=("Does the patient agree with these answers?", "Can the patient decide alone?")),
    Rule("filled_in_by_interpreter", "filled_in_by", NOTE, lambda facts: facts.is_("filled_in_by", "interpreter"),
         "An interpreter filled in the form.", sources.INTERPRETERS),
    Rule("interpreter_needed", "support_needed", REVIEW, _picked("support_needed", "interpreter"),
         "Asked for an interpreter: signing is held until one is recorded.", sources.INTERPRETERS,
         ask=("Which language or dialect?", "Is the interpreter qualified, and not a relative?")),
    Rule("other_support", "support_needed", NOTE, _picked("support_needed", "reading_help", "large_text", "other"),
         lambda facts: f"Asked for help: {facts.words('support_needed')}.", sources.CAPACITY),
    Rule("urgent_symptoms", "urgent_symptoms", URGENT, lambda facts: bool(facts.picked("urgent_symptoms")),
         lambda facts: f"New symptoms now: {facts.words('urgent_symptoms')}. May need medical help at once.",
         sources.PHYSIOMAN,
         ask=("When did it start, and how bad is it?", "Call for medical help if in doubt.")),
    Rule("not_eaten_with_diabetes", "eaten", DEFER,
         lambda facts: facts.is_("eaten", "no") and not facts.is_("diabetes", "no"),
         "Not eaten in the last 2 hours, and diabetes is not ruled out: food and a glucose check first.",
         sources.CENTRAL_SOMERSET, precautions=("You eat something and check your sugar before we start.",),
         ask=("When was the last meal?", "What is the glucose now?")),
    Rule("not_eaten", "eaten", CAUTION,
         lambda facts: facts.is_("eaten", "no") and facts.is_("diabetes", "no"),
         "Not eaten in the last 2 hours: fainting is likelier. A snack and water first, then treat lying down.",
         sources.CENTRAL_SOMERSET, precautions=("You have a snack and some water first.", _LIE_DOWN)),
    Rule("does_not_understand", "understands_why", STOP,
         lambda facts: not facts.is_("understands_why", "yes"),
         _understanding_words, sources.SEED, never_cleared=True,
         ask=("What would help: simpler words, a reader, an interpreter, more time?",
              "In the patient's own words: what will happen, and why?")),
    Rule("does_not_want_it", "wants_treatment", STOP, _no("wants_treatment"),
         "The patient does not want the treatment.", sources.BN121, never_cleared=True,
         ask=("What would the patient like instead?",)),
    Rule("feels_pressed", "feels_pressed", STOP, _yes("feels_pressed"),
         "The patient feels pressed: consent must be free.", sources.BN121, never_cleared=True,
         ask=("Speak with the patient alone: who or what is pressing them?",)),
    Rule("needle_fear_high", "needle_fear", STOP, lambda facts: _fear(facts) >= facts.policy.needle_fear_stop,
         lambda facts: f"Very afraid of needles: {facts.words('needle_fear')}.", sources.SEED,
         ask=("What is the patient afraid of, and did they ever faint or avoid care?", "Would other care do?")),
    Rule("needle_fear_some", "needle_fear", REVIEW,
         lambda facts: facts.policy.needle_fear_review <= _fear(facts) < facts.policy.needle_fear_stop,
         lambda facts: f"Afraid of needles: {facts.words('needle_fear')}.", sources.FEAR_SCALE,
         precautions=("We start with one needle while you lie down, and go on only if you want to.",),
         ask=("What helped with needles before?",)),
    Rule("fear_refuses", "needle_fear_refuses", STOP, _yes("needle_fear_refuses"),
         "Would not go ahead because of fear of needles, whatever the score.", sources.BN121,
         ask=("Would the patient like other care?",)),
    Rule("needle_reaction", "needle_reaction", CAUTION, _yes("needle_reaction"),
         lambda facts: f"Bad reaction to needles before: {facts.words('needle_reaction_kinds')}.",
         sources.WHO_FAINTING,
         precautions=(_LIE_DOWN, "We use few needles, and you stay with us for 15 minutes afterwards.")),
    Rule("needle_reaction_grave", "needle_reaction", REVIEW,
         _picked("needle_reaction_kinds", "fit", "injured", "to_dry_needling"),
         "Had a fit, was hurt, or reacted badly to dry needling itself.", sources.BN121,
         ask=("What happened, when, and how did the patient recover?",)),
    Rule("last_needling_reaction", "last_needling_reaction", REVIEW, _yes("last_needling_reaction"),
         "Bad reaction to the last dry needling.", sources.BN121,
         ask=("What happened, how long did it last, and was a doctor seen?",)),
    # Whatever the patient answers: what we recorded ourselves counts.
    Rule("reaction_on_record", "last_needling_reaction", REVIEW, lambda facts: bool(facts.on_record),
         lambda facts: f"Bad reaction to earlier dry needling, on our record: {_recorded(facts)}.", sources.BN121,
         ask=("Is it over?", "What would keep it from happening again?")),
    Rule("infection_now", "infection_now", DEFER, _yes("infection_now"),
         lambda facts: f"Infection now ({facts.words('infection_kinds')}; where: {facts.words('infection_site')}): "
                       "no needling until it has fully resolved.", sources.SEED,
         ask=("When did it start?", "Temperature now?", "Any antibiotics, and until when?")),
    Rule("antibiotics_running", "antibiotics_until", DEFER,
         lambda facts: (facts.days_since("antibiotics_until") or 0) < 0,
         lambda facts: f"Antibiotics until {facts.words('antibiotics_until')}: the infection is not over.",
         sources.SEED),
    Rule("skin_problem", "skin_problem", STOP, _yes("skin_problem"),
         lambda facts: f"Wound, rash or unhealthy skin (where: {facts.words('skin_problem_regions')}). Not there.",
         sources.GOLDFIELDS, regions=lambda facts: facts.regions("skin_problem_regions"),
         precautions=("We keep the needles away from the sore skin.",),
         ask=("Since when, and how is it treated?", "Look at the skin: is it infected?")),
    Rule("alcohol_or_sedatives", "alcohol_or_sedatives", DEFER, _yes("alcohol_or_sedatives"),
         "Alcohol, sedatives or drugs today: consent and steadiness are in doubt.", sources.JUDGEMENT,
         ask=("What, how much, and when?",)),
    Rule("driving_after", "driving_after", CAUTION, _yes("driving_after"),
         "Must drive, use machines, fly or dive soon after: some patients are drowsy.", sources.SOUTHSIDE,
         precautions=("You do not drive while you feel sleepy.",),
         ask=("Could needles near the lung wait until after a flight or a dive?",)),
    Rule("blood_thinners", "blood_thinners", REVIEW, _yes("blood_thinners"),
         lambda facts: f"Takes a blood thinner ({facts.words('blood_thinner_names')}): bleeding and bruising are "
                       "likelier. Not into muscles that cannot be pressed (belly, shin).", sources.SEED,
         precautions=("You may bleed or bruise more, so we use few needles and press on each spot afterwards.",),
         ask=("Dose, last dose and reason?", "Warfarin and the like: last INR, its date and the target?",
              "Does the patient bleed long after blood tests?", "Never advise to stop the drug.")),
    Rule("blood_thinners_typed", "blood_thinners", REVIEW,
         lambda facts: facts.is_("blood_thinners", "no") and bool(facts.typed.anticoagulants),
         lambda facts: "Said no to blood thinners, but names one among the medicines: "
                       f"{', '.join(facts.typed.anticoagulant_words)}.", sources.SEED,
         ask=("Does the patient take it now?", "If not, since when, and why was it ended?")),
    # Until such a region is planned, the review of the blood thinner itself says it all.
    Rule("blood_thinners_not_pressed", "blood_thinners", STOP,
         lambda facts: facts.may_thin_blood() and bool(facts.planned & NOT_PRESSED),
         lambda facts: f"A blood thinner is not ruled out, and {_names(facts.planned & NOT_PRESSED)} cannot be pressed "
                       "if it bleeds.", sources.BN121, regions=lambda facts: NOT_PRESSED),
    Rule("inr_high", "inr", STOP, _inr_too_high, _inr_words, sources.JUDGEMENT,
         ask=("Does the patient's doctor know this result?",)),
    Rule("antiplatelet_one", "antiplatelets", CAUTION,
         lambda facts: facts.is_("antiplatelets", "yes") and not _several_antiplatelets(facts),
         lambda facts: f"Takes an antiplatelet drug: {facts.words('antiplatelet_names')}.", sources.HSIEH,
         precautions=("You may bruise more, so we press on each spot afterwards.",)),
    Rule("antiplatelet_several", "antiplatelets", REVIEW, _several_antiplatelets,
         lambda facts: f"Takes an antiplatelet drug ({facts.words('antiplatelet_names')}) together with another drug "
                       "that makes bleeding likelier.", sources.MUNOZ,
         precautions=("You may bleed or bruise more, so we use few needles and press on each spot afterwards.",),
         ask=("Doses and reasons (a stent?)", "Any change lately?")),
    Rule("antiplatelets_typed", "antiplatelets", REVIEW,
         lambda facts: facts.is_("antiplatelets", "no") and bool(facts.typed.antiplatelets),
         lambda facts: "Said no to antiplatelet drugs, but names one among the medicines: "
                       f"{', '.join(facts.typed.antiplatelet_words)}.", sources.HSIEH,
         ask=("Does the patient take it now?", "If not, since when, and why was it ended?")),
    Rule("bleeding_disorder", "bleeding_disorder", REVIEW, _yes("bleeding_disorder"),
         lambda facts: f"Bleeding or clotting disorder ({facts.words('bleeding_disorder_severity')}).", sources.BN121,
         precautions=("You may bleed or bruise more, so we use few needles and press on each spot afterwards.",),
         ask=("Diagnosis, factor or platelet level?", "What does the haematologist advise?", "Past bleeds?")),
    Rule("bleeding_disorder_severe", "bleeding_disorder", STOP,
         lambda facts: facts.is_("bleeding_disorder_severity", "severe"),
         "Severe bleeding disorder.", sources.MEDSCAPE),
    Rule("implanted_device", "implanted_device", CAUTION, _yes("implanted_device"),
         "Implanted device: keep needles away from it and its leads.", sources.DEVICE,
         precautions=("We keep the needles away from your device, and use no current.",),
         ask=("Which device, where, since when?", "Any other implant under the skin?")),
    Rule("implanted_device_electro", "implanted_device", STOP,
         lambda facts: bool(facts.scope.electro) and not facts.is_("implanted_device", "no"),
         "Electrical stimulation is planned, and an implanted device is not ruled out.", sources.PACEMAKER,
         ask=("Can the plan do without current?",)),
    Rule("heart_valve", "heart_valve", REVIEW, _yes("heart_valve"),
         "Heart valve disease or replacement, past endocarditis or heart defect from birth: infection is graver.",
         sources.INFECTIVE_HEART, precautions=("We clean the skin first and leave no needle in.",),
         ask=("Which valve, and when?", "Antibiotic card?", "On warfarin?")),
    Rule("heart_unstable", "heart_unstable", STOP, _yes("heart_unstable"),
         "Unstable angina, new rhythm problem or uncontrolled blood pressure: not until medically stable.",
         sources.ADVANTAGE, ask=("Diagnosis, last event, and who is treating it?",)),
    Rule("vascular", "vascular", REVIEW, _yes("vascular"),
         "Vascular disease, past clot, varicose veins or aneurysm.", sources.BN121,
         precautions=("We keep the needles away from the affected vessels.",),
         ask=("What, where, and how is it treated?", "Blood thinner?")),
    Rule("lung_condition", "lung_condition", REVIEW, _yes("lung_condition"),
         "Lung disease, past collapsed lung, chest surgery or scoliosis: a punctured lung is likelier, and graver.",
         sources.LIN, precautions=("Near your lungs we needle only just under the skin.",),
         ask=("Diagnosis, side, surgery?", "Breathless today?", "Can the plan keep away from the lung?")),
    Rule("infection_recent", "infection_recent", REVIEW, _yes("infection_recent"),
         "Infection in the last 14 days: confirm that it has fully resolved.", sources.SEED,
         ask=("Free of symptoms since when?", "Antibiotics finished?")),
    Rule("immune", "immune", REVIEW, _yes("immune"), "Weakened immune system: infection is likelier.", sources.BN121,
         precautions=("We clean the skin first. Tell us if a spot gets red, hot or sore.",),
         ask=("Drug and dose, or condition?", "Last blood count?", "Infections lately?")),
    Rule("blood_borne_virus", "blood_borne_virus", NOTE, lambda facts: facts.is_("blood_borne_virus", "yes"),
         "Blood-borne virus. Standard precautions apply to everyone; only immune function matters.",
         sources.BN121),
    Rule("diabetes", "diabetes", CAUTION, _yes("diabetes"),
         "Diabetes: slower healing, more infection, low sugar can look like fainting.", sources.BN121,
         precautions=("Check your sugar as usual, and watch the spots while they heal.",),
         ask=("Type and control?", "Low sugar lately?")),
    Rule("diabetes_unstable", "diabetes_unstable", REVIEW, _yes("diabetes_unstable"),
         "Diabetes that is unstable, or with numb feet or foot sores.", sources.BN121,
         ask=("Neuropathy or ulcers: where?", "Can the lower leg be left out?")),
    Rule("epilepsy", "epilepsy", REVIEW, _yes("epilepsy"),
         lambda facts: f"Epilepsy or fits (last: {facts.words('last_seizure')}).", sources.PHYSIOMAN,
         precautions=(_LIE_DOWN, "You are not left alone while needles are in."),
         ask=("Trigger: needles, pain, flashes?", "Medicine taken today?", "Whom to call?")),
    Rule("last_seizure", "last_seizure", STOP, _recent_seizure,
         lambda facts: f"Last seizure on {facts.words('last_seizure')}, within the {facts.policy.seizure_days} days "
                       "that count as uncontrolled.", sources.ADVANTAGE,
         ask=("Is the epilepsy under control again, and who says so?",)),
    Rule("cancer", "cancer", REVIEW, _yes("cancer"),
         "Cancer now, or radiotherapy: never into or near a tumour or irradiated skin.", sources.SARAH_B,
         precautions=("We keep the needles away from the tumour and from treated skin.",),
         ask=("Site, stage, treatment dates?", "What does the oncologist advise?", "Bone spread? Platelets?")),
    Rule("lymphoedema", "lymphoedema", STOP, _yes("lymphoedema"),
         lambda facts: f"Lymphoedema or lymph nodes removed ({facts.words('lymphoedema_regions')}): "
                       "no needles anywhere in that limb.", sources.BN121, regions=_affected_limbs,
         precautions=("We keep the needles out of the affected arm or leg.",),
         ask=("Which side, which nodes, when?", "What did the surgeon advise?")),
    Rule("surgery", "surgery", REVIEW, _yes("surgery"), _surgery_words, sources.SURGERY_FORM,
         precautions=("We keep the needles away from where you had surgery.",),
         ask=("Which operation?", "Is the wound healed?", "What does the surgeon advise?")),
    Rule("surgery_recent", "surgery", DEFER, _surgery_to_be_healed,
         lambda facts: f"Surgery there within the last {facts.policy.surgery_weeks} weeks "
                       f"({facts.words('surgery_date')}).", sources.SURGERY_FORM,
         regions=lambda facts: facts.regions("surgery_regions")),
    Rule("metal_in_body", "metal_in_body", CAUTION, _yes("metal_in_body"),
         lambda facts: f"Metal or implant ({facts.words('metal_in_body_regions')}): not into the joint or near it.",
         sources.HIP_PROSTHESIS, precautions=("We keep the needles away from the metal or implant.",)),
    Rule("metal_in_body_planned", "metal_in_body", REVIEW,
         lambda facts: bool(facts.regions("metal_in_body_regions") & facts.planned),
         lambda facts: "Metal or an implant where needles are planned: "
                       f"{_names(facts.regions('metal_in_body_regions') & facts.planned)}.", sources.HIP_PROSTHESIS,
         regions=lambda facts: facts.regions("metal_in_body_regions"),
         ask=("Which joint, since when?", "Was it ever infected?")),
    Rule("metal_allergy", "metal_allergy", REVIEW, _yes("metal_allergy"),
         lambda facts: f"Metal allergy ({facts.words('metal_allergy_severity')}): steel needles contain nickel.",
         sources.NICKEL, precautions=("We use needles that are coated, or made of another metal.",),
         ask=("Which metal, which reaction?", "Patch test?")),
    Rule("metal_allergy_severe", "metal_allergy", STOP, lambda facts: facts.is_("metal_allergy_severity", "severe"),
         "Severe metal allergy.", sources.ADVANTAGE),
    Rule("other_allergy", "other_allergy", CAUTION, lambda facts: bool(facts.picked("other_allergy")),
         lambda facts: f"Allergy: {facts.words('other_allergy')}. Change gloves, skin cleaner or tape.",
         sources.BN121_HYGIENE, precautions=("We use gloves, skin cleaner and tape that you can bear.",),
         ask=("To what, and how bad?",)),
    Rule("pregnant_stop", "pregnancy", STOP,
         lambda facts: facts.is_("pregnancy", "yes") and facts.policy.pregnancy == "stop",
         lambda facts: f"Pregnant ({facts.words('pregnancy_weeks')}): the clinic does not needle in pregnancy.",
         sources.SEED, ask=("Do the midwife or doctor know about the pain?", "Which other care would help?")),
    Rule("pregnant_review", "pregnancy", REVIEW,
         lambda facts: facts.is_("pregnancy", "yes") and facts.policy.pregnancy != "stop",
         lambda facts: f"Pregnant ({facts.words('pregnancy_weeks')}): only with a recorded reason.",
         sources.WHO_PREGNANCY,
         precautions=("We keep the needles away from your belly and lower back.",),
         ask=("Weeks, due date, past miscarriage, high-risk pregnancy?", "Do the midwife or doctor know?")),
    Rule("pregnancy_possible", "pregnancy", REVIEW,
         lambda facts: facts.is_("pregnancy", "might_be", "trying", "unsure", "prefer_not"),
         lambda facts: f"Pregnancy is not ruled out (“{facts.words('pregnancy')}”).", sources.WHO_PREGNANCY,
         ask=("Last period?", "Would a test help before deciding?")),
    Rule("skin_condition", "skin_condition", CAUTION, _yes("skin_condition"),
         "Eczema, psoriasis, fragile or numb skin, or keloid: avoid the area.", sources.JOTFORM,
         precautions=(_AVOID_AREA,)),
    Rule("mental_health", "mental_health", REVIEW, _yes("mental_health"),
         "Something about mental health that matters before needles.", sources.PHYSIOMAN,
         ask=("What helps?", "Would a chaperone be welcome?", "Is today a good day for it?")),
    Rule("other_condition", "other_condition", REVIEW, lambda facts: bool(facts.text("other_condition")),
         "The patient names another health problem: read it.", sources.KEARNS),
)
# fmt: on


def _unanswered(question: Question) -> Rule:
    """Return the rule for an answer that was left out, or that says neither yes nor no."""
    name = question.name
    choice_of_parent = question.parent if question.kind in (AnswerKind.ONE_OF, AnswerKind.ANY_OF) else None
    kept = "Wants to say it in private" if question.private else "Would rather not say"
    how = {"unsure": "Not sure", "prefer_not": kept} if question.kind is AnswerKind.YNU else {}

    def reason(facts: RuleInput) -> str:
        return f"{how.get(str(facts.answers.get(name)), 'Not given')}: {question.short}."

    # In a follow-up choice, picking nothing counts as not answering.
    silent: tuple[Value | None, ...] = (None, *how, *([[]] if choice_of_parent else []))
    return Rule(
        f"{name}_not_given",
        choice_of_parent or name,
        REVIEW,
        lambda facts: facts.answers.get(name) in silent and facts.asked(name),
        reason,
        sources.NOT_GIVEN,
        ask=("Ask, and send the form back if the answer matters.",),
    )


def _unanswered_rules() -> Iterator[Rule]:
    by_themselves = (AnswerKind.TEXT, AnswerKind.DATE, AnswerKind.NUMBER)  # may stay empty
    for question in QUESTIONS.values():
        if not question.optional and question.kind not in by_themselves and question.name != "understands_why":
            yield _unanswered(question)


RULES: tuple[Rule, ...] = (*_TABLE, *_unanswered_rules())


@cache
def digest() -> str:
    """Return the SHA-256 (hex) of the rules' source text, with a zero byte between the files."""
    here = Path(__file__).parent
    return sha256(b"\0".join((here / name).read_bytes() for name in WRITTEN_IN))


def run(seen: RuleInput) -> RuleResult:
    """Run every rule, and return the outcome with every flag, worst first."""
    raised = [rule.flag(seen) for rule in RULES if rule.raised(seen)]
    flags = tuple(sorted(raised, key=lambda flag: flag.severity.rank))
    worst = next((flag.severity for flag in flags if flag.severity is not NOTE), None)
    return RuleResult(worst.value if worst else "clear", flags)


def is_minor(born: datetime.date, today: datetime.date) -> bool:
    """Return whether someone born on ``born`` is under 18 on ``today`` (born on 29 February: 18 on 1 March)."""
    return (today.year - born.year, today.month, today.day) < (ADULT, born.month, born.day)


def needs_interpreter(answers: Answers) -> bool:
    """Return whether the patient asked for an interpreter, so that signing waits until one is recorded."""
    support = answers.get("support_needed")
    return isinstance(support, list) and "interpreter" in support


def open_questions(answers: Answers) -> str:
    """Return what the patient wants to ask before signing, or ""."""
    return str(answers.get("questions", "")).strip()
