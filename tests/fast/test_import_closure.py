"""The code that an outcome rests on is found from the imports, so that no list of it can be out of date."""

import ast
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import molgun_lmp
from molgun_lmp import import_closure
from molgun_lmp.import_closure import code_version, files_behind, imported
from molgun_lmp.results import external
from molgun_lmp.results.one_pass import read_back

ROOT = Path(molgun_lmp.__file__).parent
DECIDING = read_back.__module__


def named(module: str) -> set[str]:
    return {str(file.relative_to(import_closure._ROOT)) for file in files_behind(module)}


def whole_tree_imports(source: str) -> Iterator[str]:
    """The same by walking the whole syntax tree."""
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            waiting += ast.iter_child_nodes(node)


def test_every_import_of_the_package_is_seen() -> None:
    behind = files_behind(DECIDING)
    for file in ROOT.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        expected = {name for name in whole_tree_imports(source) if name.split(".")[0] == ROOT.name}
        assert set(imported(source)) >= expected, file  # more where it writes a program, as the benchmarks do
        assert file not in behind or set(imported(source)) == expected, file


def test_imports_in_functions_count_and_those_for_the_type_checker_do_not() -> None:
    source = (
        "import numpy\n"
        "from molgun_lmp.a import (  # why\n    b,\n    c as d,\n)\n"
        "if TYPE_CHECKING:\n    from molgun_lmp.types_only import e\n\n    import molgun_lmp.more_types\n"
        "def f():\n    import molgun_lmp.g\n"
        "from molgun_lmp_other import h\n"
    )
    assert set(imported(source)) == {"molgun_lmp.a", "molgun_lmp.a.b", "molgun_lmp.a.c", "molgun_lmp.g"}


def test_what_decides_is_behind_an_outcome_and_what_draws_is_not() -> None:
    behind = named(DECIDING)
    for name in ("decide", "trajectory_path", "bond_tracking", "bonds", "classify", "smarts"):
        assert f"analysis/outcomes/{name}.py" in behind
    assert {"readers/trajectory.py", "readers/lammps/text_dump.py", "readers/common/frame.py"} <= behind
    assert {"results/one_pass.py", "results/ended.py", "surface/clean_surface.py", "records.py", "units.py"} <= behind
    assert not {name for name in behind if "figure" in name or "plot" in name or "report" in name}
    assert not {name for name in behind if name.startswith(("cli/", "engine/", "training/", "bench/"))}
    files = named(external.__name__)
    observed_besides = {
        "results/one_pass.py",
        "results/decided.py",
        "results/temperatures.py",
        "results/outcome_observer.py",
        "results/dose.py",
        "analysis/kinetics/heat.py",
        "kinetic_temperature.py",
        "surface/frozen.py",
    }
    observed_besides |= {f"analysis/dosing/{name}.py" for name in ("company", "layout", "relations")}
    observed_besides |= {f"analysis/scattering/{name}.py" for name in ("onlooker", "departures", "free_flight")}
    assert behind <= files | observed_besides
    assert {"surface/partition.py", "results/external.py", "readers/vasp_trajectories.py"} <= files
    assert "analysis/outcomes/external_system.py" in files
    assert not {name for name in files if "figure" in name or "plot" in name or "report" in name}


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package's source that can be changed."""
    root = tmp_path / ROOT.name
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(import_closure, "_ROOT", root)
    code_version.cache_clear()
    yield root
    code_version.cache_clear()


def test_any_module_behind_it_changes_the_version_and_no_other(copy: Path) -> None:
    before, behind = code_version(DECIDING), files_behind(DECIDING)
    for file in behind:
        text = file.read_text(encoding="utf-8")
        file.write_text(f"{text}# changed\n", encoding="utf-8")
        code_version.cache_clear()
        assert code_version(DECIDING) != before, file
        file.write_text(text, encoding="utf-8")
    for file in set(copy.rglob("*.py")) - set(behind):
        file.write_text("raise NotImplementedError\n", encoding="utf-8")
    code_version.cache_clear()
    assert code_version(DECIDING) == before


def test_it_costs_little_and_once(copy: Path) -> None:
    start = time.process_time()
    first = code_version(DECIDING)
    assert time.process_time() - start < 0.25, "0.02 s where nobody else computes"
    start = time.process_time()
    assert code_version(DECIDING) == first and len(first) == 64
    assert time.process_time() - start < 0.001


def test_a_module_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"has no module molgun_lmp\.campaign\.nowhere"):
        files_behind("molgun_lmp.campaign.nowhere")
