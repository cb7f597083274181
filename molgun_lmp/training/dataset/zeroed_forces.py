"""Forces that a constraint has set to zero, which are not minus the gradient of the energy."""

import dataclasses
from typing import Final

import numpy as np

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame

_FEWEST_FRAMES: Final = 2
_FEWEST_OF_COMPONENTS: Final = 3
"""Of one component alone: in files of few digits some are zero by chance."""
_LEFT_EV_PER_ANGSTROM: Final = 5e-3
"""Forces of an energy add up to zero but for rounding; those of atoms at a centre of symmetry are zero, and all do."""


@dataclasses.dataclass(kw_only=True)
class _Seen:
    """Of frames of the same atoms: `zero` (N, 3), what was exactly zero in all of them; `left` (3,) eV/Å, the largest
    sums of all forces; `source`: the first frame."""

    zero: BoolArray
    left: FloatArray
    source: str
    frames: int = 0

    def add(self, frame: LabelledFrame) -> None:
        self.frames += 1
        self.zero &= frame.forces == 0.0
        np.maximum(self.left, np.abs(frame.forces.sum(axis=0)), out=self.left)

    def held(self) -> BoolArray:
        """(N,) atoms with a force, or a component of it, that was held at zero."""
        unbalanced = self.left > _LEFT_EV_PER_ANGSTROM
        some: BoolArray = np.logical_and(self.zero.any(axis=0), ~self.zero.all(axis=0))
        components: BoolArray = self.zero & (some & unbalanced)
        if self.frames < _FEWEST_OF_COMPONENTS:
            components &= np.asarray(self.zero.all(axis=1))[:, None]
        held: BoolArray = np.asarray(components.any(axis=1))
        return held if self.frames >= _FEWEST_FRAMES else np.zeros_like(held)


class ZeroedForces:
    """Looks for atoms whose forces are exactly zero in every frame of a trajectory, or of all frames of these atoms."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, tuple[str, ...]], _Seen] = {}
        self._symbols: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, frame: LabelledFrame) -> None:
        """Take in the next frame."""
        symbols = self._symbols.setdefault(frame.symbols, frame.symbols)
        for key in ((frame.trajectory, symbols), ("", symbols)):
            seen = self._seen.get(key)
            if seen is None:
                zero = np.ones((len(symbols), 3), dtype=np.bool_)
                seen = self._seen[key] = _Seen(zero=zero, left=np.zeros(3), source=frame.source)
            seen.add(frame)

    def check(self) -> None:
        """Raise `InputFileError` where there are some."""
        for (trajectory, _), seen in self._seen.items():
            held = seen.held()
            if held.any():
                what = f"of trajectory {trajectory}" if trajectory else "of these atoms"
                raise InputFileError(
                    f"the forces of {int(held.sum())} atoms are exactly zero in every one of the {seen.frames} frames "
                    f"{what} (from {seen.source} on), and those of all atoms do not add up to zero (by "
                    f"{seen.left.max():.2g} eV/Å): a constraint was applied, they are not minus the gradient of the "
                    "energy. Write them without it (ASE: atoms.get_forces(apply_constraint=False)), or, where they are "
                    "meant, set `zeroed_forces: true` in `limits` (--zeroed-forces)."
                )
