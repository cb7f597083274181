"""`molgun doctor` finds what these tests run on, and names what is wrong."""

import dataclasses
import json
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


def test_it_is_ready_for_json(findings: dict[str, Finding]) -> None:
    document = [dataclasses.asdict(finding) for finding in findings.values()]
    assert [Finding(**entry) for entry in json.loads(json.dumps(document))] == list(findings.values())


def test_it_names_the_wrong_launcher_and_looks_on() -> None:
    findings = {finding.name: finding for finding in examine({"OMPI_COMM_WORLD_SIZE": "4"})}
    assert findings["launcher"].status == "warn"
    assert "started by Open MPI's mpirun" in findings["launcher"].follows
    assert findings["lammps"].status == "ok"


def test_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    monkeypatch.setenv("MOLGUN_CACHE", str(tmp_path))
    findings = {finding.name: finding for finding in examine()}
    assert findings["compiler"].status == "missing"
    assert "apt install g++" in findings["compiler"].follows
    assert findings["engine mace"].status == "missing"
    assert findings["pair_style mace"].found == "not built; PLUGIN is there"
