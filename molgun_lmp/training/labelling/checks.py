"""Whether a label counts: the sum of its forces, and what it was from another start."""

import numpy as np

from molgun_lmp.training.labelling.calculators import ComputedLabels
from molgun_lmp.training.labelling.settings import LabelChecks


def net_force_ev_per_angstrom(labels: ComputedLabels) -> float:
    """The length of the sum of all forces over the number of atoms.

    How it tells wrong forces in data sets of quantum chemistry: Kuryla et al., arXiv:2510.19774 (2025).
    """
    return float(np.linalg.norm(labels.forces.sum(axis=0)) / len(labels.forces))


def refusal(labels: ComputedLabels, checks: LabelChecks) -> str | None:
    """Why labels do not count; None where they do."""
    net, most = net_force_ev_per_angstrom(labels), checks.net_force_ev_per_angstrom
    if most is not None and net > most:
        return (
            f"the forces add up to {_mev(net)} meV/Å for each atom, more than {_mev(most)} "
            "(checks.net_force_ev_per_angstrom): a finer grid or a tighter convergence makes it less"
        )
    if labels.repeat is None:
        return None
    energy = labels.repeat.energy_ev / len(labels.forces)
    if abs(energy) > checks.repeat_energy_ev_per_atom:
        return (
            f"from another start the energy is {_mev(energy, sign=True)} meV for each atom away, more than "
            f"{_mev(checks.repeat_energy_ev_per_atom)} (checks.repeat_energy_ev_per_atom): there are two solutions"
        )
    force = labels.repeat.force_ev_per_angstrom
    if force > checks.repeat_force_ev_per_angstrom:
        return (
            f"from another start a force is {_mev(force)} meV/Å away, more than "
            f"{_mev(checks.repeat_force_ev_per_angstrom)} (checks.repeat_force_ev_per_angstrom): a tighter convergence "
            "makes it less, unless there are two solutions"
        )
    return None


def _mev(ev: float, *, sign: bool = False) -> str:
    return f"{1000.0 * ev:{'+' if sign else ''}.3g}"
