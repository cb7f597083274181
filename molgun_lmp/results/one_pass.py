"""One pass over the frames of a trajectory, with several observers of them: a dump is read once, whatever is asked.

What decides an outcome observes, and so does what keeps the molecule's track, from which heights and maps are drawn
later without the dump.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from ase import Atoms

from molgun_lmp.analysis.kinetics.heat import Temperatures, heat_of
from molgun_lmp.analysis.scattering.onlooker import ScatteringObserver
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.planned_start import adsorbed, planned_start
from molgun_lmp.config import Campaign
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Kind
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Outcome, Stop, TrajectoryResult
from molgun_lmp.results.dose import Observer, dose_of
from molgun_lmp.results.ended import frames_of, planned_masses_u, without_adsorbates
from molgun_lmp.results.outcome_observer import OutcomeObserver
from molgun_lmp.results.temperatures import TemperatureObserver, mobile_atoms
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.units import FS_PER_PS, ROUNDING_PS

_BATCH: Final = 64
"""Frames whose arithmetic is done together."""

Points = Mapping[str, tuple[int, ...]]
"""Name of a point -> the atoms that it is the centre of, counted within the molecule."""


def one_pass(frames: Iterable[Frame], observers: Sequence[Observer]) -> None:
    """Show each frame to all observers. Raises what the reading of the frames raises, and what an observer does."""
    for _ in observed(frames, observers):
        pass


def observed(frames: Iterable[Frame], observers: Sequence[Observer]) -> Iterator[Frame]:
    """The frames, each once it was shown to all observers: for who goes through two trajectories side by side."""
    for frame in frames:
        for observer in observers:
            observer.frame(frame)
        yield frame


def until_lost(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames up to the first whose positions are no numbers, which is the last one."""
    for frame in frames:
        yield frame
        if not frame.finite:
            return


@dataclasses.dataclass(frozen=True, kw_only=True)
class Track:
    """Where the molecule was in each of T frames, before the first whose positions are no numbers.

    `steps` (T,) LAMMPS's timesteps; `lowest_z` (T,) Å of the molecule's lowest atom; `points`: name -> (T, 3) Å, the
    centre of some of its atoms; all unwrapped. `temperatures`: None where they were not asked for, or velocities not
    stored.
    """

    steps: IntArray
    lowest_z: FloatArray
    points: Mapping[str, FloatArray]
    temperatures: Temperatures | None = None


class UntilSettled:
    """Shows an observer the frames until a shot of the audit had settled, and all of any other: what it gives is alike
    for those that were ended then and those that ran on."""

    def __init__(self, observer: Observer, result: TrajectoryResult) -> None:
        self._observer = observer
        self._last = result.settled.step if result.settled is not None else None

    def frame(self, frame: Frame) -> None:
        """The next frame."""
        if self._last is None or frame.step <= self._last:
            self._observer.frame(frame)


class TrackObserver:
    """Keeps the track of a molecule, the atoms after the first `n_slab`."""

    def __init__(self, n_slab: int, points: Points) -> None:
        self._n_slab = n_slab
        self._points = {name: list(atoms) for name, atoms in points.items()}
        self._steps: list[int] = []
        self._molecule: list[FloatArray] = []
        self._lowest: list[FloatArray] = []
        self._centres: dict[str, list[FloatArray]] = {name: [] for name in points}
        self._lost = False

    def frame(self, frame: Frame) -> None:
        """The next frame."""
        self._lost = self._lost or not frame.finite
        if self._lost:
            return
        self._steps.append(frame.step)
        self._molecule.append(frame.unwrapped[self._n_slab :])
        if len(self._molecule) == _BATCH:
            self._take_batch()

    def result(self) -> Track:
        """The track so far."""
        if self._molecule:
            self._take_batch()
        return Track(
            steps=np.array(self._steps, dtype=np.int64),
            lowest_z=np.concatenate([np.empty(0), *self._lowest]),
            points={name: np.concatenate([np.empty((0, 3)), *parts]) for name, parts in self._centres.items()},
        )

    def _take_batch(self) -> None:
        molecule = np.stack(self._molecule)
        self._molecule = []
        self._lowest.append(molecule[:, :, 2].min(axis=1))
        for name, atoms in self._points.items():
            self._centres[name].append(molecule[:, atoms].mean(axis=1))


def read_back(
    config: Campaign,
    scheme: OutcomeScheme,
    surface: Surface,
    folder: TrajectoryFolder,
    result: TrajectoryResult,
    *,
    reach: float,
) -> tuple[Outcome, Track | None]:
    """What came of one trajectory, and its track with temperatures; none of a run that died and left a damaged dump.

    `reach` Å: how far atoms feel each other.

    Raises `CampaignError` where its start or shot is missing, `ConfigError` for criteria that do not fit the molecule,
    `InputFileError` for a damaged dump of a run that did not fail, and for frames of other atoms.
    """
    start, n_slab = planned_start(folder, surface), len(surface.layer)
    outcome = OutcomeObserver(config, surface, start, folder, result, scheme=scheme)
    track = TrackObserver(n_slab, points_of(config, len(start.symbols) - n_slab))
    slab = Atoms(start.symbols[:n_slab], start.positions[:n_slab])
    temperature = TemperatureObserver(mobile_atoms(config, slab, surface), start.masses_u)
    scattering = ScatteringObserver(
        start.symbols,
        start.masses_u,
        surface,
        criteria=config.outcomes,
        reach=reach,
        timestep_ps=config.dynamics.timestep_fs / FS_PER_PS,
    )
    until_settled = UntilSettled(scattering, result)
    dose = dose_of(config, scheme, surface, folder, deciding=[outcome], looking=[track, temperature, until_settled])
    frames = until_lost(frames_of(folder, result))
    if not seen(observed(frames, (outcome, track, temperature, until_settled) if dose is None else (dose,)), result):
        return outcome.without_frames(), None
    decided = outcome.result() if dose is None else dose.with_company(outcome.result(), result)
    if result.state != "failed" and result.stop is not Stop.TOO_HOT:
        left = scattering.result(left=decided.first_phase.mode.kind is Kind.LEFT)
        decided = dataclasses.replace(decided, scattering=left)
    kept = dataclasses.replace(track.result(), temperatures=temperature.result())
    if kept.temperatures is None or not len(kept.steps):
        return decided, kept
    times_ps = (kept.steps - kept.steps[0]) * config.dynamics.timestep_fs / FS_PER_PS
    heat, energy = heat_of(kept.temperatures, times_ps, decided.first_contact_ps), None
    if decided.first_contact_ps is not None:
        before = int(np.searchsorted(times_ps, decided.first_contact_ps - ROUNDING_PS)) - 1
        energy = float(kept.temperatures.translation_ev[max(0, before)])
    return dataclasses.replace(decided, heat=heat, energy_at_contact_ev=energy), kept


def decided_by_each(
    configs: Sequence[Campaign],
    scheme: OutcomeScheme,
    surface: Surface,
    folder: TrajectoryFolder,
    result: TrajectoryResult,
) -> list[Outcome]:
    """What came of one trajectory by the criteria of each of some configurations. Raises as `read_back`."""
    start = planned_start(folder, surface)
    observers = [OutcomeObserver(config, surface, start, folder, result, scheme=scheme) for config in configs]
    dose = dose_of(configs[0], scheme, surface, folder, deciding=observers)
    frames = until_lost(frames_of(folder, result, velocities=False))
    whole = seen(observed(frames, observers if dose is None else (dose,)), result)
    return [one.result() if whole else one.without_frames() for one in observers]


def seen(frames: Iterable[Frame], result: TrajectoryResult) -> bool:
    """Go through the frames of a run; False where it failed and they are damaged or of other atoms, which it may leave.

    Raises `InputFileError` for such frames of a run that did not fail.
    """
    try:
        for _ in frames:
            pass
    except InputFileError:
        if result.state != "failed":
            raise
        return False
    return True


def points_of(config: Campaign, n_molecule: int) -> dict[str, tuple[int, ...]]:
    """The points that the maps follow, each the centre of some atoms (counted within the molecule): the centres of the
    campaign's groups, or of the whole molecule of `n_molecule` atoms where it has none."""
    groups = {name: tuple(pair) for name, pair in config.system.molecule.groups.items()}
    return groups or {"molecule": tuple(range(n_molecule))}


def track_of(
    folder: TrajectoryFolder, result: TrajectoryResult, n_slab: int, points: Points, mobile: BoolArray | None = None
) -> Track:
    """The track alone, by reading the dump, with temperatures where it is said which slab atoms are `mobile`.

    Raises `InputFileError` for a damaged one.
    """
    track = TrackObserver(n_slab, points)
    masses_u = np.delete(planned_masses_u(folder), adsorbed(folder, n_slab))
    temperature = None if mobile is None else TemperatureObserver(mobile, masses_u)
    frames = until_lost(frames_of(folder, result, velocities=temperature is not None))
    one_pass(without_adsorbates(folder, frames, n_slab), (track,) if temperature is None else (track, temperature))
    return dataclasses.replace(track.result(), temperatures=None if temperature is None else temperature.result())
