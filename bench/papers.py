"""The PDF and its seal, beside other ways to make them."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

from bench.report import Part
from bench.rounds import ROOT, Claim, Contender, alternate, because, ratio

PDFS = (
    "ours, unsealed",
    "ours, sealed",
    "ours, sealed and opened again",
    "WeasyPrint, naive",
    "ReportLab",
    "fpdf2",
    "Typst",
    "Chromium, warm, tagged",
)
SEALS = ("our seal", "stock signer", "incremental update alone", "ReportLab")


def pdfs(rounds: int) -> Part:
    """The PDF: ours is PDF/A-3a and PDF/UA-1 with the record attached; the rivals draw the same words."""
    by_name = _alternated(PDFS, rounds)
    part = Part(
        "The PDF",
        "Ours is PDF/A-3a and PDF/UA-1 with the record attached, from the record on. The naive one draws the same HTML "
        "and stylesheet without tags; ReportLab (rl_accel, no ASCII85), fpdf2 and Typst draw the same words, tables "
        "and signature, without the two pictures and without bold words inside a line. Processor time, with that of "
        "Chromium's processes; its claims are judged by the clock.",
    )
    part.show(by_name.values())
    ours, bare, naive, reportlab, chromium = (
        by_name[name] for name in ("ours, sealed", "ours, unsealed", "WeasyPrint, naive", "ReportLab", PDFS[-1])
    )
    engine = _engine(naive, reportlab)
    peak = Claim("peak of a worker, MB", 110, max(ours.figures("peak")) / 1e6, digits=0)
    part.claims = [
        ratio("sealed, to naive WeasyPrint", ours.figures(), naive.figures(), 1.0, why=MORE),
        ratio("sealed, to ReportLab", ours.figures(), reportlab.figures(), 7.0, missing=reportlab.missing, why=engine),
        ratio(
            "the stretch: sealed, to ReportLab",
            ours.figures(),
            reportlab.figures(),
            5.2,
            missing=reportlab.missing,
            why=engine,
        ),
        ratio("sealed, to Chromium (clock)", ours.figures("wall"), chromium.figures("wall"), 3.0, why=COMPILED),
        ratio("unsealed, to Chromium (clock)", bare.figures("wall"), chromium.figures("wall"), 2.5, why=COMPILED),
        _sizes("bytes of the sealed file, to ReportLab's", ours, reportlab),
        because(peak, f"{_loaded():.0f} MB are Django, WeasyPrint and pyHanko, loaded, before anything is drawn"),
        because(Claim("growth per 100 documents, MB", 2, growth(ours), digits=1), KEPT),
    ]
    return part


def seals(rounds: int) -> Part:
    """The seal: over a drawn document, with a key that is loaded once."""
    by_name = _alternated(SEALS, rounds)
    ours = by_name["our seal"]
    part = Part(
        "The seal",
        "Over the same drawn document. The stock signer is pyHanko's `SimpleSigner` with an RSA key of 3,072 bits, "
        "which it opens again for every signature; ours is P-256, opened once a process.",
    )
    part.show(by_name.values())
    part.claims = [
        ratio("seal, to ReportLab's document", ours.figures(), by_name["ReportLab"].figures(), 0.75),
        ratio("seal, to an incremental update", ours.figures(), by_name["incremental update alone"].figures(), 4.0),
        ratio("seal, to the stock signer", ours.figures(), by_name["stock signer"].figures(), None),
    ]
    return part


MORE = "ours also writes tags, metadata and the attached record, and seals the file"
COMPILED = "Chromium lays out in compiled code, ours in Python"
KEPT = "over a handful of rounds this is what the first documents of a process leave in its caches"
INSIDE = "the tags, the colour profile, the attached record and the seal with its certificates are in ours alone"


def _engine(naive: Contender, reportlab: Contender) -> str:
    if not naive.samples or not reportlab.samples:
        return ""
    times = median(naive.figures()) / median(reportlab.figures())
    return f"naive WeasyPrint alone, without tags and seal, costs {times:.1f} times ReportLab in this run"


LOADED = """\
import resource, django
django.setup()
import weasyprint
from consent.seal import pades
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"""


def _loaded() -> float:
    """Return the MB of a process that has loaded what a worker needs and drawn nothing."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.support.settings"}
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024 / 1e6


def growth(contender: Contender) -> float:
    """Return by how many MB the peak grew per 100 documents, over the second half of the rounds."""
    peaks = contender.figures("peak")
    half = peaks[len(peaks) // 2 :]
    return 100 * (half[-1] - half[0]) / max(1, len(half) - 1) / 1e6


def _sizes(words: str, ours: Contender, theirs: Contender) -> Claim:
    if not theirs.samples:
        return Claim(words, 1.0, None, why=theirs.missing)
    return because(Claim(words, 1.0, median(ours.figures("size")) / median(theirs.figures("size"))), INSIDE)


def _alternated(names: tuple[str, ...], rounds: int) -> dict[str, Contender]:
    contenders = {name: Contender(name) for name in names}
    alternate(list(contenders.values()), rounds)
    return contenders
