"""The class of a structure at rest, such as the minimum below the end of a trajectory."""

from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.readers.trajectory import Frame


def class_of_minimum(
    frame: Frame, reference: Reference, criteria: OutcomeCriteria, *, others: FloatArray | None = None
) -> tuple[Mode, str, str]:
    """Mode, detail and reason of a structure at rest, which has no history: a bond is one below its limit.

    `others` (k, 3) Å: atoms of other molecules, which it may be near as well as the slab.
    """
    positions = frame.unwrapped
    molecule, slab = positions[reference.n_slab :], positions[: reference.n_slab]
    bonds = reference.limits.bonds(molecule, slab, reference.surface.lattice)
    found = reference.classify(bonds)
    if found.mode is not None:
        return found.mode, found.detail, found.reason
    nearest, what = float(bonds.surface_lengths.min()), "it"
    if others is not None and len(others):
        beside = float(reference.surface.lattice.distances(molecule, others).min())
        nearest, what = min((nearest, what), (beside, "another molecule"))
    kind = Kind.NEAR if nearest < criteria.departed_angstrom else Kind.LEFT
    return reference.scheme.at_rest(kind), "", f"{found.reason}, closest atom {nearest:.2f} Å from {what}"
