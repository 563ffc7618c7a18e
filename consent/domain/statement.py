"""The text put to the patient, and its version. Pure: no Django.

``statement(facts)`` is a function of its facts alone: the same facts give the same text and the same digest. Figures
come from the prospective surveys of Brady (2014; 39 physiotherapists, 7,629 treatments) and Boyce (2020; 420, about
20,490 treatments): bruise 7.55 % and 7.7 %, bleeding 4.65 % and 16 %, pain during 3.01 % and 5.9 %, symptoms worse
0.88 %, major events 20, about 1 in 1,024. No reliable rate of lung punctures exists for dry needling. What to do
afterwards and which signs are dangerous: the clinic's own article, and the case reports of punctured lungs, which began
between two hours and two days after the treatment.

Change a sentence, change ``VERSION``: a patient who was shown the old text keeps it in the record, word for word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785

from consent.domain.digests import sha256

VERSION = "2026-11-23.3"  # of the sentences in this module; each patient's text is made of them
LANGUAGE = "en"

TEXT, LIST, WARNING = "text", "list", "warning"
AFTERCARE, LUNG = "aftercare", "lung"  # sections that the patient takes home once more, on a sheet of their own
# Pictures. Each is drawn by the template of its name, on the tablet and in the document alike.
EIGHT_OF_100, NEEDLE = "eight_of_100", "needle"


@dataclass(frozen=True)
class Block:
    """Lines of one kind: ``text`` (paragraphs), ``list`` (items) or ``warning`` (paragraphs that must stand out).

    Of a picture, the first line is what stands under it, and the others are the words in it.
    """

    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class TextSection:
    """One heading and what stands under it."""

    id: str
    heading: str
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """The section as plain text, a line a line."""
        return "\n".join([self.heading, *(line for block in self.blocks for line in block.lines)])


@dataclass(frozen=True)
class Statement:
    """The text in full. ``sha256`` is the hex digest of the canonical JSON (RFC 8785) of everything else."""

    version: str
    sha256: str
    language: str
    sections: tuple[TextSection, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the statement as JSON values."""
        return {"sha256": self.sha256, **_to_json(self.version, self.language, self.sections)}

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Statement:
        """Return the statement that ``to_json`` wrote. Raise ``KeyError`` or ``TypeError`` for anything else."""
        sections = tuple(
            TextSection(
                id=section["id"],
                heading=section["heading"],
                blocks=tuple(Block(kind=block["kind"], lines=tuple(block["lines"])) for block in section["blocks"]),
            )
            for section in json["sections"]
        )
        return cls(version=json["version"], sha256=json["sha256"], language=json["language"], sections=sections)

    def page(self, name: str) -> tuple[TextSection, ...]:
        """Return the sections that stand on the tablet's page ``name``. Raise ``KeyError`` for an unknown page."""
        return tuple(section for section in self.sections if section.id in PAGES[name])


def _to_json(version: str, language: str, sections: tuple[TextSection, ...]) -> dict[str, Any]:
    return {
        "version": version,
        "language": language,
        "sections": [
            {
                "id": section.id,
                "heading": section.heading,
                "blocks": [{"kind": block.kind, "lines": list(block.lines)} for block in section.blocks],
            }
            for section in sections
        ],
    }


@dataclass(frozen=True)
class StatementInput:
    """What the text depends on. Regions are in words ("left calf"); what is not known yet is empty or ``None``.

    ``technique`` is ``superficial``, ``pistoning``, ``non_trigger_point`` or "". ``near_lung`` says whether one of the
    regions is near a lung. ``own_risks`` are the names of the questions with a flag of caution or worse, in order;
    ``precautions`` are what practitioners worded, and stand in the text as they are.
    """

    clinic_name: str
    clinic_phone: str
    emergency_number: str
    cost: str
    privacy: str
    practitioner: str = ""
    regions: tuple[str, ...] = ()
    technique: str = ""
    electro: bool | None = None
    sessions: int | None = None
    near_lung: bool = False
    own_risks: tuple[str, ...] = ()
    precautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Acknowledgement:
    """Something the patient ticks: its public name and its words."""

    name: str
    text: str


# Which sections stand on which of the tablet's pages; the order within the text never changes.
PAGES: Mapping[str, tuple[str, ...]] = {
    "about": ("what", "how", "benefit", "happens"),
    "risks": ("risks", "own_risks", "lung", "other_choices", "stop"),
    "sign": ("cost", "people", "privacy", "aftercare"),
}

PAGE_HEADINGS: Mapping[str, str] = {
    "about": "About dry needling",
    "risks": "Risks and choices",
    "sign": "Before you decide",
}

CHOICES: Mapping[str, str] = {
    "students": "May a student be in the room?",
    "observers": "May another person who is learning or checking our work be in the room?",
}

TECHNIQUES: Mapping[str, str] = {
    "superficial": "The needle goes just under the skin, 5 to 10 mm deep. It stays for about 30 seconds.",
    "pistoning": "The needle goes in and out of the tight spot. It is quick. It does not stay in.",
    "non_trigger_point": "The needle goes into the muscle around the tight spot, not into the spot.",
}

# One line a question: fit for "yes", for "not sure" and for no answer, because each of them raises a flag.
OWN_RISKS: Mapping[str, str] = {
    "infection_now": "An infection: needles should wait until it is fully over.",
    "infection_recent": "An infection not long ago: we check that it is fully over.",
    "antibiotics_until": "Antibiotics: we check that the infection is fully over.",
    "skin_problem": "Sore or broken skin: germs can get in. We keep needles away from it.",
    "urgent_symptoms": "The new symptoms you told us about: a doctor may need to see you first.",
    "eaten": "No food for some time: you may feel faint. Have a snack and some water first.",
    "alcohol_or_sedatives": "Alcohol or calming drugs: you may feel faint, and it is hard to decide well.",
    "pregnancy": "Pregnancy: experts do not agree on how safe needles are for you and your baby.",
    "blood_thinners": "Blood thinners: you may bruise and bleed more. Do not stop them unless your doctor says so.",
    "inr": "Your last INR blood test: if it is high, you may bleed more.",
    "antiplatelets": "Drugs that stop clots, or pain pills: you may bruise and bleed more.",
    "bleeding_disorder": "A bleeding problem: you may bruise and bleed more, and for longer.",
    "medicines": "Your drugs: some of them can make you bleed more.",
    "needle_fear": "Fear of needles: you may feel tense or faint. You can lie down, and we go slowly.",
    "needle_fear_refuses": "Fear of needles: you do not have to go on. You can say no at any time.",
    "needle_reaction": "A bad time with needles before: it could happen again. You lie down, and we stay with you.",
    "implanted_device": "A device in your body: electric current can upset it. We keep needles away from it.",
    "heart_valve": "A heart valve problem: germs in the blood can harm the heart. This is rare.",
    "heart_unstable": "A heart problem that is not steady: needles and stress can make it worse.",
    "vascular": "Blood vessel problems: you may bruise or bleed more. We keep away from weak vessels.",
    "lung_condition": "Your lungs, chest or back: a needle may reach a lung more easily, and that may harm you more.",
    "diabetes": "Diabetes: your sugar can drop, and your skin can heal slowly.",
    "diabetes_unstable": "Diabetes with numb feet or sores: you may not feel harm, and you heal slowly.",
    "immune": "A weak immune system: germs can spread more easily.",
    "epilepsy": "Fits: needles or stress may set one off. You are never left alone.",
    "last_seizure": "A fit not long ago: another one could come. You are never left alone.",
    "lymphoedema": "Swelling, or lymph nodes taken out: that arm or leg can get infected or swell more.",
    "cancer": "Cancer or its treatment: you may bleed or get infected more easily.",
    "surgery": "An operation: the place needs time to heal. We keep needles away from it.",
    "metal_in_body": "Metal or implants: germs that reach them are hard to treat. We keep needles away from them.",
    "metal_allergy": "A metal allergy: the needle could make your skin itch or swell.",
    "other_allergy": "Your allergies: tell us, so that we use other gloves, skin wipes or tape.",
    "skin_condition": "Skin problems: your skin may get sore, scar, or feel less. We choose healthy skin.",
    "mental_health": "How you feel: needles can bring up strong feelings. Tell us what helps you.",
    "last_needling_reaction": "A bad time after your last dry needling: it could happen again.",
    "driving_after": "Driving or flying soon after: you may feel sleepy or faint. Wait until you feel well.",
    "other_condition": "The other things you told us about: ask how they change the risk for you.",
}

# Flags about how consent is reached. They are settled with the patient, and are not a risk of the needle.
NOT_A_RISK = frozenset(
    {"age", "filled_in_by", "support_needed", "understands_why", "wants_treatment", "feels_pressed", "questions"}
)
OTHER_RISK = "Something else you told us: ask how it changes the risk for you."


def statement(facts: StatementInput) -> Statement:
    """Return the text for one patient on one visit."""
    return _stated(tuple(_sections(facts)))


def _stated(sections: tuple[TextSection, ...]) -> Statement:
    canonical = rfc8785.dumps(_to_json(VERSION, LANGUAGE, sections))
    return Statement(VERSION, sha256(canonical), LANGUAGE, sections)


@cache
def digest() -> str:
    """Return the SHA-256 (hex) of this module, from which every patient's text is made."""
    return sha256(Path(__file__).read_bytes())


def on_paper(facts: StatementInput) -> Statement:
    """Return the text for a form that is printed before anything is known: the own risks are written in by hand."""
    by_hand = _text("Your physiotherapist talks with you first. Then you write your own risks down here together.")
    sections = tuple(
        TextSection(section.id, section.heading, (by_hand,)) if section.id == "own_risks" else section
        for section in _sections(facts)
    )
    return _stated(sections)


def acknowledgements(facts: StatementInput, *, paper: bool = False) -> tuple[Acknowledgement, ...]:
    """Return what must be ticked, each apart, none of it beforehand; the lung first. ``paper``: signed on paper."""
    where = "" if paper else "I agree to sign on this screen. "
    return (
        Acknowledgement(
            "lung",
            "I have read about the lung. If I get short of breath or have chest pain in the next days, "
            f"I will call {facts.emergency_number} at once.",
        ),
        Acknowledgement("read", "I have read this, or someone has read it to me. I could ask what I wanted to ask."),
        Acknowledgement(
            "agree",
            f"I agree to have dry needling as it is set out here. {where}I know that I can stop at any time.",
        ),
    )


def plan_lines(facts: StatementInput) -> tuple[str, ...]:
    """Return what is planned so far, a line a fact; empty if nothing is."""
    lines = []
    if facts.regions:
        lines.append(f"Where: {', '.join(facts.regions)}.")
    if facts.technique:
        lines.append(f"How: {TECHNIQUES[facts.technique]}")
    if facts.electro is not None:
        lines.append(
            "Electric current: yes, a small one runs through the needles. It tingles."
            if facts.electro
            else "Electric current: none is planned."
        )
    if facts.sessions:
        lines.append(
            f"How often: {facts.sessions} visits are planned." if facts.sessions > 1 else "How often: 1 visit."
        )
    if facts.practitioner:
        lines.append(f"Who: {facts.practitioner}, physiotherapist.")
    return tuple(lines)


def _text(*lines: str) -> Block:
    return Block(TEXT, lines)


def _list(*lines: str) -> Block:
    return Block(LIST, lines)


def _warning(*lines: str) -> Block:
    return Block(WARNING, lines)


def _sections(facts: StatementInput) -> Iterator[TextSection]:
    yield TextSection(
        "what",
        "What is dry needling?",
        (
            _text(
                "A thin needle goes through your skin into a tight, sore spot in a muscle. "
                "It is called “dry” because nothing is in the needle. No drug goes in.",
                "It is not the same as acupuncture, though the needles look alike. "
                "Each needle is new and clean. We use it once and throw it away.",
            ),
        ),
    )
    yield TextSection(
        "how",
        "How does it work?",
        (
            _text(
                "The needle can make the tight spot twitch and then let go. This may ease the pain. "
                "Nobody knows for sure how it works.",
            ),
        ),
    )
    yield TextSection(
        "benefit",
        "What may it do for you, and how sure are we?",
        (
            _text(
                "It may ease your pain for some time. It may help you to move.",
                "In tests with neck pain, people felt better than people who had no real needling. "
                "Other kinds of physiotherapy helped about as much. More good tests are needed.",
                "We hope that it helps you. We cannot promise that it will.",
            ),
        ),
    )
    yield TextSection("happens", "What will happen?", tuple(_happens(facts)))
    yield TextSection("risks", "What can go wrong?", tuple(_risks()))
    yield TextSection("own_risks", "Your own risks", tuple(_own_risks(facts)))
    yield TextSection(LUNG, "The lung", tuple(_lung(facts)))
    yield TextSection(
        "other_choices",
        "What else could you do?",
        (
            _text("You do not need to have needles. You could choose:"),
            _list(
                "exercise and stretching",
                "treatment with the hands, such as massage",
                "heat or cold",
                "pain relief that your doctor or pharmacist helps you choose",
                "waiting to see if it gets better",
                "no treatment at all",
            ),
            _text(
                "Each has good and bad sides. If you do nothing, the pain may go away, stay or get worse. "
                "Ask us what we think suits you best.",
            ),
        ),
    )
    yield TextSection(
        "stop",
        "You can say no, or stop",
        (
            _text(
                "It is your choice. You can say no. You can take more time. You can stop at any moment, "
                "even with a needle in. Say “stop” or lift your hand, and the needle comes out.",
                "To stop does you no harm. We go on to care for you in other ways.",
            ),
        ),
    )
    yield TextSection(
        "cost", "What does it cost?", (_text(facts.cost, "Your health insurance may not pay for it. Ask them first."),)
    )
    yield TextSection(
        "people",
        "Who is in the room?",
        (
            _text(
                "Sometimes a student wants to learn, or someone checks how we work. "
                "They come in only if you say yes. If you say no, your care is just as good.",
            ),
        ),
    )
    yield TextSection(
        "privacy",
        "Who sees what you tell us?",
        (
            _text(
                f"{facts.clinic_name} keeps your answers, this text and what you sign. "
                "We need them to treat you with care.",
                facts.privacy,
            ),
        ),
    )
    yield TextSection(AFTERCARE, "When you are back home", tuple(_aftercare(facts)))


def _happens(facts: StatementInput) -> Iterator[Block]:
    yield _text(
        "First your physiotherapist talks with you and looks at the sore place. Then we clean your skin.",
        "The needles take 10 to 15 minutes. You may feel a small prick, a twitch or an ache. It should not hurt a lot. "
        "If it does, or if you feel faint, say so at once.",
        "We need to see the skin where the needles go. You may have to take off some clothes. "
        "We can give you a gown or a cover. You can have someone you trust, or one of our team, in the room with you. "
        "Just ask.",
    )
    planned = plan_lines(facts)
    if planned:
        yield _text("This is the plan for you:")
        yield _list(*planned)
    open_points = _open_points(facts)
    if open_points:
        yield _text("Your physiotherapist will still settle with you, before you start:")
        yield _list(*open_points)
    if not facts.sessions:
        yield _text("Most people come 2 or 3 times, some up to 6. It can be once or twice a week.")


def _open_points(facts: StatementInput) -> Iterator[str] | tuple[str, ...]:
    points = []
    if not facts.regions:
        points.append("where the needles go")
    if not facts.technique:
        points.append(
            "how it is done: just under the skin (5 to 10 mm), quick in and out of the tight spot, "
            "or into the muscle around the spot"
        )
    if facts.electro is None:
        points.append("if a small electric current runs through the needles. It tingles. You can say no to it")
    return tuple(points)


def _risks() -> Iterator[Block]:
    yield _text("Most people have no harm, or just a small one that soon goes. In 100 treatments:")
    yield _list(
        "about 8 bruise",
        "5 to 16 bleed a little",
        "3 to 6 feel pain at the needle",
        "about 1 makes the pain worse for a while",
    )
    yield Block(EIGHT_OF_100, ("This is 8 in 100. Of 100 people who have it done, about 8 bruise and 92 do not.",))
    yield _text(
        "It is common to feel sore for a few days. Some people feel tired, sleepy or sick, or have a headache. "
        "Some people faint, most often the first time.",
        "About 1 in 1,000 have a bigger problem.",
        "These are rare, and no one knows just how rare:",
    )
    yield _list(
        "a needle goes into a lung or some other organ",
        "an infection",
        "harm to a nerve or a blood vessel",
        "a needle that breaks",
    )


def _own_risks(facts: StatementInput) -> Iterator[Block]:
    named = [name for name in facts.own_risks if name not in NOT_A_RISK]
    lines = tuple(dict.fromkeys(OWN_RISKS.get(name, OTHER_RISK) for name in named))
    if lines:
        yield _text("You told us about these things, or you were not sure. They can change the risk for you:")
        yield _list(*lines)
    else:
        yield _text("Your answers show no extra risk that we know of. Tell us if we missed something.")
    if facts.precautions:
        yield _text("To keep you safe, this is what we agreed for you:")
        yield _list(*facts.precautions)


def _lung(facts: StatementInput) -> Iterator[Block]:
    if facts.near_lung:
        yield _text("Your plan is near the lungs, so please read this with care.")
    elif facts.regions:
        yield _text("Your plan is not near the lungs. Please read this all the same. We ask again if the plan changes.")
    else:
        yield _text(
            "It is not settled yet where the needles go. In the neck, shoulder, chest or upper back, this matters."
        )
    yield Block(
        NEEDLE,
        (
            "The needle goes through the skin into the muscle. At the chest, the lung is just behind the ribs.",
            *("Needle", "Skin", "Muscle", "Rib", "Lung"),
        ),
    )
    yield _text(
        "A needle near the chest can make a small hole in the lung. Air gets out, and the lung can shrink. "
        "It is rare. No one knows just how rare. It can be very serious, and you may need to go to hospital.",
        "It can start at once, after some hours, or up to 2 days later. The signs are:",
    )
    yield _list("you get short of breath", "you have pain in your chest", "you get a dry cough", "your lips turn blue")
    yield _warning(
        f"If you have one of these signs, call {facts.emergency_number} at once. Say: “I had dry needling.” "
        "Do not wait to see if it goes away.",
    )


def _aftercare(facts: StatementInput) -> Iterator[Block]:
    phone = f"Call us on {facts.clinic_phone}" if facts.clinic_phone else "Call us"
    yield _text("You get this page to take home. After the treatment:")
    yield _list(
        "get up slowly, and sit down if you feel faint",
        "drink some water",
        "do not drive if you feel sleepy or faint",
        "expect to be sore, most of all the next morning. It goes in a few days",
        "a bruise can last a week. Heat, cold or a warm bath can help",
    )
    yield _warning(
        f"Call {facts.emergency_number} at once, and say “I had dry needling”, if you:",
    )
    yield _list(
        "get short of breath, all at once or bit by bit",
        "have pain in your chest, a dry cough or blue lips",
        "cough up blood",
        "bleed and it will not stop",
        "pass out",
        "feel weak or numb in a new place",
        "get a very bad headache, most of all after needles in the neck",
    )
    yield _text(f"{phone}, or call your doctor, on the same day if you:")
    yield _list(
        "feel hot and ill",
        "see red skin that spreads",
        "see pus",
        "have a calf that swells",
        "are worried for any reason",
    )
