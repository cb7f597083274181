"""Every outcome class on hand-made structures, and what must not change it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import paper_classes as paper
import pytest
from adsorption_cases import (
    CASES,
    CHANGES,
    CRITERIA,
    GROUPS,
    NEXT_OTHER,
    NEXT_SAME,
    SLAB,
    SURFACE,
    SYMBOLS,
    A,
    B,
    Case,
    dimer_end,
    molecule,
    reference_of,
)
from ase.build import bcc110, fcc100, fcc111, hcp0001
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from molgun_lmp.analysis.outcomes.bonds import BondLimits, Bonds
from molgun_lmp.analysis.outcomes.classify import Classified
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import ConfigError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_words import AtomSite, SurfaceSite
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.sites import atom_site, pieces_of, site_of

# A propyne-like chain: C0-C1-C2 along x with a group C0, C1; H3 on C2, H4 on C0.
CHAIN = ("C", "C", "C", "H", "H")
CHAIN_POSITIONS = np.array([[0, 0, 0], [1.2, 0, 0], [2.65, 0, 0], [3.74, 0, 0], [-1.06, 0, 0]], dtype=np.float64)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", CASES)
def test_class_of_each_structure_whatever_its_description(name: str, change: str) -> None:
    positions, mode, _ = CASES[name]
    found = CHANGES[change](Case(slab=SLAB, molecule=positions)).classify()
    assert found.mode == mode
    assert found.bound == (mode is not None)


@pytest.mark.parametrize("name", CASES)
def test_detail_names_the_variant(name: str) -> None:
    positions, _, detail = CASES[name]
    assert Case(slab=SLAB, molecule=positions).classify().detail == detail


def test_reason_carries_lengths_and_layers() -> None:
    reason = Case(slab=SLAB, molecule=CASES["OT-CY"][0]).classify().reason
    assert reason == (
        f"CY reacted on-top; ET free: C0 to slab atom {A} (1.95 Å, layer 1), C1 to slab atom {B} (1.95 Å, layer 1)"
    )


def test_sites_by_hand() -> None:
    second_next = dimer_end(0, 2, 0)
    assert site_of(SURFACE, A, B) is SurfaceSite.ON_TOP
    assert site_of(SURFACE, A, NEXT_SAME) is SurfaceSite.BRIDGE
    assert site_of(SURFACE, A, NEXT_OTHER) is SurfaceSite.DIAGONAL
    assert site_of(SURFACE, A, second_next) is SurfaceSite.ALONG_ROW
    assert site_of(SURFACE, A, dimer_end(1, 0, 0)) is SurfaceSite.ACROSS_ROWS
    assert site_of(SURFACE, A, int(np.flatnonzero(SURFACE.layer == 1)[0])) is SurfaceSite.NO_DIMER


def to_surface(*pairs: tuple[int, int]) -> BoolArray:
    bonds = np.zeros((6, len(SLAB)), dtype=bool)
    for atom, partner in pairs:
        bonds[atom, partner] = True
    return bonds


def by_bonds(surface_bonds: BoolArray, groups: dict[str, tuple[int, int]] | None = None) -> Classified:
    """The class of an intact molecule by its bonds to the slab alone."""
    reference = reference_of(Case(slab=SLAB, molecule=molecule()), SURFACE)
    if groups is not None:
        reference = dataclasses.replace(reference, groups=groups)
    bonds = Bonds(
        molecule=reference.bonded,
        surface=surface_bonds,
        lengths=np.full((6, 6), 1.4),
        surface_lengths=np.full((6, len(SLAB)), 1.9),
    )
    return paper.classified(bonds, reference, SURFACE, CRITERIA.max_fragments)


def test_third_bond_of_a_group_leaves_the_most_specific_site() -> None:
    assert by_bonds(to_surface((0, A), (0, NEXT_SAME), (1, B))).mode == paper.OT_CY
    assert by_bonds(to_surface((0, A), (1, NEXT_OTHER), (1, NEXT_SAME))).mode == paper.BR_CY


def test_both_atoms_on_one_slab_atom_and_one_on_another_has_reacted() -> None:
    assert by_bonds(to_surface((0, A), (1, A), (1, B))).mode == paper.OT_CY


def test_one_atom_on_two_slab_atoms_is_neither_reacted_nor_dative() -> None:
    found = by_bonds(to_surface((0, A), (0, B)))
    assert (found.mode, found.detail) == (paper.OTHER, "CY bound by one atom to several")


def test_bond_of_another_carbon_besides_a_group_changes_no_class() -> None:
    found = by_bonds(to_surface((0, A), (1, B), (4, dimer_end(1, 2, 0))))
    assert found.mode == paper.OT_CY
    assert "C4 to slab atom" in found.reason


def test_hydrogen_on_its_carbon_does_not_hold_the_molecule() -> None:
    found = by_bonds(to_surface((5, A)))
    assert (found.mode, found.bound) == (None, False)


def test_sublayer_is_named_by_the_deepest_layer() -> None:
    third = int(np.flatnonzero(SURFACE.layer == 2)[0])
    assert by_bonds(to_surface((0, third), (2, A))).detail == "layer 3"


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"CY": (0, 1)}, (paper.OT_CY, "")),
        ({}, (paper.OTHER, "bound by C0, C1")),
        ({"alkyne": (0, 1)}, (paper.OTHER, "alkyne reacted on-top")),
    ],
)
def test_groups_of_other_molecules(groups: dict[str, tuple[int, int]], expected: tuple[Mode, str]) -> None:
    found = by_bonds(to_surface((0, A), (1, B)), groups)
    assert (found.mode, found.detail) == expected


def test_three_groups_reacted_and_dative_are_told_apart() -> None:
    three = {**GROUPS, "third": (4, 5)}
    two_reacted = to_surface((0, A), (1, B), (2, dimer_end(1, 2, 0)), (3, dimer_end(1, 2, 1)))
    assert by_bonds(two_reacted, three).mode == paper.DB
    assert by_bonds(two_reacted | to_surface((4, dimer_end(1, 0, 0))), three).detail == "reacted + dative"


def chain_on_slab(positions: FloatArray, height: float = 15.0, max_fragments: int = 3) -> Classified:
    limits = BondLimits.of(CHAIN, SLAB.get_chemical_symbols(), CRITERIA)
    lattice = SURFACE.lattice
    reference = MoleculeReference.find(CHAIN, CHAIN_POSITIONS, {"CY": (0, 1)}, lattice, CRITERIA)
    origin = SLAB.positions[A] + [0, 0, height]
    bonds = limits.bonds(positions + origin, SLAB.positions, lattice)
    return paper.classified(bonds, reference, SURFACE, max_fragments)


def test_broken_carbon_carbon_bond_says_how_the_molecule_is_bound() -> None:
    pulled = CHAIN_POSITIONS + np.array([[0, 0, 0], [0, 0, 0], [1.0, 0, 0], [1.0, 0, 0], [0, 0, 0]])
    free = chain_on_slab(pulled)
    assert (free.mode, free.detail) == (paper.CC_BROKEN, "not bound")
    assert "C1-C2 (2.45 Å)" in free.reason
    assert "2 piece(s)" in free.reason
    upright = pulled[:, [1, 2, 0]] * [1, 1, -1] + [0, 0, 3.65]
    bound = chain_on_slab(upright, height=1.9)
    assert (bound.mode, bound.bound) == (paper.CC_BROKEN, True)


def test_lost_hydrogen_and_its_precedence() -> None:
    moved = CHAIN_POSITIONS.copy()
    moved[3] = [3.0, 4.0, 0]
    assert chain_on_slab(moved).mode == paper.H_ABSTRACTION
    moved[2] = [6.0, 0, 0]
    assert chain_on_slab(moved).mode == paper.CC_BROKEN  # both broken: the skeleton comes first
    scattered = CHAIN_POSITIONS * 5
    assert chain_on_slab(scattered).mode == paper.EXPLOSION
    assert chain_on_slab(scattered, max_fragments=5).mode == paper.CC_BROKEN


def phosphine(*pieces: Sequence[float] | FloatArray) -> Classified:
    """PH3 of which the phosphorus stands over a dimer atom, and H atoms where they are put, from that atom in Å."""
    symbols = ("P", "H", "H", "H")
    bonded = np.zeros((4, 4), dtype=bool)
    bonded[0, 1:] = bonded[1:, 0] = True
    reference = MoleculeReference(symbols=symbols, bonded=bonded, groups={})
    limits = BondLimits.of(symbols, SLAB.get_chemical_symbols(), CRITERIA)
    positions = np.array(pieces) + SLAB.positions[A]
    return paper.classified(
        limits.bonds(positions, SLAB.positions, SURFACE.lattice), reference, SURFACE, CRITERIA.max_fragments
    )


def test_a_hydride_that_dissociates_on_the_slab_has_not_exploded() -> None:
    above = np.array([0.0, 0.0, 1.5]) - SLAB.positions[A]
    on_slab = [SLAB.positions[dimer_end(row, place, 0)] + above for row, place in ((0, 3), (1, 1), (1, 3))]
    all_bound = phosphine((0.0, 0.0, 2.2), *on_slab)
    assert (all_bound.mode, all_bound.bound) == (paper.H_ABSTRACTION, True)
    assert "4 piece(s), 0 of them free" in all_bound.reason
    one_gone = phosphine((0.0, 0.0, 2.2), *on_slab[:2], (0.0, 0.0, 9.0))
    assert one_gone.mode == paper.H_ABSTRACTION
    three_gone = phosphine((0.0, 0.0, 2.2), (0.0, 0.0, 9.0), (4.0, 0.0, 9.0), (0.0, 4.0, 9.0))
    assert three_gone.mode == paper.H_ABSTRACTION, "three free pieces are not more than three"
    in_the_air = phosphine((0.0, 0.0, 8.0), (0.0, 0.0, 12.0), (4.0, 0.0, 12.0), (0.0, 4.0, 12.0))
    assert (in_the_air.mode, in_the_air.bound) == (paper.EXPLOSION, False)


def test_lost_hydrogen_on_the_slab_counts_as_a_bond() -> None:
    moved = CHAIN_POSITIONS.copy()
    moved[4] = [0, 0, -13.5]
    found = chain_on_slab(moved)
    assert (found.mode, found.detail, found.bound) == (paper.H_ABSTRACTION, "bound as other", True)


def test_surface_without_dimers() -> None:
    copper = fcc111("Cu", (4, 4, 4), vacuum=10.0, orthogonal=True)
    copper.pbc = True
    surface = find_surface(copper)
    tops = np.flatnonzero(surface.top)
    reference = MoleculeReference(symbols=("C", "C"), bonded=~np.eye(2, dtype=bool), groups={"CY": (0, 1)})
    bonds = np.zeros((2, len(copper)), dtype=bool)
    bonds[0, tops[0]] = bonds[1, tops[1]] = True
    made = Bonds(
        molecule=reference.bonded, surface=bonds, lengths=np.ones((2, 2)), surface_lengths=np.ones((2, len(copper)))
    )
    found = paper.classified(made, reference, surface, 3)
    assert (found.mode, found.detail) == (paper.OTHER, "CY reacted between two atoms")
    bonds[1] = False
    assert paper.classified(made, reference, surface, 3).mode == paper.PC


@pytest.mark.parametrize(
    ("builder", "cell_size"), [(fcc111, (4, 4, 4)), (fcc100, (4, 4, 4)), (bcc110, (4, 4, 4)), (hcp0001, (4, 4, 4))]
)
def test_sites_by_atoms_on_surfaces_without_dimers(builder: Any, cell_size: tuple[int, int, int]) -> None:
    element = {fcc111: "Cu", fcc100: "Cu", bcc110: "Fe", hcp0001: "Ru"}[builder]
    slab = builder(element, cell_size, vacuum=10.0)
    slab.pbc = True
    surface = find_surface(slab)
    assert len(surface.dimers) == 0
    tops = np.flatnonzero(surface.top)
    ways = surface.lattice.vectors_between(slab.positions[tops], slab.positions[tops])[0]
    by_distance = tops[np.argsort(np.linalg.norm(ways, axis=1), kind="stable")]
    first, near, far = (int(by_distance[index]) for index in (0, 1, -1))
    assert atom_site(surface, [first]) == AtomSite.ON_TOP
    assert atom_site(surface, [first, near]) == AtomSite.BRIDGE
    assert atom_site(surface, [first, far]) == AtomSite.APART
    third = next(int(one) for one in tops if surface.adjacent[near, one] and one != first)
    assert atom_site(surface, [first, near, third]) == AtomSite.HOLLOW


def carbon_monoxide(height: float, over: Sequence[int], copper: Any, *, groups: bool) -> Classified:
    """CO upright over the middle of some atoms of a copper slab."""
    surface = find_surface(copper)
    lattice = surface.lattice
    ways = lattice.vectors_between(copper.positions[list(over)[:1]], copper.positions[list(over)])[0]
    middle = copper.positions[over[0]] + ways.mean(axis=0)
    positions = middle + np.array([[0.0, 0.0, height], [0.0, 0.0, height + 1.15]])
    limits = BondLimits.of(("C", "O"), copper.get_chemical_symbols(), CRITERIA)
    named = {"CO": (0, 1)} if groups else {}
    reference = MoleculeReference.find(("C", "O"), positions, named, lattice, CRITERIA)
    return paper.classified(limits.bonds(positions, copper.positions, lattice), reference, surface, 3)


def test_carbon_monoxide_on_copper() -> None:
    copper = fcc111("Cu", (4, 4, 4), vacuum=10.0)
    copper.pbc = True
    surface = find_surface(copper)
    first = int(np.flatnonzero(surface.top)[5])
    near = int(np.flatnonzero(surface.adjacent[first])[0])
    third = int(np.flatnonzero(surface.adjacent[first] & surface.adjacent[near])[0])
    sites = {(1.85, (first,)): "on top of one atom", (1.5, (first, near)): "between two atoms"}
    sites[1.35, (first, near, third)] = "hollow"
    for (height, over), site in sites.items():
        alone = carbon_monoxide(height, over, copper, groups=False)
        assert (alone.mode, alone.detail) == (paper.OTHER, f"bound by C0, {site}")
        grouped = carbon_monoxide(height, over, copper, groups=True)
        assert grouped.bound
        if len(over) == 1:
            assert (grouped.mode, grouped.detail) == (paper.PC, f"CO {site}")
        else:
            assert (grouped.mode, grouped.detail) == (paper.OTHER, f"CO bound by one atom, {site}")
    assert carbon_monoxide(3.5, (first,), copper, groups=True).mode is None


def test_below_the_top_layer_of_a_surface_without_dimers() -> None:
    copper = fcc100("Cu", (4, 4, 4), vacuum=10.0)
    copper.pbc = True
    surface = find_surface(copper)
    tops = np.flatnonzero(surface.top)
    corner = [int(tops[5]), *(int(one) for one in np.flatnonzero(surface.adjacent[tops[5]])[:1])]
    fourfold = next(
        [corner[0], corner[1], int(c), int(d)]
        for c in np.flatnonzero(surface.adjacent[corner[1]])
        for d in np.flatnonzero(surface.adjacent[corner[0]] & surface.adjacent[c])
        if len({*corner, int(c), int(d)}) == 4
    )
    found = carbon_monoxide(0.0, fourfold, copper, groups=True)
    assert (found.mode, found.detail) == (paper.SL, "atoms apart, layer 2")


def test_dimers_can_be_left_out_of_account() -> None:
    plain = SURFACE.without_dimers()
    assert site_of(SURFACE, A, B) == SurfaceSite.ON_TOP
    assert site_of(plain, A, B) == SurfaceSite.NO_DIMER
    assert atom_site(plain, [A, B]) == AtomSite.BRIDGE
    criteria = OutcomeCriteria(sites="atoms")
    slab = SLAB.get_chemical_symbols()
    both = np.vstack([SLAB.positions, molecule()])
    reference = Reference.of(
        symbols=(*slab, *SYMBOLS),
        positions=both,
        surface=SURFACE,
        n_slab=len(SLAB),
        groups=GROUPS,
        criteria=criteria,
        scheme=paper.SCHEME,
    )
    bonds = reference.limits.bonds(CASES["OT-CY"][0], SLAB.positions, SURFACE.lattice)
    found = paper.classified(bonds, reference.molecule, reference.surface, 3)
    assert (found.mode, found.detail) == (paper.OTHER, "CY reacted between two atoms")


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"CY": (0, 2)}, "C0 and C2 are not bonded"),
        ({"CY": (0, 9)}, "atoms 0 to 4"),
        ({"CY": (0, 1), "ET": (1, 2)}, "atom 1 is in both CY and ET"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups: dict[str, tuple[int, int]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MoleculeReference.find(CHAIN, CHAIN_POSITIONS, groups, SURFACE.lattice, CRITERIA)


def test_pieces_are_counted_as_any_graph_library_counts_them() -> None:
    rng = np.random.default_rng(4)
    for size in (1, 2, 5, 26):
        for share in (0.0, 0.05, 0.2, 1.0):
            upper = np.triu(rng.random((size, size)) < share, 1)
            joined = upper | upper.T
            number, labels = connected_components(coo_array(joined), directed=False)
            pieces = pieces_of(joined)
            assert [labels[piece].tolist() for piece in pieces] == [
                [k] * int((labels == k).sum()) for k in range(number)
            ]
