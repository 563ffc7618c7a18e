"""What patients type about their medicines: which blood thinners and antiplatelet drugs are found in it."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.domain.medicines import ANTICOAGULANTS, ANTIPLATELETS, BOTH, SHORTEST_MISSPELT, Named, find

COMMON = (Path(__file__).parent / "common_medicines.txt").read_text(encoding="utf-8").split()
NAMES = [(drug, name) for group in (ANTICOAGULANTS, ANTIPLATELETS) for drug, names in group.items() for name in names]
LONG = [name for _, name in NAMES if len(name) >= SHORTEST_MISSPELT]
SHORT = [name for _, name in NAMES if len(name) < SHORTEST_MISSPELT]


def found(text: str) -> set[str]:
    named = find(text)
    return {*named.anticoagulants, *named.antiplatelets}


@pytest.mark.parametrize(("drug", "name"), NAMES)
def test_every_name_is_found_in_a_sentence(drug, name):
    assert found(f"I take {name.title()} 5mg, and vitamin D.") == {drug}


@pytest.mark.parametrize(
    ("text", "drugs"),
    [
        ("Eliquis 5 mg twice a day, vitamin D", {"apixaban"}),
        ("rivaroxiban", {"rivaroxaban"}),
        ("asprin", {"aspirin"}),
        ("WARFARINE", {"warfarin"}),
        ("wafrarin", {"warfarin"}),
        ("Ápixaban", {"apixaban"}),
        ("warfarin5mg", {"warfarin"}),
        ("aspirin/omeprazole", {"aspirin"}),
        ("Ecosprin-75", {"aspirin"}),
        ("Nu-Seals 75", {"aspirin"}),
        ("stopped warfarin in May", {"warfarin"}),
        ("Co-Plavix", {"aspirin", "clopidogrel"}),
        ("DuoCover 75/100", {"aspirin", "clopidogrel"}),
        ("Asasantin Retard", {"aspirin", "dipyridamole"}),
        ("ASA 81 mg", {"aspirin"}),
        ("Xarelto\u200b 20", {"rivaroxaban"}),
        ("", set()),
        ("none", set()),
        ("ibuprofen, naproxen, diclofenac and Nurofen", set()),
        ("5-ASA (Asacol)", set()),
        ("Cartia XT 120", set()),
        ("Cartia 100 mg", {"aspirin"}),
        ("rat poison without warfarinlike things", set()),  # whole words only
        ("preaspirin", set()),
        ("wrafrain", set()),  # two letters off
        ("wxrfxrin", set()),
        ("warm", set()),  # short names must be spelt right
        ("aspra", set()),
        ("The doctor gave me a heap of pills for my hearing", set()),
    ],
)
def test_what_is_found(text, drugs):
    assert found(text) == drugs


def test_which_question_a_name_speaks_to_and_how_it_was_written():
    assert find("Clexane jabs; low-dose asprin") == Named(("heparin",), ("aspirin",), ("clexane",), ("asprin",))
    assert all(set(drugs) <= set(ANTIPLATELETS) for drugs in BOTH.values())


@given(st.sampled_from(LONG), st.data())
def test_one_letter_off_is_found(name, data):
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    swapped = name[:place] + name[place + 1 : place + 2] + name[place] + name[place + 2 :]
    wrong = name[:place] + letter + name[place + 1 :]
    extra = name[:place] + letter + name[place:]
    missing = name[:place] + name[place + 1 :]
    for written in (swapped, wrong, extra, missing):
        assert find(written) != Named(), written


@given(st.sampled_from(SHORT), st.sampled_from(string.ascii_lowercase))
def test_a_short_name_with_an_extra_letter_is_another_word(name, letter):
    exact = {each for _, each in NAMES}
    if name + letter not in exact:
        assert find(name + letter) == Named()


def test_a_common_medicine_is_not_taken_for_one_of_these():
    assert len(COMMON) > 800
    assert [name for name in COMMON if find(f"{name} 10 mg") != Named()] == []


@given(st.text(max_size=200))
def test_any_text_can_be_read(text):
    named = find(text)
    assert bool(named.anticoagulants) == bool(named.anticoagulant_words)
    assert bool(named.antiplatelets) == bool(named.antiplatelet_words)
