"""How a molecule alone keeps its energy at outer steps of many lengths: where impulses resonate, by trying.

Impulses that come each half, third, fourth or fifth of a stretch's period feed it, whatever is left of the force
(the third and the fourth: Q. Ma, J. A. Izaguirre, R. D. Skeel, SIAM J. Sci. Comput. 24, 1951 (2003)). How much, and in
which of the thermal molecules, no harmonic analysis says, and it may well be that a longer outer step does less than a
shorter one. So the pool's own snapshots fly by themselves in NVE.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet

from molgun_lmp.config.section import Section
from molgun_lmp.engine.ase_calculator import ForceModelCalculator
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.multistep import MultistepModel
from molgun_lmp.units import FS_PER_PS

_MEV_PER_EV: Final = 1e3
_ROUNDING: Final = 1e-9
_LIKE_THE_TIMESTEP: Final = 2.0
"""Times the largest excursion with the full model at each step."""


class KeptEnergy(Section):
    """One outer step: how far the total energy went from its start, over some molecules; meV."""

    outer_step_fs: float
    timestep_fs: float
    every: int
    """In these; 1: the full model alone."""
    median_mev: float | None
    largest_mev: float | None
    """None: a molecule came apart, or half of them did."""


class Flights(Section):
    """What `fly` found."""

    molecules: int
    duration_ps: float
    alone: KeptEnergy
    """The full model at each of the campaign's timesteps."""
    outer_steps: tuple[KeptEnergy, ...]

    @property
    def limit_mev(self) -> float | None:
        """The largest excursion that is about that of the full model alone; None where that came apart."""
        return None if self.alone.largest_mev is None else _LIKE_THE_TIMESTEP * self.alone.largest_mev

    @property
    def longest_fs(self) -> float | None:
        """Up to this outer step the energy was kept about as well as by the full model alone; None where it never was.

        One beyond a resonance does not count: the next molecule's stretch may be there.
        """
        limit, longest = self.limit_mev, None
        for step in sorted(self.outer_steps, key=lambda one: one.outer_step_fs):
            if limit is None or step.largest_mev is None or step.largest_mev > limit:
                break
            longest = step.outer_step_fs
        return longest


def fly(
    full: ForceModel,
    inner: ForceModel,
    molecules: Sequence[Atoms],
    *,
    timestep_fs: float,
    outer_steps_fs: Sequence[float],
    duration_ps: float,
    advance: Callable[[int], None] = lambda _: None,
) -> Flights:
    """Fly molecules with momenta at each outer step, by the longest timestep that divides it and is not above
    `timestep_fs`.

    `advance` is called with the number of flights that were flown. Raises what the models raise.
    """
    flown = 0

    def kept(every: int, timestep: float) -> KeptEnergy:
        nonlocal flown
        model = full if every == 1 else MultistepModel(full, inner, every=every)
        found = []
        for atoms in molecules:
            found.append(_excursion_ev(model, atoms, every=every, timestep_fs=timestep, duration_ps=duration_ps))
            flown += 1
            advance(flown)
        return KeptEnergy(
            outer_step_fs=every * timestep,
            timestep_fs=timestep,
            every=every,
            median_mev=_mev(statistics.median(found)),
            largest_mev=_mev(max(found)),
        )

    alone = kept(1, timestep_fs)
    steps = []
    for outer in outer_steps_fs:
        every = max(2, math.ceil(outer / timestep_fs - _ROUNDING))
        steps.append(kept(every, outer / every))
    return Flights(molecules=len(molecules), duration_ps=duration_ps, alone=alone, outer_steps=tuple(steps))


def _mev(energy_ev: float) -> float | None:
    return _MEV_PER_EV * energy_ev if np.isfinite(energy_ev) else None


def _excursion_ev(model: ForceModel, atoms: Atoms, *, every: int, timestep_fs: float, duration_ps: float) -> float:
    """The largest distance of the total energy at outer steps from that at the start."""
    flying = atoms.copy()
    flying.calc = ForceModelCalculator(model)
    dynamics = VelocityVerlet(flying, timestep=timestep_fs * units.fs)
    energies = [flying.get_total_energy()]
    for _ in range(round(duration_ps * FS_PER_PS / (every * timestep_fs))):
        dynamics.run(every)
        energies.append(flying.get_total_energy())
        if not np.isfinite(energies[-1]):
            return math.inf
    return float(np.abs(np.array(energies) - energies[0]).max())
