"""What impact and bonds heat: temperatures of slab and molecule along a trajectory, before contact and at its end.

A slab of a few layers keeps the heat that a real surface carries away within picoseconds, so how far it warmed is part
of what a campaign says. Temperatures of so few atoms fluctuate (by 28 K for 74 atoms at 300 K), so they are averaged.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.heat_records import Heat
from molgun_lmp.records import Outcome

AVERAGED_PS: Final = 0.5
"""Of the end of a trajectory."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Temperatures:
    """Of each of T frames: `slab_k` (T,) K of the slab's mobile atoms; `molecule_k` (T,) K of the molecule about its
    centre of mass, its rotation and the motion of its fragments included; `translation_ev` (T,) eV of its centre of
    mass."""

    slab_k: FloatArray
    molecule_k: FloatArray
    translation_ev: FloatArray


def heat_of(temperatures: Temperatures, times_ps: FloatArray, contact_ps: float | None) -> Heat:
    """The means before first contact, and over the last `AVERAGED_PS` after it; `times_ps` (T,) after the first frame.

    Without contact all of it is before.
    """
    before = times_ps < (np.inf if contact_ps is None else contact_ps)
    end = ~before & (times_ps > (times_ps[-1] if len(times_ps) else 0.0) - AVERAGED_PS)
    return Heat(
        slab_before_k=_mean(temperatures.slab_k, before),
        slab_end_k=_mean(temperatures.slab_k, end),
        molecule_before_k=_mean(temperatures.molecule_k, before),
        molecule_end_k=_mean(temperatures.molecule_k, end),
        translation_before_ev=_mean(temperatures.translation_ev, before),
        translation_end_ev=_mean(temperatures.translation_ev, end),
    )


def _mean(values: FloatArray, which: BoolArray) -> float | None:
    return float(values[which].mean()) if which.any() else None


def heat_sentence(outcomes: Sequence[Outcome]) -> str:
    """How far slab and molecule warmed, in plain words; empty where no shot was followed from before its contact on."""
    known = [(one, one.heat) for one in outcomes if one.heat is not None and one.heat.warmed_k is not None]
    if not known:
        return ""
    parts = []
    for what, stuck in (("those that are bound then", True), ("the others", False)):
        some = [heat for one, heat in known if one.stuck is stuck]
        if some:
            parts.append(
                f"at {_average([h.slab_end_k for h in some])} K in {what} ({len(some)} "
                f"shot{'' if len(some) == 1 else 's'}, {_average([h.warmed_k for h in some], signed=True)} K)"
            )
    before = _average([heat.slab_before_k for _, heat in known])
    inside = [[h.molecule_before_k for _, h in known], [h.molecule_end_k for _, h in known]]
    within = (
        ""
        if all(one.atom for one, _ in known)
        else f"; the molecules, about their centres of mass, went from {_average(inside[0])} to {_average(inside[1])} K"
    )
    return (
        f"Heat: the mobile atoms of the slab were at {before} K before contact, and in the last {AVERAGED_PS:g} ps "
        f"{' and '.join(parts)}{within}. Means with standard errors over shots."
    )


def _average(values: Sequence[float | None], *, signed: bool = False) -> str:
    known = np.array([value for value in values if value is not None])
    mean = f"{known.mean():+.0f}" if signed else f"{known.mean():.0f}"
    return mean if len(known) < 2 else f"{mean} ± {known.std(ddof=1) / math.sqrt(len(known)):.0f}"
