"""pair_style mace split over ranks computes what mace's own calculator computes, and moves atoms as one rank does."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from engine_cases import ELEMENTS, TinyModel, head, pair_mace, structures, write_data
from waiting import PATIENCE_S

pytestmark = pytest.mark.engine

FORCE_TOLERANCE = 1e-6
ENERGY_TOLERANCE = 1e-6
BAR_PER_EV_PER_A3 = 1.602176634e6
STEPS = 20
# A pair whose atoms know each other as ghosts only, where two ranks halve the cell, and an atom that has no neighbour.
APART = Atoms("SiCH", cell=[24.0, 12.0, 12.0], positions=[[11.2, 6, 6], [12.9, 6.2, 6], [20.0, 2, 2]], pbc=True)
STRUCTURES = {**structures(), "ghosts only": APART}


def split(file: Path) -> str:
    return pair_mace(file).replace(" no_domain_decomposition", "")


def run_all(folder: Path, style: str, ranks: int) -> None:
    """One LAMMPS for all structures: a point, then steps of dynamics that let atoms change ranks."""
    deck = ""
    for name, atoms in STRUCTURES.items():
        own = folder / name.replace(" ", "-")
        write_data(own, atoms, ELEMENTS)
        deck += f"clear\n{head(atoms).replace('index .', f'string {own}')}newton on\n{style}"
        deck += (
            "compute each all pe/atom\nthermo_style custom step pe pxx pyy pzz pxy pxz pyz\nthermo 20\n"
            "dump d all custom 1000 ${dir}/point.dump id fx fy fz c_each\n"
            'dump_modify d sort id format line "%d %.17g %.17g %.17g %.17g"\nrun 0\n'
            'print "$(pe:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pxy:%.17g) $(pxz:%.17g) $(pyz:%.17g)" '
            "file ${dir}/thermo.txt screen no\nundump d\nuncompute each\nthermo_style custom step pe\n"
            "variable u atom 20*sin(7*id)\nvariable v atom 20*sin(11*id)\nvariable w atom 20*sin(13*id)\n"
            "velocity all set v_u v_v v_w\nneighbor 0.3 bin\nneigh_modify every 1 delay 0 check yes\n"
            f"timestep 0.0005\nfix nve all nve\nrun {STEPS}\n"
            'write_dump all custom ${dir}/end.dump id xu yu zu modify sort id format line "%d %.17g %.17g %.17g"\n'
        )
    (folder / "in.lammps").write_text(deck)
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [programs / "mpirun", "-n", str(ranks), programs / "lmp", "-in", "in.lammps", "-screen", "none"],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + (folder / "log.lammps").read_text()[-2000:]


@pytest.fixture(scope="module")
def whole(plugin: Path, tiny_mace: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run_all(folder, pair_mace(tiny_mace.deployed["float64"]), ranks=1)
    return folder


@pytest.fixture(scope="module")
def reference(tiny_mace: TinyModel) -> Any:
    from mace.calculators import MACECalculator

    return MACECalculator(model_paths=str(tiny_mace.model), default_dtype="float64", device="cpu")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_structure_split_over_ranks(
    tiny_mace: TinyModel, reference: Any, whole: Path, ranks: int, tmp_path: Path
) -> None:
    run_all(tmp_path, split(tiny_mace.deployed["float64"]), ranks)
    for name, atoms in STRUCTURES.items():
        own = tmp_path / name.replace(" ", "-")
        rows = np.atleast_2d(np.loadtxt(own / "point.dump", skiprows=9))
        energy, *pressure = np.loadtxt(own / "thermo.txt")
        reference.calculate(atoms, ["energy", "forces", "stress"])
        expected = reference.results
        assert abs(energy - expected["energy"]) < ENERGY_TOLERANCE * len(atoms), name
        assert np.abs(rows[:, 1:4] - expected["forces"]).max() < FORCE_TOLERANCE, name
        assert np.abs(rows[:, 4] - expected["energies"]).max() < ENERGY_TOLERANCE, name
        if atoms.pbc.all():
            xx, yy, zz, yz, xz, xy = -expected["stress"] * BAR_PER_EV_PER_A3
            np.testing.assert_allclose(pressure, [xx, yy, zz, xy, xz, yz], rtol=1e-6, atol=0.1, err_msg=name)
        moved, alike = (np.loadtxt(root / own.name / "end.dump", skiprows=9, ndmin=2) for root in (tmp_path, whole))
        np.testing.assert_allclose(moved, alike, rtol=0, atol=1e-8, err_msg=name)


def test_newton_off_is_refused(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    atoms = STRUCTURES["molecule in vacuum"]
    write_data(tmp_path, atoms, ELEMENTS)
    deck = head(atoms).replace("atom_style", "newton off\natom_style") + split(tiny_mace.deployed["float64"])
    (tmp_path / "in.lammps").write_text(deck + "run 0\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "lmp", "-in", "in.lammps"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "with `newton on` only" in done.stdout + done.stderr
