"""The LAMMPS data file of one run: box, masses, positions and velocities to the last digit, written and read."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from ase.data import atomic_numbers

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import CampaignError
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.units import MVV_TO_EV

_TEXTS_KEPT: Final = 1024
"""As many snapshots as the pool of a long equilibration holds."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DataFile:
    """What a data file holds of its N atoms, in the order of their ids 1, 2, ..., N.

    `cell` (3, 3) Å, lower triangular; `symbols` N chemical symbols, or None where the file does not name its types (as
    those that LAMMPS writes); `masses_u` (N,) u; `positions` (N, 3) Å as they stand there, image flags not applied;
    `velocities` (N, 3) Å/ps, or None where there are none; `images` (N, 3): the image flags, None where there are none.
    """

    cell: FloatArray
    symbols: tuple[str, ...] | None
    masses_u: FloatArray
    positions: FloatArray
    velocities: FloatArray | None
    images: FloatArray | None = None

    @property
    def unwrapped(self) -> FloatArray:
        """(N, 3) Å: positions with the box crossings undone."""
        return self.positions if self.images is None else self.positions + self.images @ self.cell


def data_file(
    title: str,
    *,
    symbols: Sequence[str],
    positions: FloatArray,
    cell: FloatArray,
    types: AtomTypes,
    velocities: FloatArray | None = None,
    masses_u: FloatArray | None = None,
    n_shared: int = 0,
) -> str:
    """The text of a data file in metal units, atom style atomic (https://docs.lammps.org/read_data.html).

    `positions` (N, 3) Å, `velocities` (N, 3) Å/ps, `cell` (3, 3) Å lower triangular; `types` are 1, 2, ...
    `masses_u` (N,) tell the types of one element apart, which without them do not matter (as in a minimisation).
    Positions may lie outside the cell: LAMMPS wraps them and counts the images, so a molecule stays whole when
    unwrapped. Numbers read back as the very same doubles. What is written of the first `n_shared` atoms is kept for
    the next files that begin with the same atoms: many shots start from one snapshot of the slab.
    """
    kinds = types.numbers(symbols, masses_u)
    text = (
        f"{title}\n\n{len(kinds)} atoms\n{_box_and_masses(cell.tobytes(), types)}\n\nAtoms # atomic\n\n"
        f"{_kept_atom_lines(tuple(kinds[:n_shared]), positions[:n_shared].tobytes())}"
        f"{_atom_lines(kinds[n_shared:], positions[n_shared:], n_shared + 1)}"
    )
    if velocities is None:
        return text
    return (
        f"{text}\nVelocities\n\n{_kept_velocity_lines(velocities[:n_shared].tobytes())}"
        f"{_velocity_lines(velocities[n_shared:], n_shared + 1)}"
    )


@functools.lru_cache(maxsize=8)
def _box_and_masses(cell_bytes: bytes, types: AtomTypes) -> str:
    cell = np.frombuffer(cell_bytes).reshape(3, 3)
    box = [f"0.0 {float(cell[axis, axis])!r} {name}lo {name}hi" for axis, name in enumerate("xyz")]
    tilts = [float(cell[1, 0]), float(cell[2, 0]), float(cell[2, 1])]
    if np.any(tilts):
        box.append(f"{tilts[0]!r} {tilts[1]!r} {tilts[2]!r} xy xz yz")
    masses = enumerate(zip(*types, strict=True), start=1)
    lines = (f"{number} {mass!r} # {symbol}" for number, (symbol, mass) in masses)
    return "\n".join([f"{len(types.elements)} atom types", "", *box, "", "Masses", "", *lines])


@functools.lru_cache(maxsize=_TEXTS_KEPT)
def _kept_atom_lines(types: tuple[int, ...], positions: bytes) -> str:
    return _atom_lines(types, np.frombuffer(positions).reshape(-1, 3), 1)


@functools.lru_cache(maxsize=_TEXTS_KEPT)
def _kept_velocity_lines(velocities: bytes) -> str:
    return _velocity_lines(np.frombuffer(velocities).reshape(-1, 3), 1)


def _atom_lines(types: Sequence[int], positions: FloatArray, first: int) -> str:
    atoms = enumerate(zip(types, positions.tolist(), strict=True), start=first)
    return "".join([f"{number} {kind} {x!r} {y!r} {z!r} 0 0 0\n" for number, (kind, (x, y, z)) in atoms])


def _velocity_lines(velocities: FloatArray, first: int) -> str:
    rows = enumerate(velocities.tolist(), start=first)
    return "".join([f"{number} {x!r} {y!r} {z!r}\n" for number, (x, y, z) in rows])


def read_data(text: str) -> DataFile:
    """What the text of a data file holds: one of `data_file`, or one that LAMMPS's `write_data` left.

    Raises `ValueError`, which says what is missing or damaged.
    """
    atoms = _read_numbers(text, "Atoms", columns=5)
    velocities = _read_numbers(text, "Velocities", columns=4)[:, 1:4] if "\nVelocities" in text else None
    mass_of, symbol_of = _read_types(text)
    n_atoms, cell = _read_head(text.partition("\nMasses")[0])
    if n_atoms != len(atoms) or (velocities is not None and n_atoms != len(velocities)) or not text.endswith("\n"):
        raise ValueError(f"it is cut: it does not hold all of its {n_atoms} atoms")
    kinds = atoms[:, 1].tolist()
    if not set(kinds) <= mass_of.keys():
        raise ValueError("an atom is of a type without a mass")
    return DataFile(
        cell=cell,
        symbols=tuple([symbol_of[kind] for kind in kinds]) if symbol_of else None,
        masses_u=np.array([mass_of[kind] for kind in kinds]),
        positions=atoms[:, 2:5],
        velocities=velocities,
        images=atoms[:, 5:8] if atoms.shape[1] >= 8 else None,
    )


def molecule_positions(file: Path, n_slab: int) -> FloatArray:
    """(n, 3) Å of the atoms after the first `n_slab` in a planned data file, in one piece. Raises `CampaignError`."""
    try:
        return read_data(file.read_text(encoding="utf-8")).positions[n_slab:]
    except (OSError, ValueError) as error:
        raise CampaignError(f"cannot read {file}: {error}. Copy the campaign folder again.") from error


def centre_of_mass_energy_ev(file: Path, n_slab: int) -> float | None:
    """Kinetic energy of the centre of mass of the atoms after the first `n_slab`; None for a file that is missing or
    damaged: a run that failed left none, and nothing else depends on it."""
    try:
        data = read_data(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if data.velocities is None or len(data.masses_u) == n_slab:
        return None
    return translation_ev(data.masses_u[n_slab:], data.velocities[n_slab:])


def translation_ev(masses_u: FloatArray, velocities: FloatArray) -> float:
    """Kinetic energy in eV of the centre of mass of N atoms with velocities (N, 3) in Å/ps."""
    momentum = masses_u @ velocities
    return float(MVV_TO_EV * (momentum @ momentum) / (2 * masses_u.sum()))


def _read_head(head: str) -> tuple[int, FloatArray]:
    """The number of atoms, and the cell."""
    n_atoms, cell = None, np.full((3, 3), np.nan)
    cell[np.tril_indices(3, -1)] = cell[np.triu_indices(3, 1)] = 0.0
    for line in head.splitlines()[1:]:  # the first one is a title
        match line.split():
            case [number, "atoms"]:
                n_atoms = int(number)
            case [low, high, ("xlo" | "ylo" | "zlo") as name, _]:
                axis = "xyz".index(name[0])
                cell[axis, axis] = float(high) - float(low)
            case [xy, xz, yz, "xy", "xz", "yz"]:
                cell[1, 0], cell[2, 0], cell[2, 1] = float(xy), float(xz), float(yz)
    if n_atoms is None or not np.isfinite(cell).all():
        raise ValueError("it does not begin with a number of atoms and the box")
    return n_atoms, cell


def _read_types(text: str) -> tuple[dict[float, float], dict[float, str]]:
    """Type -> mass, and type -> chemical symbol where the comments behind the masses name all of them."""
    masses: dict[float, float] = {}
    symbols: dict[float, str] = {}
    for line in _section(text, "Masses"):
        numbers, _, comment = line.partition("#")
        kind, mass = (float(word) for word in numbers.split())
        masses[kind] = mass
        if comment.strip() in atomic_numbers:
            symbols[kind] = comment.strip()
    return masses, symbols if len(symbols) == len(masses) else {}


def _read_numbers(text: str, title: str, *, columns: int) -> FloatArray:
    """The numbers of a section, one row an atom, in the order of the ids that they begin with."""
    lines = [line.partition("#")[0] for line in _section(text, title)]
    numbers = np.array(" ".join(lines).split(), dtype=np.float64).reshape(len(lines), -1)
    if numbers.shape[1] < columns:
        raise ValueError(f"the section {title} is damaged")
    ordered: FloatArray = numbers[np.argsort(numbers[:, 0], kind="stable")]
    if not np.array_equal(ordered[:, 0], np.arange(1, len(ordered) + 1)):
        raise ValueError(f"the section {title} is damaged")
    if not np.isfinite(ordered).all():
        raise ValueError(f"a number in the section {title} is not finite")
    return ordered


def _section(text: str, title: str) -> list[str]:
    """The lines of a section, which ends at an empty line or the end of the file."""
    _, found, rest = text.partition(f"\n{title}")
    if not found:
        raise ValueError(f"no section {title}")
    return rest.partition("\n\n")[2].partition("\n\n")[0].splitlines()
