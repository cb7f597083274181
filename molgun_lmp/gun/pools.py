"""Snapshot pools: thermal structures with velocities, from which slab and molecule of every shot are drawn."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import ase.io
import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms

from molgun_lmp.arrays import BoolArray
from molgun_lmp.atomic_files import write_whole
from molgun_lmp.config import LoadedCampaign
from molgun_lmp.errors import InputFileError
from molgun_lmp.geometry import make_whole
from molgun_lmp.gun.pool_files import read_snapshots
from molgun_lmp.provenance import sha256_file
from molgun_lmp.readers.common.packed import open_packed_text

Part: TypeAlias = Literal["slab", "molecule"]

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SAME_CELL_ANGSTROM: Final = 1e-5


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Snapshots of one system, all of the same atoms in the same order.

    `snapshots`: ASE atoms with momenta; `ids`: their unique names, such as "slab-02-017ps"; `runs`: the equilibration
    run that each was taken from, or None where the file does not say; `frozen`: (N,) bool, the atoms that equilibration
    held, or None where the file does not say; `source` and `sha256`: the file.
    """

    snapshots: tuple[Atoms, ...]
    ids: tuple[str, ...]
    runs: tuple[str, ...] | None
    frozen: BoolArray | None
    source: Path
    sha256: str

    def __len__(self) -> int:
        return len(self.snapshots)

    @property
    def run_of_each(self) -> tuple[str, ...]:
        """The run of each snapshot. Those of a file that does not say count as one run: most such files are one, and
        snapshots that follow each other are not independent of each other."""
        return (self.source.name,) * len(self) if self.runs is None else self.runs

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols in the order of the atoms."""
        return tuple(self.snapshots[0].get_chemical_symbols())

    def independent(self, *, as_drawn: bool) -> int | None:
        """How many molecules shots may have without sharing: snapshots, or runs where they are fired as drawn; None for
        an atom, which has one state by nature."""
        if len(self.symbols) == 1:
            return None
        return len(set(self.run_of_each)) if as_drawn else len(self)


class Pools(NamedTuple):
    """The two pools of a campaign."""

    slab: Pool
    molecule: Pool


def read_pools(loaded: LoadedCampaign) -> Pools:
    """The pools that a campaign file names. Raises as `read_pool`."""
    system = loaded.config.system
    return Pools(
        slab=read_pool(loaded.path(system.slab.pool), "slab"),
        molecule=read_pool(loaded.path(system.molecule.pool), "molecule"),
    )


def read_pool(path: Path, part: Part, elements: Sequence[str] | None = None) -> Pool:
    """A pool from extended XYZ, VASP (POSCAR, CONTCAR) or LAMMPS (data, dump) files with velocities.

    `elements` names LAMMPS types 1, 2, ... where the file does not. Molecules are made whole across periodic
    boundaries. A record of frozen atoms is a per-atom `frozen` column or ASE's `FixAtoms` (VASP: selective dynamics);
    one of equilibration runs is `run` in each header line (extended XYZ).

    Raises `InputFileError` for a file that cannot be read, has no velocities, or whose snapshots differ in their atoms
    or (slab) in their cell.
    """
    snapshots = read_snapshots(path, elements)
    for number, atoms in enumerate(snapshots):
        _check_snapshot(atoms, part, f"{path}, snapshot {number}")
        if list(atoms.numbers) != list(snapshots[0].numbers):
            raise InputFileError(
                f"{path}: snapshot {number} ({atoms.symbols}) is not of the same atoms in the same order as the first "
                f"({snapshots[0].symbols}). A pool holds snapshots of one system; split the file."
            )
        if part == "slab" and not np.allclose(
            atoms.cell[:2], snapshots[0].cell[:2], rtol=0.0, atol=_SAME_CELL_ANGSTROM
        ):
            raise InputFileError(
                f"{path}: snapshot {number} has another in-plane cell than the first. A campaign has one cell: "
                "use snapshots from runs at constant volume."
            )
        if part == "molecule":
            make_whole(atoms)
    return Pool(
        snapshots=tuple(snapshots),
        ids=_snapshot_ids(snapshots, path),
        runs=_recorded_runs(snapshots),
        frozen=_recorded_frozen(snapshots, path),
        source=path,
        sha256=sha256_file(path),
    )


def write_pool(path: Path, snapshots: Sequence[Atoms], frozen: BoolArray | None) -> None:
    """Write snapshots as extended XYZ (`.xz` and `.gz` compress), with momenta and the frozen set per atom, and
    with masses where some are not their elements'.

    The `info` of each snapshot is kept: `snapshot` (its id), `run`, `time_ps`, `temperature_k`. The file appears
    whole or not at all.
    """
    written = []
    for atoms in snapshots:
        copy = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc, info=dict(atoms.info))
        if not np.array_equal(atoms.get_masses(), copy.get_masses()):
            copy.set_masses(atoms.get_masses())
        copy.set_momenta(atoms.get_momenta())
        if frozen is not None:
            copy.new_array("frozen", frozen)
        written.append(copy)
    with write_whole(path) as aside, open_packed_text(aside, path.suffix) as handle:
        ase.io.write(handle, written, format="extxyz")


def _check_snapshot(atoms: Atoms, part: Part, where: str) -> None:
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell[:]).all()):
        raise InputFileError(f"{where}: positions or a cell that are not numbers. Drop the snapshot.")
    named = {"vel", "velo", "velocity", "velocities"} & set(atoms.arrays)
    if not atoms.has("momenta"):
        reason = (
            f"the column `{named.pop()}` has no unit that ASE knows; write `momenta` (Atoms.set_velocities, then "
            "ase.io.write)"
            if named
            else "take one that has them (extended XYZ with momenta, CONTCAR, LAMMPS dump with vx vy vz), or make the "
            "pool with `molgun equilibrate`"
        )
        raise InputFileError(f"{where}: no velocities. A pool's snapshots are thermal structures: {reason}.")
    momenta = atoms.get_momenta()
    if not np.isfinite(momenta).all() or (len(atoms) > 1 and not momenta.any()):
        raise InputFileError(
            f"{where}: the velocities are all zero or not numbers. A pool's snapshots are thermal structures; "
            "make them with `molgun equilibrate`."
        )
    if part == "slab" and atoms.cell.rank < 3:
        raise InputFileError(f"{where}: the slab has no cell. Give its periodic cell in the file.")


def _snapshot_ids(snapshots: Sequence[Atoms], path: Path) -> tuple[str, ...]:
    ids = tuple(str(atoms.info.get("snapshot", f"{number:05d}")) for number, atoms in enumerate(snapshots))
    for name in ids:
        if not _ID.fullmatch(name):
            raise InputFileError(
                f"{path}: the snapshot id {name!r} is not a plain name (letters, digits, dots, dashes, underscores; "
                "64 at most). Change `snapshot` in the file's header lines."
            )
    if len(set(ids)) != len(ids):
        raise InputFileError(f"{path}: snapshot ids stand twice. Change `snapshot` in the file's header lines.")
    return ids


def _recorded_runs(snapshots: Sequence[Atoms]) -> tuple[str, ...] | None:
    """The runs where every snapshot names its own; a few names among many say nothing of the others."""
    if all("run" in atoms.info for atoms in snapshots):
        return tuple(str(atoms.info["run"]) for atoms in snapshots)
    return None


def _recorded_frozen(snapshots: Sequence[Atoms], path: Path) -> BoolArray | None:
    masks = [_frozen_of(atoms) for atoms in snapshots]
    recorded = [mask for mask in masks if mask is not None]
    if not recorded:
        return None
    if len(recorded) != len(masks) or any(not np.array_equal(mask, recorded[0]) for mask in recorded):
        raise InputFileError(f"{path}: the snapshots disagree on which atoms are frozen. Use those of one protocol.")
    return recorded[0]


def _frozen_of(atoms: Atoms) -> BoolArray | None:
    if "frozen" in atoms.arrays:
        mask: BoolArray = np.asarray(atoms.arrays["frozen"]).astype(np.bool_)
        return mask
    fixed = [constraint for constraint in atoms.constraints if isinstance(constraint, FixAtoms)]
    if not fixed:
        return None
    mask = np.zeros(len(atoms), dtype=np.bool_)
    for constraint in fixed:
        mask[constraint.get_indices()] = True
    return mask
