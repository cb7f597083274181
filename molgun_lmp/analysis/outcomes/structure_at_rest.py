"""The class of a structure at rest, such as the minimum below the end of a trajectory."""

from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.readers.trajectory import Frame


def class_of_minimum(frame: Frame, reference: Reference, criteria: OutcomeCriteria) -> tuple[Mode, str, str]:
    """Mode, detail and reason of a structure at rest, which has no history: a bond is one below its limit."""
    positions = frame.unwrapped
    molecule, slab = positions[reference.n_slab :], positions[: reference.n_slab]
    bonds = reference.limits.bonds(molecule, slab, reference.surface.lattice)
    found = reference.classify(bonds)
    if found.mode is not None:
        return found.mode, found.detail, found.reason
    nearest = float(bonds.surface_lengths.min())
    kind = Kind.NEAR if nearest < criteria.departed_angstrom else Kind.LEFT
    return reference.scheme.at_rest(kind), "", f"{found.reason}, closest atom {nearest:.2f} Å from it"
