"""How long may the outer step of an impulse scheme be? What the stiffness of the two forces says.

The scheme (impulse r-RESPA: M. Tuckerman, B. J. Berne, G. J. Martyna, J. Chem. Phys. 97, 1990 (1992)) gives the slow
force F_full - F_inner as kicks of half an outer step h before and after h of motion under F_inner. Of one harmonic
motion, w² the inner curvature and s the slow one (both by mass, 1/fs²), kick, rotation by wh and kick are the matrix

    ( cos wh - (s h / 2w) sin wh                          sin wh / w                       )
    ( -w sin wh - s h cos wh + (s h / 2)² sin wh / w      cos wh - (s h / 2w) sin wh       )

which is stable where |cos wh - (s h / 2w) sin wh| < 1 (J. J. Biesiadecki, R. D. Skeel, J. Comput. Phys. 109, 318
(1993)) and then keeps v² + W² x², W² = minus the lower left over the upper right, in place of v² + (w² + s) x²: along
a trajectory the largest energy is (w² + s) / W², or the inverse, times the smallest. Velocity Verlet is the case of
w = 0: with its step dt the largest is 1 / (1 - s dt² / 4) times the smallest.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

_NONLINEAR_LIMIT: Final = 4.0
"""Outer steps of a third and of a fourth of the fastest period are unstable in NVE however small the slow force is
(Q. Ma, J. A. Izaguirre, R. D. Skeel, SIAM J. Sci. Comput. 24, 1951 (2003))."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stiffness:
    """The largest curvatures of two forces, by mass, in 1/fs²: `full` of the full one, `slow` of what is left of it
    beside the inner one, by its size whatever its sign."""

    full: float
    slow: float

    @property
    def fastest_period_fs(self) -> float:
        """Of the motions under the full force."""
        return math.tau / math.sqrt(self.full)

    @property
    def slow_period_fs(self) -> float:
        """The time scale of what is left: the period that it would give by itself where it is stiffest."""
        return math.tau / math.sqrt(self.slow) if self.slow > 0.0 else math.inf


def energy_swing(inner: float, slow: float, step_fs: float) -> float:
    """The largest energy of a harmonic motion under the impulse scheme over its smallest, less one.

    Curvatures in 1/fs²; `inner` is below zero where a poor inner model bends the other way and the slow force makes up
    for it. Infinite where the scheme is unstable.
    """
    whole = inner + slow
    if whole <= 0.0:
        return math.inf
    phase = math.sqrt(abs(inner)) * step_fs
    if phase == 0.0:
        cosine, drift = 1.0, step_fs
    elif inner > 0.0:
        cosine, drift = math.cos(phase), step_fs * math.sin(phase) / phase
    else:
        cosine, drift = math.cosh(phase), step_fs * math.sinh(phase) / phase
    kick = 0.5 * slow * step_fs
    trace, upper = cosine - kick * drift, drift
    lower = -inner * drift - 2.0 * kick * cosine + kick**2 * drift
    if abs(trace) >= 1.0 or upper * lower >= 0.0:
        return math.inf
    ratio = -whole * upper / lower
    return max(ratio, 1.0 / ratio) - 1.0


def swing_of(stiffness: Stiffness, step_fs: float) -> float:
    """The swing of an outer step at worst: the stiffest slow force acts on the fastest motion, or on a soft one."""
    fastest = [energy_swing(stiffness.full - slow, slow, step_fs) for slow in (stiffness.slow, -stiffness.slow)]
    return max(*fastest, energy_swing(0.0, stiffness.slow, step_fs) if stiffness.slow > 0.0 else 0.0)


def own_swing(stiffness: Stiffness, timestep_fs: float) -> float:
    """That of velocity Verlet with the full force and one step."""
    return energy_swing(0.0, stiffness.full, timestep_fs)


def advised_every(stiffness: Stiffness, timestep_fs: float, candidates: Sequence[int]) -> int:
    """The largest of `candidates` (in steps) whose outer step costs energy conservation no more than the campaign's own
    timestep does and is below a fourth of the fastest period; 1 where none is: then the inner model gains nothing.
    """
    limit = own_swing(stiffness, timestep_fs)
    fit = [
        every
        for every in candidates
        if every * timestep_fs < stiffness.fastest_period_fs / _NONLINEAR_LIMIT
        and swing_of(stiffness, every * timestep_fs) <= limit
    ]
    return max(fit, default=1)
