"""Adsorption sites of built slabs: counted, named, and found again for an atom that is put there, hot or cold."""

from collections import Counter

import numpy as np
import pytest
from adsorption_cases import SLAB, SURFACE, A, B, dimer_end
from ase import Atoms
from ase.build import (
    add_adsorbate,
    bcc100,
    bcc110,
    diamond111,
    fcc100,
    fcc110,
    fcc111,
    fcc211,
    graphene,
    hcp0001,
    surface,
)
from ase.spacegroup import crystal

from molgun_lmp.arrays import FloatArray
from molgun_lmp.outcome_words import AtomSite
from molgun_lmp.surface.clean_surface import Surface, find_surface
from molgun_lmp.surface.sites import site_between, site_under

FCC_METAL = {"on top": 1.0, "bridge": 3.0, "hollow fcc": 1.0, "hollow hcp": 1.0}
SQUARE = {"on top": 1.0, "bridge": 2.0, "fourfold hollow": 1.0}
TRIANGLES = {"on top": 1.0, "bridge": 3.0, "hollow": 2.0}


def short(kind: AtomSite) -> str:
    return {AtomSite.ON_TOP: "on top", AtomSite.BRIDGE: "bridge"}.get(kind, kind.value)


def periodic(slab: Atoms) -> Atoms:
    slab = slab.copy()
    slab.pbc = True
    return slab


def rutile110() -> Atoms:
    bulk = crystal(
        ["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136, cellpar=[4.594, 4.594, 2.959, 90, 90, 90]
    )
    slab = periodic(surface(bulk, (1, 1, 0), 3, vacuum=9.0).repeat((1, 3, 1)))
    return slab[slab.positions[:, 2] < slab.positions[:, 2].max() - 0.1]  # ends with the rows of bridging oxygen


def rock_salt() -> Atoms:
    bulk = crystal(["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)], spacegroup=225, cellpar=5.64)
    return periodic(surface(bulk, (0, 0, 1), 2, 9.0).repeat((2, 2, 1)))


def alloy() -> Atoms:
    """Cu3Au(111): one atom of four in each layer is gold, p(2x2)."""
    slab = periodic(fcc111("Cu", (4, 4, 4), a=3.75, vacuum=9.0))
    fraction = np.rint(slab.get_scaled_positions()[:, :2] * 12).astype(int)
    slab.symbols[[i for i, (a, b) in enumerate(fraction) if a % 6 < 2 and b % 6 < 2]] = "Au"
    return slab


def name_under(found: Surface, slab: Atoms, position: FloatArray) -> str:
    return site_under(found, position, slab.positions, np.ones(len(slab), dtype=bool)).words


@pytest.mark.parametrize("heat_angstrom", [0.0, 0.07])
@pytest.mark.parametrize(
    ("slab", "per_atom"),
    [
        (fcc111("Cu", (4, 4, 4), vacuum=9.0), FCC_METAL),
        (fcc111("Cu", (4, 4, 4), vacuum=9.0, orthogonal=True), FCC_METAL),
        (fcc111("Cu", (2, 2, 3), vacuum=9.0), FCC_METAL),
        (hcp0001("Ru", (3, 3, 4), vacuum=9.0), FCC_METAL),
        (fcc100("Cu", (3, 3, 4), vacuum=9.0), SQUARE),
        (bcc100("Fe", (3, 3, 4), vacuum=9.0), SQUARE),
        (fcc110("Cu", (3, 3, 6), vacuum=9.0), SQUARE),
        (bcc110("Fe", (3, 3, 4), vacuum=9.0), TRIANGLES),
        (diamond111("Si", (3, 3, 6), vacuum=9.0), TRIANGLES),
        (graphene(size=(4, 4, 1), vacuum=9.0), {"on top": 1.0, "bridge": 1.5, "hollow": 0.5}),
        (
            fcc211("Cu", (6, 3, 3), vacuum=9.0),
            {"on top": 1.0, "bridge": 8 / 3, "hollow fcc": 2 / 3, "hollow hcp": 2 / 3, "fourfold hollow": 1 / 3},
        ),
        (rock_salt(), SQUARE),
    ],
)
def test_sites_for_each_atom_of_the_top_layer(slab: Atoms, per_atom: dict[str, float], heat_angstrom: float) -> None:
    slab = periodic(slab)
    slab.positions += np.random.default_rng(0).normal(0.0, heat_angstrom, slab.positions.shape)
    found = find_surface(slab)
    counts = Counter(found.nets[0].kinds)
    assert {short(kind): number / found.top.sum() for kind, number in counts.items()} == pytest.approx(per_atom)


def test_one_atom_in_the_cell_has_all_the_sites() -> None:
    found = find_surface(periodic(fcc111("Cu", (1, 1, 4), vacuum=9.0)))
    assert {short(kind): float(number) for kind, number in Counter(found.nets[0].kinds).items()} == FCC_METAL


@pytest.mark.parametrize(("offset", "heat_angstrom", "turn"), [((0, 0), 0.0, False), ((3, 2), 0.07, True)])
@pytest.mark.parametrize(
    ("slab", "names"),
    [
        (fcc111("Ni", (3, 3, 3), vacuum=9.0), {"ontop": "on top", "fcc": "hollow fcc", "hcp": "hollow hcp"}),
        (hcp0001("Ru", (3, 3, 3), vacuum=9.0), {"ontop": "on top", "fcc": "hollow fcc", "hcp": "hollow hcp"}),
        (fcc100("Cu", (3, 3, 3), vacuum=9.0), {"ontop": "on top", "hollow": "fourfold hollow", "bridge": "bridge"}),
        (fcc110("Cu", (3, 3, 5), vacuum=9.0), {"ontop": "on top", "hollow": "fourfold hollow", "longbridge": "bridge"}),
        (bcc110("Fe", (3, 3, 3), vacuum=9.0), {"ontop": "on top", "hollow": "hollow", "longbridge": "bridge"}),
    ],
    ids=["fcc111", "hcp0001", "fcc100", "fcc110", "bcc110"],
)
def test_an_atom_is_where_it_was_put(
    slab: Atoms, names: dict[str, str], offset: tuple[int, int], heat_angstrom: float, turn: bool
) -> None:
    for site, name in names.items():
        covered = slab.copy()
        add_adsorbate(covered, "O", 1.3, site, offset=offset)
        covered.pbc = True
        covered.positions[:-1] += np.random.default_rng(1).normal(0.0, heat_angstrom, slab.positions.shape)
        if turn:
            covered.rotate(35, "z", rotate_cell=True)
            covered.positions[:-1] += 2 * covered.cell[0] - covered.cell[1]
        clean = covered[:-1]
        assert name_under(find_surface(clean), clean, covered.positions[-1]) == name


@pytest.mark.parametrize("drift", [(1.1, 0.4, 0.2), (7.3, -5.0, 2.0)])
def test_sites_move_with_the_slab(drift: tuple[float, float, float]) -> None:
    slab = periodic(fcc111("Ni", (4, 4, 4), vacuum=9.0))
    found = find_surface(slab)
    hollow = found.nets[0].centres[found.nets[0].kinds.index(AtomSite.HOLLOW_FCC)] + [0.0, 0.0, 1.0]
    slab.positions += drift
    slab.positions[0] += [0.0, 0.0, 9.0]
    assert name_under(found, slab, hollow + np.array(drift)) == "hollow fcc"
    assert name_under(found, slab, hollow) != "hollow fcc"


def test_sites_of_compounds_name_their_elements() -> None:
    salt = rock_salt()
    found = find_surface(salt)
    net = found.nets[0]
    above = np.array([0.0, 0.0, 2.5])
    names = Counter(name_under(found, salt, centre + above) for centre in net.centres)
    tops = int(found.top.sum())
    assert names == {
        "on top Na": tops // 2,
        "on top Cl": tops // 2,
        "bridge Cl-Na": 2 * tops,
        "fourfold hollow Cl2Na2": tops,
    }


def test_sites_of_an_alloy() -> None:
    slab = alloy()
    found = find_surface(slab)
    above = np.array([0.0, 0.0, 1.5])
    names = Counter(name_under(found, slab, centre + above) for centre in found.nets[0].centres)
    gold = int((found.top & (np.array(slab.get_chemical_symbols()) == "Au")).sum())
    assert gold == 4
    assert names["on top Au"] == gold
    assert names["bridge Au-Cu"] == 6 * gold
    assert names["hollow fcc AuCu2"] + names["hollow hcp AuCu2"] == 6 * gold
    assert names["hollow fcc Cu3"] + names["hollow hcp Cu3"] == 32 - 6 * gold


def test_rutile_has_sites_on_its_rows_of_oxygen_and_on_the_titanium_between_them() -> None:
    slab = rutile110()
    found = find_surface(slab)
    symbols = np.array(slab.get_chemical_symbols())
    bridging = int(np.argmax(slab.positions[:, 2]))
    assert name_under(found, slab, slab.positions[bridging] + [0.1, 0.2, 1.0]) == "on top O"
    titanium = np.flatnonzero(
        (symbols == "Ti") & (slab.positions[:, 2] > slab.positions[symbols == "Ti", 2].max() - 0.1)
    )
    across = found.lattice.distances(slab.positions[titanium], slab.positions[found.top]).min(axis=1)
    fivefold = titanium[np.argmax(across)]
    assert name_under(found, slab, slab.positions[fivefold] + [0.1, 0.0, 1.9]) == "on top Ti"


def test_sites_between_slab_atoms() -> None:
    slab = periodic(fcc111("Ni", (4, 4, 4), vacuum=9.0))
    found = find_surface(slab)
    net = found.nets[0]
    for kind in (AtomSite.ON_TOP, AtomSite.BRIDGE, AtomSite.HOLLOW_FCC, AtomSite.HOLLOW_HCP):
        atoms = net.atoms[net.kinds.index(kind)]
        assert site_between(found, atoms).kind is kind
    hollow = net.atoms[net.kinds.index(AtomSite.HOLLOW_HCP)]
    second = np.flatnonzero(found.layer == 1)
    assert site_between(found, (*hollow, int(second[0]))).kind is AtomSite.HOLLOW_HCP
    first = int(np.flatnonzero(found.top)[0])
    far = int(np.argmax(found.lattice.distances(slab.positions[[first]], slab.positions[found.top])[0]))
    assert site_between(found, (first, int(np.flatnonzero(found.top)[far]))).kind is AtomSite.APART
    square = find_surface(periodic(fcc100("Ni", (4, 4, 4), vacuum=9.0)))
    fourfold = square.nets[0].atoms[square.nets[0].kinds.index(AtomSite.HOLLOW_FOURFOLD)]
    assert site_between(square, fourfold[:3]).kind is AtomSite.HOLLOW_FOURFOLD


def test_dimers_are_named_as_they_lie_to_each_other() -> None:
    assert site_between(SURFACE, (A, B)).words == "dimer on top"
    next_dimer = [dimer_end(0, 1, end) for end in (0, 1)]
    found = {site_between(SURFACE, (A, other)).words for other in next_dimer}
    assert found == {"dimer bridge", "dimer diagonal"}
    assert site_between(SURFACE, (A,)).words == "on top"
    assert site_between(SURFACE, (A, dimer_end(1, 0, 0))).words == "atoms apart"
    assert name_under(SURFACE, SLAB, SLAB.positions[A] + [0.0, 0.0, 2.0]) == "on top"


def test_hydrogen_of_the_slab_is_a_place_to_be_on_top_of() -> None:
    covered = periodic(fcc111("Ni", (3, 3, 3), vacuum=9.0))
    add_adsorbate(covered, "H", 0.9, "fcc")
    found = find_surface(covered)
    assert name_under(found, covered, covered.positions[-1] + [0.0, 0.0, 0.9]) == "on top H"
