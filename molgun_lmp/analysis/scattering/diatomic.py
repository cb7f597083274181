"""The potential curve of a diatomic from its free flight, and its vibrational and rotational quantum numbers.

In free flight the energy within a diatomic is constant, so that two phases of one flight say how much the potential
differs between two distances: K(r1) + V(r1) = K(r2) + V(r2). All flights of a species together give its curve without
any call of the force model, however seldom frames are stored.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.scattering_records import Flight
from molgun_lmp.units import HBAR, MVV_TO_EV

_FEWEST: Final = 20
"""Differences within flights that a curve needs."""
_MOST: Final = 2000
"""Flights that a curve rests on at most: more would not sharpen it."""
_NARROW_ANGSTROM: Final = 0.02
"""Distances that span less than this give no curve."""
_STIFFNESS: Final = (0.2, 12.0)
"""1/Å, between which the exponent of any bond lies."""
_SOUGHT: Final = 1000
"""Places at which each turning point is looked for before it is made exact."""
_BEYOND: Final = 1.2
"""Times what was seen: frames seldom catch a vibration where it turns."""
_NODES: Final = 200
"""Of the integral between them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curve:
    """Morse's curve, V(r) = D (1 - exp(-a (r - r_e)))^2, of `formula` (P. M. Morse, Phys. Rev. 34, 57 (1929)).

    `depth_ev`, `stiffness` 1/Å, `length` Å, `mass` u, the reduced one; `shortest` and `longest` Å: distances that were
    seen; `frames` and `rms_ev`: what it rests on, and how far K + V is from constant within a flight.
    """

    formula: str
    depth_ev: float
    stiffness: float
    length: float
    mass: float
    shortest: float
    longest: float
    frames: int
    rms_ev: float

    def energy_ev(self, distance: FloatArray | float) -> FloatArray:
        """V at some distances in Å."""
        values: FloatArray = self.depth_ev * (1.0 - np.exp(-self.stiffness * (np.asarray(distance) - self.length))) ** 2
        return values

    def internal_ev(self, flight: Flight) -> float | None:
        """Energy within the molecule above the curve's minimum, the mean over the phases of a flight, if it has any."""
        if not flight.phases:
            return None
        distances, kinetic = np.array(flight.phases).T
        return float((kinetic + self.energy_ev(distances)).mean())

    def extrapolates(self, vibration_ev: float) -> bool:
        """Whether so strong a vibration goes clearly beyond the distances that were seen, on either side."""
        seen = float(self.energy_ev(np.array([self.shortest, self.longest])).min())
        return vibration_ev > _BEYOND * seen

    def sentence(self) -> str:
        """What it is and what it rests on."""
        return (
            f"Curve of {self.formula} from {self.frames} frames of free flight, {self.shortest:.2f} to "
            f"{self.longest:.2f} Å: Morse with D = {self.depth_ev:.2f} eV, a = {self.stiffness:.2f}/Å, "
            f"r_e = {self.length:.3f} Å; energies within a flight agree to {1000 * self.rms_ev:.1g} meV."
        )


def fit_curve(formula: str, mass: float, flights: Sequence[Flight]) -> Curve | None:
    """The curve of a diatomic of reduced mass `mass` (u) from all its flights, None where they do not give one.

    Least squares of K + V about its mean within each flight. The depth is linear in this, so that two numbers are
    searched for. At energies far below the depth only D a^2 is known well, and D and a by themselves are not.
    """
    groups = [np.array(one.phases) for one in flights if len(one.phases) > 1]
    groups = groups[:: 1 + len(groups) // _MOST]
    frames = sum(map(len, groups))
    if frames - len(groups) < _FEWEST:
        return None
    phases = np.concatenate(groups)
    which = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    distances = phases[:, 0]
    if np.ptp(distances) < _NARROW_ANGSTROM:
        return None
    from scipy import optimize  # noqa: PLC0415 - slow to load, and few campaigns have diatomics that leave

    kinetic = _about_means(phases[:, 1], which)

    def depth(stiffness: float, length: float) -> tuple[float, FloatArray]:
        shape = _about_means((1.0 - np.exp(-stiffness * (distances - length))) ** 2, which)
        size = float(shape @ shape)
        found = max(0.0, -float(shape @ kinetic) / size) if size > 0.0 else 0.0
        return found, kinetic + found * shape

    def residual(point: FloatArray) -> FloatArray:
        return depth(float(np.exp(point[0])), float(point[1]))[1]

    best = min(
        (
            optimize.least_squares(
                residual,
                [np.log(start), float(distances.mean())],
                bounds=([np.log(_STIFFNESS[0]), distances.min()], [np.log(_STIFFNESS[1]), distances.max()]),
                x_scale=[0.1, 0.01],
            )
            for start in (1.0, 2.0, 4.0)
        ),
        key=lambda found: float(found.cost),
    )
    stiffness, length = float(np.exp(best.x[0])), float(best.x[1])
    deep, rest = depth(stiffness, length)
    rms = float(np.sqrt(rest @ rest / (frames - len(groups))))
    if deep <= 0.0 or rms > 0.5 * float(np.sqrt(kinetic @ kinetic / (frames - len(groups)))):
        return None
    return Curve(
        formula=formula,
        depth_ev=deep,
        stiffness=stiffness,
        length=length,
        mass=mass,
        shortest=float(distances.min()),
        longest=float(distances.max()),
        frames=frames,
        rms_ev=rms,
    )


def rotational_number(angular_momentum: float) -> float:
    """J of an angular momentum in ħ, L^2 = J (J + 1) ħ^2, not rounded.

    Source: D. G. Truhlar and J. T. Muckerman, in Atom-Molecule Collision Theory, ed. R. B. Bernstein (1979), ch. 16.
    """
    return -0.5 + float(np.sqrt(0.25 + angular_momentum**2))


def vibrational_number(curve: Curve, internal_ev: float, angular_momentum: float) -> float | None:
    """v of the action of the vibration (EBK), not rounded; None where it would dissociate.

    An energy that is by its error below the lowest of this rotation has no action: -1/2.

    (v + 1/2) h = 2 integral of sqrt(2 mu (E - V(r) - L^2 / 2 mu r^2)) dr between the turning points, with the
    angular momentum L in ħ (source as of `rotational_number`).
    """

    def radial(distance: FloatArray) -> FloatArray:
        centrifugal = 0.5 * MVV_TO_EV * (angular_momentum * HBAR) ** 2 / (curve.mass * distance**2)
        free: FloatArray = internal_ev - curve.energy_ev(distance) - centrifugal
        return free

    from scipy import optimize  # noqa: PLC0415 - as in `fit_curve`

    lowest = optimize.minimize_scalar(
        lambda r: -float(radial(np.array(r))), bounds=(0.5 * curve.length, 2.5 * curve.length), method="bounded"
    )
    if lowest.fun >= 0.0:
        return -0.5
    ends = []
    for far in (0.1 * curve.length, 6.0 * curve.length):
        grid = np.linspace(float(lowest.x), far, _SOUGHT)
        beyond = np.flatnonzero(radial(grid) <= 0.0)
        if not len(beyond) or beyond[0] == 0:
            return None
        place = int(beyond[0])
        ends.append(optimize.brentq(lambda r: float(radial(np.array(r))), *sorted((grid[place - 1], grid[place]))))
    inner, outer = ends
    angles = (np.arange(_NODES) + 0.5) * np.pi / _NODES
    places = 0.5 * (inner + outer) - 0.5 * (outer - inner) * np.cos(angles)
    momentum = np.sqrt(np.maximum(0.0, radial(places)) * 2.0 * curve.mass / MVV_TO_EV)
    integral = float((momentum * np.sin(angles)).sum() * 0.5 * (outer - inner) * np.pi / _NODES)
    return integral / (np.pi * HBAR) - 0.5


def _about_means(values: FloatArray, which: IntArray) -> FloatArray:
    """The values (P,) less the mean of their group."""
    means = np.bincount(which, weights=values) / np.bincount(which)
    rest: FloatArray = values - means[which]
    return rest
