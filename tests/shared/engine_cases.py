"""What the engine tests share: structures small enough for seconds, their data files, decks, and what LAMMPS made."""

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule
from ase.io.lammpsdata import write_lammps_data

from molgun_lmp.arrays import FloatArray
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.session import DeckRun, run_deck

ELEMENTS = ("H", "C", "Si")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TinyModel:
    """An untrained MACE (H, C, Si; cutoff 4 Å): `model` for mace's calculator, `deployed` dtype -> TorchScript file."""

    model: Path
    deployed: Mapping[str, Path]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SinglePoint:
    """eV, eV/Å; `energies` per atom; `pressure_bar` xx yy zz xy xz yz."""

    energy: float
    forces: FloatArray
    energies: FloatArray
    pressure_bar: FloatArray


def structures() -> dict[str, Atoms]:
    """Each named after the difficulty that it poses; cells are lower triangular, as LAMMPS wants them."""
    rng = np.random.default_rng(0)
    ethyne = molecule("C2H2")
    ethyne.positions += rng.normal(0.0, 0.05, ethyne.positions.shape)
    in_vacuum = ethyne.copy()
    in_vacuum.center(vacuum=8.0)
    in_vacuum.pbc = False

    slab = bulk("Si", "diamond", a=5.47, cubic=True) * (1, 1, 2)
    slab.cell[2, 2] = 24.0
    over = ethyne.copy()
    over.positions += np.array([2.0, 2.5, slab.positions[:, 2].max() + 2.2]) - over.positions.mean(axis=0)
    slab += over
    slab.positions += rng.normal(0.0, 0.05, slab.positions.shape)
    slab.pbc = True

    tilted = Atoms(
        "Si2C2H2",
        cell=[[5.0, 0.0, 0.0], [2.0, 6.0, 0.0], [-1.5, 1.0, 5.5]],
        scaled_positions=[
            [0, 0, 0],
            [0.3, 0.4, 0.2],
            [0.7, 0.2, 0.6],
            [0.5, 0.7, 0.8],
            [0.1, 0.6, 0.5],
            [0.9, 0.9, 0.4],
        ],
        pbc=True,
    )
    own_images = Atoms("SiC", cell=[3.1, 2.9, 3.3], positions=[[0.1, 0.2, 0.1], [1.4, 1.5, 1.8]], pbc=True)
    alone = Atoms("Si", cell=[20.0, 20.0, 20.0], positions=[[3.0, 4.0, 5.0]], pbc=True)
    return {
        "molecule in vacuum": in_vacuum,
        "molecule on slab": slab,
        "triclinic": tilted,
        "own images": own_images,
        "isolated atom": alone,
    }


def write_data(folder: Path, atoms: Atoms, elements: Sequence[str]) -> None:
    """`data.lmp` in a folder, types in the order of `elements`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_lammps_data(
        folder / "data.lmp", atoms, specorder=list(elements), masses=True, units="metal", velocities=False
    )


def head(atoms: Atoms) -> str:
    """A deck's first lines, up to the structure."""
    boundary = "p p p" if atoms.pbc.all() else "f f f"
    return (
        "variable dir index .\nunits metal\natom_style atomic\n"
        f"boundary {boundary}\nbox tilt large\nread_data ${{dir}}/data.lmp\n"
    )


def pair_mace(file: Path, elements: Sequence[str] = ELEMENTS, keywords: str = "") -> str:
    """The commands of the engine `mace`."""
    return f"pair_style mace no_domain_decomposition {keywords}\npair_coeff * * {file} {' '.join(elements)}\n"


def external(elements: Sequence[str] = ELEMENTS) -> str:
    """The commands to which a force model is attached."""
    return (
        f'variable molgun_elements string "{" ".join(elements)}"\npair_style zero 4.0\npair_coeff * *\n'
        "fix molgun_force all external pf/callback 1 1\nfix_modify molgun_force energy yes\n"
    )


def run_text(
    folder: Path,
    text: str,
    force_model: ForceModel | None = None,
    interrupt: threading.Event | None = None,
    **also: Any,
) -> DeckRun:
    """Write a deck beside its data and run it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.lammps").write_text(text)
    return run_deck(
        folder / "in.lammps",
        variables={"dir": str(folder)},
        force_model=force_model,
        interrupt=interrupt or threading.Event(),
        log_path=folder / "log.lammps",
        **also,
    )


def single_point(
    folder: Path, atoms: Atoms, engine: str, force_model: ForceModel | None = None, elements: Sequence[str] = ELEMENTS
) -> SinglePoint:
    """One evaluation by LAMMPS; per-atom energies and pressure of the pair style only."""
    write_data(folder, atoms, elements)
    deck = (
        head(atoms) + engine + "compute each all pe/atom\n"
        "thermo_style custom step pe pxx pyy pzz pxy pxz pyz\nthermo_modify format float %.17g\n"
        "dump d all custom 1 ${dir}/point.dump id fx fy fz c_each\n"
        'dump_modify d sort id format line "%d %.17g %.17g %.17g %.17g"\nrun 0\n'
    )
    run = run_text(folder, deck, force_model)
    assert run.error is None, run.error
    rows = np.atleast_2d(np.loadtxt(folder / "point.dump", skiprows=9))
    return SinglePoint(
        energy=float(run.thermo["PotEng"][0]),
        forces=rows[:, 1:4],
        energies=rows[:, 4],
        pressure_bar=np.array([run.thermo[name][0] for name in ("Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz")]),
    )
