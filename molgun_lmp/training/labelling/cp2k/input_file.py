"""A structure as CP2K's input (https://manual.cp2k.org/cp2k-2023_1-branch)."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ConfigError
from molgun_lmp.rendering import render
from molgun_lmp.surface.widest_gap import widest_gap
from molgun_lmp.training.labelling.cp2k.atomic_data import ElementKind
from molgun_lmp.training.labelling.cp2k.settings import STEPS_PER_PRECONDITIONER, Cp2kSettings

Guess = Literal["ATOMIC", "RANDOM"]
"""Which electrons the self-consistent field begins with: those of the atoms, or random ones."""

_LEAST_VACUUM_ANGSTROM: Final = 6.0
"""Below it the orbitals of a slab and of its image overlap."""


def input_text(atoms: Atoms, kinds: Sequence[ElementKind], settings: Cp2kSettings, guess: Guess) -> str:
    """The input of one structure. Raises `ConfigError` for a structure that cannot be computed with these settings."""
    cell, positions = placed(atoms, settings)
    multiplicity, unrestricted = _spin(atoms, kinds, settings)
    return render(
        "cp2k/label.inp.j2",
        {
            "basis_file": settings.basis_file,
            "potential_file": settings.potential_file,
            "charge": settings.charge,
            "multiplicity": multiplicity,
            "unrestricted": unrestricted,
            "cutoff_ry": settings.cutoff_ry,
            "relative_cutoff_ry": settings.relative_cutoff_ry,
            "periodic": settings.periodic.upper(),
            # Martyna and Tuckerman, not CP2K's ANALYTIC, which leaves a slab's dipole among its images.
            "poisson_solver": "PERIODIC" if settings.periodic == "xyz" else "MT",
            "dispersion": settings.dispersion,
            "guess": guess,
            "scf_accuracy": settings.scf_accuracy,
            "steps": STEPS_PER_PRECONDITIONER,
            "preconditioners": settings.scf_steps // STEPS_PER_PRECONDITIONER,
            "cell": [_words(vector) for vector in cell],
            "atoms": [(symbol, _words(place)) for symbol, place in zip(atoms.symbols, positions, strict=True)],
            "kinds": kinds,
        },
    )


def placed(atoms: Atoms, settings: Cp2kSettings) -> tuple[FloatArray, FloatArray]:
    """Cell (3, 3) and positions (N, 3) in Å as they are computed. Raises `ConfigError` where they cannot be.

    With a height of its own, or without images along the third vector, the cell's third vector is along z and the atoms
    are in its middle, whichever way the structure's file has wrapped them.
    """
    cell = np.array(atoms.cell.array, dtype=float)
    if abs(np.linalg.det(cell)) < 1e-6:
        raise ConfigError("the structure has no cell in three directions: give it one, with room about the molecule")
    if settings.height_angstrom is None and settings.periodic == "xyz":
        return cell, atoms.positions
    if np.abs(cell[:2, 2]).max() > 1e-6 or np.abs(cell[2, :2]).max() > 1e-6:
        raise ConfigError("`height_angstrom` and `periodic: xy` are for cells whose third vector alone is along z")
    heights = atoms.positions[:, 2]
    gap = widest_gap(heights, float(cell[2, 2]))
    extent = float(cell[2, 2]) - gap.width
    height = settings.height_angstrom or float(cell[2, 2])
    # Martyna and Tuckerman, J. Chem. Phys. 110, 2810 (1999): right for pairs within half the height.
    least = max(2.0 * extent if settings.periodic == "xy" else 0.0, extent + _LEAST_VACUUM_ANGSTROM)
    if height < least:
        raise ConfigError(
            f"the cell is {height:.2f} Å high and the atoms reach over {extent:.2f}: `periodic: {settings.periodic}` "
            f"needs {least:.2f}. Name a larger `height_angstrom`"
        )
    positions = np.array(atoms.positions, dtype=float)
    positions[:, 2] = (heights - gap.above) % float(cell[2, 2]) + (height - extent) / 2.0
    return np.array([cell[0], cell[1], [0.0, 0.0, height]]), positions


def _spin(atoms: Atoms, kinds: Sequence[ElementKind], settings: Cp2kSettings) -> tuple[int, bool]:
    valence = {kind.symbol: kind.electrons for kind in kinds}
    electrons = sum(valence[symbol] for symbol in atoms.symbols) - settings.charge
    if settings.multiplicity is None:
        return 1 + electrons % 2, electrons % 2 == 1
    if (electrons - settings.multiplicity) % 2 == 0 or settings.multiplicity > electrons + 1:
        raise ConfigError(f"{electrons} valence electrons have no multiplicity of {settings.multiplicity}")
    return settings.multiplicity, True


def _words(vector: FloatArray) -> str:
    return " ".join(f"{float(number):.10f}" for number in vector)
