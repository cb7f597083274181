"""Colours of the elements of a picture: Jmol's, moved apart where two of them would look alike."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from ase.data import atomic_numbers
from ase.data.colors import jmol_colors

from molgun_lmp.arrays import FloatArray

_APART: Final = 0.11
"""Least distance of two colours in Oklab; Jmol's of Cl and Ni, both bright green, are 0.10 apart."""
_WELL_KNOWN: Final = ("H", "C", "N", "O", "F", "S", "Cl")
"""Everyone knows these by their colours, so that the others give way."""
_OFF_WHITE: Final = "#d0e0f4"
"""White balls cannot be told from white paper."""
_OTHERS: Final = (
    "#3f6f8f", "#b07d48", "#8d6ab8", "#5f9ea0", "#c9a227", "#a85c74", "#6b8e23", "#4a5568", "#e0a899", "#2f4f4f",
)  # fmt: skip
"""What an element may have instead; none is the vermilion of bonds to the surface."""

# B. Ottosson, A perceptual color space for image processing (2020): linear sRGB -> cones -> Oklab.
_TO_CONES: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def element_colours(symbols: Iterable[str]) -> Mapping[str, str]:
    """Element -> `#rrggbb`, no two alike, none as light as paper; the same elements have the same colours in any order.

    The common elements of molecules keep Jmol's colours; another one has Jmol's where it differs from those before it,
    else the one of a few other colours that is nearest to it and differs, else the one that differs most.
    """
    present = sorted(set(symbols), key=lambda one: (_rank(one), atomic_numbers[one]))
    found: dict[str, str] = {}
    for symbol in present:
        own = _jmol(symbol)
        taken = np.array([oklab(colour) for colour in found.values()]).reshape(-1, 3)
        candidates = [own, *sorted(_OTHERS, key=lambda one: distance(one, own))]
        room = [float(np.linalg.norm(taken - oklab(one), axis=1).min(initial=1.0)) for one in candidates]
        fitting = [one for one, far in zip(candidates, room, strict=True) if far >= _APART]
        found[symbol] = fitting[0] if fitting else candidates[int(np.argmax(room))]
    return found


def oklab(colour: str) -> FloatArray:
    """Lightness and two opponent colours (3,) of a `#rrggbb`, in which equal distances look alike."""
    encoded = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.asarray(_TO_LAB @ np.cbrt(_TO_CONES @ linear), dtype=np.float64)


def distance(one: str, other: str) -> float:
    """How different two `#rrggbb` look: from 0 to 1, black to white."""
    return float(np.linalg.norm(oklab(one) - oklab(other)))


def _rank(symbol: str) -> int:
    return 0 if symbol in _WELL_KNOWN else 1


def _jmol(symbol: str) -> str:
    colour = "#" + "".join(f"{round(255 * channel):02x}" for channel in jmol_colors[atomic_numbers[symbol]])
    return _OFF_WHITE if distance(colour, "#ffffff") < distance(_OFF_WHITE, "#ffffff") else colour
