"""Hand-made structures of every outcome class on a built Si(001) slab, and the changes that must not matter to them.

The molecule of the cases: two triple bonds (0, 1) = CY and (2, 3) = ET, and a C-H (4, 5), held together by nothing, so
that each part can be put anywhere.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import paper_classes as paper
from ase import Atoms

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.outcomes.classify import Classified
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria, Si001Start
from molgun_lmp.gun.builders import build_si001
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.surface.clean_surface import Surface, find_surface
from molgun_lmp.surface.minimum_image import MinimumImage

CRITERIA = OutcomeCriteria()
GROUPS: Mapping[str, tuple[int, int]] = {"CY": (0, 1), "ET": (2, 3)}
SYMBOLS = ("C", "C", "C", "C", "C", "H")
FREE = np.array([[0, 0, 14.0], [1.2, 0, 14.0], [0, 4, 14.0], [1.2, 4, 14.0], [0, 8, 14.0], [1.09, 8, 14.0]])
FREE.setflags(write=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A slab of n atoms, the six molecule atoms over it, and which molecule atoms the groups are."""

    slab: Atoms
    molecule: FloatArray
    symbols: tuple[str, ...] = SYMBOLS
    groups: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=lambda: GROUPS)

    def classify(self, scheme: OutcomeScheme = paper.SCHEME) -> Classified:
        """The class by the code under test."""
        surface = find_surface(self.slab)
        limits = BondLimits.of(self.symbols, self.slab.get_chemical_symbols(), CRITERIA)
        bonds = limits.bonds(self.molecule, self.slab.positions, surface.lattice)
        return paper.classified(bonds, reference_of(self, surface), surface, CRITERIA.max_fragments, scheme)


def reference_of(case: Case, surface: Surface) -> MoleculeReference:
    """The intact molecule of a case: each group's atoms bonded, and the C-H."""
    bonded = np.zeros((6, 6), dtype=bool)
    rest = [atom for atom in range(6) if not any(atom in pair for pair in case.groups.values())]
    for first, second in (*case.groups.values(), rest):
        bonded[first, second] = bonded[second, first] = True
    return MoleculeReference(symbols=case.symbols, bonded=bonded, groups=case.groups)


SLAB = build_si001(Si001Start(kind="si001", size=(4, 4), reconstruction="p(2x2)"))
SURFACE = find_surface(SLAB)


def dimer_end(row: int, place: int, side: int) -> int:
    """The slab atom at one end (side 0 or 1) of the dimer at a place (0..3, along x) of a row (0 or 1, along y)."""
    members = np.flatnonzero(SLAB.arrays["dimer"] == 4 * row + place)
    return int(members[np.argsort(SLAB.positions[members, 1])[side]])


def over(first: int, second: int, length: float = 1.95) -> FloatArray:
    """(2, 3) Å: two carbons at most 2 Å apart above two slab atoms, each `length` from its own."""
    lattice = MinimumImage.of_cell(SLAB.cell[:])
    start = SLAB.positions[first]
    between = lattice.shortest(SLAB.positions[second] - start)
    distance = float(np.linalg.norm(between))
    along = between / distance
    up = np.array([0.0, 0.0, 1.0]) - along[2] * along
    up /= np.linalg.norm(up)
    apart = min(2.0, max(1.35, distance - 2.4))
    rise = np.sqrt(length**2 - ((distance - apart) / 2) ** 2)
    middle = start + between / 2 + rise * up
    return np.array([middle - along * apart / 2, middle + along * apart / 2])


def above(atom: int, length: float = 1.95) -> FloatArray:
    """(2, 3) Å: two carbons upright above one slab atom."""
    carbons: FloatArray = SLAB.positions[atom] + np.array([[0, 0, length], [0, 0, length + 1.3]])
    return carbons


def astride(atom: int) -> FloatArray:
    """(2, 3) Å: two carbons side by side above one slab atom."""
    carbons: FloatArray = SLAB.positions[atom] + np.array([[-0.65, 0, 1.9], [0.65, 0, 1.9]])
    return carbons


def second_layer(row: int) -> FloatArray:
    """(2, 3) Å: two carbons upright above a second-layer atom in the trough beside a row."""
    layer = np.flatnonzero(SLAB.arrays["layer"] == 1)
    ends = SLAB.positions[[dimer_end(row, 0, 1), dimer_end(1 - row, 0, 0)]]
    middle_y = ends[0, 1] + ((ends[1, 1] - ends[0, 1]) % SLAB.cell[1, 1]) / 2
    offsets = (SLAB.positions[layer, 1] - middle_y + SLAB.cell[1, 1] / 2) % SLAB.cell[1, 1] - SLAB.cell[1, 1] / 2
    return above(int(layer[np.argmin(np.abs(offsets))]), 2.0)


def molecule(cy: FloatArray | None = None, et: FloatArray | None = None, ch: FloatArray | None = None) -> FloatArray:
    """The six atoms with some parts put on the surface and the others left high above it."""
    positions = FREE.copy()
    positions[:, 2] += SURFACE.plane_z
    for part, place in ((slice(0, 2), cy), (slice(2, 4), et), (slice(4, 6), ch)):
        if place is not None:
            positions[part] = place
    return positions


A, B = dimer_end(0, 0, 0), dimer_end(0, 0, 1)  # one dimer
NEXT_SAME, NEXT_OTHER = dimer_end(0, 1, 0), dimer_end(0, 1, 1)  # its neighbour in the row
AROUND = dimer_end(0, 3, 0)  # its neighbour through the cell's boundary
FAR, FAR_MATE = dimer_end(1, 2, 0), dimer_end(1, 2, 1)  # another row

CASES: Mapping[str, tuple[FloatArray, Mode | None, str]] = {
    "OT-CY": (molecule(cy=over(A, B)), paper.OT_CY, ""),
    "BR-CY": (molecule(cy=over(A, NEXT_SAME)), paper.BR_CY, ""),
    "BR-CY around": (molecule(cy=over(A, AROUND)), paper.BR_CY, ""),
    "OT-ET": (molecule(et=over(B, A)), paper.OT_ET, ""),
    "BR-ET": (molecule(et=over(B, NEXT_OTHER)), paper.BR_ET, ""),
    "PC one carbon": (molecule(cy=above(A)), paper.PC, "CY"),
    "PC both carbons": (molecule(et=astride(A)), paper.PC, "ET"),
    "DB": (molecule(cy=over(A, B), et=over(FAR, FAR_MATE)), paper.DB, "CY on-top, ET on-top"),
    "SL": (molecule(cy=second_layer(0)), paper.SL, "layer 2"),
    "SL-DB": (molecule(cy=second_layer(0), et=over(FAR, FAR_MATE)), paper.SL_DB, "layer 2"),
    "both dative": (molecule(cy=above(A), et=above(FAR)), paper.OTHER, "both dative"),
    "mixed": (molecule(cy=over(A, B), et=above(FAR)), paper.OTHER, "reacted + dative"),
    "diagonal": (molecule(cy=over(A, NEXT_OTHER, length=2.15)), paper.OTHER, "CY reacted diagonal"),
    "across rows": (molecule(cy=over(B, dimer_end(1, 0, 0), length=2.2)), paper.OTHER, "CY reacted across rows"),
    "other carbon": (molecule(ch=above(A)), paper.OTHER, "bound by C4"),
    "unbound": (molecule(), None, ""),
}
"""Name -> positions, class, detail."""


def rotated(case: Case, degrees: float) -> Case:
    """Turned about z together with its cell."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    slab = case.slab.copy()
    slab.set_cell(slab.cell[:] @ turn)
    slab.positions = case.slab.positions @ turn
    return dataclasses.replace(case, slab=slab, molecule=case.molecule @ turn)


def shifted(case: Case, vector: tuple[float, float, float]) -> Case:
    """Moved, every atom put back into the cell (for a slab that straddles its floor, the lowest atoms at the top)."""
    slab = case.slab.copy()
    slab.positions += vector
    slab.wrap()
    atoms = Atoms("C5H", positions=case.molecule + vector, cell=slab.cell, pbc=[True, True, False])
    atoms.wrap()
    return dataclasses.replace(case, slab=slab, molecule=np.array(atoms.positions))


def relabelled(case: Case, seed: int) -> Case:
    """Slab and molecule atoms in another order, the groups renamed with them."""
    rng = np.random.default_rng(seed)
    of_slab, of_molecule = rng.permutation(len(case.slab)), rng.permutation(6)
    new = np.argsort(of_molecule)
    return Case(
        slab=case.slab[of_slab],
        molecule=case.molecule[of_molecule],
        symbols=tuple(case.symbols[index] for index in of_molecule),
        groups={name: (int(new[a]), int(new[b])) for name, (a, b) in case.groups.items()},
    )


def mirrored(case: Case) -> Case:
    """Seen in a mirror across x, in a left-handed cell."""
    slab = case.slab.copy()
    slab.set_cell(slab.cell[:] * [-1, 1, 1])
    slab.positions = case.slab.positions * [-1, 1, 1]
    return dataclasses.replace(case, slab=slab, molecule=case.molecule * [-1, 1, 1])


def skewed(case: Case) -> Case:
    """The same crystal described by a strongly skewed in-plane cell."""
    slab = case.slab.copy()
    cell = slab.cell[:].copy()
    cell[1] += 2 * cell[0]
    slab.set_cell(cell)
    return dataclasses.replace(case, slab=slab)


CHANGES: Mapping[str, Callable[[Case], Case]] = {
    "as built": lambda case: case,
    "rotated by 90": lambda case: rotated(case, 90),
    "rotated by 180": lambda case: rotated(case, 180),
    "rotated by 37": lambda case: rotated(case, 37),
    "shifted in the plane": lambda case: shifted(case, (5.3, -9.1, 0.0)),
    "shifted through the floor": lambda case: shifted(case, (0.0, 0.0, -4.0)),
    "relabelled": lambda case: relabelled(case, 0),
    "mirrored": mirrored,
    "skewed": skewed,
    "all of it": lambda case: relabelled(shifted(skewed(mirrored(rotated(case, 90))), (3.0, 2.0, 0.0)), 1),
}
"""What must not change any class."""
