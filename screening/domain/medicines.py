"""The drugs that make bleeding likelier, by generic and brand name, and the match of what a patient typed. Pure.

Brands are those of the United Kingdom, Australia, the United States and India. Which drugs: patient.info "Oral
anticoagulants", SDCEP "Anticoagulants and antiplatelet drugs included in this guidance"; painkillers (NSAIDs) are
left out on purpose, as their question is about regular use.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz.distance import OSA

SHORTEST_MISSPELT = 6  # shorter names must be spelt right: one letter off is too often another word

# Drug, as the questionnaire's answers name it -> the names people write. Names are one word, letters only.
ANTICOAGULANTS: dict[str, tuple[str, ...]] = {
    "warfarin": ("warfarin", "coumadin", "jantoven", "marevan", "warf", "uniwarfin", "sofarin"),
    "acenocoumarol": ("acenocoumarol", "nicoumalone", "sinthrome", "sintrom", "acitrom", "nistrom", "acenomac"),
    "phenindione": ("phenindione", "dindevan"),
    "apixaban": ("apixaban", "eliquis", "apigat"),
    "rivaroxaban": ("rivaroxaban", "xarelto"),
    "dabigatran": ("dabigatran", "pradaxa"),
    "edoxaban": ("edoxaban", "lixiana", "savaysa"),
    "heparin": (
        *("heparin", "monoparin", "multiparin", "calciparine", "enoxaparin", "clexane", "lovenox", "inhixa", "arovi"),
        *("ghemaxan", "enoxapo", "exarane", "dalteparin", "fragmin", "tinzaparin", "innohep", "nadroparin"),
        *("fraxiparine", "bemiparin", "zibor", "lmwh"),
    ),
    "other": (
        *("fondaparinux", "arixtra", "danaparoid", "orgaran", "argatroban", "bivalirudin", "phenprocoumon"),
        *("marcoumar", "fluindione", "betrixaban", "doac", "doacs", "noac", "noacs", "anticoagulant"),
    ),
}
ANTIPLATELETS: dict[str, tuple[str, ...]] = {
    "aspirin": (
        *("aspirin", "acetylsalicylic", "asa", "aspro", "disprin", "solprin", "caprin", "nuseals", "micropirin"),
        *("cartia", "astrix", "cardiprin", "spren", "ecotrin", "bufferin", "ascriptin", "durlaza", "vazalore"),
        *("ecosprin", "delisprin"),
    ),
    "clopidogrel": (
        *("clopidogrel", "plavix", "grepid", "iscover", "clovix", "piax", "plidogrel", "clopilet", "clopitab"),
        *("clopivas", "deplatt", "plagril", "clavix"),
    ),
    "prasugrel": ("prasugrel", "effient", "efient", "prasita"),
    "ticagrelor": ("ticagrelor", "brilinta", "brilique", "axcer"),
    "dipyridamole": ("dipyridamole", "persantin", "persantine", "attia"),
    "other": ("ticlopidine", "ticlid", "cilostazol", "pletal", "pletoz", "vorapaxar", "zontivity", "antiplatelet"),
}
# One tablet, two drugs.
BOTH: dict[str, tuple[str, ...]] = {
    "coplavix": ("aspirin", "clopidogrel"),
    "duocover": ("aspirin", "clopidogrel"),
    "asasantin": ("aspirin", "dipyridamole"),
    "aggrenox": ("aspirin", "dipyridamole"),
}
# Look alike but are something else: mesalazine (5-ASA), diltiazem (Cartia XT, US).
_SOMETHING_ELSE = re.compile(r"\b5[\s-]*asa\b|\bcartia[\s-]*xt\b")
_HYPHENATED = re.compile(r"\b(nu)[\s-]+(seals)\b|\b(co)-(plavix)\b|\b(duo)[\s-](cover)\b")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Named:
    """What a text names: drugs as the questionnaire's answers call them, and the words as the patient wrote them."""

    anticoagulants: tuple[str, ...] = ()
    antiplatelets: tuple[str, ...] = ()
    anticoagulant_words: tuple[str, ...] = ()
    antiplatelet_words: tuple[str, ...] = ()


def _by_name(*groups: dict[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    return {name: frozenset({drug}) for group in groups for drug, names in group.items() for name in names}


_ANTICOAGULANTS = _by_name(ANTICOAGULANTS)
_ANTIPLATELETS = _by_name(ANTIPLATELETS) | {name: frozenset(drugs) for name, drugs in BOTH.items()}


def fold(text: str) -> str:
    """Return ``text`` without accents, case and invisible characters, so that spellings compare."""
    apart = unicodedata.normalize("NFKD", text)
    kept = (character for character in apart if unicodedata.category(character) not in ("Mn", "Cf"))
    return "".join(kept).casefold()


def same_word(written: str, name: str) -> bool:
    """Return whether ``written`` (folded) is ``name``, or one letter off where ``name`` has six letters or more.

    One letter off is one wrong, missing or extra letter, or two neighbours swapped: an optimal string alignment
    distance of one.
    """
    if written == name:
        return True
    return len(name) >= SHORTEST_MISSPELT and OSA.distance(written, name, score_cutoff=1) <= 1


def find(text: str) -> Named:
    """Return the blood thinners and antiplatelet drugs that a free text names, whole words only.

    A drug counts however it is mentioned: "stopped warfarin" names warfarin, and a person has to ask.
    """
    plain = _SOMETHING_ELSE.sub(" ", fold(text))
    plain = _HYPHENATED.sub(lambda match: "".join(part for part in match.groups() if part), plain)
    words = tuple(dict.fromkeys(_WORD.findall(plain)))
    anticoagulants, anticoagulant_words = _matches(words, _ANTICOAGULANTS)
    antiplatelets, antiplatelet_words = _matches(words, _ANTIPLATELETS)
    return Named(anticoagulants, antiplatelets, anticoagulant_words, antiplatelet_words)


def _matches(words: tuple[str, ...], names: dict[str, frozenset[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    drugs: set[str] = set()
    as_written: list[str] = []
    for word in words:
        matches = [names[word]] if word in names else [names[name] for name in names if same_word(word, name)]
        if matches:
            as_written.append(word)
            drugs.update(*matches)
    return tuple(sorted(drugs)), tuple(as_written)
