"""What snapshots of one equilibration run share: how the molecule is turned, and the pattern of a slab's dimers."""

from collections.abc import Sequence

import numpy as np
import pytest
from ase import Atoms
from scipy.spatial.transform import Rotation

from molgun_lmp.arrays import BoolArray
from molgun_lmp.gun.pool_memory import dimer_memory, orientation_memory, ring_memory, ring_torsions
from molgun_lmp.surface.clean_surface import find_surface


def turning(molecule: Atoms, runs: int, snapshots: int, decay_ps: float, seed: int = 0) -> list[list[Atoms]]:
    """Rotational diffusion with P1 = exp(-t / decay), a snapshot each ps, from random orientations; a little heat."""
    rng = np.random.default_rng(seed)
    substeps, found = 20, []
    for _ in range(runs):
        rotation, run = Rotation.random(None, rng), []
        for _ in range(snapshots):
            for _ in range(substeps):
                rotation = Rotation.from_rotvec(rng.normal(0.0, np.sqrt(1.0 / decay_ps / substeps), 3)) * rotation
            turned = molecule.copy()
            turned.positions = rotation.apply(molecule.positions) + rng.normal(0.0, 0.02, (len(molecule), 3)) + 7.0
            run.append(turned)
        found.append(run)
    return found


@pytest.mark.parametrize("name", ["ecco", "CO"])
def test_the_orientation_s_correlation_time_of_a_known_process(ecco: Atoms, name: str) -> None:
    molecule = ecco if name == "ecco" else Atoms("CO", positions=[[0, 0, 0], [0, 0, 1.13]])
    slow = orientation_memory(turning(molecule, 20, 60, 5.0), 1.0)
    assert slow is not None
    assert slow.correlation_time_ps == pytest.approx(5.0, rel=0.3)
    assert slow.overlap == pytest.approx(np.exp(-1.0 / 5.0), abs=0.03)
    assert not slow.independent
    assert "snapshots 1 ps apart overlap by 0.8" in slow.sentence()
    assert "orientation: random" in slow.sentence()
    fast = orientation_memory(turning(molecule, 4, 20, 0.1), 1.0)
    assert fast is not None
    assert fast.independent
    assert fast.sentence() == "Snapshots 1 ps apart are independent in the orientation of the molecule's long axis."
    spaced = [run[::15] for run in turning(molecule, 20, 60, 5.0)]
    far = orientation_memory(spaced, 15.0)
    assert far is not None
    assert far.independent


def test_a_memory_longer_than_the_runs_is_said_to_be(ecco: Atoms) -> None:
    still = orientation_memory(turning(ecco, 3, 10, 1e4), 1.0)
    assert still is not None
    assert still.correlation_time_ps is None
    assert not still.independent
    assert "for longer than runs of 9 ps can tell" in still.sentence()


def test_what_has_no_orientation_or_no_time_has_no_memory(ecco: Atoms) -> None:
    assert orientation_memory([[Atoms("Ar")] * 5], 1.0) is None
    assert orientation_memory([[ecco], [ecco]], 1.0) is None


def flipping(slab: Atoms, runs: int, snapshots: int, chance: float) -> list[list[Atoms]]:
    """Dimers whose tilt turns over with a chance each ps."""
    rng = np.random.default_rng(1)
    pairs = find_surface(slab).dimers
    found = []
    for _ in range(runs):
        now, run = slab.copy(), []
        for _ in range(snapshots):
            flip = pairs[rng.random(len(pairs)) < chance]
            now.positions[np.ravel(flip), 2] = now.positions[np.ravel(flip[:, ::-1]), 2]
            run.append(now.copy())
        found.append(run)
    return found


def test_the_dimer_pattern_s_memory(si001: Atoms) -> None:
    rigid = dimer_memory(flipping(si001, 3, 12, 0.0), 1.0)
    assert rigid is not None
    assert rigid.correlation_time_ps is None
    assert rigid.overlap == pytest.approx(1.0)
    assert "patterns that these runs hold" in rigid.sentence()
    # A tilt that turns over with a chance c a ps: rho(1 ps) = 1 - 2 c.
    slow = dimer_memory(flipping(si001, 10, 60, 0.05), 1.0)
    assert slow is not None
    assert slow.correlation_time_ps == pytest.approx(0.5 + 0.9 / 0.1, rel=0.35)
    assert not slow.independent
    free = dimer_memory(flipping(si001, 4, 30, 0.5), 1.0)
    assert free is not None
    assert free.independent
    without: Sequence[Sequence[Atoms]] = [[_flat()] * 4]
    assert dimer_memory(without, 1.0) is None


def _flat() -> Atoms:
    """Three square layers without dimers."""
    x, y, z = (axis.ravel() for axis in np.meshgrid(*[np.arange(3) * 2.5] * 3))
    return Atoms("Cu27", positions=np.column_stack((x, y, z)), cell=[7.5, 7.5, 25.0], pbc=True)


def bonds(atoms: Atoms) -> BoolArray:
    """Closer than 1.7 Å, without hydrogen's: of hydrocarbons."""
    close: BoolArray = atoms.get_all_distances() < np.where(atoms.numbers == 1, 1.2, 1.7)[:, None]
    return close & close.T & ~np.eye(len(atoms), dtype=np.bool_)


def chair(inverted: bool) -> Atoms:
    """Six carbons of cyclohexane, in one chair or the other."""
    angle = np.arange(6) * np.pi / 3
    z = 0.25 * (-1.0) ** (np.arange(6) + inverted)
    return Atoms("C6", positions=np.column_stack((1.45 * np.cos(angle), 1.45 * np.sin(angle), z)))


def test_the_torsions_of_rings(ecco: Atoms) -> None:
    assert len(ring_torsions(bonds(chair(inverted=False)))) == 6
    triangle = Atoms("C3", positions=[[0, 0, 0], [1.5, 0, 0], [0.75, 1.3, 0]])
    assert ring_torsions(bonds(triangle)).shape == (0, 4)
    chain = Atoms("C5", positions=np.column_stack((1.5 * np.arange(5), np.zeros(5), np.zeros(5))))
    assert ring_torsions(bonds(chain)).shape == (0, 4)
    torsions = ring_torsions(bonds(ecco))
    # A ring of eight (its triple bond in it) and one of three on one of its bonds, and no hydrogen, methyl or ethynyl.
    assert set(np.ravel(torsions)) <= set(np.flatnonzero(ecco.numbers == 6))
    assert not {0, 1} & set(np.ravel(torsions).tolist())
    assert len(set(np.ravel(torsions))) == 9


def test_the_ring_conformer_s_memory(ecco: Atoms) -> None:
    rng = np.random.default_rng(2)
    bonded = bonds(chair(inverted=False))

    def flipped(chance: float, snapshots: int) -> list[Atoms]:
        states = np.cumsum(rng.random(snapshots) < chance) % 2
        return [chair(inverted=bool(state)) for state in states]

    rigid = ring_memory([flipped(0.0, 12)] * 3, bonded, 1.0)
    assert rigid is not None
    assert rigid.overlap == pytest.approx(1.0)
    assert rigid.correlation_time_ps is None
    assert "conformers that these runs hold" in rigid.sentence()
    slow = ring_memory([flipped(0.05, 80) for _ in range(10)], bonded, 1.0)
    assert slow is not None
    assert slow.overlap == pytest.approx(0.9, abs=0.05)
    assert not slow.independent
    free = ring_memory([flipped(0.5, 40) for _ in range(4)], bonded, 1.0)
    assert free is not None
    assert free.independent
    # Turning and heat are no conformer: ECCO's ring of eight keeps its own.
    turned = ring_memory(turning(ecco, 2, 10, 2.0), bonds(ecco), 1.0)
    assert turned is not None
    assert turned.overlap == pytest.approx(1.0)
    angle = np.arange(6) * np.pi / 3
    benzene = Atoms("C6", positions=1.4 * np.column_stack((np.cos(angle), np.sin(angle), 0 * angle)))
    assert ring_memory(turning(benzene, 2, 10, 2.0), bonds(benzene), 1.0) is None
