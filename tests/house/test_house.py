"""The house keeps itself: arrows, types, layout, and what must never be in a page or in the repository."""

from __future__ import annotations

import ast
import re
import tomllib
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import grimp
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from django.urls import get_resolver

from tests.support.repository import ROOMS, ROOT, found, own_files, patterns, run, tracked, views

DOCUMENTS = [
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
]


# --- tools ---------------------------------------------------------------------------------------------------------


def test_arrows_point_one_way() -> None:
    run("lint-imports", "--no-cache")


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    TopologicalSorter({each: graph.find_modules_directly_imported_by(each) for each in graph.modules}).prepare()


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", ".")


def test_the_code_has_its_one_layout() -> None:
    run("ruff", "format", "--check", ".")


@pytest.mark.thorough
def test_types_hold() -> None:
    run("mypy")


@pytest.mark.django_db
def test_migrations_match_the_models() -> None:
    call_command("makemigrations", check=True, dry_run=True)


# --- pages ---------------------------------------------------------------------------------------------------------


def test_templates_trust_no_text() -> None:
    assert found(r"\|\s*safe\b|\bautoescape\s+off\b|\|\s*safeseq\b", own_files(".html")) == []
    assert found(r"\bmark_safe\b|\bSafe(String|Text)\(", own_files(".py")) == []


def test_templates_hold_no_inline_script_or_style() -> None:
    pages = own_files(".html")
    assert pages
    assert found(r"<script(?![^>]*\bsrc=)", pages) == []
    assert found(r"<style\b", [page for page in pages if "consent/document" not in str(page)]) == []
    assert found(r"""\sstyle\s*=\s*["'{]|\son[a-z]+\s*=\s*["'{]|javascript:""", pages) == []


def test_screens_have_one_style_of_date() -> None:
    """On pages "3 December 2026" and "14:05"; for machines and terminals ISO 8601; day lists as they come."""
    style = r"((l, )?j F Y(, H:i(:s)?)?|H:i(:s)?|Y-m-d|c|O)[\"']"
    assert not found(rf"\|(date|time):[\"'](?!{style})", own_files(".html", ".txt"))
    paths = [path for path in own_files(".py") if path.name != "day_list.py"]
    assert not found(r"%d[./]|%-d|%[bBy]\b", paths)


def test_a_digest_is_made_in_one_place() -> None:
    """And in the verifier's own. An HMAC, and what a key or a timestamp signs, is another thing."""
    here = {
        line.partition(":")[0]
        for line in found(r"hashlib\.(sha256\(.*hexdigest|file_digest)|hashlib import", own_files(".py"))
    }
    assert here == {"clinic/domain/digests.py", "consent/domain/digests.py"}


def test_scripts_never_write_markup() -> None:
    scripts = own_files(".js")
    assert scripts
    assert found(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", scripts) == []


def test_pages_ask_nothing_of_other_hosts() -> None:
    files = own_files(".html", ".css", ".js", ".webmanifest")
    assert found(r"""(src|href|action|url|@import|fetch|hx-\w+)\s*[=(:]?\s*["'(]?\s*(https?:)?//""", files) == []


def test_a_patients_addresses_carry_no_ids() -> None:
    addresses = [address for address, _ in views()]
    tablet = [address for address in addresses if address.startswith("tablet/")]
    assert tablet
    assert [address for address in tablet if "<int:" in address and ":page>" not in address] == []
    assert [address for address, view in views() if "patient" in view.may_open and address not in tablet] == []


# --- views ---------------------------------------------------------------------------------------------------------


def test_every_view_names_who_may_open_it() -> None:
    assert [address for address, view in views() if not getattr(view, "may_open", None)] == []


def looked_up(source: str) -> list[str]:
    """Return the lookups of a view that find a record without asking whose it is."""
    found = []
    for call in (each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)):
        name = ast.unparse(call.func)
        if name == "get_object_or_404" and not any(each in ast.unparse(call) for each in WHOSE):
            found.append(ast.unparse(call))
        if name.endswith((".objects.get", ".objects.in_bulk")):
            found.append(ast.unparse(call))
    return found


# What a lookup is narrowed by: what the actor may see, or a visit that was found so.
WHOSE = (
    "visible_to(",
    ".of(request.actor.site)",
    "managed_by(request.user)",
    "staff_of(request.actor.site)",
    "the_visit(",
    "visit=visit",
    "ours, pk=",
    "seen.select_related",
    "(rows, pk=pk)",
)
OF_THE_ASKER = {
    "Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)",
    "get_object_or_404(Site, number=number)",  # for managers of the first clinic, who look after the list of all
}


def test_no_view_looks_a_record_up_without_asking_whose_it_is() -> None:
    views = [path for path in own_files(".py") if {"views", "views.py"} & set(path.parts)]
    assert len(views) > 20
    found = {path.as_posix(): bare for path in views if (bare := set(looked_up(path.read_text())) - OF_THE_ASKER)}
    assert found == {}
    assert looked_up("get_object_or_404(Visit, pk=pk)")
    assert looked_up("Visit.objects.get(pk=pk)")
    assert not looked_up("get_object_or_404(Visit.objects.visible_to(request.actor), pk=pk)")


def test_no_address_has_two_views() -> None:
    names = [address for address, _ in views()]
    assert len(names) == len(set(names))


def test_no_room_sends_anyone_to_a_room_it_does_not_know() -> None:
    room_of = {
        pattern.name: pattern.callback.__module__.split(".")[0]
        for _, pattern in patterns(get_resolver(), "")
        if pattern.name
    }
    wrong = []
    for path in own_files(".py", under=tuple(ROOMS)):
        room = path.relative_to(ROOT).parts[0]
        known = ROOMS[: ROOMS.index(room) + 1]
        for name in re.findall(r"""redirect\(\s*["']([\w-]+)["']""", path.read_text(encoding="utf-8")):
            if room_of.get(name) not in known:
                wrong.append(f"{path.relative_to(ROOT)} -> {name}")
    assert wrong == []


# --- the repository ------------------------------------------------------------------------------------------------


def test_files_name_no_machine_and_no_registry() -> None:
    machine = r"/(?:home|Users|root|work|opt)/\w|/tmp/(?!\.)\w|[A-Z]:\\\\"
    # A letter of each in brackets, so that this line is none of what it looks for, and this file is read as well.
    registry = r"pyp[i]\.org|pythonhoste[d]|npmj[s]|registr[y]\.|deb\.debia[n]|index-ur[l]|find-link[s]"
    texts = [
        path
        for path in tracked()
        if path.suffix not in {".png", ".ttf", ".svg"} and path.name not in {"operating.md", "keys.md"}
    ]
    assert found(f"{machine}|{registry}", texts) == []


def test_the_top_of_the_repository_is_seen_at_a_glance() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert len({name for name in top if not name.startswith(".")}) <= 22


def test_locks_are_hashed() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    locks = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "requirements").iterdir()}
    assert locks.keys() == {"run", *groups}
    for name, text in locks.items():
        pins = re.findall(r"^[\w.\[\]-]+==\S+", text, re.MULTILINE)
        assert pins, name
        assert len(pins) == len(re.findall(r"^[^\s#].*\\\n\s+--hash=sha256:", text, re.MULTILINE)), name


def test_pyproject_says_why_each_package_is_here() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    wanted = [*read["project"]["dependencies"], *chain.from_iterable(read["dependency-groups"].values())]
    assert wanted
    assert [each for each in wanted if not re.search(rf'^    "{re.escape(each)}", # \S', text, re.MULTILINE)] == []


def test_what_is_locked_is_what_pyproject_asks_for() -> None:
    read = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for name, wanted in {"run": read["project"]["dependencies"], **read["dependency-groups"]}.items():
        locked = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
        names = [re.split(r"[\[<>=]", each)[0].lower() for each in wanted]
        assert [each for each in names if f"\n{each}==" not in locked] == [], name


def test_rooms_left_unbuilt_stay_unbuilt() -> None:
    forbidden = {"utils", "helpers", "common", "core", "services", "managers", "signals"}
    named = [path for path in own_files(".py") if {path.stem, *path.relative_to(ROOT).parts[:-1]} & forbidden]
    assert named == []
    code = own_files(".py", under=tuple(ROOMS))
    signals = r"django\.dispatch|post_save|(?<!def )(?<!\)\.)pre_save"  # a field's own `pre_save` is no signal
    assert found(signals, code) == []
    assert found(r"def save\(self", [path for path in code if "models" in path.relative_to(ROOT).as_posix()]) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_commands_that_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = set(re.findall(r"^\s*make (?:[A-Z]+=\S+ )*([a-z]+)|`make (?:[A-Z]+=\S+ )*([a-z]+)", text, re.MULTILINE))
    assert {name for pair in said for name in pair if name} <= targets
    from django.core.management import get_commands

    commands = {name for pair in re.findall(r"manage\.py ([a-z_]+)", text) for name in [pair]}
    assert commands <= set(get_commands())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / document).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / document).parent.joinpath(link).exists()] == []


FOLDERS = "clinic|screening|consent|operations|templates|static|tests|bench|docs|deploy|requirements"
PATHS = re.compile(rf"(?<![\w/.-])((?:{FOLDERS}|\.ci)/[\w./-]*\w)")


def test_paths_that_documents_name_exist() -> None:
    deployed = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
    texts = [*(ROOT / name for name in (*DOCUMENTS, "docs/asvs.csv", "Makefile")), *deployed]
    named = {(text.name, path) for text in texts for path in PATHS.findall(text.read_text(encoding="utf-8"))}
    assert len(named) > 100
    assert sorted(each for each in named if not (ROOT / each[1]).exists()) == []


def test_operating_names_every_variable() -> None:
    read = set(re.findall(r"CLINIC_[A-Z_]+", "".join(path.read_text() for path in own_files(".py", under=("clinic",)))))
    said = set(re.findall(r"CLINIC_[A-Z_]+", (ROOT / "docs/operating.md").read_text(encoding="utf-8")))
    assert {name.removesuffix("_FILE") for name in read} <= {name.removesuffix("_FILE") for name in said}


def test_static_files_are_complete_under_their_hashed_names(tmp_path: Path) -> None:
    storage = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    storages = {**settings.STORAGES, "staticfiles": storage}
    skip = [*settings.WHITENOISE_SKIP_COMPRESS_EXTENSIONS, "css", "js", "ttf", "svg"]  # compressing proves nothing
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=storages, WHITENOISE_SKIP_COMPRESS_EXTENSIONS=skip):
        call_command("collectstatic", interactive=False, verbosity=0)
    assert (tmp_path / "staticfiles.json").exists()


def test_templates_name_static_files_that_exist() -> None:
    from django.contrib.staticfiles import finders

    names = {
        name
        for page in own_files(".html")
        for name in re.findall(r"""{%\s*static\s+["']([^"']+)["']""", page.read_text(encoding="utf-8"))
    }
    assert names
    assert sorted(name for name in names if not finders.find(name)) == []
