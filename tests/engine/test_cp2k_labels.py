"""Labels by the real CP2K: forces are the slope of the energy; what goes wrong says so and leaves nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write
from ase.units import Bohr, Hartree
from waiting import wait_for

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ConfigError, TrainingError
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.labelling.calculators import ComputedLabels, Failure, compute_labels
from molgun_lmp.training.labelling.cp2k.calculator import Cp2k
from molgun_lmp.training.labelling.label import label, read_structures
from molgun_lmp.training.labelling.settings import LabelChecks, LabellingConfig

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("cp2k") is None, reason="no cp2k: apt-get install cp2k"),
]

QUICK: Final = {"cutoff_ry": 200, "relative_cutoff_ry": 50, "scf_accuracy": 1e-7}
NEVER_CONVERGES: Final = {**QUICK, "scf_accuracy": 1e-30}
ENDLESS: Final = {**NEVER_CONVERGES, "scf_steps": 1_000_000}
ANY: Final = LabelChecks(net_force_ev_per_angstrom=None, repeat_every=None)
CLASS: Final = "molgun_lmp.training.labelling.cp2k.calculator:Cp2k"


def hydrogen(stretched_by: float = 0.0) -> Atoms:
    atoms = molecule("H2")
    atoms.rotate(35.0, "x")
    atoms.set_cell([4.0, 4.0, 4.0])
    atoms.center()
    atoms.pbc = True
    atoms.positions[1] += stretched_by * direction(atoms)
    return atoms


def direction(atoms: Atoms) -> FloatArray:
    bond: FloatArray = atoms.positions[1] - atoms.positions[0]
    return bond / float(np.linalg.norm(bond))


def config(options: dict[str, Any], checks: LabelChecks = ANY) -> LabellingConfig:
    return LabellingConfig(level_of_theory="PBE-D3(BJ)", calculator=CLASS, options=options, checks=checks)


def computed(atoms: Atoms, **options: Any) -> ComputedLabels:
    labels = compute_labels(Cp2k(**options), atoms)
    assert isinstance(labels, ComputedLabels), labels
    return labels


def running(folder: Path) -> dict[int, str]:
    """Processes that work below a folder, without those that are ended and not yet waited for: id -> name."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(folder):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
        except OSError:
            continue
    return found


def cp2k_in(folder: Path) -> int | None:
    """A CP2K that is in the middle of a structure below a folder."""
    for process, name in running(folder).items():
        if name.startswith("cp2k") and any("OT DIIS" in out.read_text() for out in folder.glob("**/label.out")):
            return process
    return None


def test_forces_are_the_slope_of_the_energy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    step = 0.01
    here = computed(hydrogen(0.1), **QUICK)
    ahead, behind = (computed(hydrogen(0.1 + shift), **QUICK).energy_ev for shift in (step, -step))
    slope = (ahead - behind) / (2.0 * step)
    along = float(here.forces[1] @ direction(hydrogen()))
    assert slope > 2.0
    assert along == pytest.approx(-slope, abs=0.02)
    assert here.energy_ev == pytest.approx(-1.16 * Hartree, abs=0.02 * Hartree)
    # D3(BJ) of H2 by itself is -0.0005 eV; its attraction is there and small.
    plain = computed(hydrogen(0.1), **QUICK, dispersion=False)
    assert -0.05 < here.energy_ev - plain.energy_ev < -1e-5


def test_a_slab_does_not_see_the_dipole_of_its_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between layers of dipoles p a cell of volume V gains 2 pi p^2 / V: (1.75 +- 0.15 D for water)."""
    monkeypatch.chdir(tmp_path)
    water = molecule("H2O")
    water.set_cell([5.5, 5.5, 9.0])
    water.center()
    energies = [
        computed(water, cutoff_ry=120, relative_cutoff_ry=40, periodic=periodic).energy_ev for periodic in ("xy", "xyz")
    ]
    dipole = np.sqrt((energies[0] - energies[1]) * water.get_volume() / (2.0 * np.pi * Hartree * Bohr))
    assert dipole / 0.2081943 == pytest.approx(1.75, abs=0.15)


def test_labels_are_checked_from_another_start_and_kept_whatever_comes_of_it(tmp_path: Path) -> None:
    frames = tmp_path / "frames.extxyz"
    write(frames, [hydrogen(0.1), hydrogen(0.2)])
    structures = read_structures([frames])
    checks = ANY.model_copy(update={"repeat_every": 10**6})
    report = label(config(QUICK, checks), structures, tmp_path / "labels")
    assert (report.labelled, report.checked_again, report.failed) == (2, 1, {})
    ledger = tmp_path / "labels" / "labels.jsonl"
    first, second = (json.loads(line) for line in ledger.read_text().splitlines())
    assert "repeat" not in second
    assert 0.0 < first["repeat"]["force_ev_per_angstrom"] < 1e-3
    assert abs(first["repeat"]["energy_ev"]) < 1e-5
    assert "SCF_GUESS RANDOM" not in (tmp_path / "labels" / "processes" / "0" / "label.inp").read_text()
    assert read_dataset([report.file]).frames[0].energy_ev == pytest.approx(first["energy_ev"], abs=1e-7)

    before = ledger.read_bytes()
    strict = checks.model_copy(update={"repeat_force_ev_per_angstrom": 1e-9})
    again = label(config(QUICK, strict), structures, tmp_path / "labels")
    assert again.labelled == 1
    assert "from another start a force is" in again.failed["frames.extxyz#0"]
    with pytest.raises(TrainingError, match="the forces add up to"):
        label(config(QUICK, LabelChecks(net_force_ev_per_angstrom=1e-9)), structures, tmp_path / "labels")
    assert ledger.read_bytes() == before


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("h2.extxyz", hydrogen())
    structures = read_structures([Path("h2.extxyz")])
    with pytest.raises(ConfigError, match="there is no program no-cp2k on the path"):
        label(config({**QUICK, "command": "no-cp2k"}), structures, tmp_path / "labels-1")
    with pytest.raises(ConfigError, match=r"BASIS_MOLOPT has nothing called DZVP-NONSENSE"):
        label(config({**QUICK, "basis": "DZVP-NONSENSE"}), structures, tmp_path / "labels-2")
    heavy = Atoms("U", cell=[4.0, 4.0, 4.0], pbc=True)
    answer = compute_labels(Cp2k(**QUICK), heavy)
    assert isinstance(answer, Failure)
    assert "has no DZVP-MOLOPT-SR-GTH for U" in answer.reason


def test_an_unconverged_field_is_no_label(tmp_path: Path) -> None:
    write(tmp_path / "h2.extxyz", hydrogen())
    with pytest.raises(TrainingError, match=r"h2\.extxyz#0: SCFError: the self-consistent field did not converge"):
        label(
            config({**NEVER_CONVERGES, "scf_steps": 25}), read_structures([tmp_path / "h2.extxyz"]), tmp_path / "labels"
        )
    process = tmp_path / "labels" / "processes" / "0"
    assert (process / "failed-1" / "label.out").is_file()
    assert not (process / "failed-2").exists()  # it begins afresh each time: not tried twice


@contextmanager
def killing(folder: Path, who: str, times: int) -> Iterator[None]:
    """Kill CP2K, or the process that started it, in the middle of a structure."""

    def kill() -> None:
        seen: set[int] = set()
        for _ in range(times):
            process = wait_for(lambda: (p := cp2k_in(folder)) is not None and p not in seen and p, "CP2K")
            seen.add(process)
            stat = Path(f"/proc/{process}/stat").read_text()
            os.kill(process if who == "cp2k" else int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize(
    ("who", "times", "why"),
    [("cp2k", 1, r"CP2K was killed by SIGKILL \(is there enough memory\?\)"), ("parent", 2, "died 2 times")],
)
def test_a_killed_cp2k_costs_one_structure(tmp_path: Path, who: str, times: int, why: str) -> None:
    write(tmp_path / "h2.extxyz", hydrogen())
    structures = read_structures([tmp_path / "h2.extxyz"])
    with killing(tmp_path / "labels", who, times), pytest.raises(TrainingError, match=why):
        label(config(ENDLESS), structures, tmp_path / "labels")
    assert running(tmp_path / "labels") == {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_ended_labelling_leaves_no_cp2k(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path / "h2.extxyz", hydrogen())
    (tmp_path / "label.yaml").write_text(config(ENDLESS).model_dump_json(), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("molgun")), "label", "label.yaml", "h2.extxyz", "-o", "labels"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: cp2k_in(tmp_path / "labels"), "CP2K")
        process.send_signal(number)
    wait_for(lambda: not running(tmp_path / "labels"), "the end of all processes")
