"""Was the total energy conserved? A trajectory's own drift and excursion, from its thermo output."""

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import Dynamics
from molgun_lmp.records import EnergyRecord

_LEAST_LINES = 3


def energy_record(time_ps: FloatArray, total_energy_ev: FloatArray, n_atoms: int, dynamics: Dynamics) -> EnergyRecord:
    """Conservation of the total energy (T,) eV at the times (T,) ps, per atom of all N atoms.

    The drift is the slope of the least-squares line; an ensemble that exchanges heat has none, nor do fewer than three
    values. A drift is flagged where the line rises or falls by twice what the values scatter about it: a run of a few
    vibrations has a slope that means nothing. A total energy that is not a number is flagged.
    """
    conserves = dynamics.ensemble == "nve" and dynamics.bath is None
    if not conserves or len(time_ps) == 0:
        return EnergyRecord(drift_ev_per_atom_per_ps=None, excursion_ev_per_atom=None, flagged=False)
    per_atom = np.asarray(total_energy_ev, dtype=np.float64) / n_atoms
    if not np.isfinite(per_atom).all():
        return EnergyRecord(drift_ev_per_atom_per_ps=None, excursion_ev_per_atom=None, flagged=True)
    change = per_atom - per_atom[0]
    excursion = float(np.abs(change).max())
    drift, significant = None, False
    if len(change) >= _LEAST_LINES:
        centred = time_ps - np.mean(time_ps)
        drift = float(centred @ change / (centred @ centred))
        scatter = float(np.ptp(change - drift * centred))
        significant = abs(drift) * float(np.ptp(time_ps)) > 2.0 * scatter
    flagged = excursion > dynamics.max_excursion_ev_per_atom or (
        drift is not None and significant and abs(drift) > dynamics.max_drift_ev_per_atom_per_ps
    )
    return EnergyRecord(drift_ev_per_atom_per_ps=drift, excursion_ev_per_atom=excursion, flagged=flagged)
