"""What all shots of a campaign share, worked out and checked once before the first is drawn."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from ase import Atoms

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import Campaign, Kick
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.cell import (
    BOTTOM_Z_ANGSTROM,
    Extents,
    campaign_cell,
    choose_height,
    heights_above_bottom,
    needed_height,
    room_for_adsorbates,
)
from molgun_lmp.gun.dispersion_reach import dispersion_reach
from molgun_lmp.gun.pools import Pool
from molgun_lmp.gun.snapshots import MoleculeSnapshots, SlabSnapshots
from molgun_lmp.isotopes import AtomTypes, isotopic_masses_u, standard_masses_u
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import bath_mask, frozen_mask, moves_as_a_whole, require_same_frozen
from molgun_lmp.surface.minimum_image import MinimumImage
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY

_SAME_MASS: Final = 0.01
"""Of the mass: what tables of standard masses, and of isotopes, differ by among each other."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """A checked campaign: its pools, cell (3, 3) Å and in-plane lattice; `cutoff_angstrom` is how far from each other
    molecule and slab are felt, by the model or by the dispersion beside it, in Å.

    `types` are LAMMPS's.
    """

    campaign: Campaign
    slab: SlabSnapshots
    molecule: MoleculeSnapshots
    cell: FloatArray
    lattice: MinimumImage
    cutoff_angstrom: float
    types: AtomTypes

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols of LAMMPS types 1, 2, ..."""
        return self.types.elements

    def start_z(self, clearance_angstrom: float) -> float:
        """The height in the cell, in Å, of the centre of mass of every shot that starts with a clearance.

        One for all shots, so high that no molecule of the pool, however it is turned, has an atom closer than that
        above the highest atom of any slab snapshot. A height of its own for each orientation would make how the
        molecule is turned depend on when it arrives: orientations at arrival would then not be those of a free flight.
        """
        return max(self.slab.highest_z) + clearance_angstrom + self.molecule.radius

    @functools.cached_property
    def kicks(self) -> tuple[Kick, ...]:
        """The kick of each point of the gun's grid; without one the gun's."""
        return self.campaign.gun.kicks

    @functools.cached_property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols of a shot's N atoms, slab first."""
        return self.slab.symbols + self.molecule.symbols

    @functools.cached_property
    def masses_u(self) -> FloatArray:
        """(N,) masses of a shot's atoms in u."""
        return np.concatenate((self.slab.masses_u, self.molecule.masses_u))

    @functools.cached_property
    def frozen(self) -> BoolArray:
        """(N,) True for the atoms of a shot that never move."""
        return np.append(self.slab.frozen, np.zeros(len(self.molecule.symbols), dtype=np.bool_))

    @functools.cached_property
    def bath(self) -> BoolArray:
        """(N,) True for the atoms of a shot that the bath holds."""
        return np.append(self.slab.bath, np.zeros(len(self.molecule.symbols), dtype=np.bool_))


def prepare(campaign: Campaign, slab_pool: Pool, molecule_pool: Pool, cutoff_angstrom: float) -> Setup:
    """Check that the campaign can be fired with these pools, and work out what its shots share.

    `cutoff_angstrom` is the model's. With `model.dispersion` the distances of start, departure and cell are those of
    the dispersion's reach, where that is longer.

    Raises `ConfigError` for pools that do not fit the campaign file (pairing, frozen layers, bath), `GeometryError` for
    a cell that is too low or turned, or a slab without a surface.
    """
    atom = len(molecule_pool.symbols) == 1
    if campaign.gun.pairing == "paired" and not atom and len(slab_pool) != len(molecule_pool):
        raise ConfigError(
            f"gun.pairing is `paired`, but {slab_pool.source} holds {len(slab_pool)} snapshots and "
            f"{molecule_pool.source} {len(molecule_pool)}. Use pools of equal length, or `pairing: independent`."
        )
    standing = campaign.system.slab.adsorbates
    types, masses = atom_types(slab_pool.symbols, molecule_pool.symbols, campaign.system.molecule.isotopes, standing)
    slab = _slab_snapshots(campaign, slab_pool, slab_masses_u(slab_pool.symbols, masses, standing))
    molecule = _molecule_snapshots(molecule_pool, masses)
    reach = max(cutoff_angstrom, _dispersion_reach(campaign, slab_pool, slab, molecule))
    thickness = float(np.ptp(slab.positions[..., 2], axis=1).max())
    thickness += room_for_adsorbates(campaign.dose, molecule.radius, campaign.outcomes.contact_angstrom)
    extents = Extents(slab_thickness=thickness, molecule_radius=molecule.radius)
    needed = needed_height(extents, campaign.gun.start, campaign.gun.skip_free_flight, reach)
    height = choose_height(campaign.system.cell_height_angstrom, needed)
    cell = campaign_cell(slab_pool.snapshots[0].cell[:], height)
    return Setup(
        campaign=campaign,
        slab=slab,
        molecule=molecule,
        cell=cell,
        lattice=MinimumImage.of_cell(cell),
        cutoff_angstrom=reach,
        types=types,
    )


def _dispersion_reach(campaign: Campaign, pool: Pool, slab: SlabSnapshots, molecule: MoleculeSnapshots) -> float:
    """How far dispersion beside the model is felt, in Å; 0 without."""
    dispersion = campaign.model.dispersion
    if dispersion is None:
        return 0.0
    return dispersion_reach(
        (slab.symbols, slab.positions[0, :, 2]),
        (molecule.symbols, molecule.positions),
        area=abs(float(np.linalg.det(pool.snapshots[0].cell[:2, :2]))),
        cutoff=dispersion.cutoff_angstrom,
    )


def atom_types(
    slab: tuple[str, ...],
    molecule: tuple[str, ...],
    isotopes: Mapping[str, str | float],
    standing: Sequence[Sequence[int]] = (),
) -> tuple[AtomTypes, FloatArray]:
    """The LAMMPS types of a campaign's shots and equilibrations, and the masses (m,) in u of the molecule's atoms.

    `standing`: what of the molecule stands behind the slab's own atoms, as in `system.slab.adsorbates`. Raises
    `ConfigError` for isotopes, or for adsorbates, that are not the molecule's.
    """
    masses = isotopic_masses_u(molecule, isotopes)
    wanted = [molecule[atom] if atom < len(molecule) else "none" for atoms in standing for atom in atoms]
    found = list(slab[len(slab) - len(wanted) :]) if wanted else []
    if found != wanted or len(wanted) >= len(slab):
        raise ConfigError(
            f"system.slab.adsorbates: the last {len(wanted)} atoms of the slab's pool are {' '.join(found)}, and "
            f"they would be {' '.join(wanted)} by the molecule ({' '.join(molecule)}). Name for each adsorbate, in "
            "the order of the pool's atoms, which of the molecule's atoms it has."
        )
    return AtomTypes.of(slab + molecule, np.concatenate((slab_masses_u(slab, masses, standing), masses))), masses


def slab_masses_u(slab: tuple[str, ...], molecule_masses: FloatArray, standing: Sequence[Sequence[int]]) -> FloatArray:
    """(n,) masses in u of a slab's atoms: standard ones, and behind them those of what stands on it."""
    atoms = [atom for one in standing for atom in one]
    return np.concatenate((standard_masses_u(slab[: len(slab) - len(atoms)]), molecule_masses[atoms]))


def _slab_snapshots(campaign: Campaign, pool: Pool, masses: FloatArray) -> SlabSnapshots:
    positions = np.array([atoms.positions for atoms in pool.snapshots])
    for atoms, snapshot in zip(pool.snapshots, positions, strict=True):
        snapshot[:, 2] = BOTTOM_Z_ANGSTROM + heights_above_bottom(snapshot[:, 2], float(atoms.cell[2, 2]))
    standing = tuple(
        Adsorbate(dose=number, atoms=atoms) for number, atoms in enumerate(campaign.system.slab.adsorbates)
    )
    own = len(pool.symbols) - sum(len(one.atoms) for one in standing)
    none = np.zeros(len(pool.symbols) - own, dtype=np.bool_)
    rest = _mean_structure(pool.snapshots[0][:own], positions[:, :own])
    frozen_layers = campaign.system.slab.frozen_layers
    surface = find_surface(rest)
    frozen = np.append(frozen_mask(rest, surface, frozen_layers), none)
    require_same_frozen(pool.frozen, frozen, str(pool.source), frozen_layers)
    velocities = _velocities(pool)
    velocities[:, frozen] = 0.0
    if moves_as_a_whole(frozen):  # a slab that is held nowhere would drift through the cell with its thermal momentum
        velocities = _at_rest(velocities, masses)
    bath = campaign.dynamics.bath
    held = np.zeros(own, dtype=np.bool_) if bath is None else bath_mask(rest, surface, frozen_layers, bath.layers)
    return SlabSnapshots(
        ids=pool.ids,
        runs=pool.run_of_each,
        symbols=pool.symbols,
        positions=positions,
        velocities=velocities,
        masses_u=masses,
        surface=surface,
        frozen=frozen,
        bath=np.append(held, none),
        adsorbates=standing,
    )


def _mean_structure(first: Atoms, positions: FloatArray) -> Atoms:
    """The slab at the mean of its snapshots, where thermal motion no longer blurs its layers."""
    lattice = MinimumImage.of_cell(first.cell[:])
    mean = positions[0] + lattice.shortest(positions - positions[0]).mean(axis=0)
    return Atoms(first.numbers, positions=mean, cell=first.cell, pbc=True)


def _molecule_snapshots(pool: Pool, masses: FloatArray) -> MoleculeSnapshots:
    for name, atoms in zip(pool.ids, pool.snapshots, strict=True):
        _require_masses(f"snapshot {name} of {pool.source}", atoms.get_masses(), masses)
    positions = np.array([atoms.positions for atoms in pool.snapshots])
    # All snapshots of an atom are one: at its centre of mass, at rest.
    count = 1 if len(pool.symbols) == 1 else len(pool)
    relative = _at_rest(positions, masses)[:count]
    return MoleculeSnapshots(
        ids=pool.ids[:count],
        runs=pool.run_of_each[:count],
        symbols=pool.symbols,
        positions=relative,
        velocities=_at_rest(_velocities(pool), masses)[:count],
        masses_u=masses,
        radius=float(np.linalg.norm(relative, axis=-1).max()),
    )


def _require_masses(where: str, pool: FloatArray, fired: FloatArray) -> None:
    """Raise `ConfigError` where a pool's atoms have other masses than those that are fired: their velocities would be
    those of another temperature."""
    far = np.flatnonzero(np.abs(pool - fired) > _SAME_MASS * fired)
    if len(far):
        atom = int(far[0])
        raise ConfigError(
            f"{where}: its atom {atom} weighs {pool[atom]:.3f} u, and {fired[atom]:.3f} u by system.molecule.isotopes. "
            "Velocities go with masses: equilibrate the molecule with the isotopes that are fired (`molgun equilibrate "
            "--molecule`), or write the masses that the pool was made with into its column `masses`."
        )


def _at_rest(vectors: FloatArray, masses: FloatArray) -> FloatArray:
    """Positions or velocities (S, N, 3) less those of the centre of mass of each snapshot, for masses (N,)."""
    weights = (masses / masses.sum())[None, :, None]
    relative: FloatArray = vectors - (weights * vectors).sum(axis=1, keepdims=True)
    return relative


def _velocities(pool: Pool) -> FloatArray:
    ase_units = np.array([atoms.get_velocities() for atoms in pool.snapshots])
    return ase_units * ANGSTROM_PER_PS_PER_ASE_VELOCITY
