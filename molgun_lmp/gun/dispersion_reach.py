"""How far from a surface a molecule still feels it through dispersion, which reaches beyond any model's cutoff.

A molecule far from a slab of atoms with areal density 1/A each has the energy

    E = - sum_ij (pi / 2A) C6_ij (1/d_ij^4 - 1/R^4),    d_ij < R,

d_ij the height of molecule atom i above slab atom j: -C6/r^6 summed over the plane of all images of j, out to the
cutoff R of the correction. Damping and C8 are nothing at such distances. C6 are those of S. Grimme, J. Comput. Chem.
27, 1787 (2006), Table 1 (J nm^6 / mol), combined as their geometric mean (eq. 13). For ECCO above Si(001), 5 to 15 Å
away, the energies are within 5 % of those of LAMMPS's `dispersion/d3` (BJ, PBE).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from ase.data import atomic_numbers
from ase.units import J, mol

from molgun_lmp.arrays import FloatArray

NEGLIGIBLE_EV: Final = 5e-4
"""Half of 1 meV, as D3's own coefficients depend on the surroundings and these do not."""
_NEAREST_ANGSTROM: Final = 3.0
_C6: Final = (
    *(0.14, 0.08, 1.61, 1.61, 3.13, 1.75, 1.23, 0.70, 0.75, 0.63),  # H to Ne
    *(5.71, 5.71, 10.79, 9.23, 7.84, 5.57, 5.07, 4.61),  # Na to Ar
    *(10.80, 10.80, *(10.80,) * 10, 16.99, 17.10, 16.37, 12.64, 12.47, 12.01),  # K to Kr
    *(24.67, 24.67, *(24.67,) * 10, 37.32, 38.71, 38.44, 31.74, 31.50, 29.99),  # Rb to Xe
)


def dispersion_reach(
    slab: tuple[Sequence[str], FloatArray], molecule: tuple[Sequence[str], FloatArray], area: float, cutoff: float
) -> float:
    """Clearance in Å beyond which dispersion binds the molecule by less than `NEGLIGIBLE_EV`, at most `cutoff`.

    `slab`: the symbols of its n atoms and their heights (n,) in Å; `molecule`: symbols and positions (S, m, 3) Å of S
    snapshots, of which the one that is held most counts, lying flat; `area` of the slab's cell in Å^2; `cutoff` of the
    correction in Å. An element without a coefficient (beyond xenon) reaches as far as the cutoff.
    """
    symbols = [*slab[0], *molecule[0]]
    if max(atomic_numbers[symbol] for symbol in symbols) > len(_C6):
        return cutoff
    depths = slab[1].max() - slab[1]
    c6 = np.sqrt(np.outer(_c6_ev(molecule[0]), _c6_ev(slab[0])))
    reach = [_reach(np.pi / (2.0 * area) * c6, _flat_heights(one), depths, cutoff) for one in molecule[1]]
    return float(max(reach))


def _c6_ev(symbols: Sequence[str]) -> FloatArray:
    """(n,) eV Å^6."""
    values: FloatArray = np.array([_C6[atomic_numbers[symbol] - 1] for symbol in symbols]) * 1e6 * J / mol
    return values


def _flat_heights(positions: FloatArray) -> FloatArray:
    """(m,) Å above its lowest atom, of a molecule turned so that its thinnest direction is upright."""
    centred = positions - positions.mean(axis=0)
    upright = np.linalg.eigh(centred.T @ centred)[1][:, 0]
    heights = centred @ upright
    above: FloatArray = heights - heights.min()
    return above


def _reach(strength: FloatArray, heights: FloatArray, depths: FloatArray, cutoff: float) -> float:
    apart = heights[:, None] + depths[None, :]

    def excess(clearance: float) -> float:
        between = np.minimum(clearance + apart, cutoff)
        return float((strength * (between**-4.0 - cutoff**-4.0)).sum()) - NEGLIGIBLE_EV

    nearest = min(_NEAREST_ANGSTROM, cutoff)
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to load, and few campaigns have dispersion beside a model

    return nearest if excess(nearest) <= 0.0 else float(brentq(excess, nearest, cutoff))
