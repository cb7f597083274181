"""`molgun doctor` finds what these tests run on, and names what is wrong."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from molgun_lmp.engine.doctor import Finding, examine

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def findings(plugin: Path) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine()}


def test_it_finds_what_is_here(findings: dict[str, Finding]) -> None:
    for name in (
        "python",
        "torch",
        "launcher",
        "lammps",
        "mpi",
        "pair_style mace",
        "fix external",
        "engine mace",
        "cores",
    ):
        assert findings[name].status == "ok", findings[name]
    assert "MPICH" in findings["mpi"].found
    assert findings["pair_style mace"].found == "known to LAMMPS"
    assert findings["targets"].found == "pip can run here"
    assert "ml-mace, ml-mace-kokkos, mliap-kokkos, symmetrix, symmetrix-kokkos" in findings["targets"].follows


def test_it_is_ready_for_json(findings: dict[str, Finding]) -> None:
    document = [dataclasses.asdict(finding) for finding in findings.values()]
    assert [Finding(**entry) for entry in json.loads(json.dumps(document))] == list(findings.values())


def test_it_names_the_wrong_launcher_and_looks_on() -> None:
    findings = {finding.name: finding for finding in examine({"OMPI_COMM_WORLD_SIZE": "4"})}
    assert findings["launcher"].status == "warn"
    assert "started by Open MPI's mpirun" in findings["launcher"].follows
    assert findings["lammps"].status == "ok"


def test_it_says_what_to_install(tmp_path: Path) -> None:
    # In a process of its own, since LAMMPS keeps the plugins that other tests loaded and leaves their folder in the
    # environment.
    look = (
        "import dataclasses, json; from molgun_lmp.engine.doctor import examine; "
        "print(json.dumps([dataclasses.asdict(finding) for finding in examine()]))"
    )
    inherited = {key: value for key, value in os.environ.items() if key != "LAMMPS_PLUGIN_PATH"}
    bare = {**inherited, "CXX": str(tmp_path / "no-compiler"), "MOLGUN_CACHE": str(tmp_path)}
    answer = subprocess.run([sys.executable, "-c", look], env=bare, capture_output=True, text=True, check=True).stdout
    findings = {entry["name"]: Finding(**entry) for entry in json.loads(answer.splitlines()[-1])}
    assert findings["compiler"].status == "missing"
    assert "apt install g++" in findings["compiler"].follows
    assert findings["engine mace"].status == "missing"
    assert findings["pair_style mace"].found == "not built; PLUGIN is there"
