"""Every command of README.md and of the pages of docs/ runs, word for word, page after page in one folder.

`make` targets are run by .ci/run. A line that an earlier page has shown already is not run twice.
"""

import csv
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs_cases import blocks, described

from molgun_lmp.bench.cases import has_symmetrix
from molgun_lmp.bench.drivers import PAPERS_DRIVER, torch_sim_missing

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
PAIR_STYLE = "LAMMPS + TorchScript pair style float32"


def _in_order(node: Any) -> list[str]:
    """The pages of the site's navigation, from top to bottom."""
    if isinstance(node, str):
        return [node]
    parts = node.values() if isinstance(node, dict) else node
    return [page for part in parts for page in _in_order(part)]


NAVIGATION = _in_order(yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
PAGES = [
    REPOSITORY / "README.md",
    *(file for page in NAVIGATION if (file := REPOSITORY / "docs" / page).is_file()),  # the others are generated
]


def _commands(page: Path) -> list[str]:
    """The lines that begin with `$ ` in a page's console blocks."""
    shown = [block for kind, block in blocks(page) if kind == "console"]
    return [line.removeprefix("$ ") for block in shown for line in block.splitlines() if line.startswith("$ ")]


SHOWN = {page: _commands(page) for page in PAGES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("docs")


def test_make_targets_exist_and_run_in_ci() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    ci = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    targets = {line.split()[1] for lines in SHOWN.values() for line in lines if line.startswith("make ")}
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
        assert f"make {target}" in ci, target


@pytest.mark.parametrize("page", [page for page, lines in SHOWN.items() if lines], ids=lambda page: page.name)
def test_commands_run_in_order(page: Path, folder: Path) -> None:
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    shell = shutil.which("bash")
    assert shell is not None
    before = {line for earlier in PAGES[: PAGES.index(page)] for line in SHOWN[earlier]}
    for line in SHOWN[page]:
        if line in before or line.startswith(("make ", "pip ", "git ")):
            continue
        done = subprocess.run(
            [shell, "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout}\n{done.stderr}"
    assert (folder / "first" / "look" / "analysis" / "report.html").is_file()


def test_the_quick_measurement_ran_every_way(folder: Path) -> None:
    document = json.loads((folder / "bench" / "bench.json").read_text(encoding="utf-8"))
    ways = {row["way"]: row for row in document["steps"]}
    for row in ways.values():
        assert 0.0 < row["lowest_ms"] <= row["median_ms"] <= row["highest_ms"]
        assert row["atoms"] == 26
    assert (folder / "bench" / "bench.png").stat().st_size > 1000
    if document["left_out"]:  # its two minutes were too short here, and it says for what
        return
    assert {PAPERS_DRIVER, PAIR_STYLE} <= ways.keys()
    assert ("LAMMPS + symmetrix float32" in ways) == has_symmetrix()
    assert (torch_sim_missing() in document["not_measured"]) == ("TorchSim float32" not in ways)
    paper, ours = ways[PAPERS_DRIVER], ways[PAIR_STYLE]
    assert paper["speedup"] == 1.0
    # Ratios are those of the same repeats.
    assert paper["lowest_ms"] / ours["highest_ms"] <= ours["speedup"] + 0.01
    assert ours["speedup"] - 0.01 <= paper["highest_ms"] / ours["lowest_ms"]
    assert ours["overhead"] >= 0.0
    joint = [point for point in document["together"] if point["way"] == "LAMMPS + TorchScript float32"]
    assert [point["together"] for point in joint] == [1, 2]
    assert all(point["beside_ms"] < point["ms"] for point in joint)


def test_every_column_of_every_file_is_described(folder: Path) -> None:
    """Of those that the commands above have written."""
    files = sorted((folder / "first" / "look" / "analysis").glob("*.csv"))
    assert len(files) > 12
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            header = next(csv.reader(lines))
        patterns = described(file.name)
        assert [name for name in header if not any(fnmatch.fnmatch(name, one) for one in patterns)] == [], file.name
        assert all(fnmatch.filter(header, one) for one in patterns), file.name


def test_the_pages_show_what_there_is() -> None:
    assert sum(map(len, SHOWN.values())) > 40
    pages = {page.name for page in (REPOSITORY / "docs").rglob("*.md")}
    assert pages <= {Path(page).name for page in NAVIGATION}, "every page is in the site's navigation"


def test_pictures_are_there() -> None:
    for page in PAGES:
        for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / picture).is_file(), (page, picture)
    assert re.search(r"!\[[^\]]*\]\(", (REPOSITORY / "README.md").read_text(encoding="utf-8"))
