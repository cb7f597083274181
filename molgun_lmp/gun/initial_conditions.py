"""Initial conditions: a pure function of the campaign file, its pools, and the trajectory's index."""

import functools
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from scipy.spatial.transform import Rotation

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import Campaign, Gun, PointPlace
from molgun_lmp.gun.cell import check_start, contact_clearance
from molgun_lmp.gun.kicks import draw_kick, kinetic_energy_ev, polar_and_azimuth_deg
from molgun_lmp.gun.names import trajectory_id
from molgun_lmp.gun.quasi_random import Evenly, RandomSource, UnitPoint, unit_point
from molgun_lmp.gun.setup import Setup
from molgun_lmp.provenance import trajectory_rng
from molgun_lmp.records import InitialCondition, Shot

_IDENTITY = (0.0, 0.0, 0.0, 1.0)


StreamName: TypeAlias = Literal["snapshots", "place", "orientation", "kick", "thermostat", "audit"]
STREAMS: Final[tuple[StreamName, ...]] = get_args(StreamName)


def stream(campaign: Campaign, index: int, name: StreamName) -> np.random.Generator:
    """The random generator with which one thing of trajectory `index` is drawn; it depends on (campaign seed, index)
    alone. Each thing has its own, so that changing how the kick is drawn moves no molecule. The points of a grid share
    theirs: shot k of each point has those of shot k of a campaign without a grid (common random numbers: Law,
    Simulation Modeling and Analysis, 5th ed., 2015, section 11.2)."""
    _, number = campaign.gun.aimed(index)
    return trajectory_rng(campaign.seed, number, STREAMS.index(name))


def is_audited(campaign: Campaign, index: int) -> bool:
    """Whether trajectory `index` runs on to its planned end after it has settled (`stop.settled`)."""
    rule = campaign.stop.settled
    return rule is not None and bool(stream(campaign, index, "audit").random() < rule.audit_share)


def _source(campaign: Campaign, index: int, name: Evenly) -> RandomSource:
    """What place, orientation or kick of a trajectory is drawn from: its random generator, or its Sobol point."""
    if campaign.gun.sampling == "random":
        return stream(campaign, index, name)
    return unit_point(campaign.seed, campaign.gun.aimed(index)[1], name)


def _any_rotation(source: RandomSource) -> Rotation:
    return source.rotation() if isinstance(source, UnitPoint) else Rotation.random(None, source)


def draw(index: int, setup: Setup) -> InitialCondition:
    """The first frame of trajectory `index`.

    Raises `GeometryError` where the molecule would start too close to the surface or to its own periodic image.
    """
    campaign, gun = setup.campaign, setup.campaign.gun
    source_of = functools.partial(_source, campaign, index)
    snapshots = stream(campaign, index, "snapshots")
    k_slab, k_molecule = _choose_snapshots(gun, len(setup.slab.ids), len(setup.molecule.ids), snapshots)
    slab = setup.slab.positions[k_slab]
    surface_z, highest_z = setup.slab.plane_z[k_slab], setup.slab.highest_z[k_slab]

    random = gun.orientation == "random"
    rotation = _any_rotation(source_of("orientation")) if random else Rotation.from_quat(_IDENTITY)
    turned = rotation.apply(setup.molecule.both[k_molecule])
    shape, internal = turned[: len(turned) // 2], turned[len(turned) // 2 :]
    law = setup.kicks[gun.aimed(index)[0]]
    kick = draw_kick(law, setup.molecule.mass_u, len(setup.molecule.symbols), source_of("kick"))

    point = gun.place.fractional if isinstance(gun.place, PointPlace) else None
    fractional = source_of("place").random(2) if point is None else np.array(point)
    com = np.empty(3)
    com[:2] = fractional @ setup.cell[:2, :2]
    start = gun.start
    com[2] = surface_z + start.angstrom if start.kind == "height" else setup.start_z(start.angstrom)
    skipped_ps = 0.0
    if gun.skip_free_flight:
        # A potential may reach less far than atoms may start apart.
        clearance = max(contact_clearance(setup.cutoff_angstrom), gun.min_distance_angstrom)
        ahead = com[2] - setup.start_z(clearance)
        skipped_ps = max(0.0, ahead) / -kick[2]
    com = wrap(com + skipped_ps * kick, setup.cell)
    molecule = com + shape
    clearance = float(molecule[:, 2].min()) - highest_z
    check_start(
        slab,
        molecule,
        clearance=clearance,
        lattice=setup.lattice,
        symbols=setup.symbols,
        limit=gun.min_distance_angstrom,
        name=trajectory_id(index),
    )

    polar, azimuth = polar_and_azimuth_deg(kick)
    impact = wrap(com + kick * (com[2] - surface_z) / -kick[2], setup.cell)
    shot = Shot(
        index=index,
        campaign_seed=campaign.seed,
        slab_snapshot=setup.slab.ids[k_slab],
        molecule_snapshot=setup.molecule.ids[k_molecule],
        slab_run=setup.slab.runs[k_slab],
        molecule_run=setup.molecule.runs[k_molecule],
        kick_kind=gun.kick.kind,
        kick_velocity=(float(kick[0]), float(kick[1]), float(kick[2])),
        kick_energy_ev=kinetic_energy_ev(kick, setup.molecule.mass_u),
        polar_deg=polar,
        azimuth_deg=azimuth,
        rotation=_quaternion(rotation),
        com_start=(float(com[0]), float(com[1]), float(com[2])),
        com_height_angstrom=float(com[2]) - surface_z,
        clearance_angstrom=clearance,
        impact_xy_angstrom=(float(impact[0]), float(impact[1])),
        skipped_flight_ps=float(skipped_ps),
    )
    return InitialCondition(
        shot=shot,
        symbols=setup.symbols,
        positions=np.concatenate((slab, molecule)),
        velocities=np.concatenate((setup.slab.velocities[k_slab], internal + kick)),
        cell=setup.cell,
        n_slab=len(slab),
        frozen=setup.frozen,
    )


def wrap(point: FloatArray, cell: FloatArray) -> FloatArray:
    """A point (3,) Å moved by in-plane lattice vectors into the cell; its height is kept."""
    fractional = np.linalg.solve(cell[:2, :2].T, point[:2])
    wrapped = point.copy()
    wrapped[:2] -= np.floor(fractional) @ cell[:2, :2]
    return wrapped


def _choose_snapshots(gun: Gun, n_slab: int, n_molecule: int, rng: np.random.Generator) -> tuple[int, int]:
    k_slab = int(rng.integers(n_slab))
    paired = gun.pairing == "paired" and n_molecule > 1  # an atom has one state, whatever the slab's is
    return (k_slab, k_slab) if paired else (k_slab, int(rng.integers(n_molecule)))


def _quaternion(rotation: Rotation) -> tuple[float, float, float, float]:
    x, y, z, w = rotation.as_quat()
    return float(x), float(y), float(z), float(w)
