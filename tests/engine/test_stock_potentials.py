"""Potentials of the literature through `engine.in`: the energies and forces of LAMMPS run on the same file directly."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, graphene, molecule
from engine_cases import SinglePoint, run_text, single_point, write_data

from molgun_lmp.config import Engine
from molgun_lmp.engine.stock import find_potential, stock_potential
from molgun_lmp.units import EV_PER_KCAL_PER_MOL

pytestmark = pytest.mark.engine


def rattled(atoms: Atoms, seed: int = 0) -> Atoms:
    atoms.positions += np.random.default_rng(seed).normal(0.0, 0.05, atoms.positions.shape)
    atoms.pbc = True
    return atoms


def ours(
    folder: Path, atoms: Atoms, elements: Sequence[str], *commands: str, cutoff: float | None = None
) -> SinglePoint:
    """As a campaign has it: engine.in with the files beside it."""
    potential = stock_potential(Engine(kind="stock", commands=commands, cutoff_angstrom=cutoff), elements, ())
    (folder / "model").mkdir(parents=True)
    for name, content in potential.files.items():
        (folder / "model" / name).write_bytes(content)
    return single_point(folder, atoms, f"variable root index {folder}\n{potential.include}", elements=elements)


def metal() -> Atoms:
    slab = fcc111("Ni", (3, 3, 3), a=3.52, vacuum=8.0, orthogonal=False)
    slab += Atoms("H2", positions=slab.positions[-1] + np.array([[0.0, 0.3, 1.2], [1.9, 0.4, 1.0]]))
    return rattled(slab)


CASES = {
    "eam": (
        metal(),
        ("H", "Ni"),
        ("pair_style eam/alloy", "pair_coeff * * NiAlH_jea.eam.alloy"),
        "pair_style eam/alloy\npair_coeff * * {0}/NiAlH_jea.eam.alloy H Ni\n",
    ),
    "tersoff": (
        rattled(bulk("SiC", "zincblende", a=4.36, cubic=True) * (2, 2, 2)),
        ("C", "Si"),
        ("pair_style tersoff", "pair_coeff * * SiC.tersoff"),
        "pair_style tersoff\npair_coeff * * {0}/SiC.tersoff C Si\n",
    ),
    "sw and a beam": (
        rattled(bulk("Si", cubic=True) * (2, 2, 2) + Atoms("Ar", positions=[[5.0, 5.0, 5.0]])),
        ("Si", "Ar"),
        (
            "pair_style hybrid/overlay sw lj/cut 6.0",
            "pair_coeff * * sw Si.sw",
            "pair_coeff * Ar lj/cut 0.005 3.2",
        ),
        "pair_style hybrid/overlay sw lj/cut 6.0\npair_coeff * * sw {0}/Si.sw Si NULL\n"
        "pair_coeff * 2 lj/cut 0.005 3.2\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_as_lammps_itself_on_the_same_file(name: str, tmp_path: Path) -> None:
    atoms, elements, commands, directly = CASES[name]
    found = ours(tmp_path / "ours", atoms, elements, *commands, cutoff=6.0)
    folder = find_potential("Si.sw", ()).parent
    expected = single_point(tmp_path / "directly", atoms, directly.format(folder), elements=elements)
    assert found.energy == expected.energy
    assert np.array_equal(found.forces, expected.forces)


def test_reaxff_as_lammps_in_its_own_units(tmp_path: Path) -> None:
    elements = ("H", "C", "O")
    atoms = graphene(size=(3, 3, 1), vacuum=8.0)
    atoms.cell[2, 2], atoms.positions[:, 2] = 20.0, 5.0
    methanol = molecule("CH3OH")
    methanol.positions += atoms.positions[8] + np.array([0.0, 0.0, 2.2]) - methanol.positions[0]
    atoms = rattled(atoms + methanol)
    found = ours(tmp_path / "ours", atoms, elements, "pair_style reaxff", "pair_coeff * * ffield.reax.cho")

    write_charged(tmp_path / "real", atoms, elements)
    run = run_text(
        tmp_path / "real",
        "variable dir index .\nunits real\natom_style charge\nboundary p p p\nbox tilt large\n"
        "read_data ${dir}/charged.data\npair_style reaxff NULL\n"
        f"pair_coeff * * {find_potential('ffield.reax.cho', ())} H C O\n"
        "fix charges all qeq/reaxff 1 0.0 10.0 1.0e-6 reaxff\n"
        "thermo_style custom step pe\nthermo_modify format float %.17g\n"
        'dump d all custom 1 ${dir}/point.dump id fx fy fz\ndump_modify d sort id format line "%d %.17g %.17g %.17g"\n'
        "run 0\n",
    )
    assert run.error is None, run.error
    forces = np.loadtxt(tmp_path / "real/point.dump", skiprows=9)[:, 1:4]
    assert found.energy == pytest.approx(run.thermo["PotEng"][0] * EV_PER_KCAL_PER_MOL, abs=1e-6)
    assert found.forces == pytest.approx(forces * EV_PER_KCAL_PER_MOL, abs=1e-5)
    assert np.abs(found.forces).max() > 1.0


def write_charged(folder: Path, atoms: Atoms, elements: Sequence[str]) -> None:
    """A data file with a charge of zero for each atom."""
    write_data(folder, atoms, elements)
    head, _, body = (folder / "data.lmp").read_text().partition("Atoms # atomic\n\n")
    rows = [line.split() for line in body.splitlines() if line.strip()]
    lines = [" ".join([*row[:2], "0.0", *row[2:]]) for row in rows]
    (folder / "charged.data").write_text(f"{head}Atoms # charge\n\n" + "\n".join(lines) + "\n")
