"""How large the house may be: entries a folder, lines a module and in all; no class name twice, and no circle.

Import contracts hold the layers and look for circles, ruff looks at how classes are written; both are seen to fail.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path, PurePath

import pytest

from tests.support.repository import (
    BIN,
    LINES_AT_MOST,
    ROOMS,
    ROOT,
    found,
    own_files,
    product_lines,
    tracked,
)

ENTRIES, ENTRIES_OF_TESTS_AND_TEMPLATES = 15, 40
# One file for each change of the tables, and for each command: neither they nor their folders count.
ASIDE = {"__init__.py", "migrations", "management", "commands"}
LINES_A_MODULE = 400
LONGER = {  # what is read as one text, from its beginning to its end
    "consent/domain/record.py",
    "consent/domain/statement.py",
    "screening/domain/questionnaire/content.py",
    "screening/domain/rules.py",
}
OF_DJANGO = {"Command", "DatabaseWrapper"}  # Django finds these by their names


def entries(paths: list[PurePath]) -> dict[str, int]:
    """Count the files and folders in each folder."""
    inside: dict[PurePath, set[str]] = defaultdict(set)
    for path in paths:
        for folder in path.parents:
            inside[folder].add(path.relative_to(folder).parts[0])
    return {folder.as_posix(): len(names - ASIDE) for folder, names in inside.items()}


def too_full(paths: list[PurePath], rooms: list[str]) -> dict[str, int]:
    """Return the folders with more entries than they may have."""
    most = {**dict.fromkeys(rooms, ENTRIES), **dict.fromkeys(("tests", "templates"), ENTRIES_OF_TESTS_AND_TEMPLATES)}
    return {
        folder: count
        for folder, count in entries(paths).items()
        if count > most.get(folder.split("/")[0], count) and folder.rsplit("/", 1)[-1] not in ASIDE
    }


def class_names(sources: list[str]) -> Counter[str]:
    """Count how often each class of a module's own is defined."""
    return Counter(node.name for source in sources for node in ast.parse(source).body if isinstance(node, ast.ClassDef))


def twice(sources: list[str]) -> set[str]:
    """Return the names of classes that there are two of, Django's aside."""
    return {name for name, times in class_names(sources).items() if times > 1} - OF_DJANGO


@pytest.fixture(scope="module")
def files() -> list[PurePath]:
    return [path.relative_to(ROOT) for path in tracked()]


@pytest.fixture(scope="module")
def modules() -> list[Path]:
    return [path for path in own_files(".py", under=tuple(ROOMS)) if "migrations" not in path.parts]


def test_no_folder_is_too_full(files: list[PurePath]) -> None:
    assert too_full(files, ROOMS) == {}


def test_one_entry_more_is_too_many(files: list[PurePath]) -> None:
    full = max((count, folder) for folder, count in entries(files).items() if folder.split("/")[0] in ROOMS)
    more = [PurePath(f"{full[1]}/more_{number}.py") for number in range(ENTRIES + 1 - full[0])]
    assert too_full([*files, *more], ROOMS) == {full[1]: ENTRIES + 1}


def test_no_class_name_means_two_things(modules: list[Path]) -> None:
    assert twice([path.read_text(encoding="utf-8") for path in modules]) == set()


def test_a_name_given_twice_is_found() -> None:
    assert twice(["class Flag: pass", "class Flag: pass\nclass Command: pass", "class Command: pass"]) == {"Flag"}


def test_modules_are_read_in_one_go(modules: list[Path]) -> None:
    long = {
        path.relative_to(ROOT).as_posix()
        for path in modules
        if path.read_text(encoding="utf-8").count("\n") > LINES_A_MODULE
    }
    assert long == LONGER


def test_the_product_stays_small() -> None:
    lines = product_lines()
    assert {name.split("/")[0] for name in lines} == {*ROOMS, "templates", "static"}  # nothing is left out of the count
    assert LINES_AT_MOST // 2 < sum(lines.values()) <= LINES_AT_MOST


# --- the suite itself ----------------------------------------------------------------------------------------------


def fixtures_twice(sources: list[str]) -> set[str]:
    """Return the names that more than one module gives to a fixture."""
    given: Counter[str] = Counter()
    for source in sources:
        made = (each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef))
        given.update({each.name for each in made if any("fixture" in ast.unparse(by) for by in each.decorator_list)})
    return {name for name, times in given.items() if times > 1}


def test_a_fixture_is_made_in_one_place() -> None:
    assert fixtures_twice([path.read_text(encoding="utf-8") for path in own_files(".py", under=("tests",))]) == set()
    made = "@pytest.fixture\ndef desk(): pass"
    assert fixtures_twice([made, "def desk(): pass"]) == set()
    assert fixtures_twice([made, made]) == {"desk"}


def test_what_tests_share_stands_in_support() -> None:
    from_a_test = r"^\s*(from|import) tests\.(?!support)\w+"
    assert found(from_a_test, own_files(".py", under=("tests", "bench", ".ci"))) == []
    assert re.search(from_a_test, "from tests.pages.test_signing import ready")


# --- controls: what the tools would find ---------------------------------------------------------------------------


def linted(folder: Path, modules: dict[str, str]) -> str:
    """Run the import contracts of a made-up room on these modules; return what was said."""
    (folder / "room").mkdir()
    for name, source in {"__init__": "", **modules}.items():
        (folder / "room" / f"{name}.py").write_text(source)
    (folder / "contracts.toml").write_text(
        '[tool.importlinter]\nroot_package = "room"\n'
        '[[tool.importlinter.contracts]]\nname = "Layers"\ntype = "layers"\n'
        'containers = ["room"]\nexhaustive = true\nlayers = ["views : forms", "models"]\n'
        '[[tool.importlinter.contracts]]\nname = "Circles"\ntype = "acyclic_siblings"\nancestors = ["room"]\n'
    )
    command = [str(BIN / "lint-imports"), "--no-cache", "--config", "contracts.toml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, "Layers KEPT, Circles KEPT"),
        ({"forms": "import room.views"}, "Layers KEPT, Circles BROKEN"),
        ({"models": "import room.views"}, "Layers BROKEN, Circles BROKEN"),
        ({"stray": ""}, "Layers BROKEN, Circles KEPT"),
    ],
)
def test_the_contracts_find_a_circle_a_wrong_arrow_and_a_stray(
    tmp_path: Path, changed: dict[str, str], kept: str
) -> None:
    sound = {"views": "import room.models, room.forms", "forms": "", "models": ""}
    said = linted(tmp_path, {**sound, **changed}).splitlines()
    assert ", ".join(line for line in said if line.endswith(("KEPT", "BROKEN"))) == kept


def test_ruff_finds_a_class_in_small_letters() -> None:
    command = [str(BIN / "ruff"), "check", "--output-format=concise", "--stdin-filename=clinic/made_up.py", "-"]
    said = subprocess.run(
        command, cwd=ROOT, input="class default_deny:\n    pass\n", capture_output=True, text=True, check=False
    )
    assert "N801" in said.stdout
