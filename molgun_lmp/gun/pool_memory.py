"""How long slowly changing features of an equilibrated structure last: what its energy's autocorrelation does not see.

A molecule in vacuum turns within some ps while its energy is forgotten in a tenth of that, and the pattern of buckled
dimers of a slab may last longer than any run.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
from ase import Atoms
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.gun.correlation import integrated_time
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.minimum_image import MinimumImage

_FLAT: Final = 0.3
"""A torsion of 60° between bonds at 110° has 0.76; one of an aromatic or a strained triple bond is below."""
_ALIKE: Final = 0.2
"""Neighbouring snapshots that overlap by more than this are not independent; chance gives some 0.1 for a few runs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureMemory:
    """How alike neighbouring snapshots, `spacing_ps` apart, are in a feature: `overlap`, 1 for the same and 0 for
    independent ones. `correlation_time_ps`: how long the feature lasts, None where runs of `watched_ps` are too short
    to tell. `advice` is for snapshots that are not independent."""

    feature: str
    overlap: float
    correlation_time_ps: float | None
    watched_ps: float
    spacing_ps: float
    advice: str

    @property
    def independent(self) -> bool:
        """Whether neighbouring snapshots are independent in this feature."""
        return self.overlap <= _ALIKE

    def sentence(self) -> str:
        """The memory in words, with a warning where snapshots are alike."""
        if self.independent:
            return f"Snapshots {self.spacing_ps:g} ps apart are independent in the {self.feature}."
        time = self.correlation_time_ps
        if time is None:
            lasts = f"for longer than runs of {self.watched_ps:g} ps can tell"
        else:
            lasts = f"for a correlation time of {time:.2g} ps (two of them part independent snapshots)"
        return (
            f"The {self.feature} lasts {lasts}: snapshots {self.spacing_ps:g} ps apart overlap by {self.overlap:.2f}, "
            f"so that {self.advice}."
        )


def orientation_memory(runs: Sequence[Sequence[Atoms]], spacing_ps: float) -> FeatureMemory | None:
    """Of a molecule's long axis, from the snapshots of each run, `spacing_ps` apart: the integral of P1.

    P1(t) = <u(0) u(t)>, u the axis of the smallest moment of inertia in the first snapshot, turned with the molecule.
    None for a single atom, and for runs of fewer than two snapshots.
    """
    first = runs[0][0]
    if len(first) < 2:
        return None
    masses = first.get_masses()
    reference = _centred(first, masses)
    _, axes = np.linalg.eigh(np.einsum("i,ij,ik->jk", masses, reference, reference))
    # sum_i m_i r_i (r_i0 e) is the axis e turned as the molecule was, for e an eigenvector of sum_i m_i r_i0 r_i0.
    weights = masses * (reference @ axes[:, -1])
    vectors = [np.array([weights @ _centred(atoms, masses) for atoms in run]) for run in runs]
    units = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors]
    advice = (
        "fired as drawn they are worth hardly more than their runs; `orientation: random` turns each shot by itself"
    )
    return _memory("orientation of the molecule's long axis", units, spacing_ps, advice)


def dimer_memory(runs: Sequence[Sequence[Atoms]], spacing_ps: float) -> FeatureMemory | None:
    """Of the pattern of dimer tilts of a slab: the integral of <s(0) s(t)>, s = +1 or -1 for each dimer by which end is
    up. None for a slab without dimers, and for runs of fewer than two snapshots."""
    first = runs[0][0]
    lattice = MinimumImage.of_cell(first.cell[:])
    mean = first.copy()
    steps = [atoms.positions - first.positions for run in runs for atoms in run]
    mean.positions = first.positions + lattice.shortest(np.array(steps)).mean(axis=0)
    pairs = find_surface(mean).dimers
    if not len(pairs):
        return None
    tilts = [
        np.array([atoms.positions[pairs[:, 0], 2] - atoms.positions[pairs[:, 1], 2] for atoms in run]) for run in runs
    ]
    signs = [np.where(tilt >= 0.0, 1.0, -1.0) / np.sqrt(len(pairs)) for tilt in tilts]
    advice = "results are those of the patterns that these runs hold, whatever their intervals say"
    return _memory("pattern of dimer tilts", signs, spacing_ps, advice)


def ring_memory(runs: Sequence[Sequence[Atoms]], bonded: BoolArray, spacing_ps: float) -> FeatureMemory | None:
    """Of the conformer of a molecule's rings: which way each ring torsion turns, but for those that are nearly flat.

    `bonded` (n, n): the molecule's bonds. None for a molecule without such rings, and for runs of fewer than two
    snapshots.
    """
    torsions = ring_torsions(bonded)
    positions = [np.array([atoms.positions for atoms in run]) for run in runs]
    handedness = [_handedness(one, torsions) for one in positions]
    puckered = np.sqrt(np.mean(np.concatenate(handedness) ** 2, axis=0)) > _FLAT
    if not puckered.any():
        return None
    signs = [np.sign(one[:, puckered]) for one in handedness]
    # Unlike orientations and tilts, conformers need not be as frequent as their mirror images.
    mean = np.concatenate(signs).mean(axis=0)
    spread = np.sqrt(np.mean(np.sum((np.concatenate(signs) - mean) ** 2, axis=1)))
    varying = [one - mean if spread > 0.0 else one for one in signs]
    norm = spread if spread > 0.0 else np.sqrt(puckered.sum())
    advice = "results are those of the conformers that these runs hold, whatever their intervals say"
    return _memory("conformer of the molecule's rings", [one / norm for one in varying], spacing_ps, advice)


def ring_torsions(bonded: BoolArray) -> IntArray:
    """(T, 4) chains of four atoms along ring bonds, each once; `bonded` (n, n)."""
    in_ring = np.zeros_like(bonded)
    for a, b in zip(*np.nonzero(np.triu(bonded)), strict=True):
        without = bonded.copy()
        without[a, b] = without[b, a] = False
        part = connected_components(coo_array(without), directed=False)[1]
        in_ring[a, b] = in_ring[b, a] = part[a] == part[b]
    found = [
        (before, j, k, after)
        for j, k in zip(*np.nonzero(np.triu(in_ring)), strict=True)
        for before in np.flatnonzero(in_ring[j])
        for after in np.flatnonzero(in_ring[k])
        if len({before, j, k, after}) == 4
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 4)


def _handedness(positions: FloatArray, torsions: IntArray) -> FloatArray:
    """(S, T) triple products of each torsion's three unit bonds: its sign, and small where it is flat or straight."""
    ends = positions[:, torsions]
    bonds = ends[:, :, 1:] - ends[:, :, :-1]
    bonds /= np.linalg.norm(bonds, axis=-1, keepdims=True)
    products: FloatArray = np.einsum("sti,sti->st", np.cross(bonds[:, :, 0], bonds[:, :, 1]), bonds[:, :, 2])
    return products


def _memory(feature: str, runs: Sequence[FloatArray], spacing_ps: float, advice: str) -> FeatureMemory | None:
    """From vectors (S, d) of each run, of mean zero over long times and mean square one."""
    length = min(len(run) for run in runs)
    if length < 2:
        return None
    correlation = np.array(
        [
            np.mean([np.einsum("ij,ij->i", run[: len(run) - lag], run[lag:]).mean() for run in runs])
            for lag in range(length)
        ]
    )
    time = integrated_time(correlation / correlation[0])
    return FeatureMemory(
        feature=feature,
        overlap=float(correlation[1] / correlation[0]),
        correlation_time_ps=None if time is None else time * spacing_ps,
        watched_ps=(length - 1) * spacing_ps,
        spacing_ps=spacing_ps,
        advice=advice,
    )


def _centred(atoms: Atoms, masses: FloatArray) -> FloatArray:
    centred: FloatArray = atoms.positions - masses @ atoms.positions / masses.sum()
    return centred
