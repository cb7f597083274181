"""`molgun trust`: every trajectory held against what its model was trained on, and the worst frames written out."""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Final

import ase.io
import numpy as np
from ase import Atoms

from molgun_lmp.analysis.figures.trust import DistanceTrace, draw_trust
from molgun_lmp.analysis.statistics.trust import SpreadTrust, TrajectoryTrust, Trust, TrustCalibration
from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError, ModelError
from molgun_lmp.models.card import ModelCard, read_card
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.results.analyse import Analysis
from molgun_lmp.results.decided import Ended
from molgun_lmp.results.ended import chosen_frames
from molgun_lmp.results.table_files import WORST_FILE, write_trust
from molgun_lmp.training.dataset.structures import Structure
from molgun_lmp.training.descriptors.atom_distances import AtomSpaces, invariants
from molgun_lmp.training.descriptors.calibration import ErrorCalibration
from molgun_lmp.training.descriptors.force_spread import CommitteeMember, SpreadCalibration, committee_forces
from molgun_lmp.training.evaluation.predictor import ModelSource
from molgun_lmp.units import FS_PER_PS

_APART_PS: Final = 0.1
"""Frames of one trajectory that are written out are at least so far apart: neighbours say the same."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judge:
    """A loaded model, the first of `members`, with the spaces of its training set; the others are its committee."""

    members: tuple[CommitteeMember, ...]
    spaces: AtomSpaces
    training_files: tuple[str, ...]
    calibration: ErrorCalibration | None = None
    """Where `spaces` are its; None where the border is that of the training frames."""
    spread_calibration: SpreadCalibration | None = None
    """Of these very members; None where the spread is not calibrated."""
    batch_size: int = 8
    device: str = "cpu"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Bad:
    distance: float
    atoms: Atoms


def require_campaigns_model(store: Store, source: ModelSource) -> None:
    """Raise `ModelError` where the campaign's card lists another file of mace's format than this one."""
    card = read_card(store.model)
    own = [entry.sha256 for entry in card.files if entry.format == "mace"]
    if own and source.sha256 is not None and source.sha256 not in own:
        raise ModelError(
            f"{source.file} is not the model that campaign {store.manifest.name} was fired with ({card.name}): how far "
            "its trajectories are from another model's training data says nothing about them."
        )


def training_part(card: ModelCard, structures: Sequence[Structure]) -> list[Structure]:
    """Without the trajectories that the card says were held out; all where it says nothing of these."""
    if card.training is None:
        return list(structures)
    known = set(card.training.data.trajectories.get("train", ()))
    kept = [structure for structure in structures if structure.trajectory in known]
    return kept or list(structures)


def judge_campaign(
    store: Store,
    analysis: Analysis,
    judge: Judge,
    *,
    every: int = 1,
    worst: int = 20,
    advance: Callable[[int], None] | None = None,
) -> Trust:
    """Look at every n-th frame of each ended trajectory; write `trust.json`, `trust.csv`, the figure, and the `worst`
    frames for labelling into `analysis/`.

    Raises `CampaignError` where nothing has ended or the folder cannot be written.
    """
    if not analysis.ended:
        raise CampaignError(f"campaign {store.manifest.name} has no ended trajectory yet: nothing to judge.")
    timestep_ps = store.config().dynamics.timestep_fs / FS_PER_PS
    found: list[TrajectoryTrust] = []
    traces: list[DistanceTrace] = []
    bad: list[_Bad] = []
    for number, one in enumerate(analysis.ended):
        chosen = chosen_frames(one.folder, one.result, range(0, sys.maxsize, every))
        frames = [frame for frame in chosen if frame.finite]
        if frames:
            apart = distances(judge, frames)
            times = np.array([frame.step * timestep_ps for frame in frames])
            one_found = _trust(one.folder.id, apart, times, store.manifest.n_slab, frames[0])
            spread = spreads(judge, frames)
            found.append(_with_error(_with_spread(one_found, judge, spread, times), judge))
            traces.append(
                DistanceTrace(
                    trajectory_id=one.folder.id, mode=one.outcome.mode, time_ps=times, distance=apart.max(axis=1)
                )
            )
            bad = sorted([*bad, *_worst(one, frames, apart, spread, times, worst)], key=lambda b: -b.distance)[:worst]
        if advance is not None:
            advance(number + 1)
    trust = Trust(
        model=judge.members[0].name,
        model_sha256=judge.members[0].sha256,
        training_files=judge.training_files,
        training_frames=judge.spaces.frames,
        borders=judge.spaces.borders,
        every=every,
        committee=tuple(one.name for one in judge.members[1:]),
        trajectories=tuple(found),
        calibration=None if judge.calibration is None else _summary(judge.calibration),
        spread_calibration=None if judge.spread_calibration is None else _of_spread(judge.spread_calibration),
    )
    _write(store, trust, traces, bad)
    return trust


def _with_spread(one: TrajectoryTrust, judge: Judge, spread: FloatArray | None, times: FloatArray) -> TrajectoryTrust:
    """With what the committee says of its frames; as it is without other members."""
    if spread is None:
        return one
    index = int(np.argmax(spread.max(axis=1)))
    largest, known = float(spread[index].max()), judge.spread_calibration
    return dataclasses.replace(
        one,
        disagreement_ev_per_angstrom=largest,
        disputed_ps=float(times[index]),
        disputed_error_ev_per_angstrom=None if known is None else known.expected_error(largest),
        disputed_error_bound_ev_per_angstrom=None if known is None else known.error_bound(largest),
    )


def _with_error(one: TrajectoryTrust, judge: Judge) -> TrajectoryTrust:
    if judge.calibration is None:
        return one
    return dataclasses.replace(
        one,
        expected_error_ev_per_angstrom=judge.calibration.expected_error(one.farthest),
        error_bound_ev_per_angstrom=judge.calibration.error_bound(one.farthest),
    )


def _summary(calibration: ErrorCalibration) -> TrustCalibration:
    return TrustCalibration(
        held_out_frames=len(calibration.held_out),
        limit_ev_per_angstrom=calibration.limit_ev_per_angstrom,
        confidence=calibration.confidence,
        found=calibration.found,
        false_alarms=calibration.false_alarms,
    )


def _of_spread(calibration: SpreadCalibration) -> SpreadTrust:
    return SpreadTrust(
        held_out_frames=len(calibration.held_out),
        confidence=calibration.confidence,
        slope=calibration.slope,
        rank_correlation=calibration.rank_correlation,
    )


def _write(store: Store, trust: Trust, traces: Sequence[DistanceTrace], bad: Sequence[_Bad]) -> None:
    try:
        write_trust(trust, store.analysis)
        draw_trust(traces, store.analysis / "figures", model=trust.model, border=trust.border)
        for rank, one in enumerate(bad, start=1):
            one.atoms.info["rank"] = rank
        ase.io.write(store.analysis / WORST_FILE, [one.atoms for one in bad], format="extxyz")
    except OSError as error:
        raise CampaignError(f"cannot write into {store.analysis}: {error}. Make room and ask again.") from error


def structures(frames: Sequence[Frame]) -> list[Structure]:
    """Frames as structures that a model's descriptors are computed of."""
    return [
        Structure(
            symbols=frame.symbols,
            positions=frame.positions,
            cell=frame.cell,
            pbc=frame.pbc,
            set_name="campaign",
            source=str(frame.step),
            trajectory="",
        )
        for frame in frames
    ]


def distances(judge: Judge, frames: Sequence[Frame]) -> FloatArray:
    """(T, N) of every atom in every frame."""
    first = judge.members[0]
    described = invariants(
        first.model, structures(frames), head=first.head, batch_size=judge.batch_size, device=judge.device
    )
    return np.array([judge.spaces.distances(f.symbols, node) for f, node in zip(frames, described, strict=True)])


def spreads(judge: Judge, frames: Sequence[Frame]) -> FloatArray | None:
    """(T, N) eV/Å, of the committee's forces on every atom in every frame; None without other members."""
    if len(judge.members) == 1:
        return None
    found = committee_forces(judge.members, frames, batch_size=judge.batch_size, device=judge.device)
    return np.array([one.spread for one in found])


def _trust(identifier: str, distances: FloatArray, times: FloatArray, n_slab: int, frame: Frame) -> TrajectoryTrust:
    farthest = distances.max(axis=1)
    index = int(np.argmax(farthest))
    atom = int(np.argmax(distances[index]))
    beyond = np.flatnonzero(farthest > 1.0)
    return TrajectoryTrust(
        trajectory_id=identifier,
        frames=len(farthest),
        farthest=float(farthest[index]),
        time_ps=float(times[index]),
        atom=atom,
        element=frame.symbols[atom],
        in_molecule=atom >= n_slab,
        beyond=len(beyond) / len(farthest),
        first_beyond_ps=float(times[beyond[0]]) if len(beyond) else None,
        disagreement_ev_per_angstrom=None,
    )


def _worst(  # noqa: PLR0917
    one: Ended,
    frames: Sequence[Frame],
    distances: FloatArray,
    spread: FloatArray | None,
    times: FloatArray,
    number: int,
) -> list[_Bad]:
    """The frames of a trajectory that are farthest out, none a neighbour of another."""
    farthest = distances.max(axis=1)
    taken: list[int] = []
    for index in np.argsort(-farthest, kind="stable").tolist():
        if len(taken) < number and all(abs(times[index] - times[other]) >= _APART_PS for other in taken):
            taken.append(index)
    found = []
    for index in taken:
        atoms = frames[index].atoms()
        atoms.info = {
            "trajectory": one.folder.id,
            "step": frames[index].step,
            "time_ps": float(times[index]),
            "mode_at_end": one.outcome.mode.label,
            "distance_of_farthest_atom": float(farthest[index]),
        }
        atoms.set_array("distance_from_training", distances[index])
        if spread is not None:
            atoms.set_array("force_spread", spread[index])
        found.append(_Bad(distance=float(farthest[index]), atoms=atoms))
    return found
