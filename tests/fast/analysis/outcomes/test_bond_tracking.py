"""Many frames at once against one after the other: the same bonds, nearest distances and times, to the same bit."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from molgun_lmp.analysis.outcomes.bond_tracking import BondState, Stretch, stretches
from molgun_lmp.analysis.outcomes.bonds import BondLimits, Bonds
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.surface.minimum_image import MinimumImage

CELLS = {
    "rectangle": np.array([[9.0, 0.0, 0.0], [0.0, 7.0, 0.0], [0.0, 0.0, 40.0]]),
    "skewed": np.array([[8.0, 0.0, 0.0], [5.0, 7.0, 0.0], [0.0, 0.0, 40.0]]),
}
LIMITS = BondLimits.of(("C", "C", "H", "H"), ("Si",) * 12, OutcomeCriteria(hysteresis_angstrom=0.5))


@dataclasses.dataclass
class ByFrames:
    """What a frame-by-frame reading finds."""

    bonds: list[Bonds]
    settled: FloatArray
    surface_settled: FloatArray


def frame_by_frame(molecule: FloatArray, slab: FloatArray, lattice: MinimumImage) -> ByFrames:
    found = ByFrames([], np.full((4, 4), -np.inf), np.full((4, 12), -np.inf))
    before = None
    for index in range(len(molecule)):
        before = LIMITS.bonds(molecule[index], slab[index], lattice, before)
        found.bonds.append(before)
        inside, outside = LIMITS.between_thresholds(before)
        np.fill_diagonal(inside, False)
        found.settled[~inside] = index
        found.surface_settled[~outside] = index
    return found


def walk(seed: int, frames: int, step: float, height: float) -> tuple[FloatArray, FloatArray]:
    """A molecule that wanders over a slab and through it, atoms that cross the boundary included."""
    rng = np.random.default_rng(seed)
    grid = np.array([[x, y, z] for x in (0.0, 3.0, 6.0) for y in (0.0, 3.5) for z in (-2.0, 0.0)])
    start = np.array([[0.0, 0.0, height], [1.3, 0.0, height], [-1.0, 0.3, height], [2.3, 0.3, height + 0.1]])
    slab = grid + rng.normal(0.0, 0.15, (frames, 12, 3))
    drift = rng.normal(0.0, step, (frames, 1, 3)).cumsum(axis=0)
    molecule = start + drift + rng.normal(0.0, 0.3, (frames, 4, 3))
    return molecule, slab


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 50),
    step=st.sampled_from([0.02, 0.2, 1.5]),
    height=st.sampled_from([1.5, 3.0, 9.0]),
    cell=st.sampled_from(sorted(CELLS)),
    wrapped=st.booleans(),
)
def test_stretches_find_what_single_frames_show(
    *, seed: int, frames: int, step: float, height: float, cell: str, wrapped: bool
) -> None:
    lattice = MinimumImage.of_cell(CELLS[cell])
    molecule, slab = walk(seed, frames, step, height)
    if wrapped:
        for group in (*molecule, *slab):
            image = Atoms("X" * len(group), positions=group, cell=CELLS[cell], pbc=[True, True, False])
            image.wrap()
            group[:] = image.positions
    expected = frame_by_frame(molecule, slab, lattice)
    state = BondState.none(LIMITS)
    changed: dict[int, Bonds] = {}
    nearest: list[float] = []
    parts = list(stretches(molecule))
    for part in parts:
        stretch = Stretch.of(molecule[part], slab[part], lattice, LIMITS)
        nearest += stretch.nearest.tolist()
        for frame in state.advance(stretch, LIMITS, np.arange(part.start, part.stop, dtype=np.float64)):
            changed[part.start + frame] = stretch.bonds(frame, state, lattice)
    assert nearest == [bonds.surface_lengths.min() for bonds in expected.bonds]
    now_molecule, now_surface = np.zeros((4, 4), dtype=bool), np.zeros((4, 12), dtype=bool)
    for index, bonds in enumerate(expected.bonds):
        if index in changed:
            now_molecule, now_surface = changed[index].molecule, changed[index].surface
            assert np.array_equal(changed[index].lengths, bonds.lengths)
            assert np.array_equal(changed[index].surface_lengths, bonds.surface_lengths)
        assert np.array_equal(now_molecule, bonds.molecule), index
        assert np.array_equal(now_surface, bonds.surface), index
    assert np.array_equal(state.settled, expected.settled)
    assert np.array_equal(state.surface_settled, expected.surface_settled)
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == frames


def test_far_pairs_are_left_out_and_near_ones_are_not() -> None:
    lattice = MinimumImage.of_cell(CELLS["rectangle"])
    molecule, slab = walk(1, 20, 0.01, 2.5)
    stretch = Stretch.of(molecule, slab, lattice, LIMITS)
    assert len(stretch.surface_pairs[0]) < 4 * 12
    assert len(stretch.pairs[0]) >= 3


@pytest.mark.parametrize("speed", [0.1, 1.0, 5.0])
def test_no_atom_of_the_molecule_moves_far_within_a_stretch(speed: float) -> None:
    molecule = np.zeros((40, 4, 3))
    molecule[:, 0, 2] = -speed * np.arange(40)
    parts = list(stretches(molecule))
    assert all(np.abs(molecule[part] - molecule[part][0]).max() <= 1.5 for part in parts)
    assert len(parts) == {0.1: 3, 1.0: 20, 5.0: 40}[speed]
