"""Random forces of a deck that goes on from a checkpoint: LAMMPS keeps no state of their generator in restart files.

See https://docs.lammps.org/fix_langevin.html. With the seed in the deck each part of a trajectory would feel the noise
of the first one again, and its velocities and the noise would not be independent. So a deck makes its seed of the drawn
one and the step that it begins with; the same checkpoint once more gives the same seed, on every machine.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.config import Dynamics
from molgun_lmp.records import ResumedNoise

SEEDS: Final = 899_999_999
"""Seeds of a deck are 1, 2, ..., this, which every LAMMPS command accepts."""
_VARIABLE: Final = "variable noise_seed "
"""Of decks whose seed depends on the step."""


def resumed_noise(deck: Path, dynamics: Dynamics | None, resumed_at: Sequence[int]) -> ResumedNoise | None:
    """What noise a trajectory had after the steps at which it went on; None where none acts, or it never went on.

    Raises `OSError`.
    """
    if dynamics is None or not dynamics.random_forces or not resumed_at:
        return None
    lines = deck.read_text(encoding="utf-8").splitlines()
    return "fresh" if any(line.startswith(_VARIABLE) for line in lines) else "repeated"
