"""Energy curves along the distance of two atoms, model beside labels: whether bonds break as they should."""

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Final, Self

import numpy as np
from ase.geometry import find_mic

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ConfigError
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.evaluation.comparison import ModelComparison

_FEWEST: Final = 3
"""Points of a curve."""
_IMAGE_ANGSTROM: Final = 1e-3

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AtomPair:
    """The two atoms, counted from 0 within each frame, whose distance is scanned."""

    first: int
    second: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From words like `0,1`. Raises `ConfigError` for anything else."""
        numbers = [part.strip() for part in text.split(",")]
        if len(numbers) != 2 or not all(part.isdecimal() for part in numbers) or numbers[0] == numbers[1]:
            raise ConfigError(f"--scan {text}: two different atoms are needed, counted from 0, such as 0,1")
        return cls(first=int(numbers[0]), second=int(numbers[1]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScanCurve:
    """One trajectory's energies by distance, ascending: four arrays of P points, distances in Å, energies in eV.

    Both energies are relative to the point of the lowest label, so that they meet there.
    """

    atoms: tuple[str, str]
    distance_angstrom: FloatArray
    label_ev: FloatArray
    model_ev: FloatArray

    @property
    def depth_ev(self) -> tuple[float, float]:
        """Energy at the longest distance, of the label and of the model."""
        return float(self.label_ev[-1]), float(self.model_ev[-1])


def curves(comparison: ModelComparison, pair: AtomPair) -> Mapping[str, ScanCurve]:
    """Trajectory -> its curve, for each of three frames or more of one composition in which both atoms are.

    Distances are those of the frames as they are written, so that a bond may be longer than half the cell; where an
    image is nearer, as in frames that were wrapped, that is logged. Raises `ConfigError` where no trajectory is such a
    scan.
    """
    found = {}
    for name in dict.fromkeys(comparison.trajectories.tolist()):
        of = np.flatnonzero(comparison.trajectories == name)
        frames = [comparison.frames[k] for k in of]
        if len(of) < _FEWEST or len({frame.symbols for frame in frames}) > 1:
            continue
        symbols = frames[0].symbols
        if max(pair.first, pair.second) >= len(symbols):
            continue
        distance = np.array([math.dist(frame.positions[pair.first], frame.positions[pair.second]) for frame in frames])
        _warn_of_images(name, frames, pair, distance)
        order = np.argsort(distance, kind="stable")
        label, model = comparison.reference_energy_ev[of][order], comparison.energy_ev[of][order]
        lowest = int(np.argmin(label))
        found[name] = ScanCurve(
            atoms=(symbols[pair.first], symbols[pair.second]),
            distance_angstrom=distance[order],
            label_ev=label - label[lowest],
            model_ev=model - model[lowest],
        )
    if not found:
        raise ConfigError(
            f"--scan {pair.first},{pair.second}: no trajectory has {_FEWEST} frames of the same atoms, these two among "
            "them. Name each scan's frames by `trajectory` in their headers."
        )
    return found


def _warn_of_images(name: str, frames: Sequence[LabelledFrame], pair: AtomPair, distance: FloatArray) -> None:
    nearest = np.array(
        [
            find_mic(frame.positions[pair.second] - frame.positions[pair.first], frame.cell, frame.pbc)[1]
            for frame in frames
        ]
    )
    across = nearest < distance - _IMAGE_ANGSTROM
    if across.any():
        worst = int(np.argmax(distance - nearest))
        log.warning(
            "--scan: in %d of %d frames of %s the two atoms are nearer across the cell's border (%.2f Å in place of "
            "%.2f Å). Where they are one molecule that was wrapped, write the frames with it whole.",
            across.sum(),
            len(frames),
            name,
            nearest[worst],
            distance[worst],
        )
