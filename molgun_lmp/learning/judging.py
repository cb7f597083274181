"""Every n-th frame of a round's trajectories: how far from the training data, how disputed, or broken and why."""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from ase.neighborlist import natural_cutoffs, neighbor_list

from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.errors import InterruptedRunError
from molgun_lmp.learning.choice import Candidate
from molgun_lmp.learning.settings import Choice
from molgun_lmp.processes import stop_requests
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Stop, TrajectoryResult
from molgun_lmp.results.ended import chosen_frames
from molgun_lmp.results.trust import structures
from molgun_lmp.training.descriptors.atom_distances import AtomSpaces, invariants
from molgun_lmp.training.descriptors.force_spread import CommitteeForces, CommitteeMember, committee_forces
from molgun_lmp.units import FS_PER_PS

_NO_PHYSICS: Final = frozenset(["nan-force", "lost-atoms", "lammps-error", "force-model-error"])
"""Causes of a failure that lie in the trajectory, not in the machine."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BrokenFrame:
    """The first frame of a trajectory that is no structure any more; those after it are not looked at."""

    trajectory: str
    frame: Frame
    time_ps: float
    cause: str
    """Its kind, a colon, and what was found."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Jury:
    """The models that judge, the fired one first, with the spaces of its training data."""

    members: tuple[CommitteeMember, ...]
    spaces: AtomSpaces
    batch_size: int
    device: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class JudgedTrajectory:
    """What was found in one trajectory."""

    candidates: list[Candidate]
    broken: BrokenFrame | None
    looked_at: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class JudgedFrames:
    """What was found in all trajectories of a round; `looked_at` counts the frames."""

    candidates: tuple[Candidate, ...]
    broken: tuple[BrokenFrame, ...]
    looked_at: int


def judge_round(
    store: Store,
    jury: Jury,
    how: Choice,
    *,
    max_force_ev_per_angstrom: float,
    advance: Callable[[int], None],
) -> JudgedFrames:
    """Look at every ended trajectory. `advance` is called with how many were.

    A frame is broken where atoms are closer than `how.closest` of their covalent radii's sum, where the model's force
    on one is above the limit or no number, and where LAMMPS could not go on from it. Raises `InterruptedRunError`
    after Ctrl-C or SIGTERM.
    """
    timestep_ps = store.config().dynamics.timestep_fs / FS_PER_PS
    found: list[JudgedTrajectory] = []
    with stop_requests() as stop_requested:
        for number, folder in enumerate(store.trajectories(), start=1):
            if stop_requested:
                raise InterruptedRunError("stopped while frames were judged. The same command begins that anew.")
            result = folder.result()
            if result is not None:
                found.append(_judge_one(folder, result, jury, how, timestep_ps, max_force_ev_per_angstrom))
            advance(number)
    return JudgedFrames(
        candidates=tuple(candidate for one in found for candidate in one.candidates),
        broken=tuple(one.broken for one in found if one.broken is not None),
        looked_at=sum(one.looked_at for one in found),
    )


def _judge_one(  # noqa: PLR0917
    folder: TrajectoryFolder,
    result: TrajectoryResult,
    jury: Jury,
    how: Choice,
    timestep_ps: float,
    max_force_ev_per_angstrom: float,
) -> JudgedTrajectory:
    frames = list(chosen_frames(folder, result, range(0, sys.maxsize, how.every), velocities=False))
    broken = first_broken(frames, result, how.closest)
    good = frames if broken is None else frames[: broken[0]]
    answers = []
    for index, answer in enumerate(
        committee_forces(jury.members, good, batch_size=jury.batch_size, device=jury.device)
    ):
        cause = _impossible(answer, max_force_ev_per_angstrom)
        if cause is not None:
            broken, good = (index, cause), good[:index]
            break
        answers.append(answer)
    first, alone = jury.members[0], len(jury.members) == 1
    described = invariants(
        first.model, structures(good), head=first.head, batch_size=jury.batch_size, device=jury.device
    )
    candidates = [
        Candidate(
            trajectory=folder.id,
            place=index * how.every,
            time_ps=frame.step * timestep_ps,
            distance=float(jury.spaces.relative_to(jury.spaces.typical, frame.symbols, features).max()),
            spread_ev_per_angstrom=None if alone else float(answer.spread.max()),
            fingerprint=jury.spaces.fingerprint(frame.symbols, features),
        )
        for index, (frame, answer, features) in enumerate(zip(good, answers, described, strict=True))
    ]
    if broken is None:
        return JudgedTrajectory(candidates=candidates, broken=None, looked_at=len(frames))
    frame = frames[broken[0]]
    kept_apart = BrokenFrame(trajectory=folder.id, frame=frame, time_ps=frame.step * timestep_ps, cause=broken[1])
    return JudgedTrajectory(candidates=candidates, broken=kept_apart, looked_at=broken[0] + 1)


def _impossible(answer: CommitteeForces, limit_ev_per_angstrom: float) -> str | None:
    """Why forces cannot be those of a structure; None where they can."""
    if not np.isfinite(answer.forces).all():
        return "no numbers: the model's forces"
    largest = float(np.sqrt(np.square(answer.forces).sum(axis=1)).max())
    return f"exploded: the model's force on an atom is {largest:.0f} eV/Å" if largest > limit_ev_per_angstrom else None


def first_broken(frames: Sequence[Frame], result: TrajectoryResult | None, closest: float) -> tuple[int, str] | None:
    """The first frame that is no structure, and why; None where all are."""
    for index, frame in enumerate(frames):
        cause = "no numbers: positions" if not frame.finite else _too_close(frame, closest)
        if cause is not None:
            return index, cause
    if result is None or not frames:
        return None
    if result.cause in _NO_PHYSICS:
        return len(frames) - 1, f"LAMMPS failed: {result.cause}"
    if result.stop == Stop.TOO_HOT:
        return len(frames) - 1, "exploded: too hot"
    return None


def _too_close(frame: Frame, closest: float) -> str | None:
    atoms = frame.atoms()
    first, second, distance = neighbor_list("ijd", atoms, natural_cutoffs(atoms, mult=closest))
    if not len(distance):
        return None
    worst = int(np.argmin(distance))
    names = [f"{frame.symbols[of[worst]]} {of[worst]}" for of in (first, second)]
    return f"too close: {names[0]} and {names[1]} are {distance[worst]:.2f} Å apart"
