"""Stages `fire` and `choose`: a campaign with the present model, and the frames of it that are to be labelled."""

import collections
import dataclasses
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.atomic_files import write_whole
from molgun_lmp.campaign.launch.here import fire_here
from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.manifest import MANIFEST_NAME
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.config.loading import LoadedCampaign
from molgun_lmp.errors import CampaignError
from molgun_lmp.geometry import geometry_digest
from molgun_lmp.learning.choice import Candidate, choose
from molgun_lmp.learning.inputs import Loop
from molgun_lmp.learning.jobs import fire_by_jobs
from molgun_lmp.learning.judging import JudgedFrames, Jury, judge_round
from molgun_lmp.learning.loop_folder import RoundFolder
from molgun_lmp.learning.session import Session, run_molgun
from molgun_lmp.learning.training_files import frames_by_set, models_fired
from molgun_lmp.models.card import CARD_NAME
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.ended import chosen_frames
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.descriptors.atom_distances import MOST_FRAMES, AtomSpaces, invariants
from molgun_lmp.training.descriptors.force_spread import CommitteeMember
from molgun_lmp.training.evaluation.predictor import open_mace
from molgun_lmp.training.labelling.label import read_structures

Made = tuple[list[Path], list[Path], dict[str, Any]]
"""What a stage read and made, and what it found."""


def fire(loop: Loop, here: RoundFolder, session: Session) -> Made:
    """Plan the round's campaign where it is not planned yet, run what of it has not ended, and count how shots ended.

    An error on what shots meet says nothing of what the model's own mistake keeps them from, such as a bond: that the
    ends tell.
    """
    model = models_fired(loop, here.number)[0]
    if here.campaign.exists():
        store = Store.open(here.campaign)
    else:
        checked = check(_campaign(loop, here, model))
        with session.counting("writing decks", loop.campaign.config.trajectories) as advance:
            store = write(checked, here.campaign, advance)
    work = campaign_work(store)
    if not work.ended:
        words, job = loop.config.launch.run, loop.config.jobs.run
        if job is not None:
            fire_by_jobs(loop, here, store, job, session)
        elif words:
            workers = [] if loop.config.workers is None else ["--workers", str(loop.config.workers)]
            run_molgun(words, ["run", str(here.campaign), *workers])
        else:
            fire_here(work, workers=loop.config.workers, console=session.console)
    if not campaign_work(store).ended:
        raise CampaignError(f"not all trajectories of {here.campaign} have ended. The same command goes on with them.")
    status = read_status(store)
    ends = collections.Counter(one.outcome.mode.label for one in analyse(store).ended)
    found = {
        "fired": status.done,
        "failed": status.failed,
        "stops": status.stops,
        "causes": status.causes,
        "ends": dict(ends.most_common()),
    }
    return [model / CARD_NAME], [here.campaign / MANIFEST_NAME], found


def _campaign(loop: Loop, here: RoundFolder, model: Path) -> LoadedCampaign:
    """The loop's campaign with the round's model, and other shots than those of any other round."""
    config = loop.campaign.config
    changed = config.model_copy(
        update={
            "name": f"{config.name[:50]}-round-{here.number}",
            "seed": config.seed + here.number,
            "model": config.model.model_copy(update={"folder": model}),
        }
    )
    return dataclasses.replace(loop.campaign, config=changed)


def open_members(folders: list[Path]) -> tuple[CommitteeMember, ...]:
    """Load a committee, each file as its card or record vouches for it."""
    members = []
    for folder in folders:
        source, model, head = open_mace(folder)
        members.append(CommitteeMember(name=source.name, model=model, head=head, sha256=source.sha256 or ""))
    return tuple(members)


def choose_frames(loop: Loop, here: RoundFolder, number: int, session: Session) -> Made:
    """Judge all trajectories, and write at most `number` frames to be labelled, and those that are kept apart."""
    members = open_members(models_fired(loop, here.number))
    trained = frames_by_set(loop, here.number - 1)["train"]
    first, store = members[0], Store.open(here.campaign)
    with session.counting("describing the training set", min(len(trained), MOST_FRAMES)) as advance:
        spaces = AtomSpaces.fit(
            first.model,
            trained,
            head=first.head,
            batch_size=loop.config.batch_size,
            device=loop.device,
            advance=advance,
        )
    jury = Jury(members=members, spaces=spaces, batch_size=loop.config.batch_size, device=loop.device)
    with session.counting("judging trajectories", store.manifest.trajectories) as advance:
        judged = judge_round(
            store,
            jury,
            loop.config.choice,
            max_force_ev_per_angstrom=loop.prepared.config.limits.max_force_ev_per_angstrom,
            advance=advance,
        )
    known = _fingerprints(jury, trained)
    chosen = [judged.candidates[k] for k in choose(judged.candidates, known, number, loop.config.choice)]
    _write_chosen(store, here, chosen)
    _write_broken(here, judged)
    found = {
        "looked_at": judged.looked_at,
        "broken": dict(collections.Counter(one.cause.split(":")[0] for one in judged.broken)),
        "frames": [
            {
                "key": key,
                "trajectory": trajectory_name(here, one.trajectory),
                "time_ps": one.time_ps,
                "distance": one.distance,
                "spread_ev_per_angstrom": one.spread_ev_per_angstrom,
            }
            for key, one in zip(_keys(here), chosen, strict=True)
        ],
    }
    return [], [here.chosen, here.broken], found


def _keys(here: RoundFolder) -> list[str]:
    """What each chosen frame is known by among the labels, as its file holds it."""
    if not here.chosen.stat().st_size:
        return []
    return [geometry_digest(one).hex() for one in read_structures([here.chosen])]


def trajectory_name(here: RoundFolder, identifier: str) -> str:
    """A trajectory's name among the frames of all rounds."""
    return f"round-{here.number}-{identifier}"


def _fingerprints(jury: Jury, trained: list[LabelledFrame]) -> FloatArray:
    """(T, D) of the training frames that hold every element of the training set."""
    elements = set(jury.spaces.spaces)
    whole = [frame for frame in trained if set(frame.symbols) == elements]
    some = whole[:: max(1, -(-len(whole) // MOST_FRAMES))]
    first = jury.members[0]
    described = invariants(first.model, some, head=first.head, batch_size=jury.batch_size, device=jury.device)
    rows = [jury.spaces.fingerprint(frame.symbols, features) for frame, features in zip(some, described, strict=True)]
    return np.array(rows).reshape(len(rows), -1)


def _write_chosen(store: Store, here: RoundFolder, chosen: list[Candidate]) -> None:
    """In the order in which they were chosen."""
    found: dict[tuple[str, int], Atoms] = {}
    for name in dict.fromkeys(one.trajectory for one in chosen):
        folder = store.trajectory(name)
        result = folder.result()
        places = sorted(one.place for one in chosen if one.trajectory == name)
        if result is not None:
            for place, frame in zip(places, chosen_frames(folder, result, places, velocities=False), strict=True):
                atoms = Atoms(frame.symbols, positions=frame.positions, cell=frame.cell, pbc=frame.pbc)
                atoms.info = {"trajectory": trajectory_name(here, name), "step": frame.step}
                found[name, place] = atoms
    _write(here.chosen, [found[one.trajectory, one.place] for one in chosen])


def _write_broken(here: RoundFolder, judged: JudgedFrames) -> None:
    structures = []
    for one in judged.broken:
        atoms = one.frame.atoms()
        atoms.info = {
            "trajectory": trajectory_name(here, one.trajectory),
            "step": one.frame.step,
            "time_ps": one.time_ps,
            "cause": one.cause,
        }
        structures.append(atoms)
    _write(here.broken, structures)


def _write(file: Path, structures: list[Atoms]) -> None:
    with write_whole(file) as written:
        if structures:
            ase.io.write(written, structures, format="extxyz")
        else:
            written.touch()
