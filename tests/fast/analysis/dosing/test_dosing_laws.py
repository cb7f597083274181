"""Chains whose law is known, made here: the analysis gives it back, and its intervals hold as often as they say."""

import dataclasses
from typing import Final

import numpy as np
import pytest

from molgun_lmp.analysis.dosing.coverage import Doses, Places, What, at_coverage
from molgun_lmp.analysis.dosing.equal_coverage import Chains, coverage_differences
from molgun_lmp.analysis.dosing.neighbours import NeighbourRow, Tendency, neighbours
from molgun_lmp.analysis.dosing.random_adsorption import Lattice, SettledMolecule
from molgun_lmp.analysis.dosing.uptake import bounded_mean, fit_uptake, uptake
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.surface.minimum_image import MinimumImage

SPACING: Final = 2.5
JAMMED: Final = 0.364133
"""Of monomers that exclude their nearest neighbours on a square lattice (Evans, Rev. Mod. Phys. 65, 1281 (1993))."""


def doses_of(taken: BoolArray) -> Doses:
    """From (L, D) bool: whether each dose of each chain was taken up; nothing desorbs."""
    chains, doses = taken.shape
    after = np.cumsum(taken, axis=1, dtype=np.int64)
    return Doses(
        chain=np.repeat(np.arange(chains), doses),
        dose=np.tile(np.arange(doses), chains),
        before=(after - taken).ravel(),
        after=after.ravel(),
        taken_up=taken.ravel(),
    )


def langmuir(sites: int, sticking: float, chains: int, doses: int, rng: np.random.Generator) -> BoolArray:
    """A molecule that meets a taken site goes; one on a free site sticks as often as said."""
    there, taken = np.zeros(chains, dtype=np.int64), np.zeros((chains, doses), dtype=np.bool_)
    for dose in range(doses):
        taken[:, dose] = rng.random(chains) < sticking * (1 - there / sites)
        there += taken[:, dose]
    return taken


def beside(size: int) -> BoolArray:
    """(N, N) True for neighbours on a periodic square lattice."""
    one = np.roll(np.eye(size, dtype=np.int64), 1, axis=1)
    near = np.kron(one + one.T, np.eye(size, dtype=np.int64)) + np.kron(np.eye(size, dtype=np.int64), one + one.T)
    found: BoolArray = near > 0
    return found


def excluded(size: int, chains: int, doses: int, rng: np.random.Generator) -> tuple[BoolArray, list[list[int]]]:
    """Random sequential adsorption with nearest neighbours excluded: what is taken, and the sites in their order."""
    blocks: BoolArray = beside(size) | np.eye(size * size, dtype=np.bool_)
    blocked: BoolArray = np.zeros((chains, size * size), dtype=np.bool_)
    taken, sites = np.zeros((chains, doses), dtype=np.bool_), [list[int]() for _ in range(chains)]
    for dose in range(doses):
        aimed = rng.integers(size * size, size=chains)
        taken[:, dose] = ~blocked[np.arange(chains), aimed]
        for chain in np.flatnonzero(taken[:, dose]).tolist():
            blocked[chain, blocks[aimed[chain]]] = True
            sites[chain].append(int(aimed[chain]))
    return taken, sites


def clustered(size: int, chains: int, molecules: int, rng: np.random.Generator) -> list[list[int]]:
    """Eden's growth: the next one beside the others, on any free neighbour of theirs."""
    near, found = beside(size), []
    for _ in range(chains):
        sites = [int(rng.integers(size * size))]
        while len(sites) < molecules:
            edge = np.asarray(near[sites].any(axis=0))
            edge[sites] = False
            sites.append(int(rng.choice(np.flatnonzero(edge))))
        found.append(sites)
    return found


def square(size: int) -> Lattice:
    points = SPACING * np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=-1).reshape(-1, 2)
    cell = np.diag([SPACING * size, SPACING * size, 20.0])
    alike = ("Cu",) * len(points)
    return Lattice(points=points.astype(np.float64), elements=alike, images=MinimumImage.of_cell(cell))


def told(
    size: int, sites: list[list[int]], rng: np.random.Generator, draws: int = 199
) -> tuple[list[NeighbourRow], list[Tendency]]:
    lattice = square(size)
    steps = [
        SettledMolecule(chain=chain, place=lattice.points[site], there=lattice.points[own[:number]])
        for chain, own in enumerate(sites)
        for number, site in enumerate(own)
    ]
    return neighbours(steps, lattice, rng, draws)


def test_plain_blocking_gives_langmuirs_law_back() -> None:
    sites, sticking = 40, 0.7
    doses = doses_of(langmuir(sites, sticking, 24, 120, np.random.default_rng(1)))
    places = Places(top_atoms=sites, dimers=sites // 2)
    lines = at_coverage(doses, {("sticking", "taken up"): doses.taken_up}, places)
    assert len(lines) <= 12 and lines[0].fewest == 0 and lines[-1].most == doses.before.max()
    for line in lines:
        assert line.simultaneous_low <= sticking * (1 - line.molecules / sites) <= line.simultaneous_high
        assert line.monolayers == pytest.approx(line.molecules / sites)
        assert line.per_dimer == pytest.approx(2 * line.monolayers)
    curve = uptake(doses, places)
    assert [point.doses for point in curve] == list(range(121)) and curve[0].molecules == 0
    for point in curve[10::30]:
        exact = 1 - (1 - sticking / sites) ** point.doses  # the discrete form of 1 - exp(-S0 x)
        assert point.monolayers_low <= exact <= point.monolayers_high
        assert exact == pytest.approx(1 - np.exp(-sticking * point.per_surface_atom), abs=0.01)
    fits = {(one.law, one.parameter): one for one in fit_uptake(doses, places, np.random.default_rng(2))}
    truth = {"S0": sticking, "saturation_molecules": sites, "saturation_monolayers": 1.0, "K": 1.0}
    for (_, parameter), fit in fits.items():
        assert fit.low is not None and fit.high is not None and fit.low <= truth[parameter] <= fit.high
        assert fit.note == ""
    assert fits["Langmuir", "saturation_monolayers"].value == pytest.approx(1.0, abs=0.06)


def test_a_law_without_an_end_in_reach_is_said_to_be_undetermined() -> None:
    doses = doses_of(langmuir(10_000, 0.5, 10, 12, np.random.default_rng(3)))
    fits = fit_uptake(doses, Places(top_atoms=100, dimers=0), np.random.default_rng(4))
    ends = {one.law: one for one in fits if one.parameter == "saturation_molecules"}
    assert ends["Langmuir"].note == "the coverage reached gives no upper end of the saturation"
    assert ends["Langmuir"].high is None and ends["Langmuir"].low is not None and 5 < ends["Langmuir"].low < 40
    assert ends["Kisliuk"].note == "the shots do not tell K, and with it not the saturation"
    assert ends["Kisliuk"].low is ends["Kisliuk"].high is None
    nothing = doses_of(np.zeros((4, 6), dtype=np.bool_))
    assert fit_uptake(nothing, Places(top_atoms=9, dimers=0), np.random.default_rng(5)) == []


def side(name: str, taken: BoolArray, sites: int) -> Chains:
    doses = doses_of(taken)
    lines: dict[tuple[What, str], BoolArray] = {("sticking", "taken up"): doses.taken_up}
    return Chains(name=name, doses=doses, places=Places(top_atoms=sites, dimers=0), lines=lines)


def test_campaigns_are_compared_at_equal_coverage_and_not_at_equal_dose() -> None:
    """One law on slabs of two sizes, another law: the first two differ at every dose, and at no coverage."""
    rng = np.random.default_rng(11)
    small, large = (side(f"{sites}", langmuir(sites, 0.8, 20, 24, rng), sites) for sites in (20, 40))
    other = side("other", langmuir(20, 0.4, 20, 24, rng), 20)
    found = coverage_differences([small, large, other])
    same = [one for one in found if one.campaign == "40"]
    assert len(same) >= 4 and all(one.simultaneous_low <= 0 <= one.simultaneous_high for one in same)
    assert all(one.p_holm is None or one.p_holm > 0.05 for one in same)  # None: of a single chain
    assert same[0].monolayers_low == 0 and same[0].monolayers_high == same[1].monolayers_low
    less = [one for one in found if one.campaign == "other"]
    for one in less:
        truth = -0.4 * (1 - (one.monolayers_low + one.monolayers_high - 1 / 20) / 2)
        assert one.simultaneous_low <= truth + 0.05 and truth - 0.05 <= one.simultaneous_high
    assert less[0].p_holm is not None and less[0].p_holm < 0.05 and less[0].high < 0
    assert coverage_differences([small]) == []


def test_excluded_neighbours_jam_where_they_do() -> None:
    size, chains = 20, 20
    taken, _ = excluded(size, chains, 12 * size * size, np.random.default_rng(6))
    places = Places(top_atoms=size * size, dimers=0)
    doses = doses_of(taken)
    last = uptake(doses, places)[-1]
    assert last.monolayers_low <= JAMMED <= last.monolayers_high
    assert last.monolayers_high - last.monolayers_low < 0.02 and last.per_dimer is None
    first = at_coverage(doses, {("sticking", "taken up"): doses.taken_up}, places, bins=size * size)[:2]
    exact = [1.0, 1 - 5 / size**2]  # a site and its four neighbours are blocked
    assert all(line.cluster_low <= s <= line.cluster_high for line, s in zip(first, exact, strict=True))


def test_intervals_over_chains_hold_as_often_as_they_say() -> None:
    """Of 300 campaigns of eight chains of twelve doses: the mean coverage, and sticking with three molecules there."""
    sites, sticking, chains, campaigns = 16, 0.8, 8, 300
    taken = langmuir(sites, sticking, chains * campaigns, 12, np.random.default_rng(7)).reshape(campaigns, chains, 12)
    exact = sites * (1 - (1 - sticking / sites) ** 12) / 12
    bounds = np.array([bounded_mean(one.sum(axis=1) / 12)[1:] for one in taken])
    assert 0.92 <= np.mean((bounds[:, 0] <= exact) & (exact <= bounds[:, 1])) <= 0.99
    law, held, known = sticking * (1 - 3 / sites), 0, 0
    for one in taken:
        doses = doses_of(one)
        near = np.flatnonzero(doses.before == 3)
        part = Doses(
            chain=doses.chain[near],
            dose=doses.dose[near],
            before=doses.before[near],
            after=doses.after[near],
            taken_up=doses.taken_up[near],
        )
        lines = at_coverage(part, {("sticking", "taken up"): part.taken_up}, Places(top_atoms=16, dimers=0))
        held += sum(line.cluster_low <= law <= line.cluster_high for line in lines)
        known += len(lines)
    assert known == campaigns and held / known >= 0.93


def test_random_adsorption_is_told_from_neighbours_kept_off_and_from_clusters() -> None:
    size, rng = 10, np.random.default_rng(8)
    _, sites = excluded(size, 12, 60, rng)
    rows, tendencies = told(size, sites, rng)
    free = [row for row in rows if row.blocked == "closest"]
    assert free[0].blocked_angstrom == pytest.approx(np.sqrt(2) * SPACING)
    assert min(row.p_holm for row in free) > 0.05
    for row in free:
        assert row.random_low <= 1.0 <= row.random_high and row.ratio_low is not None and row.ratio_high is not None
    # Held against places that are taken once, none beside another is what stands out.
    kept_off = next(row for row in rows if row.blocked == "place" and row.relation == "pairs")
    assert (kept_off.low_angstrom, kept_off.observed) == (0.25 * SPACING + 0.5 * SPACING, 0)
    assert kept_off.p_holm < 0.05 and kept_off.ratio == 0.0

    rows, tendencies = told(size, clustered(size, 12, 12, rng), rng)
    beside_it = next(row for row in rows if row.blocked == "closest" and row.relation == "nearest")
    assert beside_it.ratio > 2 and beside_it.ratio_low is not None and beside_it.ratio_low > 1
    assert beside_it.p_holm < 0.05
    nearest = next(one for one in tendencies if one.relation == "nearest" and one.blocked == "closest")
    assert nearest.p < 0.02 and "nearer than at random" in nearest.sentence


def test_of_random_adsorption_no_more_is_called_a_tendency_than_by_chance() -> None:
    size, rng = 8, np.random.default_rng(9)
    found: list[float] = []
    for _ in range(16):
        _, sites = excluded(size, 5, 24, rng)
        _, tendencies = told(size, sites, rng, draws=99)
        found += [one.p for one in tendencies if one.blocked == "closest"]
    values: FloatArray = np.array(found)
    assert len(values) == 32 and 0.3 < values.mean() < 0.7
    assert (values < 0.05).mean() < 0.15


def test_sites_that_are_of_one_element_are_held_against_places_of_that_element() -> None:
    """Every third atom in both directions is another one, and binds: nine sites, taken at random."""
    size, rng = 9, np.random.default_rng(12)
    plain = square(size)
    sites = [row * size + column for row in range(0, size, 3) for column in range(0, size, 3)]
    elements = tuple("Pt" if site in sites else "Au" for site in range(size * size))
    lattice = dataclasses.replace(plain, elements=elements)
    steps = [
        SettledMolecule(chain=chain, place=plain.points[own[number]], there=plain.points[own[:number]])
        for chain in range(12)
        for own in [rng.permutation(sites)[:6]]
        for number in range(6)
    ]
    places, weights = lattice.candidates(np.array([step.place for step in steps]))
    assert len(places) == len(sites) and weights.sum() == pytest.approx(len(steps))
    found = {one.relation: one for one in neighbours(steps, lattice, rng, 199)[1] if one.blocked == "closest"}
    assert found["nearest"].p > 0.05 and found["last"].p > 0.05
    wrong = {one.relation: one for one in neighbours(steps, plain, rng, 199)[1] if one.blocked == "closest"}
    assert wrong["nearest"].p < 0.05, "as if every atom were a site, they would seem to be drawn together"


def test_without_a_second_molecule_there_is_no_neighbour() -> None:
    rng = np.random.default_rng(10)
    assert neighbours([], square(4), rng) == ([], [])
    assert told(4, [[3], [7]], rng) == ([], [])
