"""The molecule's part of a LAMMPS data file, read without the rest: the statistics look at thousands of them."""

from pathlib import Path

import numpy as np

from molgun_lmp.errors import CampaignError
from molgun_lmp.records import FloatArray
from molgun_lmp.units import MVV_TO_EV


def molecule_positions(file: Path, n_slab: int) -> FloatArray:
    """(n, 3) Å of the atoms after the first `n_slab` in a planned data file, in one piece. Raises `CampaignError`."""
    try:
        rows = _section(file.read_text(encoding="utf-8"), "Atoms")
        return _ordered(rows)[n_slab:, 2:5]
    except (OSError, ValueError, IndexError) as error:
        raise CampaignError(f"cannot read {file}: {error}. Copy the campaign folder again.") from error


def centre_of_mass_energy_ev(file: Path, n_slab: int) -> float | None:
    """Kinetic energy of the centre of mass of the atoms after the first `n_slab`; None for a file that is missing or
    damaged: a run that failed left none, and nothing else depends on it."""
    try:
        text = file.read_text(encoding="utf-8")
        mass_of = {int(row[0]): float(row[1]) for row in _section(text, "Masses")}
        types = _ordered(_section(text, "Atoms"))[n_slab:, 1]
        velocities = _ordered(_section(text, "Velocities"))[n_slab:, 1:4]
    except (OSError, ValueError, IndexError):
        return None
    masses = np.array([mass_of[int(kind)] for kind in types])
    if not len(masses) or len(masses) != len(velocities):
        return None
    momentum = masses @ velocities
    return float(MVV_TO_EV * (momentum @ momentum) / (2 * masses.sum()))


def _section(text: str, title: str) -> list[list[str]]:
    """The rows of a section, which ends at an empty line or the end of the file."""
    _, found, rest = text.partition(f"\n{title}")
    if not found:
        raise ValueError(f"no section {title}")
    body = rest.partition("\n\n")[2].partition("\n\n")[0]
    return [line.split("#")[0].split() for line in body.splitlines()]


def _ordered(rows: list[list[str]]) -> FloatArray:
    """The rows as numbers in the order of their ids."""
    numbers = np.array(rows, dtype=np.float64)
    ordered: FloatArray = numbers[np.argsort(numbers[:, 0], kind="stable")]
    return ordered
