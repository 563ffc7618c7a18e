"""Many tablets at once, against gunicorn and the worker as ``make demo`` starts them, in a temporary clinic.

The tablets are threads of this process, which shares the machine's cores with the server and the worker.
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
    """One browser. ``took``: the seconds of each request that counts; ``wrong``: what went wrong, in words."""

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
        """Open a page and keep its form's initial values."""
        forms = html.fromstring(self.ask(path)).xpath("//main//form[.//input[@name='csrfmiddlewaretoken']]")
        self.form = dict(forms[-1].form_values())
        self.took.clear()


@dataclass(frozen=True)
class Wave:
    """The results of one wave of tablets, in seconds."""

    acknowledged: list[float]
    confirmed: list[float]
    sealed: float
    calm: list[float]
    wrong: list[str]


def p95(figures: list[float]) -> float:
    return quantiles(figures, n=20, method="inclusive")[-1]


@contextmanager
def clinic(signing: int, answering: int) -> Iterator[tuple[Path, list[Tablet], Tablet]]:
    """Serve a clinic whose patients hold tablets; give its folder, the tablets and the practitioner's browser."""
    from tests.support.real_servers import free_port

    with tempfile.TemporaryDirectory(prefix="bench-load-") as temporary:
        folder, port = Path(temporary) / "demo", free_port()
        lock = demo.take_folder(folder)
        env = demo.environment(folder, port)
        static = demo.begin(env, "collectstatic", "--noinput", "--verbosity=0")
        for command in (["migrate", "--verbosity=0"], ["init_keys"]):
            demo.finish(demo.begin(env, *command))
        demo.finish(static)
        tablets = [Tablet(port, **values) for values in _room(env, signing, answering)]
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


def together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wave(folder: Path, tablets: list[Tablet], calm: list[Tablet], physio: Tablet) -> Wave:
    """Let all tablets sign at once, confirm them all, and wait for the last seal while the calm ones go on."""
    for tablet in tablets:
        tablet.open(SIGNING)
    for tablet in calm:
        tablet.open(QUESTIONS)
    before = _sealed(folder)
    started = threading.Barrier(len(tablets))

    def sign(tablet: Tablet) -> None:
        started.wait()
        tablet.ask(SIGNING, {**tablet.form, **YES}, wanted=302)

    began = time.perf_counter()
    together([threading.Thread(target=sign, args=[tablet]) for tablet in tablets])
    desks = [Tablet(physio.port, physio.cookie) for _ in range(2)]
    halves = [tablets[0::2], tablets[1::2]]
    together([threading.Thread(target=_confirm, args=[desk, half]) for desk, half in zip(desks, halves, strict=True)])
    over = threading.Event()
    others = [
        threading.Thread(target=_go_on, args=[tablet, over, PAUSE * number / len(calm)])
        for number, tablet in enumerate(calm)
    ]
    for thread in others:
        thread.start()
    while _sealed(folder) < before + len(tablets) and time.perf_counter() - began < GIVE_UP:
        time.sleep(0.1)
    sealed = time.perf_counter() - began
    over.set()
    for thread in others:
        thread.join()
    wrong = [words for tablet in (*tablets, *calm, *desks) for words in tablet.wrong]
    return Wave(
        [took for tablet in tablets for took in tablet.took],
        [took for desk in desks for took in desk.took],
        sealed,
        [took for tablet in calm for took in tablet.took],
        wrong,
    )


def _confirm(desk: Tablet, tablets: list[Tablet]) -> None:
    """Confirm one visit after the other, like a practitioner who does nothing else."""
    desk.open(f"/confirm/{tablets[0].visit}/")
    token = {"csrfmiddlewaretoken": desk.form["csrfmiddlewaretoken"]}
    for tablet in tablets:
        desk.ask(f"/confirm/{tablet.visit}/", {**token, **CONFIRMED}, wanted=302)


def _go_on(tablet: Tablet, over: threading.Event, wait: float) -> None:
    """Open and save a page in turns, one request every ``PAUSE`` seconds, after a first ``wait``."""
    number = 0
    while not over.wait(wait):
        began, number = time.perf_counter(), number + 1
        if number % 2:
            tablet.ask(QUESTIONS)
        else:
            tablet.ask(QUESTIONS, tablet.form, wanted=302)
        wait = max(0.0, PAUSE - (time.perf_counter() - began))


def _sealed(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "clinic.sqlite3")) as opened:
        return int(opened.execute("SELECT count(*) FROM consent_sealedfile").fetchone()[0])


def loaded(rounds: int) -> Part:
    """Measure a wave of few tablets and one of many, several times, each time in a new clinic."""
    waves: dict[int, list[Wave]] = {FEW: [], MANY: []}
    for _ in range(REPEATS if rounds >= 30 else 1):
        with clinic(FEW + MANY + 2, CALM) as (folder, tablets, physio):
            signing = [tablet for tablet in tablets if tablet.signs]
            calm = [tablet for tablet in tablets if not tablet.signs]
            wave(folder, signing[:2], [], physio)  # to warm up both workers
            waves[FEW].append(wave(folder, signing[2 : FEW + 2], calm, physio))
            waves[MANY].append(wave(folder, signing[FEW + 2 :], calm, physio))
    return _part(waves)


def _part(waves: dict[int, list[Wave]]) -> Part:
    about = ABOUT.format(cores=os.cpu_count(), calm=CALM, pause=PAUSE).replace("\n", " ")
    part = Part("Many tablets at once", about)
    part.columns = ("", "median s", "p95", "max", "requests", "errors")
    for number, runs in waves.items():
        for words, name in (
            (f"{number} signatures in the same instant", "acknowledged"),
            ("confirming them, one after the other", "confirmed"),
            (f"{CALM} other tablets, while that is sealed", "calm"),
        ):
            figures = [took for run in runs for took in getattr(run, name)]
            wrong = sum(len(run.wrong) for run in runs) if name == "acknowledged" else ""
            cells = (f"{figure:.3f}" for figure in (median(figures), p95(figures), max(figures)))
            part.rows.append((words, *cells, str(len(figures)), str(wrong)))
        part.claims += _claims(number, runs)
    part.after = "; ".join(sorted({words for runs in waves.values() for run in runs for words in run.wrong})[:5])
    return part


def _claims(number: int, runs: list[Wave]) -> Iterator[Claim]:
    def claim(words: str, bound: float, figures: list[float], why: str = "") -> Claim:
        return because(Claim(words, bound, min(figures), median(figures)), why)

    yield claim(
        f"{number} signatures at once, answered: p95 in s",
        ACKNOWLEDGED[number],
        [p95(run.acknowledged) for run in runs],
        ASKS,
    )
    yield claim(f"{number} signatures at once, all sealed: s", SEALED, [run.sealed for run in runs], DRAWS)
    yield claim(f"{number} signatures at once, errors", 0, [float(len(run.wrong)) for run in runs])
    yield claim(f"{CALM} tablets while {number} are sealed: p95 in s", PAGE, [p95(run.calm) for run in runs])


ASKS = (
    "a signature takes some thirty ms of processor time: the rules run anew, the text is built and compared with the "
    "one that was read, in some fifty statements; so many at once keep two cores busy for that long; none is refused"
)
DRAWS = (
    "signing, confirming, drawing and sealing one consent is over half a second of processor time, nine pages each: "
    "two cores do three or four a second"
)
