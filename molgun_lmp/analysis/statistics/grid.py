"""Sticking at each point of a campaign's grid of energies and angles, the points' differences, and the fitted curves.

Shot k of every point was drawn with the same random numbers: differences between points are taken shot by shot.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from pydantic import ConfigDict

from molgun_lmp.analysis.statistics.comparison import Comparison, compare
from molgun_lmp.analysis.statistics.estimates import Estimate, Estimator, clusters_of
from molgun_lmp.analysis.statistics.pairing import Drawn
from molgun_lmp.analysis.statistics.sticking_curve import CurveFit, fit_curves
from molgun_lmp.analysis.statistics.summary import STICKING_LINES, bounds_text, table_lines
from molgun_lmp.config import GridPoint, Gun
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import JsonRecord, Outcome

GRID_HEADER = (
    *("energy / eV", "angle / °", "shots", "in contact", "stuck, of those in contact", "95 % over snapshots"),
    *("not left", "95 % over snapshots"),
)
"""Column titles of `PointSticking.cells`."""

_SAME_DRAWS = Drawn(seed=0, pools={}, gun={})


@dataclasses.dataclass(frozen=True, kw_only=True)
class PointSticking(JsonRecord):
    """What sticks of the shots of one point; simultaneous intervals hold for all points at once."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    energy_ev: float | None
    polar_deg: float | None
    stuck: Estimate
    """Bound at the end, of all shots."""
    stuck_of_contact: Estimate
    """Bound at the end, of those in contact: the sticking coefficient is not below it."""
    trapped_of_contact: Estimate
    """Not gone at the end, of those in contact: the sticking coefficient is not above it."""

    def cells(self) -> tuple[str, ...]:
        """The point as a line of text, in the order of `GRID_HEADER`."""
        low, high = self.stuck_of_contact, self.trapped_of_contact
        return (
            *("–" if value is None else f"{value:g}" for value in (self.energy_ev, self.polar_deg)),
            *(str(self.stuck.shots), str(low.shots)),
            *(
                text
                for one in (low, high)
                for text in ("–" if one.fraction is None else f"{100 * one.fraction:.1f} %", bounds_text(one.cluster))
            ),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridSticking(JsonRecord):
    """Sticking over a grid: its points in their order, and the curves through them."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    points: tuple[PointSticking, ...]
    fits: tuple[CurveFit, ...]
    settled: bool = False
    """Shots that had settled were ended early: the points allow for that, and no curve is fitted."""

    def no_fit(self) -> str:
        """Why there is no curve; empty where there is one."""
        if self.fits:
            return ""
        if self.settled:
            return (
                "No curve is fitted: shots that had settled were ended early (stop.settled), and a curve takes every "
                "shot for what it was when it ended. The points allow for it."
            )
        return (
            "No curve is fitted: that takes three energies, more points than parameters (three, and one more where "
            "angles vary), and shots that stick as well as some that do not."
        )


def grid_sticking(
    scheme: OutcomeScheme, outcomes: Sequence[Outcome], gun: Gun, rng: np.random.Generator
) -> GridSticking:
    """Of the campaign's ended shots, whichever they are; `rng` is for the bootstrap of the curves."""
    places = np.array([gun.aimed(int(one.trajectory_id))[0] for one in outcomes], dtype=np.int64)
    lines, clusters = table_lines(scheme, outcomes)[-len(STICKING_LINES) :], clusters_of(outcomes)
    points = []
    for number, point in enumerate(gun.points):
        here = places == number
        mine = clusters.take(here)
        estimator = Estimator.of([line.take(here) for line in lines], mine, lines=len(gun.points))
        stuck, low, high = (estimator.over(line.take(here), mine) for line in lines)
        points.append(
            PointSticking(
                energy_ev=point.energy_ev,
                polar_deg=point.polar_deg,
                stuck=stuck,
                stuck_of_contact=low,
                trapped_of_contact=high,
            )
        )
    fits: list[CurveFit] = []
    known = [(point.energy_ev, point.polar_deg or 0.0) for point in gun.points if point.energy_ev is not None]
    settled = any(line.audit is not None for line in lines)
    if outcomes and not settled and len(known) == len(gun.points):
        bound, trapped = lines[1:]
        named = [(STICKING_LINES[1], bound)]
        if (bound.hit != trapped.hit).any():
            named.append((STICKING_LINES[2], trapped))
        for name, line in named:
            fits += fit_curves(name, line, point=places, points=known, clusters=clusters, rng=rng)
    return GridSticking(points=tuple(points), fits=tuple(fits), settled=settled)


def grid_differences(scheme: OutcomeScheme, outcomes: Sequence[Outcome], gun: Gun) -> Comparison | None:
    """Every line of the table at each point less that of the first point, shot by shot; None for fewer than two points
    with shots."""
    of_point: dict[GridPoint, list[Outcome]] = {point: [] for point in gun.points}
    for one in outcomes:
        place, number = gun.aimed(int(one.trajectory_id))
        of_point[gun.points[place]].append(dataclasses.replace(one, trajectory_id=f"{number:06d}"))
    fired = [(str(point), found) for point, found in of_point.items() if found]
    return compare(scheme, fired, drawn=[_SAME_DRAWS] * len(fired)) if len(fired) > 1 else None
