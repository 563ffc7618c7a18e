"""Two thousand changed files, and not one that verifies; a verifier that trusts pyHanko's bottom line misses many."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from clinic.domain.digests import sha256
from consent.document.rendering import render
from consent.seal.certificate_authority import make_keys
from consent.seal.keys import SealKey, as_asn1
from consent.seal.pades import seal, verify
from tests.support import tampering
from tests.support.proof_size import size
from tests.support.sample_records import sample
from tests.support.tampering import Tampered, Victim

pytestmark = pytest.mark.thorough  # each makes and checks many files

PASSPHRASE = "tests-only-passphrase-tests-only-passphrase"
TIMES = size(1, 11)
COUNTS = {
    "flipped": 440,
    "gap games": 240,
    "cut": 120,
    "appended": 150,
    "moved": 200,
    "incremental saving": 150,
    "evil annotations": 110,
    "faked revisions": 200,
    "forged": 220,
    "wrapped": 150,
    "strangers": 20,
}
COUNTS = {family: TIMES * count for family, count in COUNTS.items()}


@dataclass(frozen=True)
class Scene:
    """Our key, a stranger's that bears the clinic's own name, and one file of ours, drawn and sealed."""

    ours: SealKey
    stranger: SealKey
    drawn: bytes
    victim: Victim


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Scene:
    folder = tmp_path_factory.mktemp("tampering")
    ours = make_keys(folder / "ours", PASSPHRASE, "Murray Physiotherapy")
    stranger = make_keys(folder / "strangers", PASSPHRASE, "Murray Physiotherapy")
    drawn = render(sample())
    return Scene(ours, stranger, drawn, Victim(seal(drawn, ours)))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """pyHanko tells of every broken file; two thousand times is no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def strangers(scene: Scene, rng: random.Random, count: int) -> Iterator[Tampered]:
    """The same pages sealed by somebody else under the same name, other pages, and a stranger's seal upon ours."""
    other = render(sample(patient_name="Someone Else"))
    for number in range(count):
        pages = [scene.drawn, other][number % 2]
        yield Tampered("a stranger's seal", seal(pages, scene.stranger))


def families(scene: Scene, rng: random.Random) -> dict[str, Iterator[Tampered]]:
    victim, many = scene.victim, COUNTS
    return {
        "flipped": tampering.flipped(victim, rng, many["flipped"]),
        "gap games": tampering.gap_games(victim, rng, many["gap games"]),
        "cut": tampering.cut(victim, rng, many["cut"]),
        "appended": tampering.appended(victim, rng, many["appended"]),
        "moved": tampering.moved(victim, rng, many["moved"]),
        "incremental saving": tampering.revised(victim, rng, tampering.ISA, many["incremental saving"]),
        "evil annotations": tampering.revised(victim, rng, tampering.EAA, many["evil annotations"]),
        "faked revisions": tampering.faked_revisions(victim, rng, many["faked revisions"]),
        "forged": tampering.forged(victim, rng, many["forged"]),
        "wrapped": tampering.wrapped(victim, rng, many["wrapped"]),
        "strangers": strangers(scene, rng, many["strangers"]),
    }


def test_the_untouched_file_verifies(scene: Scene):
    pdf = scene.victim.pdf
    assert verify(pdf, [scene.ours.root], ledger_sha256=sha256(pdf)).good


@pytest.mark.parametrize("family", list(COUNTS))
def test_no_tampered_file_verifies(scene: Scene, family: str):
    """Without the ledger: by the file and the root alone. The ledger's SHA-256 is a second check upon it."""
    ledger, missed = sha256(scene.victim.pdf), Counter[str]()
    seen = 0
    for tampered in families(scene, random.Random(f"tampering {family}"))[family]:
        assert sha256(tampered.pdf) != ledger, f"{tampered.how} changed nothing"
        seen += 1
        if verify(tampered.pdf, [scene.ours.root]).good:
            missed[tampered.how] += 1
    assert not missed
    assert seen == COUNTS[family]


def test_these_are_two_thousand():
    assert sum(COUNTS.values()) == TIMES * 2000


@pytest.mark.parametrize(
    "family", ["gap games", "appended", "incremental saving", "evil annotations", "faked revisions", "wrapped"]
)
def test_a_reader_still_opens_what_was_tampered_with(scene: Scene, family: str):
    """Else it would be no wonder that none verifies."""
    tampered = [next(families(scene, random.Random(f"readable {number}"))[family]) for number in range(6)]
    assert sum(tampering.is_readable(each.pdf) for each in tampered) >= 5


def test_another_file_of_ours_is_not_this_one(scene: Scene):
    other = seal(render(sample(patient_name="Someone Else")), scene.ours)
    assert verify(other, [scene.ours.root]).good
    assert not verify(other, [scene.ours.root], ledger_sha256=sha256(scene.victim.pdf)).good


def trusts_the_bottom_line(pdf: bytes, scene: Scene) -> bool:
    """The control: what a program says that asks pyHanko and reads its last line alone."""
    context = ValidationContext(trust_roots=[as_asn1(scene.ours.root)], allow_fetching=False)
    try:
        signatures = PdfFileReader(BytesIO(pdf)).embedded_signatures
        return any(bool(validate_pdf_signature(each, context).bottom_line) for each in signatures)
    except Exception:
        return False


@pytest.mark.parametrize("family", ["appended", "gap games"])
def test_the_control_that_trusts_the_bottom_line_is_fooled(scene: Scene, family: str):
    tampered = list(families(scene, random.Random(f"control {family}"))[family])[:24]
    fooled = [each.how for each in tampered if trusts_the_bottom_line(each.pdf, scene)]
    assert len(fooled) >= 6, fooled
