"""The simulation cell: its shape, the height that no shot outgrows, and the distances that a start must keep."""

import dataclasses
import math
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import Clearance, Dose, Height
from molgun_lmp.errors import GeometryError
from molgun_lmp.surface.minimum_image import MinimumImage
from molgun_lmp.surface.widest_gap import widest_gap

BOTTOM_Z_ANGSTROM: Final = 1.0
"""Where the lowest atom of a slab lies in its cell."""
MARGIN_ANGSTROM: Final = 2.0
CONTACT_MARGIN_ANGSTROM: Final = 0.5
"""A molecule this far beyond the cutoff neither feels the surface nor comes to feel it by a rounding error."""
_ALIGNED: Final = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Extents:
    """The worst case over a campaign's pools, in Å: slab thickness and the molecule's largest atom-centre distance."""

    slab_thickness: float
    molecule_radius: float


def contact_clearance(cutoff_angstrom: float) -> float:
    """Clearance in Å at which the molecule is just out of the surface's reach, on its way in or out."""
    return cutoff_angstrom + CONTACT_MARGIN_ANGSTROM


def room_for_adsorbates(dose: Dose | None, molecule_radius: float, contact_angstrom: float) -> float:
    """The height in Å that a cell keeps above the slab for what a dose leaves there: a molecule upright, within contact
    of the slab, and a second one upon it where those that are not bound stay, too."""
    if dose is None:
        return 0.0
    layers = 2 if dose.keep == "bound_and_physisorbed" else 1
    return layers * (2.0 * molecule_radius + contact_angstrom)


def needed_height(extents: Extents, start: Height | Clearance, skip_free_flight: bool, cutoff_angstrom: float) -> float:
    """The least cell height L_z in Å.

    L_z = thickness + highest + cutoff + 2 Å, where `highest` is how far above the surface an atom of the molecule can
    be: at the start (height + radius, or clearance + diameter), or on the way out, when its lowest atom has
    passed the contact clearance and the stop for departed molecules ends the run.
    """
    diameter = 2.0 * extents.molecule_radius
    departing = contact_clearance(cutoff_angstrom) + diameter
    starting = start.angstrom + extents.molecule_radius if isinstance(start, Height) else start.angstrom + diameter
    highest = departing if skip_free_flight else max(starting, departing)
    return extents.slab_thickness + highest + cutoff_angstrom + MARGIN_ANGSTROM


def choose_height(given: float | None, needed: float) -> float:
    """The given cell height, or the needed one rounded up to 0.1 Å. Raises `GeometryError` for one too low."""
    if given is None:
        return float(np.ceil(needed * 10.0) / 10.0)
    if given < needed:
        raise GeometryError(
            f"system.cell_height_angstrom is {given:g}, but {needed:.2f} Å are needed so that the molecule never feels "
            "the slab's periodic image: slab thickness + largest height of a molecule atom + cutoff + 2 Å. "
            "Leave the key out to have the height computed, raise it, or start lower."
        )
    return given


def campaign_cell(slab_cell: FloatArray, height: float) -> FloatArray:
    """The slab's in-plane vectors and (0, 0, height) as a (3, 3) cell in Å that LAMMPS accepts.

    LAMMPS wants the first vector along +x and the second in the xy-plane, tilted by no more than half the first.
    Raises `GeometryError` for a slab whose cell is turned otherwise.
    """
    a, b = np.array(slab_cell[0], dtype=np.float64), np.array(slab_cell[1], dtype=np.float64)
    scale = _ALIGNED * np.abs(slab_cell).max()
    if a[0] <= 0 or b[1] <= 0 or np.abs([a[1], a[2], b[2]]).max() > scale:
        raise GeometryError(
            f"the slab's cell {np.asarray(slab_cell).tolist()} is turned: its first vector must lie along +x and its "
            "second in the xy-plane with positive y (LAMMPS). Rotate the slab, velocities included."
        )
    b = b - np.rint(b[0] / a[0]) * a
    tilt = 0.0 if abs(b[0]) <= scale else b[0]
    return np.array([[a[0], 0.0, 0.0], [tilt, b[1], 0.0], [0.0, 0.0, height]])


def check_start(
    slab: FloatArray,
    molecule: FloatArray,
    *,
    clearance: float,
    lattice: MinimumImage,
    symbols: tuple[str, ...],
    limit: float,
    name: str,
) -> None:
    """Raise `GeometryError` where an atom of the molecule starts too close to a slab atom or its own periodic image.

    `slab` (n, 3), `molecule` (m, 3), `clearance` (lowest molecule atom above the highest slab atom) and `limit` in Å;
    `symbols` of all n + m atoms, slab first; `name` is the trajectory's, for the message.
    """
    # Nearly every start is that far from the slab by height alone, and from its images by the cell's width alone.
    extent = np.ptp(molecule[:, :2], axis=0)
    if clearance >= limit and math.hypot(*extent.tolist()) + limit < lattice.spacing - _ALIGNED:
        return
    of_molecule = symbols[len(slab) :]
    close = lattice.distances(slab, molecule)
    i, j = (int(index) for index in np.unravel_index(int(np.argmin(close)), close.shape))
    if close[i, j] < limit:
        raise GeometryError(
            f"trajectory {name}: molecule atom {j} ({of_molecule[j]}) starts {close[i, j]:.2f} Å from slab atom {i} "
            f"({symbols[i]}); gun.min_distance_angstrom is {limit:g}. Start higher (gun.start)."
        )
    span = np.ptp(molecule[:, :2] @ lattice.inverse, axis=0)
    images = _own_images(molecule, lattice)
    first, second = (int(index) for index in np.unravel_index(int(np.argmin(images)), images.shape))
    if span.max() >= 1.0 or images[first, second] < limit:
        raise GeometryError(
            f"trajectory {name}: the molecule is too wide for the cell: its atom {first} ({of_molecule[first]}) starts "
            f"{images[first, second]:.2f} Å from atom {second} ({of_molecule[second]}) of its own periodic image; "
            f"gun.min_distance_angstrom is {limit:g}. Use a larger slab (system.slab)."
        )


def _own_images(molecule: FloatArray, lattice: MinimumImage) -> FloatArray:
    """(m, m) Å: the distance of each atom to the nearest image of each, itself included, in the cells around."""
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    shifts = np.zeros((len(steps), 3))
    shifts[:, :2] = np.array(steps) @ lattice.vectors
    between = molecule[None, :, None, :] - molecule[None, None, :, :] + shifts[:, None, None, :]
    nearest: FloatArray = np.sqrt((between**2).sum(axis=-1)).min(axis=0)
    return nearest


def heights_above_bottom(heights: FloatArray, cell_height: float) -> FloatArray:
    """Heights (N,) Å of a slab, counted from its lowest atom: the slab is put together below its widest gap."""
    lowest = widest_gap(heights, cell_height).above
    above: FloatArray = (heights - lowest + _ALIGNED) % cell_height - _ALIGNED
    return above


def wrap(point: FloatArray, cell: FloatArray) -> FloatArray:
    """A point (3,) Å moved by in-plane lattice vectors into the cell; its height is kept."""
    fractional = np.linalg.solve(cell[:2, :2].T, point[:2])
    wrapped = point.copy()
    wrapped[:2] -= np.floor(fractional) @ cell[:2, :2]
    return wrapped
