"""A surface with what earlier molecules have left on it, taken for a slab snapshot: the gun fires at it as at any.

The first frame of a shot, read back from its data file, is made a setup in the same way.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import Campaign
from molgun_lmp.errors import GeometryError
from molgun_lmp.gun.cell import Extents, needed_height
from molgun_lmp.gun.setup import Setup
from molgun_lmp.gun.snapshots import MoleculeSnapshots, SlabSnapshots
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import bath_mask, frozen_mask
from molgun_lmp.surface.minimum_image import MinimumImage


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoveredSurface:
    """One instant of a slab and what stands on it.

    `symbols` and `masses_u` (n,), `positions` (n, 3) Å beyond the box, `velocities` (n, 3) Å/ps: the slab's atoms in
    the pool's order, then those of the `adsorbates`; `snapshot` and `run` name it in a shot.
    """

    snapshot: str
    run: str
    symbols: tuple[str, ...]
    masses_u: FloatArray
    positions: FloatArray
    velocities: FloatArray
    adsorbates: tuple[Adsorbate, ...]


def kept_and_left(
    molecules: Sequence[Adsorbate], kept: BoolArray
) -> tuple[tuple[Adsorbate, ...], tuple[Adsorbate, ...]]:
    """What of some molecules stays on the surface and what left it; `kept` (N,) of their atoms, one after the other."""
    stays, left, first = list[Adsorbate](), list[Adsorbate](), 0
    for molecule in molecules:
        here = kept[first : first + len(molecule.atoms)]
        first += len(molecule.atoms)
        for group, chosen in ((stays, here), (left, ~here)):
            atoms = tuple(atom for atom, one in zip(molecule.atoms, chosen.tolist(), strict=True) if one)
            if atoms:
                group.append(dataclasses.replace(molecule, atoms=atoms))
    return tuple(stays), tuple(left)


def setup_above(
    campaign: Campaign,
    clean: Atoms,
    covered: CoveredSurface,
    molecule: MoleculeSnapshots,
    *,
    cell: FloatArray,
    cutoff_angstrom: float,
) -> Setup:
    """The setup of one shot at a covered surface; `clean` is the campaign's slab, `cutoff_angstrom` how far atoms are
    felt. Raises `ConfigError` as `prepare` does for frozen layers and bath."""
    surface = find_surface(clean)
    layers, bath = campaign.system.slab.frozen_layers, campaign.dynamics.bath
    none = np.zeros(len(covered.symbols) - len(clean), dtype=np.bool_)
    frozen = frozen_mask(clean, surface, layers)
    held = np.zeros_like(frozen) if bath is None else bath_mask(clean, surface, layers, bath.layers)
    return Setup(
        campaign=campaign,
        slab=SlabSnapshots(
            ids=(covered.snapshot,),
            runs=(covered.run,),
            symbols=covered.symbols,
            positions=covered.positions[None],
            velocities=covered.velocities[None],
            masses_u=covered.masses_u,
            surface=surface,
            frozen=np.append(frozen, none),
            bath=np.append(held, none),
            adsorbates=covered.adsorbates,
        ),
        molecule=molecule,
        cell=cell,
        lattice=MinimumImage.of_cell(cell),
        cutoff_angstrom=cutoff_angstrom,
        types=AtomTypes.of(covered.symbols + molecule.symbols, np.concatenate((covered.masses_u, molecule.masses_u))),
    )


def require_room(setup: Setup) -> None:
    """Raise `GeometryError` where what stands on the surface leaves too little of the cell for the next molecule."""
    gun = setup.campaign.gun
    extents = Extents(
        slab_thickness=float(np.ptp(setup.slab.positions[..., 2], axis=1).max()),
        molecule_radius=setup.molecule.radius,
    )
    needed = needed_height(extents, gun.start, gun.skip_free_flight, setup.cutoff_angstrom)
    height = float(setup.cell[2, 2])
    if needed > height:
        raise GeometryError(
            f"what stands on the surface reaches {setup.slab.standing:.2f} Å above it, for which the cell is "
            f"{needed - height:.2f} Å too low. Plan the campaign with system.cell_height_angstrom of "
            f"{needed + 1:.0f} or more."
        )
