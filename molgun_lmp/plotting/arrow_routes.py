"""Where arrows between named places run so that they cross no name, and where on them their numbers are read best.

All lengths are in inches of the drawing. An arrow is a cubic Bezier curve from beside its first place to beside its
second one; names stand above and below the places, so it leaves and arrives sideways as far as that is possible.
"""

import dataclasses
import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np

from molgun_lmp.arrays import FloatArray

NODE: Final = 0.12
"""Radius of the mark at a place."""
_CLEARANCE: Final = 0.18
"""How far from the middle of a place its arrows begin and end."""
_REACH: Final = 0.45
"""How far the control points are from the ends, as a share of the way between columns."""
_SLOPES: Final = (0.0, 0.3, 0.6)
"""How much an arrow heads for its target at once, and not sideways."""
_LIFTS: Final = (0.0, *(sign * lift for lift in (0.2, 0.35, 0.5, 0.7, 0.9, 1.1, 1.4, 1.8) for sign in (1, -1)))
_SIDE_REACHES: Final = (0.55, 0.75, 1.0)
_T: Final = np.linspace(0.0, 1.0, 61)[:, None]
_WEIGHTS: Final = np.hstack([(1 - _T) ** 3, 3 * (1 - _T) ** 2 * _T, 3 * (1 - _T) * _T**2, _T**3])
_NEAR: Final = 0.09
"""Two lines closer than this read as one."""
_NUMBER: Final = 0.1
"""Half the width of a number on a line."""

Point = tuple[float, float]
NodeT = TypeVar("NodeT", bound=Hashable)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rectangle:
    """A rectangle: its middle, and half its width and height."""

    middle: Point
    half: Point

    def holds(self, points: FloatArray, rim: float = 0.0) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Which of the points (n, 2) are inside, or closer than `rim` to it."""
        inside = np.abs(points - np.array(self.middle)) < np.array(self.half) + rim
        return np.asarray(inside.all(axis=1))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Route:
    """One arrow: its control points (4, 2), and where its number stands."""

    controls: FloatArray
    number_at: Point

    @property
    def points(self) -> FloatArray:
        """(n, 2) along the arrow."""
        return np.asarray(_WEIGHTS @ self.controls)


def routes(
    pairs: Sequence[tuple[NodeT, NodeT]], places: Mapping[NodeT, Point], names: Sequence[Rectangle], page: Rectangle
) -> dict[tuple[NodeT, NodeT], Route]:
    """A route for each pair of places, the important ones first: they choose first.

    An arrow stays on the page, avoids names and marks, then other arrows, and is otherwise short.
    """
    controls: dict[tuple[NodeT, NodeT], FloatArray] = {}
    drawn: dict[tuple[NodeT, NodeT], FloatArray] = {}
    for start, end in pairs:
        marks = np.array([place for node, place in places.items() if node not in (start, end)]).reshape(-1, 2)
        candidates = list(_candidates(places[start], places[end]))
        costs = [_cost(_WEIGHTS @ one, names, marks, list(drawn.values()), page) for one in candidates]
        controls[start, end] = candidates[int(np.argmin(costs))]
        drawn[start, end] = _WEIGHTS @ controls[start, end]
    found: dict[tuple[NodeT, NodeT], Route] = {}
    for pair, points in drawn.items():
        others = [other for its, other in drawn.items() if its != pair]
        numbers = [_width_of_number(route.number_at) for route in found.values()]
        at = _number_place(points, names, [*others, *numbers, np.array(list(places.values()))])
        found[pair] = Route(controls=controls[pair], number_at=at)
    return found


def _candidates(start: Point, end: Point) -> Iterator[FloatArray]:
    """Control points of the arrows that there can be, the plain ones first."""
    a, b = np.array(start), np.array(end)
    between = b - a
    if abs(between[0]) > NODE:
        way = np.array([_REACH * between[0], 0.0])
        for lift, leaving, arriving in itertools.product(_LIFTS, _SLOPES, _SLOPES):
            rise = np.array([0.0, _REACH * between[1]])
            up = np.array([0.0, lift])
            yield _beside(a, a + way + leaving * rise + up, b - way - arriving * rise + up, b)
        return
    for reach, side in itertools.product(_SIDE_REACHES, (1, -1)):  # around, for places above each other
        aside = np.array([side * reach, 0.0])
        yield _beside(a, a + aside + between / 4, b + aside - between / 4, b)


def _beside(a: FloatArray, first: FloatArray, second: FloatArray, b: FloatArray) -> FloatArray:
    """(4, 2): the curve begins and ends beside its places, on the way to its control points."""
    begin = a + _CLEARANCE * (first - a) / np.linalg.norm(first - a)
    end = b + _CLEARANCE * (second - b) / np.linalg.norm(second - b)
    return np.array([begin, first, second, end])


def _cost(
    points: FloatArray, names: Sequence[Rectangle], marks: FloatArray, drawn: Sequence[FloatArray], page: Rectangle
) -> float:
    on_names = sum(int(box.holds(points, 0.03).sum()) for box in names)
    on_marks = int((_distances(points, marks) < NODE + 0.06).sum()) if len(marks) else 0
    along = sum(int((_distances(points, other) < _NEAR).sum()) for other in drawn)
    outside = int((~page.holds(points)).sum())
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    detour = float(steps / np.linalg.norm(points[-1] - points[0])) - 1.0
    return 6.0 * on_names + 4.0 * on_marks + 4.0 * outside + 0.12 * along + 6.0 * detour


def _number_place(points: FloatArray, names: Sequence[Rectangle], others: Sequence[FloatArray]) -> Point:
    """The point of an arrow with the most room around it, of its inner part."""
    inner = points[len(points) // 4 : -(len(points) // 4)]
    room = np.full(len(inner), 0.25)
    for other in others:
        room = np.minimum(room, _distances(inner, other))
    for box in names:
        room[box.holds(inner, _NUMBER)] = 0.0
    room -= 0.05 * np.abs(np.linspace(-1.0, 1.0, len(inner)))  # of two alike, the one nearer to the middle
    x, y = inner[int(np.argmax(room))].tolist()
    return x, y


def _width_of_number(place: Point) -> FloatArray:
    return np.array([[place[0] + side * _NUMBER, place[1]] for side in (-1, 0, 1)])


def _distances(points: FloatArray, others: FloatArray) -> FloatArray:
    """(n,) of each point to the nearest of the others."""
    return np.asarray(np.linalg.norm(points[:, None] - others[None], axis=2).min(axis=1))
