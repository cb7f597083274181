"""Initial conditions: a pure function of the campaign file, its pools, and the trajectory's index."""

import dataclasses
import functools
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from pydantic import ConfigDict
from scipy.spatial.transform import Rotation

from molgun_lmp.config import Campaign, Gun, PointPlace
from molgun_lmp.gun.cell import check_start, contact_clearance, wrap
from molgun_lmp.gun.kicks import draw_kick, kinetic_energy_ev, polar_and_azimuth_deg
from molgun_lmp.gun.names import trajectory_id
from molgun_lmp.gun.quasi_random import Evenly, RandomSource, UnitPoint, unit_point
from molgun_lmp.gun.setup import Setup
from molgun_lmp.provenance import trajectory_rng
from molgun_lmp.records import InitialCondition, JsonRecord, Shot, Vector

_IDENTITY = (0.0, 0.0, 0.0, 1.0)


StreamName: TypeAlias = Literal["snapshots", "place", "orientation", "kick", "thermostat", "audit", "between"]
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Newcomer(JsonRecord):
    """A molecule as it was drawn for one trajectory, whatever it will meet.

    Of its m atoms `symbols`, `shape` Å about their centre of mass and `internal` Å/ps, the velocities without the kick,
    both turned; `kick_velocity` Å/ps; `place`: fractions of the cell's in-plane vectors below which its centre of mass
    starts, before any free flight is left out.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    index: int
    snapshot: str
    run: str
    symbols: tuple[str, ...]
    rotation: tuple[float, float, float, float]
    """Unit quaternion (x, y, z, w), as in `Shot`."""
    shape: tuple[Vector, ...]
    internal: tuple[Vector, ...]
    kick_velocity: Vector
    place: tuple[float, float]
    radius_angstrom: float
    """Of the largest molecule of its pool: all shots start as high above what stands there, however they are turned."""


def draw_newcomer(index: int, setup: Setup) -> tuple[Newcomer, int]:
    """The molecule of trajectory `index`, and the snapshot of the slab that is drawn with it: a function of the
    campaign file, its pools, and (seed, index)."""
    gun, pool = setup.campaign.gun, setup.molecule
    source_of = functools.partial(_source, setup.campaign, index)
    snapshots = stream(setup.campaign, index, "snapshots")
    k_slab, k_molecule = _choose_snapshots(gun, len(setup.slab.ids), len(pool.ids), snapshots)
    random = gun.orientation == "random"
    rotation = _any_rotation(source_of("orientation")) if random else Rotation.from_quat(_IDENTITY)
    turned = rotation.apply(pool.both[k_molecule]).tolist()
    law = setup.kicks[gun.aimed(index)[0]]
    kick = draw_kick(law, pool.mass_u, len(pool.symbols), source_of("kick"))
    point = gun.place.fractional if isinstance(gun.place, PointPlace) else None
    fractional = source_of("place").random(2) if point is None else np.array(point)
    newcomer = Newcomer(
        index=index,
        snapshot=pool.ids[k_molecule],
        run=pool.runs[k_molecule],
        symbols=pool.symbols,
        rotation=_quaternion(rotation),
        shape=tuple((x, y, z) for x, y, z in turned[: len(turned) // 2]),
        internal=tuple((x, y, z) for x, y, z in turned[len(turned) // 2 :]),
        kick_velocity=(float(kick[0]), float(kick[1]), float(kick[2])),
        place=(float(fractional[0]), float(fractional[1])),
        radius_angstrom=pool.radius,
    )
    return newcomer, k_slab


def draw(index: int, setup: Setup) -> InitialCondition:
    """The first frame of trajectory `index`.

    Raises `GeometryError` where the molecule would start too close to the surface or to its own periodic image.
    """
    return aim(*draw_newcomer(index, setup), setup)


def aim(newcomer: Newcomer, k_slab: int, setup: Setup) -> InitialCondition:
    """A molecule above snapshot `k_slab` of the slab and all that stands there.

    Raises `GeometryError` where it would start too close to that or to its own periodic image.
    """
    campaign, gun = setup.campaign, setup.campaign.gun
    slab = setup.slab.positions[k_slab]
    surface_z, highest_z = setup.slab.plane_z[k_slab], setup.slab.highest_z[k_slab]
    kick = np.array(newcomer.kick_velocity)
    com = np.empty(3)
    com[:2] = np.array(newcomer.place) @ setup.cell[:2, :2]
    start = gun.start
    high = start.kind == "height"
    com[2] = surface_z + setup.slab.standing + start.angstrom if high else setup.start_z(start.angstrom)
    skipped_ps = 0.0
    if gun.skip_free_flight:
        # A potential may reach less far than atoms may start apart.
        clearance = max(contact_clearance(setup.cutoff_angstrom), gun.min_distance_angstrom)
        ahead = com[2] - setup.start_z(clearance)
        skipped_ps = max(0.0, ahead) / -kick[2]
    com = wrap(com + skipped_ps * kick, setup.cell)
    molecule = com + np.array(newcomer.shape)
    clearance = float(molecule[:, 2].min()) - highest_z
    check_start(
        slab,
        molecule,
        clearance=clearance,
        lattice=setup.lattice,
        symbols=setup.symbols,
        limit=gun.min_distance_angstrom,
        name=trajectory_id(newcomer.index),
    )

    polar, azimuth = polar_and_azimuth_deg(kick)
    impact = wrap(com + kick * (com[2] - surface_z) / -kick[2], setup.cell)
    shot = Shot(
        index=newcomer.index,
        campaign_seed=campaign.seed,
        slab_snapshot=setup.slab.ids[k_slab],
        molecule_snapshot=newcomer.snapshot,
        slab_run=setup.slab.runs[k_slab],
        molecule_run=newcomer.run,
        kick_kind=gun.kick.kind,
        kick_velocity=newcomer.kick_velocity,
        kick_energy_ev=kinetic_energy_ev(kick, setup.molecule.mass_u),
        polar_deg=polar,
        azimuth_deg=azimuth,
        rotation=newcomer.rotation,
        com_start=(float(com[0]), float(com[1]), float(com[2])),
        com_height_angstrom=float(com[2]) - surface_z,
        clearance_angstrom=clearance,
        impact_xy_angstrom=(float(impact[0]), float(impact[1])),
        skipped_flight_ps=float(skipped_ps),
        adsorbates=setup.slab.adsorbates,
    )
    return InitialCondition(
        shot=shot,
        symbols=setup.symbols,
        positions=np.concatenate((slab, molecule)),
        velocities=np.concatenate((setup.slab.velocities[k_slab], np.array(newcomer.internal) + kick)),
        cell=setup.cell,
        n_slab=len(slab),
        frozen=setup.frozen,
    )


def _choose_snapshots(gun: Gun, n_slab: int, n_molecule: int, rng: np.random.Generator) -> tuple[int, int]:
    k_slab = int(rng.integers(n_slab))
    paired = gun.pairing == "paired" and n_molecule > 1  # an atom has one state, whatever the slab's is
    return (k_slab, k_slab) if paired else (k_slab, int(rng.integers(n_molecule)))


def _quaternion(rotation: Rotation) -> tuple[float, float, float, float]:
    x, y, z, w = rotation.as_quat()
    return float(x), float(y), float(z), float(w)
