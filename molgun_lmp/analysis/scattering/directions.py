"""The direction in which a particle leaves, by itself and against the plane in which it came."""

import math
from typing import Final, NamedTuple

_NORMAL: Final = 1e-6
"""Of the speed: a beam with less than this along the surface has no plane of incidence."""

_Velocity = tuple[float, float, float]


class Direction(NamedTuple):
    """Angles in degrees.

    `polar` from the outward surface normal (0 is straight up, beyond 90 into the surface), `azimuth` from +x towards
    +y in [0, 360). `in_plane`: from the normal, of the direction as it is seen in the plane of incidence, positive
    forwards, so that a mirror gives the angle of incidence. `out_of_plane`: between the direction and that plane,
    positive to the left of who looks along the beam from above. Both are None for a beam along the normal.
    """

    polar: float
    azimuth: float
    in_plane: float | None
    out_of_plane: float | None


def exit_direction(velocity: _Velocity, incidence: _Velocity) -> Direction:
    """Of a velocity, against that of the beam; the plane of incidence holds the beam and the surface normal, +z."""
    x, y, z = velocity
    polar = math.degrees(math.atan2(math.hypot(x, y), z))
    azimuth = math.degrees(math.atan2(y, x)) % 360.0
    along = math.hypot(incidence[0], incidence[1])
    if along <= _NORMAL * math.hypot(*incidence):
        return Direction(polar, azimuth, None, None)
    forward = (x * incidence[0] + y * incidence[1]) / along
    left = (y * incidence[0] - x * incidence[1]) / along
    return Direction(
        polar,
        azimuth,
        math.degrees(math.atan2(forward, z)),
        math.degrees(math.atan2(left, math.hypot(forward, z))),
    )
