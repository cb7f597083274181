"""ECCO on Si(001) at rest: relaxed with the example's model, of every class that this model was found a minimum of.

Molecules that bind twice (DB, SL-DB) were found broken only under it; whole ones are among the hand-made structures.
"""

import io
import lzma
from pathlib import Path

import ase.io
import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms

import molgun_lmp
from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.outcomes.classify import Classified
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.surface.clean_surface import find_surface

FILE = Path(__file__).with_name("relaxed.extxyz.xz")
"""Minima with no force above 0.02 eV/Å, found as `molgun analyse --quench` finds them: from ends of the demo, from the
example's frames, and from molecules set on the clean slab by hand."""
N_SLAB = 128
GROUPS = {"CY": (7, 8), "ET": (0, 1)}
CRITERIA = OutcomeCriteria()
ECCO = ase.io.read(Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001" / "ecco.xyz")
RELAXED: list[Atoms] = ase.io.read(io.StringIO(lzma.decompress(FILE.read_bytes()).decode()), ":", format="extxyz")


def classified(bound: Atoms) -> Classified:
    surface = find_surface(bound[:N_SLAB])
    symbols = ECCO.get_chemical_symbols()
    reference = MoleculeReference.find(symbols, ECCO.positions, GROUPS, surface.lattice, CRITERIA)
    limits = BondLimits.of(symbols, bound.get_chemical_symbols()[:N_SLAB], CRITERIA)
    bonds = limits.bonds(bound.positions[N_SLAB:], bound.positions[:N_SLAB], surface.lattice)
    return paper.classified(bonds, reference, surface, CRITERIA.max_fragments)


def by_distances(bound: Atoms) -> Mode | None:
    """The class by ASE's distances and the plainest of rules, with no code of this project."""
    apart = bound.get_all_distances(mic=True)
    numbers = bound.numbers
    silicon = np.flatnonzero(numbers == 14)
    sites = {
        name: sorted({int(s) for carbon in pair for s in silicon if apart[N_SLAB + carbon, s] < 2.3})
        for name, pair in GROUPS.items()
    }
    carbons = np.flatnonzero(numbers == 6)
    before = ECCO.get_all_distances()
    bonded = [(a, b) for a in carbons for b in carbons if a < b and before[a - N_SLAB, b - N_SLAB] < 1.7]
    if any(apart[a, b] > 2.12 for a, b in bonded):
        return paper.CC_BROKEN
    hydrogens = [atom for atom in np.flatnonzero(numbers == 1) if atom >= N_SLAB]
    if any(apart[h, carbons].min() > 1.7 for h in hydrogens):
        return paper.H_ABSTRACTION
    held = {name: atoms for name, atoms in sites.items() if atoms}
    if len(held) != 1:
        return paper.OTHER if held else None
    ((name, atoms),) = held.items()
    top = np.sort(bound.positions[silicon, 2])[-16:].min()
    if bound.positions[atoms, 2].min() < top - 0.3:
        return paper.SL
    if len(atoms) == 1:
        return paper.PC
    assert len(atoms) == 2
    dimer = apart[atoms[0], atoms[1]] < 2.8
    return {
        ("CY", True): paper.OT_CY, ("CY", False): paper.BR_CY, ("ET", True): paper.OT_ET, ("ET", False): paper.BR_ET,
    }[name, bool(dimer)]  # fmt: skip


def test_there_is_one_of_every_class_that_the_model_keeps() -> None:
    kept = {
        paper.CC_BROKEN, paper.H_ABSTRACTION, paper.SL, paper.OT_CY, paper.BR_CY, paper.OT_ET, paper.BR_ET, paper.PC,
        paper.OTHER, None,
    }  # fmt: skip
    assert {classified(bound).mode for bound in RELAXED} == kept
    broken = {classified(bound).detail for bound in RELAXED if classified(bound).mode == paper.CC_BROKEN}
    assert broken == {"bound as BR-ET", "bound as DB", "bound as SL-DB"}


@pytest.mark.parametrize("bound", RELAXED, ids=lambda bound: f"{bound.info['mode']} {bound.info['detail']}")
def test_a_relaxed_structure_has_its_class_however_it_is_described(bound: Atoms) -> None:
    assert bound.info["largest_force_ev_per_angstrom"] <= 0.02
    found = classified(bound)
    assert (found.mode or "unbound", found.detail or "-") == (bound.info["mode"], bound.info["detail"])
    assert found.mode is by_distances(bound)
    moved = bound.copy()
    moved.positions += (4.4, -7.3, 0.0)
    moved.wrap(pbc=(True, True, False))
    turned = bound.copy()
    turned.rotate(90, "z", rotate_cell=True)
    mirrored = bound.copy()
    mirrored.set_cell(bound.cell[:] * [-1, 1, 1])
    mirrored.positions *= [-1, 1, 1]
    for other in (moved, turned, mirrored):
        again = classified(other)
        assert (again.mode, again.detail) == (found.mode, found.detail)
