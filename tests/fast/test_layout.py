"""The house: which folder may import which, read from the imports themselves.

A new arrow is a line in one of the tables, and a reason to think; an arrow that is used no more has to go from them.
"""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import molgun_lmp

PACKAGE = Path(molgun_lmp.__file__).parent
GROUND = "ground"
"""The modules beside the folders; any folder may import them."""

ARROWS = {
    "cli": "learning results bench campaign training analysis engine gun models surface readers config batch",
    "learning": "results campaign training gun models surface readers plotting config batch",
    "results": "campaign training analysis gun models surface readers plotting config",
    "bench": "training analysis engine gun models surface readers plotting config",
    "campaign": "analysis engine gun models surface readers plotting config batch",
    "training": "engine models surface readers plotting config batch",
    "analysis": "models surface readers plotting config",
    "engine": "models readers config batch",
    "gun": "surface readers config",
    "models": "config",
    "surface": "config",
    "readers": "config",
    "plotting": "",
    "config": "",
    "batch": "",
}
"""From the top floor to the ground: a folder may import what stands in its line, and the modules beside the folders."""

WITHIN = {
    "campaign": {
        "launch": "plan worker . store",
        "cluster": "worker store",
        "plan": "store",
        "worker": "store",
        ".": "store",
        "store": "",
    },
    "training": {
        "learning_curve": "trainer dataset .",
        "distillation": "labelling export trainer dataset .",
        "export": "trainer dataset .",
        "trainer": "evaluation dataset .",
        "evaluation": "dataset .",
        "labelling": "dataset",
        "descriptors": "dataset",
        "dataset": ".",
        ".": "",
    },
    "analysis": {
        "figures": "kinetics maps scattering dosing statistics outcomes",
        "report": "statistics outcomes",
        "kinetics": "statistics",
        "scattering": "statistics outcomes",
        "dosing": "statistics outcomes",
        "statistics": "outcomes",
        "maps": "",
        "outcomes": "",
    },
    "readers": {".": "lammps vasp common", "lammps": "common", "vasp": "common", "common": ""},
}
"""The same between the rooms of a folder; `.` are the modules beside its rooms."""


def modules() -> dict[str, Path]:
    """Dotted name below the package -> file."""
    files = [file for file in PACKAGE.rglob("*.py") if "examples" not in file.relative_to(PACKAGE).parts[:1]]
    return {".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


MODULES = modules()
PACKAGES = {name for name, file in MODULES.items() if file.name == "__init__.py"}
# The package's face, which loads what is asked of it, and `python -m molgun_lmp`.
FACES = {"__init__", "__main__"}
FOLDERS = {name for name in PACKAGES - FACES if "." not in name}


def imports_of(name: str) -> Iterator[str]:
    """The modules of this package that one imports, anywhere in its text, for types too."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.split(".")[0] == "molgun_lmp":
            above = node.module.removeprefix("molgun_lmp").removeprefix(".")
            for alias in node.names:
                inner = f"{above}.{alias.name}".removeprefix(".")
                yield inner if inner in MODULES else above or "__init__"
        elif isinstance(node, ast.Import):
            yield from (
                alias.name.removeprefix("molgun_lmp").removeprefix(".") or "__init__"
                for alias in node.names
                if alias.name.split(".")[0] == "molgun_lmp"
            )


IMPORTS = {name: frozenset(imports_of(name)) - {name} for name in MODULES}


def folder_of(name: str) -> str:
    """The folder that a module lies in."""
    head = name.split(".", maxsplit=1)[0]
    return head if head in PACKAGES and head else GROUND


def room_of(name: str) -> str:
    """The room of a folder that a module lies in."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and ".".join(parts[:2]) in PACKAGES else "."


def arrows(between: Mapping[str, str]) -> set[tuple[str, str]]:
    return {(above, below) for above, line in between.items() for below in line.split()}


USED = {
    (folder_of(name), folder_of(other)): f"{name} imports {other}"
    for name, others in IMPORTS.items()
    if name not in FACES
    for other in sorted(others - FACES)
    if folder_of(name) != folder_of(other)
}


def test_folders_import_down_only() -> None:
    allowed = arrows(ARROWS)
    wrong = {arrow: why for arrow, why in USED.items() if arrow[1] != GROUND and arrow not in allowed}
    assert not wrong
    idle = {arrow for arrow in allowed if arrow not in USED}
    assert not idle, "nothing imports so: take these from the table"
    assert set(ARROWS) == FOLDERS


def test_the_ground_imports_no_folder() -> None:
    assert [why for (above, _), why in USED.items() if above == GROUND] == []


@pytest.mark.parametrize("folder", WITHIN)
def test_rooms_of_a_folder_import_one_way(folder: str) -> None:
    used = {
        (room_of(name), room_of(other)): f"{name} imports {other}"
        for name, others in IMPORTS.items()
        for other in others
        if folder_of(name) == folder_of(other) == folder and room_of(name) != room_of(other)
    }
    assert set(used) == arrows(WITHIN[folder]), used


def test_no_line_of_the_tables_points_up() -> None:
    for table in (ARROWS, *WITHIN.values()):
        order = list(table)
        assert all(order.index(above) < order.index(below) for above, below in arrows(table))


def test_no_circle_of_modules() -> None:
    seen: dict[str, int] = {}
    path: list[str] = []

    def walk(name: str) -> None:
        seen[name] = len(path)
        path.append(name)
        for other in sorted(IMPORTS[name] - FACES):
            if other in PACKAGES and name.startswith(f"{other}."):
                continue  # a package's own module may import its siblings through it
            assert seen.get(other, -1) < 0 or other not in path, " -> ".join([*path[seen[other] :], other])
            if other not in seen:
                walk(other)
        path.pop()

    for name in sorted(set(MODULES) - FACES):
        if name not in seen:
            walk(name)


def test_only_the_engine_imports_lammps() -> None:
    def imports(name: str, library: str) -> bool:
        return any(
            (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == library for alias in node.names))
            or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == library)
            for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        )

    assert {folder_of(name) for name in MODULES if imports(name, "lammps")} == {"engine"}


def test_every_package_says_what_its_rooms_are_for() -> None:
    for name in sorted(PACKAGES - FACES):
        text = ast.get_docstring(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        assert text and len(text) > 40, name


def test_no_module_grows_beyond_what_one_reads_at_a_time() -> None:
    lengths = {name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_no_class_name_serves_for_two_things() -> None:
    where: dict[str, list[str]] = {}
    for name, file in MODULES.items():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                where.setdefault(node.name, []).append(name)
    assert {name: places for name, places in where.items() if len(places) > 1} == {}


def test_the_map_names_every_folder() -> None:
    page = (PACKAGE.parent / "docs" / "developing.md").read_text(encoding="utf-8")
    assert [folder for folder in sorted(FOLDERS) if f"`{folder}/" not in page] == []


def test_every_test_that_the_pages_name_is_there() -> None:
    root = PACKAGE.parent
    pages = [root / "docs" / "developing.md", root / "tests" / "faults" / "README.md"]
    named = {
        page.parent / name if page.name == "README.md" else root / name
        for page in pages
        for name in re.findall(r"`([\w./]*test_\w+\.py)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 30
    assert [str(file) for file in sorted(named) if not file.is_file()] == []


def test_no_two_test_files_share_a_name() -> None:
    """pytest imports a test file by its bare name, whatever folder it lies in."""
    names = sorted(file.name for file in (PACKAGE.parent / "tests").rglob("*.py"))
    assert len(names) > 150
    assert [name for name, after in itertools.pairwise(names) if name == after and name != "conftest.py"] == []
