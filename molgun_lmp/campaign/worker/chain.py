"""The next shot of a chain of doses: what the one before has left is thermalised, and the next molecule drawn above it.

Everything is a function of the campaign and the end of the dose before, so that whoever does it again, after a kill at
any instant, writes the same bytes. `drawn.json` comes last.
"""

import dataclasses
import datetime
import errno
import json
import logging
import shutil
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from molgun_lmp.adsorbates import standing_in_words
from molgun_lmp.atomic_files import folder_whole, json_bytes, replace_file
from molgun_lmp.campaign.store.campaign_folder import (
    BETWEEN_FOLDER,
    NEWCOMER_NAME,
    SHOT_NAME,
    Store,
    TrajectoryFolder,
)
from molgun_lmp.campaign.store.chains import DrawnShot, read_drawn, undraw, write_drawn
from molgun_lmp.campaign.store.integrity import planned_hashes, require_planned
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.energy_conservation import NOT_CHECKED
from molgun_lmp.campaign.worker.surface_left import Grounds, NoSurfaceError
from molgun_lmp.engine.session import DeckRun
from molgun_lmp.errors import CampaignError, GeometryError
from molgun_lmp.gun.between_deck import Parts, between_deck, thermalised
from molgun_lmp.gun.covered import CoveredSurface, require_room, setup_above
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.initial_conditions import Newcomer, aim
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME, LOG_NAME, structure_name
from molgun_lmp.gun.setup import Setup
from molgun_lmp.gun.snapshots import MoleculeSnapshots
from molgun_lmp.isotopes import isotopic_masses_u
from molgun_lmp.provenance import sha256_bytes
from molgun_lmp.records import Cause, TrajectoryResult

log = logging.getLogger(__name__)

RunPart = Callable[[Path, Mapping[str, str], Path], DeckRun]
"""Runs a deck with these variables and this log, under the work's force model."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Next:
    """A shot that is to be drawn: its folder, the number of its run, and how decks are run for it."""

    work: Work
    folder: TrajectoryFolder
    number: int
    run: RunPart
    interrupt: threading.Event


def follow(
    work: Work, folder: TrajectoryFolder, number: int, run: RunPart, interrupt: threading.Event
) -> TrajectoryResult | Literal["drawn", "not drawn"]:
    """Draw a later dose of a chain, whose dose before has ended, unless that was done.

    Its result where it has none of its own: the chain has ended, or its thermalisation failed. `not drawn` where the
    interrupt came first. Raises `CampaignError` for files that are not the planned ones, `OSError` on a full disk.
    """
    before = work.predecessor(folder)
    result = None if before is None else before.result()
    if before is None or result is None:  # `molgun retry` may have freed it just now
        return "not drawn"
    if result.cause is Cause.CHAIN_ENDED:
        return _ended(folder, number, Cause.CHAIN_ENDED, result.message)
    drawn = read_drawn(folder)
    if drawn is not None and drawn.dump == result.hashes.get("dump"):
        return "drawn"
    if drawn is not None:
        undraw(folder)
    grounds = Grounds.of(Store.open(work.root))
    newcomer = _newcomer(work, folder)
    coming = _Next(work=work, folder=folder, number=number, run=run, interrupt=interrupt)
    try:
        covered, left = grounds.left_by(before, result, newcomer.symbols)
        end = _thermalise(coming, _setup(grounds, covered, newcomer))
        if not isinstance(end, str):
            return end or "not drawn"
        covered, left_between = grounds.what_stands(_read(end, covered, folder))
        hashes = _write_shot(folder, newcomer, _setup(grounds, covered, newcomer))
    except (NoSurfaceError, GeometryError) as error:
        return _ended(folder, number, Cause.CHAIN_ENDED, f"no molecule can follow in this chain: {error}")
    write_drawn(
        folder,
        DrawnShot(hashes=hashes, after=before.id, dump=result.hashes["dump"], left=left, left_between=left_between),
    )
    log.info("trajectory %s: drawn after %s; %s", folder.id, before.id, standing_in_words(covered.adsorbates))
    return "drawn"


def _newcomer(work: Work, folder: TrajectoryFolder) -> Newcomer:
    file = folder.path / NEWCOMER_NAME
    require_planned(file, planned_hashes(work, folder)[NEWCOMER_NAME])
    return Newcomer.from_json(json.loads(file.read_bytes()))


def _setup(grounds: Grounds, covered: CoveredSurface, newcomer: Newcomer) -> Setup:
    isotopes = grounds.config.system.molecule.isotopes
    molecule = MoleculeSnapshots(
        ids=(newcomer.snapshot,),
        runs=(newcomer.run,),
        symbols=newcomer.symbols,
        positions=np.array([newcomer.shape]),
        velocities=np.array([newcomer.internal]),
        masses_u=isotopic_masses_u(newcomer.symbols, isotopes),
        radius=newcomer.radius_angstrom,
    )
    manifest = grounds.store.manifest
    return setup_above(
        grounds.config,
        grounds.clean,
        covered,
        molecule,
        cell=np.array(manifest.cell),
        cutoff_angstrom=manifest.cutoff_angstrom,
    )


def _thermalise(coming: _Next, setup: Setup) -> str | TrajectoryResult | None:
    """The text of the last structure of the thermalisation; a result where that failed, None where it was stopped.

    Parts that are there from an earlier attempt are not run again. Raises `NoSurfaceError` for one that blew up.
    """
    home = coming.folder.path / BETWEEN_FOLDER
    deck = between_deck(int(coming.folder.id), setup)
    _write_home(home, {INPUT_NAME: deck.input_text, structure_name(0): deck.data_text})
    parts = Parts.of(setup.campaign)
    run, root = coming.folder.run_folder(coming.number), coming.work.root
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    for part in range(1, parts.number + 1):
        there = home / structure_name(part)
        if there.exists():
            continue
        if coming.interrupt.is_set():
            return None
        variables = {
            "dir": str(home.relative_to(root)),
            "out": str(run.relative_to(root)),
            "root": ".",
            "part": str(part),
        }
        done = coming.run(home / INPUT_NAME, variables, run / LOG_NAME)
        if coming.interrupt.is_set() and (done.interrupted or done.cause is not None):
            return None
        if done.cause is Cause.DISK:
            raise OSError(errno.ENOSPC, done.error or "no space left", str(run))
        where = f"part {part} of the thermalisation before it"
        if done.cause is not None:
            return _ended(coming.folder, coming.number, done.cause, f"{where}: {done.error}", steps=done.steps)
        if done.halt is not None:
            raise NoSurfaceError(f"{where} blew up ({done.halt.fix_id} at step {done.halt.step})")
        replace_file(home / f"{part}.{LOG_NAME}", (run / LOG_NAME).read_bytes())
        replace_file(there, (run / structure_name(part)).read_bytes())
    return (home / structure_name(parts.number)).read_text(encoding="utf-8")


def _write_home(home: Path, texts: Mapping[str, str]) -> None:
    """Deck and start of a thermalisation, unless these very ones are there."""
    if home.exists():
        if all((home / name).is_file() and (home / name).read_text("utf-8") == text for name, text in texts.items()):
            return
        shutil.rmtree(home)
    with folder_whole(home) as work:
        for name, text in texts.items():
            (work / name).write_text(text, encoding="utf-8")


def _read(text: str, covered: CoveredSurface, folder: TrajectoryFolder) -> CoveredSurface:
    try:
        return thermalised(text, covered)
    except ValueError as error:
        raise CampaignError(
            f"{folder.path / BETWEEN_FOLDER} is damaged ({error}). Delete it, and give the same command again."
        ) from error


def _write_shot(folder: TrajectoryFolder, newcomer: Newcomer, setup: Setup) -> dict[str, str]:
    """Deck, data and shot. File name -> hash. Raises `GeometryError` for a molecule that has no room."""
    require_room(setup)
    condition = aim(newcomer, 0, setup)
    deck = trajectory_deck(condition, setup)
    contents = {
        INPUT_NAME: deck.input_text.encode(),
        DATA_NAME: deck.data_text.encode(),
        SHOT_NAME: json_bytes(condition.shot.to_json()),
    }
    for name, content in contents.items():
        replace_file(folder.path / name, content)
    return {name: sha256_bytes(content) for name, content in contents.items()}


def _ended(folder: TrajectoryFolder, number: int, cause: Cause, message: str, *, steps: int = 0) -> TrajectoryResult:
    folder.run_folder(number).mkdir(exist_ok=True)
    return TrajectoryResult(
        trajectory_id=folder.id,
        state="failed",
        stop=None,
        cause=cause,
        message=message,
        steps=steps,
        energy=NOT_CHECKED,
        wall_s=0.0,
        started_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        host=socket.gethostname(),
        engine="none",
        attempt=number,
        hashes={},
    )
