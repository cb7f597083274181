"""The molecule's part of a LAMMPS data file, read without the rest: the statistics look at thousands of them."""

from pathlib import Path

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import CampaignError
from molgun_lmp.units import MVV_TO_EV


def molecule_positions(file: Path, n_slab: int) -> FloatArray:
    """(n, 3) Å of the atoms after the first `n_slab` in a planned data file, in one piece. Raises `CampaignError`."""
    try:
        return _section(file.read_text(encoding="utf-8"), "Atoms")[n_slab:, 2:5]
    except (OSError, ValueError, IndexError) as error:
        raise CampaignError(f"cannot read {file}: {error}. Copy the campaign folder again.") from error


def centre_of_mass_energy_ev(file: Path, n_slab: int) -> float | None:
    """Kinetic energy of the centre of mass of the atoms after the first `n_slab`; None for a file that is missing or
    damaged: a run that failed left none, and nothing else depends on it."""
    try:
        text = file.read_text(encoding="utf-8")
        mass_of = dict(_section(text, "Masses")[:, :2].tolist())
        types = _section(text, "Atoms")[n_slab:, 1]
        velocities = _section(text, "Velocities")[n_slab:, 1:4]
        masses = np.array([mass_of[kind] for kind in types.tolist()])
    except (OSError, ValueError, IndexError, KeyError):
        return None
    if not len(masses) or len(masses) != len(velocities):
        return None
    momentum = masses @ velocities
    return float(MVV_TO_EV * (momentum @ momentum) / (2 * masses.sum()))


def _section(text: str, title: str) -> FloatArray:
    """The numbers of a section, one row a line, in the order of the ids that they begin with. The section ends at an
    empty line or the end of the file; comments are left out."""
    _, found, rest = text.partition(f"\n{title}")
    if not found:
        raise ValueError(f"no section {title}")
    body = rest.partition("\n\n")[2].partition("\n\n")[0]
    lines = body.splitlines()
    if "#" in body:
        lines = [line.partition("#")[0] for line in lines]
    numbers = np.array(" ".join(lines).split(), dtype=np.float64).reshape(len(lines), -1)
    ordered: FloatArray = numbers[np.argsort(numbers[:, 0], kind="stable")]
    return ordered
