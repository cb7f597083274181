"""Decks that make the pools: independent Langevin runs of the slab alone and of the molecule alone."""

from typing import Final

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import Campaign
from molgun_lmp.errors import GeometryError
from molgun_lmp.geometry import make_whole
from molgun_lmp.gun.cell import BOTTOM_Z_ANGSTROM, campaign_cell, heights_above_bottom
from molgun_lmp.gun.data_file import data_file
from molgun_lmp.gun.deck import lammps_seed
from molgun_lmp.gun.names import DATA_NAME, END_NAME
from molgun_lmp.gun.pools import Part
from molgun_lmp.gun.setup import atom_types
from molgun_lmp.isotopes import AtomTypes, isotopic_masses_u, standard_masses_u
from molgun_lmp.records import Deck
from molgun_lmp.rendering import id_ranges, render
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import frozen_mask, moves_as_a_whole
from molgun_lmp.units import FS_PER_PS

SNAPSHOTS_NAME: Final = "snapshots.dump"
THERMO_EVERY_FS: Final = 5.0
"""Interval of the thermo output: half a C-H stretching period, so that the autocorrelation misses no motion."""
_ROOM_ANGSTROM: Final = 4.0  # for stretching and buckling beyond the starting structure
_STREAM_OF_PART: Final = {"slab": 0, "molecule": 1}


def equilibration_deck(
    part: Part, run: int, start: Atoms, *, campaign: Campaign, types: AtomTypes, cutoff_angstrom: float
) -> Deck:
    """The deck of equilibration run `run` of the slab or the molecule, from the structure `start`.

    It runs in a folder three levels below the one that holds `engine.in`, and writes `snapshots.dump` and `end.data`.
    Each run of the molecule starts turned at random: a run may be too short to forget how it began.
    `types` are LAMMPS's, those of `engine.in`, `cutoff_angstrom` is the model's; no image is felt through
    dispersion beside the model either. Raises `GeometryError` for an element that is not among
    them or a turned cell, `ConfigError` for layers that cannot be frozen.
    """
    unknown = set(start.get_chemical_symbols()) - set(types.elements)
    if unknown:
        raise GeometryError(
            f"the {part} holds {sorted(unknown)}, and the campaign's elements are {list(types.elements)}: "
            "slab and molecule of the campaign file must be those of its pools."
        )
    settings = campaign.system.equilibration
    velocity_rng, langevin_rng, orientation_rng = _streams(campaign.seed, part, run)
    dispersion = campaign.model.dispersion
    reach = cutoff_angstrom if dispersion is None else max(cutoff_angstrom, dispersion.cutoff_angstrom)
    positions, cell = _alone_in_a_cell(part, start, reach, orientation_rng)
    symbols = tuple(start.get_chemical_symbols())
    masses = equilibration_masses_u(part, symbols, campaign)
    frozen = equilibration_frozen(part, start, campaign)
    values = {
        "campaign": campaign.name,
        "part": part,
        "run": run,
        "data": DATA_NAME,
        "dump": SNAPSHOTS_NAME,
        "end": END_NAME,
        "temperature_k": settings.temperature_k,
        "damping_ps": settings.damping_ps,
        "timestep_ps": settings.timestep_fs / FS_PER_PS,
        "steps": steps_of(settings.duration_ps, settings.timestep_fs),
        "every": steps_of(settings.snapshot_every_ps, settings.timestep_fs),
        "thermo_every": max(1, round(THERMO_EVERY_FS / settings.timestep_fs)),
        "frozen": id_ranges(frozen),
        "free": moves_as_a_whole(frozen),
        "elements": " ".join(types.elements),
        "masses": types.masses_u if campaign.system.molecule.isotopes else (),
        "velocity_seed": lammps_seed(velocity_rng),
        "langevin_seed": lammps_seed(langevin_rng),
        "max_temperature_k": campaign.stop.max_temperature_k,
        "check_every": campaign.stop.check_every_steps,
    }
    title = f"molgun_lmp: campaign {campaign.name}, equilibration of the {part}, metal units"
    return Deck(
        trajectory_id=f"{part}-{run:02d}",
        input_text=render("equilibrate.in.j2", values),
        data_text=data_file(title, symbols=symbols, positions=positions, cell=cell, types=types, masses_u=masses),
    )


def equilibration_types(slab: Atoms, molecule: Atoms, campaign: Campaign) -> AtomTypes:
    """The LAMMPS types of a campaign with these two structures, the same as those of its shots.

    Raises `ConfigError` for isotopes that are not the molecule's.
    """
    of_slab, of_molecule = (tuple(one.get_chemical_symbols()) for one in (slab, molecule))
    return atom_types(of_slab, of_molecule, campaign.system.molecule.isotopes)[0]


def equilibration_masses_u(part: Part, symbols: tuple[str, ...], campaign: Campaign) -> FloatArray:
    """(N,) masses in u of the atoms of a part: standard ones of the slab, the molecule's with its isotopes."""
    return isotopic_masses_u(symbols, campaign.system.molecule.isotopes if part == "molecule" else {})


def equilibration_frozen(part: Part, start: Atoms, campaign: Campaign) -> BoolArray:
    """(N,) True for the atoms that an equilibration holds: as in the dynamics for the slab, none of a molecule."""
    frozen_layers = campaign.system.slab.frozen_layers
    if part == "molecule" or frozen_layers == 0:
        return np.zeros(len(start), dtype=np.bool_)
    return frozen_mask(start, find_surface(start), frozen_layers)


def steps_of(duration_ps: float, timestep_fs: float) -> int:
    """A duration as a number of steps, at least one."""
    return max(1, round(duration_ps * FS_PER_PS / timestep_fs))


def _alone_in_a_cell(
    part: Part, start: Atoms, cutoff_angstrom: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Positions (N, 3) and cell (3, 3) in Å in which no atom feels a periodic image beyond the slab's own plane; a
    molecule is turned at random."""
    if part == "slab":
        positions = np.array(start.positions, dtype=np.float64)
        positions[:, 2] = BOTTOM_Z_ANGSTROM + heights_above_bottom(positions[:, 2], float(start.cell[2, 2]))
        height = float(np.ptp(positions[:, 2])) + cutoff_angstrom + _ROOM_ANGSTROM
        return positions, campaign_cell(start.cell[:], float(np.ceil(height)))
    whole = start.copy()
    make_whole(whole)
    masses = standard_masses_u(tuple(whole.get_chemical_symbols()))
    centred = whole.positions - masses @ whole.positions / masses.sum()
    side = float(np.ceil(2.0 * np.linalg.norm(centred, axis=1).max() + cutoff_angstrom + _ROOM_ANGSTROM))
    return Rotation.random(None, rng).apply(centred) + side / 2.0, side * np.eye(3)


def _streams(campaign_seed: int, part: Part, run: int) -> list[np.random.Generator]:
    """Three generators of one equilibration; the key is longer than those of trajectories, so that none is shared."""
    sequence = np.random.SeedSequence(campaign_seed, spawn_key=(_STREAM_OF_PART[part], run, 0))
    return [np.random.default_rng(child) for child in sequence.spawn(3)]
