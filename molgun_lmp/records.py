"""The types that flow between the stages. All frozen, keyword-only, and exactly round-tripped through JSON.

structure pools --sampling--> InitialCondition --deck--> Deck --engine--> TrajectoryResult --analysis--> Outcome
"""

import dataclasses
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, TypeAdapter

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.dosing_records import DoseEnd
from molgun_lmp.heat_records import Heat
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.scattering_records import Scattering
from molgun_lmp.settling_record import Settling

if TYPE_CHECKING:
    from molgun_lmp.outcome_scheme import OutcomeScheme

Vector = tuple[float, float, float]

ResumedNoise = Literal["fresh", "repeated"]
"""Random forces after a checkpoint: of a seed of their own, or (decks of earlier versions) those of the start again."""


class JsonRecord:
    """JSON in and out for a dataclass whose fields are plain values; unknown or missing keys are refused."""

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON-ready dictionary."""
        document: dict[str, Any] = _adapter(type(self)).dump_python(self, mode="json")
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any], scheme: "OutcomeScheme | None" = None) -> Self:
        """The record that `to_json` gave; `scheme` is whose classes it names, where it names any.

        Raises `pydantic.ValidationError` for anything else, and for a class that the scheme has not.
        """
        record: Self = _adapter(cls).validate_python(document, context={"scheme": scheme})
        return record


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(cls: type) -> TypeAdapter[Any]:
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


_STRICT = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shot(JsonRecord):
    """What was drawn for one trajectory: everything that statistics may later be conditioned on.

    Positions in Å, velocities in Å/ps, energies in eV, angles in degrees, times in ps. The surface plane is the mean
    z of the clean slab's top layer. Angles are those of the kick: `polar_deg` from the downward surface normal
    (0 is head-on), `azimuth_deg` from +x towards +y.
    """

    __pydantic_config__ = _STRICT

    index: int
    campaign_seed: int
    slab_snapshot: str
    molecule_snapshot: str
    kick_kind: str
    kick_velocity: Vector
    kick_energy_ev: float
    polar_deg: float
    azimuth_deg: float
    rotation: tuple[float, float, float, float]
    """Unit quaternion (x, y, z, w), scipy's order, applied to the molecule's positions and velocities."""
    com_start: Vector
    com_height_angstrom: float
    """Centre of mass above the surface plane at the start."""
    clearance_angstrom: float
    """Lowest molecule atom above the highest slab atom at the start."""
    impact_xy_angstrom: tuple[float, float]
    """Where the straight line of the centre of mass meets the surface plane, wrapped into the cell."""
    skipped_flight_ps: float
    """Free flight left out before the first step (0 where none was skipped)."""
    slab_run: str = ""
    """Equilibration run that the slab's snapshot was taken from; empty in shots of earlier versions."""
    molecule_run: str = ""
    """The same of the molecule's."""
    adsorbates: tuple[Adsorbate, ...] = ()
    """What earlier doses of its chain left on the surface, by dose; none outside a dosing campaign."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class InitialCondition:
    """One trajectory's first frame: slab atoms first (pool order), molecule atoms after them.

    `positions` (N, 3) Å; `velocities` (N, 3) Å/ps; `cell` (3, 3) Å, rows are vectors, the third along z;
    `symbols` N chemical symbols, e.g. ("Si", ..., "C", ..., "H"); `frozen` (N,) bool, atoms that never move.
    """

    shot: Shot
    symbols: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray
    cell: FloatArray
    n_slab: int
    frozen: BoolArray

    @property
    def molecule(self) -> slice:
        """The molecule's atoms as a slice of the arrays."""
        return slice(self.n_slab, len(self.symbols))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deck:
    """The text of one trajectory's LAMMPS input and data file."""

    trajectory_id: str
    input_text: str
    data_text: str


class Cause(StrEnum):
    """Why a trajectory has no usable end."""

    NAN_FORCE = "nan-force"
    LOST_ATOMS = "lost-atoms"
    LAMMPS_ERROR = "lammps-error"
    FORCE_MODEL_ERROR = "force-model-error"
    WORKER_DIED = "worker-died"
    HUNG = "hung"
    OUT_OF_MEMORY = "out-of-memory"
    DISK = "disk"
    CHAIN_ENDED = "chain-ended"


class Stop(StrEnum):
    """What ended a trajectory that ended by itself."""

    COMPLETED = "completed"
    DEPARTED = "departed"
    FRAGMENT_LEFT = "fragment-left"
    TOO_HOT = "too-hot"
    SETTLED = "settled"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EnergyRecord(JsonRecord):
    """Conservation of one trajectory's energy, from its thermo output: of the total energy, with a thermostat less what
    that has put in. The drift is the slope of a straight line fitted against time, the excursion the largest distance
    from the first value. Per atom means per mobile atom, or per atom of all where `limit_ev` is None."""

    __pydantic_config__ = _STRICT

    drift_ev_per_atom_per_ps: float | None
    """None for fewer than three thermo lines or a deck that does not print what its ensemble conserves."""
    excursion_ev_per_atom: float | None
    flagged: bool
    """True where the excursion or the drift is beyond the campaign's limits."""
    drift_ev: float | None = None
    """Of the whole cell over the whole run."""
    excursion_ev: float | None = None
    """Of the whole cell."""
    limit_ev: float | None = None
    """What drift and excursion of the whole cell were held against; None where limits are per atom."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrajectoryResult(JsonRecord):
    """How one trajectory's dynamics ended. A failure is a value, not an exception."""

    __pydantic_config__ = _STRICT

    trajectory_id: str
    state: Literal["finished", "failed"]
    stop: Stop | None
    cause: Cause | None
    message: str
    steps: int
    energy: EnergyRecord
    wall_s: float
    started_at: str
    host: str
    engine: str
    lammps: str = ""
    """Which LAMMPS ran it: its version as its log begins and, where it was another library than the environment's, or
    given more arguments, these. Empty in results of earlier versions."""
    attempt: int
    hashes: dict[str, str]
    """SHA-256 of `deck`, `data`, `model`, `dump`."""
    resumed_at: tuple[int, ...] = ()
    """Steps at which it went on from a checkpoint after a kill or a stop."""
    noise_resumed: ResumedNoise | None = None
    """Where it went on under random forces (Langevin, bath): it is as good as the undisturbed one, and not the same.
    None where none act or it never went on, and in results of earlier versions, which do not say."""
    settled: Settling | None = None
    """None where it never had, and where nobody looked: no rule, or another machine's LAMMPS alone. One that ended
    otherwise than by `Stop.SETTLED` was drawn for the audit, and ran on."""

    @property
    def audited(self) -> bool:
        """Whether it had settled and ran on."""
        return self.settled is not None and self.stop is not Stop.SETTLED


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome(JsonRecord):
    """One trajectory's outcome and the numbers that decided it."""

    __pydantic_config__ = _STRICT

    trajectory_id: str
    mode: Mode
    detail: str = ""
    """The variant within the class, such as `both dative` among `other`; for a broken molecule how it is bound."""
    stuck: bool
    """Bound to the surface at the end, intact or broken; never where that is undecided."""
    contact: bool
    """The molecule came within the contact distance of the surface at some time."""
    first_contact_ps: float | None
    first_touch_ps: float | None = None
    """The first frame with a bond to the surface, however short: it depends on how often frames are stored."""
    first_bond_ps: float | None
    """The first bound mode that lasted the persistence time began; None where none did."""
    time_ps: float
    """Length of the trajectory that was read."""
    lowest_clearance_angstrom: float | None
    """Lowest molecule atom above the highest slab atom over all frames; None where no frame was read."""
    events: tuple[tuple[float, Mode], ...]
    """The sequence of modes: (time in ps at which each began, mode). The last one may begin at the end, where a stop
    rule says it (a molecule that departed)."""
    young: bool = False
    """The last of `events` had not lasted the persistence time at the end, and nothing else decided for it."""
    bound_changes: tuple[tuple[float, bool], ...] = ()
    """When the molecule was bound, intact or not: (time in ps, whether) from then on, by modes that lasted."""
    bonds: tuple[tuple[int, int, float], ...]
    """Molecule-surface bonds at the end: (molecule atom, slab atom, length in Å); indices into the trajectory."""
    reason: str
    """One sentence with the numbers behind the decision."""
    truncated: bool
    """The dump was cut within its last frame, or ends a frame or more before the run did; the whole frames that are
    left were used."""
    slab_snapshot: str
    molecule_snapshot: str
    energy_at_contact_ev: float | None = None
    """Translational, in the last frame before first contact; None without a contact, or where no velocities are."""
    molecule_run: str = ""
    """Equilibration run of its snapshot where molecules are fired as drawn, nearly alike in one run; else empty."""
    atom: bool = False
    """The molecule is a single atom: it has one state by nature, and shots share the slab's snapshots alone."""
    heat: Heat | None = None
    """How far the impact and the bonds warmed slab and molecule; None where velocities were not stored."""
    scattering: Scattering | None = None
    """What left the surface, measured in free flight; None where nothing did."""
    company: DoseEnd | None = None
    """All molecules of a shot of a chain of doses; None outside one, and for no frame."""
    gone: bool = False
    """It met the surface, and at the end nothing of it is bound or within reach, whole or in pieces."""
    audit_share: float | None = None
    """The molecule had settled (`stop.settled`), and this was the probability with which the shot then ran on. None
    where it never had, and where nobody looked."""
    as_settled: "Outcome | None" = None
    """What the outcome was when it had settled, of a shot that was drawn for the audit and ran on; None for others: the
    outcome of one that was ended is this already."""

    @property
    def first_phase(self) -> "Outcome":
        """The outcome when it had settled, where it had; else the outcome."""
        return self if self.as_settled is None else self.as_settled

    @property
    def left(self) -> bool:
        """Whether it is not on the surface any more, whole or in pieces."""
        return self.gone or self.mode.kind is Kind.LEFT

    @property
    def lasting(self) -> tuple[tuple[float, Mode], ...]:
        """The sequence of modes without one that is young: what followed what."""
        return self.events[:-1] if self.young else self.events

    @property
    def followed_ps(self) -> float:
        """Until when the last of `lasting` was watched."""
        return self.events[-1][0] if self.young else self.time_ps

    @property
    def molecule_cluster(self) -> str:
        """What shots must not share to be independent: the molecule's run, or its snapshot; atoms share nothing."""
        if self.atom:
            return self.trajectory_id
        return f"run {self.molecule_run}" if self.molecule_run else self.molecule_snapshot
