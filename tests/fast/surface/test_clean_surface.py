"""Layers, dimers and rows found from geometry alone: built slabs, thermal noise, other descriptions, other metals."""

from collections.abc import Callable

import numpy as np
import pytest
from adsorption_cases import CHANGES, SLAB, Case, molecule, relabelled
from ase import Atoms
from ase.build import (
    add_adsorbate,
    bcc100,
    bcc110,
    bcc111,
    bulk,
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

from molgun_lmp.config import Si001Start
from molgun_lmp.errors import GeometryError
from molgun_lmp.gun.builders import build_si001
from molgun_lmp.surface.clean_surface import NO_DIMER, NO_LAYER, Surface, find_surface
from molgun_lmp.surface.minimum_image import MinimumImage
from molgun_lmp.surface.terraces import terrace_layers


def built(reconstruction: str = "c(4x2)", size: tuple[int, int] = (4, 4), layers: int = 6) -> Atoms:
    return build_si001(
        Si001Start.model_validate({"kind": "si001", "size": size, "layers": layers, "reconstruction": reconstruction})
    )


def flattened(slab: Atoms) -> Atoms:
    flat = slab.copy()
    top = flat.arrays["layer"] == 0
    flat.positions[top, 2] = flat.positions[top, 2].mean()
    return flat


def same_as_built(found: Surface, slab: Atoms) -> None:
    hydrogen = slab.numbers == 1
    assert (found.layer[hydrogen] == NO_LAYER).all()
    assert (found.layer[~hydrogen] == slab.arrays["layer"][~hydrogen]).all()
    built_dimer = slab.arrays["dimer"]
    assert ((found.dimer == NO_DIMER) == (built_dimer == -1)).all()
    for first, second in found.dimers:
        assert built_dimer[first] == built_dimer[second]


@pytest.mark.parametrize("layers", [4, 5, 6, 8])
@pytest.mark.parametrize("reconstruction", ["p(2x2)", "c(4x2)"])
def test_layers_and_dimers_of_built_slabs(reconstruction: str, layers: int) -> None:
    slab = built(reconstruction, layers=layers)
    found = find_surface(slab)
    same_as_built(found, slab)
    assert found.n_layers == layers
    assert found.plane_z == pytest.approx(slab.positions[slab.arrays["layer"] == 0, 2].mean(), abs=1e-12)


@pytest.mark.parametrize("make", [lambda: built("p(2x2)"), built, lambda: flattened(built())])
@pytest.mark.parametrize("seed", range(10))
def test_thermal_displacements_do_not_mix_layers(make: Callable[[], Atoms], seed: int) -> None:
    # 0.12 Å per axis, independent for each atom, is rougher than Si(001) at 500 K, where neighbours move together.
    slab = make()
    slab.positions += np.random.default_rng(seed).normal(0.0, 0.12, slab.positions.shape)
    same_as_built(find_surface(slab), slab)


@pytest.mark.parametrize("reconstruction", ["p(2x2)", "c(4x2)"])
@pytest.mark.parametrize("seed", range(6))
def test_flipped_and_displaced_dimers_are_the_same_dimers_in_the_same_rows(reconstruction: str, seed: int) -> None:
    slab = built(reconstruction)
    before = find_surface(slab)
    rng = np.random.default_rng(seed)
    for first, second in before.dimers:
        pair = [int(first), int(second)]
        if rng.random() < 0.5:
            slab.positions[pair, 2] = slab.positions[pair[::-1], 2]
        slab.positions[pair] += [*rng.uniform(-0.3, 0.3, 2), rng.uniform(-0.2, 0.2)]
    after = find_surface(slab)
    assert (after.dimer == before.dimer).all()
    assert (after.layer == before.layer).all()
    assert (after.row == before.row).all()
    assert {frozenset(pair) for pair in after.neighbours.tolist()} == {
        frozenset(pair) for pair in before.neighbours.tolist()
    }
    assert (after.side == before.side).all()


def test_rows_neighbours_and_sides_by_hand() -> None:
    found = find_surface(SLAB)
    row_of = {int(SLAB.arrays["dimer"][a]): int(found.row[n]) for n, (a, _) in enumerate(found.dimers)}
    assert len({row_of[n] for n in range(4)}) == 1
    assert {row_of[n] for n in range(4)} != {row_of[n] for n in range(4, 8)}
    names = SLAB.arrays["dimer"][found.dimers[:, 0]]
    neighbours = {frozenset((int(names[a]), int(names[b]))) for a, b in found.neighbours}
    ring = {frozenset((n, (n + 1) % 4)) for n in range(4)}
    assert neighbours == ring | {frozenset(4 + n for n in pair) for pair in ring}
    for a, b in found.dimers:
        assert found.side[a] == -found.side[b] != 0
    for row in np.unique(found.row):
        ends = found.dimers[found.row == row].ravel()
        low = [SLAB.positions[n, 1] < SLAB.positions[found.dimers[found.dimer[n]], 1].mean() for n in ends]
        assert len({(bool(is_low), int(found.side[n])) for is_low, n in zip(low, ends, strict=True)}) == 2


def test_two_dimers_in_a_row_are_neighbours_once() -> None:
    found = find_surface(built("p(2x2)", size=(2, 2)))
    assert len(found.dimers) == 2
    assert found.neighbours.tolist() == [[0, 1]]


@pytest.mark.parametrize("change", [name for name in CHANGES if "relabelled" not in name and name != "all of it"])
def test_description_of_the_slab_does_not_matter(change: str) -> None:
    changed = CHANGES[change](Case(slab=SLAB, molecule=molecule())).slab
    found = find_surface(changed)
    same_as_built(found, SLAB)
    expected = find_surface(SLAB)
    assert {frozenset(pair) for pair in found.neighbours.tolist()} == {
        frozenset(pair) for pair in expected.neighbours.tolist()
    }


def test_order_of_atoms_does_not_matter() -> None:
    changed = relabelled(Case(slab=SLAB, molecule=molecule()), 5).slab
    same_as_built(find_surface(changed), changed)


def test_plane_is_in_the_coordinates_of_a_slab_that_straddles_the_floor() -> None:
    lowered = SLAB.copy()
    lowered.positions[:, 2] -= 5.0
    plane = find_surface(lowered).plane_z
    assert plane == pytest.approx(find_surface(SLAB).plane_z - 5.0, abs=1e-9)
    lowered.wrap()  # its lowest atoms now stand at the top of the cell
    assert find_surface(lowered).plane_z == pytest.approx(plane, abs=1e-9)


def test_hydrogen_above_belongs_to_no_layer() -> None:
    covered = SLAB.copy()
    tops = np.flatnonzero(covered.arrays["layer"] == 0)
    covered.extend(Atoms(f"H{len(tops)}", positions=covered.positions[tops] + [0, 0, 1.5]))
    found = find_surface(covered)
    assert (found.layer[len(SLAB) :] == NO_LAYER).all()
    assert len(found.dimers) == 8


def test_missing_dimer_leaves_the_others() -> None:
    slab = SLAB[SLAB.arrays["dimer"] != 1]
    found = find_surface(slab)
    same_as_built(found, slab)
    assert len(found.dimers) == 7
    assert len(np.unique(found.row)) == 2  # through the boundary, three of four are still one row


@pytest.mark.parametrize(
    ("slab", "layers"),
    [
        (fcc111("Cu", (4, 4, 5), vacuum=9.0), 5),
        (fcc111("Cu", (4, 4, 5), vacuum=9.0, orthogonal=True), 5),
        (fcc100("Cu", (3, 3, 4), vacuum=9.0), 4),
        (fcc110("Cu", (3, 3, 6), vacuum=9.0), 6),
        (
            surface(crystal(["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)], spacegroup=225, cellpar=5.64), (0, 0, 1), 2, 9),
            4,
        ),
    ],
    ids=["Cu(111)", "Cu(111) rectangular", "Cu(100)", "Cu(110)", "NaCl(001)"],
)
def test_surfaces_without_dimers(slab: Atoms, layers: int) -> None:
    slab = slab.copy()
    slab.pbc = True
    if len(slab) < 40:
        slab = slab.repeat((2, 2, 1))
    slab.positions += np.random.default_rng(1).normal(0.0, 0.08, slab.positions.shape)
    found = find_surface(slab)
    assert found.n_layers == layers
    assert len(np.unique(np.bincount(found.layer))) == 1
    assert len(found.dimers) == len(found.neighbours) == len(found.row) == 0
    assert (found.dimer == NO_DIMER).all()
    assert (found.side == 0).all()


def test_layers_of_unequal_size_are_not_filled_up() -> None:
    slab = diamond111("Si", (3, 3, 6), vacuum=9.0)  # double layers: single ones of 9 atoms 0.8 Å apart
    slab.positions += np.random.default_rng(0).normal(0.0, 0.05, slab.positions.shape)
    found = find_surface(slab)
    assert found.top.sum() == 9
    assert found.plane_z == pytest.approx(slab.positions[slab.arrays["tags"] == 1, 2].mean(), abs=1e-9)


def vicinal(*indices: int) -> Atoms:
    slab = surface(bulk("Cu", cubic=True), indices, 12, 9.0)
    return slab.repeat((1, 2, 1))


@pytest.mark.parametrize(
    ("slab", "in_a_layer"),
    [
        (fcc211("Cu", (3, 3, 4), vacuum=9.0), 9),
        (fcc211("Cu", (6, 3, 3), vacuum=9.0), 18),
        (vicinal(3, 1, 1), 16),
        (vicinal(2, 2, 1), 16),
        (vicinal(3, 3, 1), 24),
        (vicinal(7, 1, 1), 32),
        (vicinal(3, 2, 2), 20),
    ],
    ids=["211", "211 two steps", "311", "221", "331", "711", "322"],
)
@pytest.mark.parametrize("heat_angstrom", [0.0, 0.08])
def test_terraces_of_a_stepped_surface_are_one_layer(slab: Atoms, in_a_layer: int, heat_angstrom: float) -> None:
    slab = slab.copy()
    slab.pbc = True
    slab.positions += np.random.default_rng(2).normal(0.0, heat_angstrom, slab.positions.shape)
    assert np.bincount(find_surface(slab).layer)[0] == in_a_layer


def test_layers_below_a_terrace_lie_under_it() -> None:
    slab = fcc211("Cu", (3, 3, 4), vacuum=9.0)
    found = find_surface(slab)
    assert np.bincount(found.layer).tolist() == [9, 9, 9, 9]
    for layer in range(4):  # three rows each, the highest of a layer above the highest of the next
        assert len(np.unique(slab.positions[found.layer == layer, 2].round(3))) == 3
    assert found.in_words() == "4 layers, no dimers: sites are named by the atoms"


@pytest.mark.parametrize("heat_angstrom", [0.0, 0.1])
@pytest.mark.parametrize(
    ("slab", "layers"),
    [
        (fcc110("Cu", (4, 4, 6), vacuum=9.0), 6),
        (bcc111("Fe", (3, 3, 6), vacuum=9.0), 6),
        (bcc110("Fe", (4, 4, 4), vacuum=9.0), 4),
        (bcc100("Fe", (4, 4, 4), vacuum=9.0), 4),
        (hcp0001("Ru", (4, 4, 4), vacuum=9.0), 4),
        (graphene(size=(4, 4, 1), vacuum=9.0), 1),
    ],
    ids=["fcc110", "bcc111", "bcc110", "bcc100", "hcp0001", "graphene"],
)
def test_open_and_flat_surfaces_have_no_terraces(slab: Atoms, layers: int, heat_angstrom: float) -> None:
    slab = slab.copy()
    slab.pbc = True
    slab.positions += np.random.default_rng(3).normal(0.0, heat_angstrom, slab.positions.shape)
    assert terrace_layers(slab.get_chemical_symbols(), slab.positions, np.asarray(slab.cell[:])) is None
    assert find_surface(slab).n_layers == layers


def test_adatom_is_above_a_whole_surface() -> None:
    slab = fcc111("Cu", (4, 4, 4), vacuum=9.0)
    add_adsorbate(slab, "Cu", 1.9, "fcc")
    found = find_surface(slab)
    assert found.n_layers == 4
    assert found.layer[-1] == 0
    assert len(found.dimers) == 0


def without_vacuum() -> Atoms:
    slab = SLAB.copy()
    slab.set_cell([*SLAB.cell.lengths()[:2], np.ptp(SLAB.positions[:, 2]) + 2.0])
    return slab


def not_a_number() -> Atoms:
    slab = SLAB.copy()
    slab.positions[3, 0] = np.nan
    return slab


def on_its_side() -> Atoms:
    slab = SLAB.copy()
    slab.rotate(90, "x", rotate_cell=True)
    return slab


def without_cell() -> Atoms:
    slab = SLAB.copy()
    slab.set_cell([0, 0, 30])
    return slab


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Atoms, "needs atoms other than hydrogen"),
        (lambda: SLAB[SLAB.numbers == 1], "needs atoms other than hydrogen"),
        (without_vacuum, "needs a vacuum"),
        (not_a_number, "NaN"),
        (on_its_side, "must lie in the xy-plane"),
        (without_cell, "span no area"),
    ],
)
def test_no_surface_is_an_error(make: Callable[[], Atoms], message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        find_surface(make())


@pytest.mark.parametrize("seed", range(5))
def test_shortest_vectors_against_all_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cell = np.diag([7.0, 9.0, 30.0])
    cell[1, 0] = rng.uniform(-30.0, 30.0)
    lattice = MinimumImage.of_cell(cell)
    vectors = rng.uniform(-40.0, 40.0, (50, 3))
    steps = np.arange(-25, 26)
    images = vectors[:, None, :2] + np.array([i * cell[0, :2] + j * cell[1, :2] for i in steps for j in steps])
    nearest = np.sqrt((images**2).sum(axis=-1).min(axis=1) + vectors[:, 2] ** 2)
    assert np.linalg.norm(lattice.shortest(vectors), axis=1) == pytest.approx(nearest, abs=1e-9)
