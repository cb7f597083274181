"""Is what an equilibration left what was asked for? Warm as its protocol says, still the structure that was started
from, and worth more than a few independent snapshots."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import BoolArray
from molgun_lmp.config import Equilibration
from molgun_lmp.errors import ConfigError, GeometryError
from molgun_lmp.gun.cell import heights_above_bottom
from molgun_lmp.gun.equilibration_output import EquilibrationStats
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import frozen_mask
from molgun_lmp.surface.minimum_image import MinimumImage

_SIGMAS: Final = 4.0
"""Chance leaves one pool in 16,000 so far off."""
_INTEGRATION: Final = 0.03
"""Of the temperature: what a long timestep may shift it by."""
_LEFT_ITS_PLACE: Final = 0.5
"""Of the distance of nearest neighbours: buckling, dimerisation and heat move an atom by less."""
_LEAST_WAY_ANGSTROM: Final = 1.2
"""A sheet ripples by that, however short its bonds."""
_MAY_WANDER: Final = 0.1
"""Of the mobile atoms: single ones may move on a surface."""
FEW_SNAPSHOTS: Final = 10.0
"""Below this many independent snapshots intervals over them are vague."""


def temperature_fault(runs: Sequence[EquilibrationStats], settings: Equilibration, freedom: int) -> str:
    """Why the mean kinetic temperature of some runs is not the protocol's, or nothing.

    Its error is that of the runs, and no less than that of `freedom` degrees of freedom in the canonical ensemble
    (variance 2 T^2 / freedom) which a Langevin thermostat lets forget in twice its damping time.
    """
    asked = settings.temperature_k
    mean = float(np.mean([run.mean_temperature_k for run in runs]))
    length = settings.duration_ps - settings.burn_in_ps
    most_independent = max(1.0, len(runs) * length / (2.0 * settings.damping_ps))
    least = asked * math.sqrt(2.0 / (max(1, freedom) * most_independent))
    error = max(least, math.sqrt(sum(run.temperature_error_k**2 for run in runs)) / len(runs))
    if abs(mean - asked) <= _SIGMAS * error + _INTEGRATION * asked:
        return ""
    return (
        f"its mean temperature is {mean:.0f} ± {error:.0f} K, and {asked:g} K was asked for: heat was still being set "
        "free or taken up (a longer burn_in_ps), or the timestep is too long, or the forces are not conserved"
    )


def slab_fault(start: Atoms, runs: Sequence[Sequence[Atoms]], held: BoolArray, frozen_layers: int) -> str:
    """Why a slab is not the one that was started from any more, or nothing; `held` (N,) are the atoms of its frozen
    layers.

    Its atoms have left their places, its surface cannot be found, or its layers are others, so that the dynamics would
    hold other atoms than the equilibration did.
    """
    lattice = MinimumImage.of_cell(runs[0][0].cell[:])
    began = start.positions.copy()
    began[:, 2] = heights_above_bottom(began[:, 2], float(start.cell[2, 2]))
    distances = lattice.distances(began, began)
    np.fill_diagonal(distances, np.inf)
    limit = max(_LEAST_WAY_ANGSTROM, _LEFT_ITS_PLACE * float(np.median(distances.min(axis=1))))
    for number, run in enumerate(runs):
        moved = lattice.shortest(run[-1].positions - began)
        moved -= np.median(moved, axis=0)
        wandered = int(np.count_nonzero(np.linalg.norm(moved[~held], axis=1) > limit))
        mobile = int(np.count_nonzero(~held))
        if wandered > max(1.0, _MAY_WANDER * mobile):
            return (
                f"in run {number} {wandered} of {mobile} mobile atoms are farther than {limit:.1f} Å from where they "
                "began: the slab has melted, collapsed or come apart. Is the potential good for this structure, and "
                "the lattice constant its own?"
            )
    first = runs[0][0]
    steps = np.array([atoms.positions - first.positions for run in runs for atoms in run])
    mean = Atoms(first.numbers, positions=first.positions + lattice.shortest(steps).mean(axis=0), cell=first.cell)
    try:
        before, after = find_surface(start), find_surface(mean)
        same = after.n_layers == before.n_layers and np.array_equal(frozen_mask(mean, after, frozen_layers), held)
    except (GeometryError, ConfigError) as error:
        return f"its surface is not found any more: {error}"
    if same or not held.any():
        return ""
    return (
        f"it has {after.n_layers} layers, and {before.n_layers} at the start: its frozen layers would be other atoms "
        "in the dynamics. Start from a relaxed slab, or freeze so many layers that those above them keep their places"
    )


def few_snapshots(runs: Sequence[EquilibrationStats], written: int) -> str:
    """What is said of a pool whose snapshots are worth few independent ones, or nothing."""
    worth = sum(min(run.independent_snapshots, written / len(runs)) for run in runs)
    if worth >= FEW_SNAPSHOTS:
        return ""
    return (
        f"The {written} snapshots are worth {worth:.1f} independent ones, by the memory of the energy: too few to know "
        "anything well. Longer or more runs (system.equilibration) make them more."
    )
