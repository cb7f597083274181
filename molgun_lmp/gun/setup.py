"""What all shots of a campaign share, worked out and checked once before the first is drawn."""

import dataclasses
import functools
import itertools

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import Campaign, Kick
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.builders import BOTTOM_Z_ANGSTROM
from molgun_lmp.gun.cell import Extents, campaign_cell, choose_height, heights_above_bottom, needed_height
from molgun_lmp.gun.dispersion_reach import dispersion_reach
from molgun_lmp.gun.pools import Pool
from molgun_lmp.surface.clean_surface import Surface, find_surface
from molgun_lmp.surface.frozen import bath_mask, frozen_mask, require_same_frozen
from molgun_lmp.surface.minimum_image import MinimumImage
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SlabSnapshots:
    """A slab pool of S snapshots as arrays: `positions` (S, n, 3) Å, lowest atom at z = 1 Å; `velocities` (S, n, 3)
    Å/ps, zero for frozen atoms; `surface`: what its mean structure is; `frozen`, `bath` (n,) bool: atoms that never
    move, bath's atoms; `ids` and `runs` name each snapshot and the equilibration run that it was taken from."""

    ids: tuple[str, ...]
    runs: tuple[str, ...]
    symbols: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray
    surface: Surface
    frozen: BoolArray
    bath: BoolArray

    @functools.cached_property
    def top(self) -> BoolArray:
        """(n,) True for the atoms of the top layer."""
        return self.surface.top

    @functools.cached_property
    def plane_z(self) -> tuple[float, ...]:
        """The surface plane of each snapshot, S heights in Å: the mean of its top layer."""
        return tuple(float(snapshot[self.top, 2].mean()) for snapshot in self.positions)

    @functools.cached_property
    def highest_z(self) -> tuple[float, ...]:
        """The highest atom of each snapshot, S heights in Å."""
        return tuple(float(snapshot[:, 2].max()) for snapshot in self.positions)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class MoleculeSnapshots:
    """A molecule pool of S snapshots as arrays: `positions` (S, m, 3) Å and `velocities` (S, m, 3) Å/ps, both relative
    to the centre of mass; `mass_u` of the whole molecule; `ids` and `runs` as of the slab's."""

    ids: tuple[str, ...]
    runs: tuple[str, ...]
    symbols: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray
    mass_u: float

    @property
    def is_atom(self) -> bool:
        """Whether it is a single atom, which neither turns nor vibrates."""
        return len(self.symbols) == 1

    @functools.cached_property
    def radius(self) -> float:
        """The largest distance in Å of any atom of any snapshot from its centre of mass."""
        return float(np.linalg.norm(self.positions, axis=-1).max())

    @functools.cached_property
    def both(self) -> FloatArray:
        """(S, 2m, 3): the positions and then the velocities of each snapshot, which are turned together."""
        return np.concatenate((self.positions, self.velocities), axis=1)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """A checked campaign: its pools, cell (3, 3) Å and in-plane lattice; `cutoff_angstrom` is how far from each other
    molecule and slab are felt, by the model or by the dispersion beside it, in Å.

    `elements` are the chemical symbols of LAMMPS types 1, 2, ..., by atomic number.
    """

    campaign: Campaign
    slab: SlabSnapshots
    molecule: MoleculeSnapshots
    cell: FloatArray
    lattice: MinimumImage
    cutoff_angstrom: float
    elements: tuple[str, ...]

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
    slab = _slab_snapshots(campaign, slab_pool)
    molecule = _molecule_snapshots(molecule_pool)
    reach = max(cutoff_angstrom, _dispersion_reach(campaign, slab_pool, slab, molecule))
    extents = Extents(
        slab_thickness=float(np.ptp(slab.positions[..., 2], axis=1).max()),
        molecule_radius=molecule.radius,
    )
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
        elements=elements_of(slab.symbols, molecule.symbols),
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


def elements_of(*symbols: tuple[str, ...]) -> tuple[str, ...]:
    """The different chemical symbols of several structures by atomic number: the order of LAMMPS types."""
    return tuple(sorted(set(itertools.chain(*symbols)), key=lambda symbol: int(atomic_numbers[symbol])))


def masses_u(symbols: tuple[str, ...]) -> FloatArray:
    """Standard atomic masses in u, (N,), as written to the data files."""
    masses: FloatArray = np.array([atomic_masses[atomic_numbers[symbol]] for symbol in symbols], dtype=np.float64)
    return masses


def _slab_snapshots(campaign: Campaign, pool: Pool) -> SlabSnapshots:
    positions = np.array([atoms.positions for atoms in pool.snapshots])
    for atoms, snapshot in zip(pool.snapshots, positions, strict=True):
        snapshot[:, 2] = BOTTOM_Z_ANGSTROM + heights_above_bottom(snapshot[:, 2], float(atoms.cell[2, 2]))
    rest = _mean_structure(pool.snapshots[0], positions)
    frozen_layers = campaign.system.slab.frozen_layers
    surface = find_surface(rest)
    frozen = frozen_mask(rest, surface, frozen_layers)
    require_same_frozen(pool.frozen, frozen, str(pool.source), frozen_layers)
    velocities = _velocities(pool)
    velocities[:, frozen] = 0.0
    if not frozen.any():  # a slab that is held nowhere would drift through the cell with its thermal momentum
        velocities = _at_rest(velocities, pool.symbols)
    bath = campaign.dynamics.bath
    return SlabSnapshots(
        ids=pool.ids,
        runs=pool.run_of_each,
        symbols=pool.symbols,
        positions=positions,
        velocities=velocities,
        surface=surface,
        frozen=frozen,
        bath=np.zeros_like(frozen) if bath is None else bath_mask(rest, surface, frozen_layers, bath.layers),
    )


def _mean_structure(first: Atoms, positions: FloatArray) -> Atoms:
    """The slab at the mean of its snapshots, where thermal motion no longer blurs its layers."""
    lattice = MinimumImage.of_cell(first.cell[:])
    mean = positions[0] + lattice.shortest(positions - positions[0]).mean(axis=0)
    return Atoms(first.numbers, positions=mean, cell=first.cell, pbc=True)


def _molecule_snapshots(pool: Pool) -> MoleculeSnapshots:
    masses = masses_u(pool.symbols)
    positions = np.array([atoms.positions for atoms in pool.snapshots])
    # All snapshots of an atom are one: at its centre of mass, at rest.
    count = 1 if len(pool.symbols) == 1 else len(pool)
    return MoleculeSnapshots(
        ids=pool.ids[:count],
        runs=pool.run_of_each[:count],
        symbols=pool.symbols,
        positions=_at_rest(positions, pool.symbols)[:count],
        velocities=_at_rest(_velocities(pool), pool.symbols)[:count],
        mass_u=float(masses.sum()),
    )


def _at_rest(vectors: FloatArray, symbols: tuple[str, ...]) -> FloatArray:
    """Positions or velocities (S, N, 3) less those of the centre of mass of each snapshot."""
    masses = masses_u(symbols)
    weights = (masses / masses.sum())[None, :, None]
    relative: FloatArray = vectors - (weights * vectors).sum(axis=1, keepdims=True)
    return relative


def _velocities(pool: Pool) -> FloatArray:
    ase_units = np.array([atoms.get_velocities() for atoms in pool.snapshots])
    return ase_units * ANGSTROM_PER_PS_PER_ASE_VELOCITY
