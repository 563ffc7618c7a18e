"""Many tablets at once, against gunicorn and the worker as ``make demo`` starts them, on a clinic that is thrown away.

The tablets are threads of this one process, which shares the machine's cores with the server and the worker.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

from lxml import html

from bench.report import Part
from bench.rounds import ROOT, Claim, because

sys.path.insert(0, str(ROOT / ".ci"))
import demo

FEW, MANY, CALM = 50, 100, 50
ACKNOWLEDGED = {FEW: 0.5, MANY: 1.0}  # seconds, of the 95th percentile
SEALED, PAGE, PAUSE = 25.0, 0.1, 3.0  # seconds
GIVE_UP = 300
REPEATS = 3
INK = json.dumps([[[20 + 9 * step, 100 + step % 5 * 12, 16 * step] for step in range(40)]])
SIGNING = "/tablet/consent/sign/"
QUESTIONS = "/tablet/questions/start/0/"
YES = {"act": "agree", "students": "no", "observers": "no", "lung": "on", "read": "on", "agree": "on"}
YES |= {"method": "drawn", "strokes": INK, "typed_name": "", "question": ""}
CONFIRMED = {"regions": "left_calf", "technique": "superficial", "electro": "no", "sessions": "3"}
CONFIRMED |= {f"prompt_{number}": "correct" for number in range(1, 7)}
CONFIRMED |= dict.fromkeys(("talk_took_place", "still_happy", "sign"), "on")
ABOUT = """\
Gunicorn and two workers as `make demo` starts them, on SQLite, every commit waiting for the disk. The tablets are
threads of one light process on the same {cores} cores; each request is a connection of its own. All tablets of a row
send their signature in the same instant; once all are answered, the practitioner's confirmations follow as fast as they
are taken, and the worker seals. What answers a tablet is on disk by then. Sealed: seconds from that first instant until
the last document is filed. Meanwhile {calm} other tablets ask or save a page every {pause:.0f} s, from the last
confirmation until the last seal."""


@dataclass
class Tablet:
    """One browser. ``took``: seconds of each request that counts; ``wrong``: what was not as it should be."""

    port: int
    cookie: str
    visit: int = 0
    signs: bool = False
    form: dict[str, str] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def ask(self, path: str, sent: dict[str, str] | None = None, *, wanted: int = 200) -> str:
        """Send a request and time it; return the page."""
        head = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        began = time.perf_counter()
        line = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("POST" if sent else "GET", path, urlencode(sent) if sent else None, head)
            answer = line.getresponse()
            text = answer.read().decode()
        except OSError as error:
            self.wrong.append(f"{path}: {type(error).__name__}")
            return ""
        finally:
            line.close()
        self.took.append(time.perf_counter() - began)
        if answer.status != wanted:
            self.wrong.append(f"{path}: {answer.status}")
        for name, value in answer.getheaders():
            if name == "Set-Cookie" and value.split("=")[0] not in self.cookie:
                self.cookie += f"; {value.split(';')[0]}"
        return text

    def open(self, path: str) -> None:
        """Open a page and keep what its form sends by itself."""
        forms = html.fromstring(self.ask(path)).xpath("//main//form[.//input[@name='csrfmiddlewaretoken']]")
        self.form = dict(forms[-1].form_values())
        self.took.clear()


@dataclass(frozen=True)
class Wave:
    """What one instant of many tablets came to, in seconds."""

    acknowledged: list[float]
    confirmed: list[float]
    sealed: float
    calm: list[float]
    wrong: list[str]


def p95(figures: list[float]) -> float:
    return quantiles(figures, n=20, method="inclusive")[-1]


@contextmanager
def clinic(signing: int, answering: int) -> Iterator[tuple[Path, list[Tablet], Tablet]]:
    """Serve a clinic whose patients hold tablets; give its folder, the tablets, and the practitioner's browser."""
    from tests.support.real_servers import free_port

    with tempfile.TemporaryDirectory(prefix="bench-load-") as there:
        folder, port = Path(there) / "demo", free_port()
        lock = demo.take_folder(folder)
        env = demo.environment(folder, port)
        static = demo.begin(env, "collectstatic", "--noinput", "--verbosity=0")
        for command in (["migrate", "--verbosity=0"], ["init_keys"]):
            demo.finish(demo.begin(env, *command))
        demo.finish(static)
        made = _room(env, signing, answering)
        tablets = [Tablet(port, **each) for each in made]
        servers = demo.serve(env, folder)
        try:
            while not demo.answers(f"http://127.0.0.1:{port}/login/"):
                demo.watch(servers, folder)
                time.sleep(0.2)
            yield folder, tablets[:-1], tablets[-1]
            demo.watch(servers, folder)
        finally:
            for process in servers.values():
                process.terminate()
            for process in servers.values():
                process.wait(timeout=30)
            lock.close()


def _room(env: dict[str, str], signing: int, answering: int) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "bench.room", str(signing), str(answering)]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"cookie')]


def together(work: list[threading.Thread]) -> None:
    for each in work:
        each.start()
    for each in work:
        each.join()


def wave(folder: Path, tablets: list[Tablet], calm: list[Tablet], physio: Tablet) -> Wave:
    """Let all tablets sign at once, confirm them all, and wait for the last seal while the calm ones go on."""
    for each in tablets:
        each.open(SIGNING)
    for each in calm:
        each.open(QUESTIONS)
    before = _sealed(folder)
    started = threading.Barrier(len(tablets))

    def sign(each: Tablet) -> None:
        started.wait()
        each.ask(SIGNING, {**each.form, **YES}, wanted=302)

    began = time.perf_counter()
    together([threading.Thread(target=sign, args=[each]) for each in tablets])
    desks = [Tablet(physio.port, physio.cookie) for _ in range(2)]
    halves = [tablets[0::2], tablets[1::2]]
    together([threading.Thread(target=_confirm, args=[desk, half]) for desk, half in zip(desks, halves, strict=True)])
    over = threading.Event()
    others = [
        threading.Thread(target=_goes_on, args=[each, over, PAUSE * number / len(calm)])
        for number, each in enumerate(calm)
    ]
    for each in others:
        each.start()
    while _sealed(folder) < before + len(tablets) and time.perf_counter() - began < GIVE_UP:
        time.sleep(0.1)
    sealed = time.perf_counter() - began
    over.set()
    for each in others:
        each.join()
    wrong = [said for each in (*tablets, *calm, *desks) for said in each.wrong]
    return Wave(
        [took for each in tablets for took in each.took],
        [took for desk in desks for took in desk.took],
        sealed,
        [took for each in calm for took in each.took],
        wrong,
    )


def _confirm(desk: Tablet, tablets: list[Tablet]) -> None:
    """Confirm one visit after the other, as two practitioners who do nothing else."""
    desk.open(f"/confirm/{tablets[0].visit}/")
    token = {"csrfmiddlewaretoken": desk.form["csrfmiddlewaretoken"]}
    for each in tablets:
        desk.ask(f"/confirm/{each.visit}/", {**token, **CONFIRMED}, wanted=302)


def _goes_on(tablet: Tablet, over: threading.Event, later: float) -> None:
    """Ask for a page and save it, in turns, one request every so many seconds, beginning a little later."""
    number = 0
    while not over.wait(later):
        began, number = time.perf_counter(), number + 1
        if number % 2:
            tablet.ask(QUESTIONS)
        else:
            tablet.ask(QUESTIONS, tablet.form, wanted=302)
        later = max(0.0, PAUSE - (time.perf_counter() - began))


def _sealed(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "clinic.sqlite3")) as opened:
        return int(opened.execute("SELECT count(*) FROM consent_sealedfile").fetchone()[0])


def loaded(rounds: int) -> Part:
    """Measure a wave of few and one of many tablets, several times, each time in a new clinic."""
    waves: dict[int, list[Wave]] = {FEW: [], MANY: []}
    for _ in range(REPEATS if rounds >= 30 else 1):
        with clinic(FEW + MANY + 2, CALM) as (folder, tablets, physio):
            signing, calm = [each for each in tablets if each.signs], [each for each in tablets if not each.signs]
            wave(folder, signing[:2], [], physio)  # so that both workers have met every page
            waves[FEW].append(wave(folder, signing[2 : FEW + 2], calm, physio))
            waves[MANY].append(wave(folder, signing[FEW + 2 :], calm, physio))
    return _told(waves)


def _told(waves: dict[int, list[Wave]]) -> Part:
    about = ABOUT.format(cores=os.cpu_count(), calm=CALM, pause=PAUSE).replace("\n", " ")
    part = Part("Many tablets at once", about)
    part.columns = ("", "median s", "p95", "max", "requests", "errors")
    for number, all_of in waves.items():
        for words, name in (
            (f"{number} signatures in the same instant", "acknowledged"),
            ("confirming them, one after the other", "confirmed"),
            (f"{CALM} other tablets, while that is sealed", "calm"),
        ):
            figures = [took for each in all_of for took in getattr(each, name)]
            wrong = sum(len(each.wrong) for each in all_of) if name == "acknowledged" else ""
            told = (f"{figure:.3f}" for figure in (median(figures), p95(figures), max(figures)))
            part.rows.append((words, *told, str(len(figures)), str(wrong)))
        part.claims += _claims(number, all_of)
    part.after = "; ".join(sorted({said for all_of in waves.values() for each in all_of for said in each.wrong})[:5])
    return part


def _claims(number: int, all_of: list[Wave]) -> Iterator[Claim]:
    def claim(words: str, bound: float, figures: list[float], why: str = "") -> Claim:
        return because(Claim(words, bound, min(figures), median(figures)), why)

    yield claim(
        f"{number} signatures at once, answered: p95 in s",
        ACKNOWLEDGED[number],
        [p95(w.acknowledged) for w in all_of],
        ASKS,
    )
    yield claim(f"{number} signatures at once, all sealed: s", SEALED, [w.sealed for w in all_of], DRAWS)
    yield claim(f"{number} signatures at once, errors", 0, [float(len(w.wrong)) for w in all_of])
    yield claim(f"{CALM} tablets while {number} are sealed: p95 in s", PAGE, [p95(w.calm) for w in all_of])


ASKS = (
    "a signature takes some thirty ms of processor time: the rules run anew, the text is built and compared with the "
    "one that was read, in some fifty statements; so many at once keep two cores busy for that long; none is refused"
)
DRAWS = (
    "signing, confirming, drawing and sealing one consent is over half a second of processor time, nine pages each: "
    "two cores do three or four a second"
)
