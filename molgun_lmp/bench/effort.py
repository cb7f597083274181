"""How much is measured: by seconds, so that a whole measurement ends on a slow machine too."""

import dataclasses
from typing import Final


@dataclasses.dataclass(frozen=True, kw_only=True)
class Effort:
    """What is measured in about `budget_s` seconds.

    `repeats` of each way at most, of up to `repeat_s` seconds each; `sizes` how often the slab of 154 atoms is repeated
    in its plane, () for the molecule alone only; `together` trajectories at once; `workers` processes at once;
    `medium` whether the larger model is measured too; `frames` of the dumps that are read.
    """

    budget_s: float
    repeats: int
    repeat_s: float
    sizes: tuple[tuple[int, int], ...]
    together: tuple[int, ...]
    workers: tuple[int, ...]
    medium: bool
    frames: int


FULL: Final = Effort(
    budget_s=1200.0,
    repeats=5,
    repeat_s=1.5,
    sizes=((1, 1), (2, 2), (4, 3)),
    together=(1, 2, 4, 8, 16, 32, 64),
    workers=(1, 2),
    medium=True,
    frames=1000,
)
QUICK: Final = Effort(
    budget_s=120.0, repeats=2, repeat_s=0.05, sizes=(), together=(1, 2), workers=(), medium=False, frames=100
)

MEMORY_SHARE: Final = 0.6
"""A way that would need more of the memory that is free is left out."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceGrid:
    """The cells of a device's table, in about `budget_s` seconds with all that is loaded for them: structures (`sizes`
    as in `Effort`) times `together` trajectories at once, of `most_atoms` in all; each cell of about `repeat_s`."""

    budget_s: float
    repeat_s: float
    sizes: tuple[tuple[int, int], ...]
    together: tuple[int, ...]
    most_atoms: int
    medium: bool


FULL_GRID: Final = DeviceGrid(
    budget_s=480.0,
    repeat_s=0.5,
    sizes=((1, 1), (2, 2), (4, 3)),
    together=(1, 4, 16, 64, 256),
    most_atoms=80_000,
    medium=True,
)
QUICK_GRID: Final = DeviceGrid(budget_s=120.0, repeat_s=0.05, sizes=(), together=(1, 2), most_atoms=1000, medium=False)
