"""How hard a page is to read: the grade of school that it asks for."""

from __future__ import annotations

import re

import textstat
from lxml import html  # type: ignore[import-untyped]

HARD_NAMES = re.compile(
    r"\b(aspirin|clopidogrel|prasugrel|ticagrelor|dipyridamole|ibuprofen|naproxen|warfarin|acenocoumarol|phenindione|"
    r"apixaban|rivaroxaban|dabigatran|edoxaban|heparin|enoxaparin|eliquis|xarelto|pradaxa|lixiana|savaysa|clexane|"
    r"lovenox|coumadin|marevan|sinthrome|acitrom|plavix|effient|brilinta|brilique|persantin|antibiotics|steroids|"
    r"haemophilia|eczema|psoriasis|asthma|scoliosis|diabetes|hepatitis|epilepsy|radiotherapy|angina|covid|hiv|latex|"
    r"antiseptic|pacemaker|defibrillator)\b",
    re.I,
)

TRADES = {"acupuncture", "physiotherapy", "physiotherapist", "antibiotics", "epilepsy", "diabetes", "pregnancy", "inr"}

SHORT = 60  # words; the formula says nothing about less

# What stands alone and is read as a sentence of its own.
PIECES = "h1|h2|h3|p|li|legend|label|dt|dd|button|a"


def said(page: bytes | str) -> str:
    """Return what stands in the main part of a page, piece by piece as sentences, each once."""
    main = html.fromstring(page).xpath("//main")[0]  # another may wait in the dialog about time
    for left_out in main.xpath(".//svg | .//script"):
        left_out.drop_tree()
    pieces = [each for each in main.iter(*PIECES.split("|")) if not any(a.tag in PIECES for a in each.iterancestors())]
    words = [" ".join(each.text_content().split()) for each in pieces]
    return " ".join(each if each[-1] in ".?!:" else f"{each}." for each in words if each)


def grade(text: str) -> float:
    plain = HARD_NAMES.sub(
        "it", re.sub(r"[A-Za-z]+", lambda word: "it" if word[0].lower() in TRADES else word[0], text)
    )
    return float(textstat.flesch_kincaid_grade(plain))


def easy(page: bytes | str) -> bool:
    text = said(page)
    assert text
    assert len(text.split()) < SHORT or grade(text) <= 6, f"{grade(text)}: {text}"
    return True
