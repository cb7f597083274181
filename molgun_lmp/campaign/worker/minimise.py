"""Minimise one structure with the campaign's own engine: a deck like all others, run here, its end kept."""

import contextlib
import dataclasses
import functools
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from molgun_lmp.analysis.outcomes.minima import Minimum
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.atomic_files import write_json
from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME, MODEL_FOLDER
from molgun_lmp.campaign.store.integrity import verify_shared
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.asked_models import force_model
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.engine.session import Watchdog, run_deck
from molgun_lmp.errors import EngineError, InputFileError, InterruptedRunError
from molgun_lmp.gun.data_file import data_file
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME, LOG_NAME
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.processes import stop_requests, thread_environment
from molgun_lmp.provenance import sha256_text
from molgun_lmp.readers.trajectory import Frame, read_frames
from molgun_lmp.rendering import id_ranges, render

MINIMUM_NAME: Final = "minimum.json"
MINIMUM_DUMP: Final = "minimum.dump"
FORCE_TOLERANCE: Final = 0.02
"""eV/Å on any atom: a model in single precision is quieter than that."""
MAX_STEPS: Final = 3000


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnrelaxedStructure:
    """What is to be minimised: `symbols` N chemical symbols, `positions` (N, 3) Å, `frozen` (N,) bool, `cell` (3, 3) Å.

    `what` names it in the deck, in plain words.
    """

    what: str
    symbols: Sequence[str]
    positions: FloatArray
    frozen: BoolArray
    cell: FloatArray


Minimise = Callable[[Path, UnrelaxedStructure], tuple[Minimum, Frame]]
"""The minimum of a structure and its record, kept in a folder three levels below the work's."""


@contextmanager
def open_minimiser(work: Work, campaign: str, *, parent: int | None = None) -> Iterator[Minimise]:
    """The function that minimises; the model is checked now, and loaded once, at the first structure that needs it.

    It takes what its folder holds where that is of the same structure, deck and model. It raises `InterruptedRunError`
    after Ctrl-C or SIGTERM, or once the process `parent` is gone, `EngineError` for a structure that LAMMPS cannot
    minimise or where the engine does not run here, and `ModelError` for a model that is not the planned one.
    """
    verify_shared(work)
    os.environ.update(thread_environment(work.engine.threads))
    model = functools.cache(lambda: force_model(work))
    before = Path.cwd()
    os.chdir(work.root)
    try:
        with stop_requests() as stop_requested:

            def stop() -> bool:
                return bool(stop_requested) or (parent is not None and os.getppid() != parent)

            setting = _Setting(work=work, campaign=campaign, model=model, stop=stop)
            yield lambda folder, structure: _minimum(setting, folder, structure)
    finally:
        os.chdir(before)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Setting:
    work: Work
    campaign: str
    model: Callable[[], ForceModel | None]
    stop: Callable[[], bool]


def _minimum(setting: _Setting, folder: Path, structure: UnrelaxedStructure) -> tuple[Minimum, Frame]:
    work, campaign = setting.work, setting.campaign
    deck = _deck(campaign, work.engine.elements, structure)
    data = data_file(
        f"molgun_lmp: campaign {campaign}, {structure.what}, metal units",
        symbols=structure.symbols,
        positions=structure.positions,
        cell=structure.cell,
        types=AtomTypes.standard(work.engine.elements),
    )
    model_hash = work.files[f"{MODEL_FOLDER}/{work.engine.model_file}"]
    protocol = sha256_text(f"{deck}{model_hash}{work.files[ENGINE_NAME]}")
    kept = _kept(folder, sha256_text(data), protocol)
    if kept is not None:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INPUT_NAME).write_text(deck, encoding="utf-8")
    (folder / DATA_NAME).write_text(data, encoding="utf-8")
    energy, force, steps = _run(setting, folder)
    minimum = Minimum(
        energy_ev=energy,
        steps=steps,
        largest_force_ev_per_angstrom=force,
        converged=force <= FORCE_TOLERANCE,
        start=sha256_text(data),
        protocol=protocol,
    )
    frame = _last_frame(folder)
    write_json(minimum.to_json(), folder / MINIMUM_NAME)
    return minimum, frame


def _deck(campaign: str, elements: Sequence[str], structure: UnrelaxedStructure) -> str:
    return render(
        "quench.in.j2",
        {
            "campaign": campaign,
            "what": structure.what,
            "data": DATA_NAME,
            "dump": MINIMUM_DUMP,
            "frozen": id_ranges(structure.frozen),
            "elements": " ".join(elements),
            "thermo_every": 20,
            "force_tolerance": FORCE_TOLERANCE,
            "max_steps": MAX_STEPS,
            "max_evaluations": 10 * MAX_STEPS,
        },
    )


def _kept(folder: Path, start: str, protocol: str) -> tuple[Minimum, Frame] | None:
    """What an earlier quench left, where it is whole and of the same start and protocol."""
    with contextlib.suppress(OSError, ValueError, InputFileError):
        minimum = Minimum.from_json(json.loads((folder / MINIMUM_NAME).read_bytes()))
        if (minimum.start, minimum.protocol) == (start, protocol):
            return minimum, _last_frame(folder)
    return None


def _run(setting: _Setting, folder: Path) -> tuple[float, float, int]:
    """Energy in eV, largest force in eV/Å and steps of the deck in a folder."""
    work, interrupt = setting.work, threading.Event()

    def look(_: int) -> None:
        if setting.stop():
            interrupt.set()

    def hung(step: int) -> NoReturn:
        print(f"molgun: step {step} of the quench in {folder} does not end; ended", flush=True)
        os._exit(EngineError.exit_code)

    done = run_deck(
        folder / INPUT_NAME,
        variables={"dir": str(folder.relative_to(work.root)), "root": "."},
        force_model=setting.model(),
        interrupt=interrupt,
        log_path=folder / LOG_NAME,
        on_progress=look,
        watchdog=Watchdog(limit_s=work.engine.hung_after_s, bark=hung),
        plugin=ENGINES[work.engine.kind].needs_plugin,
    )
    if interrupt.is_set() or setting.stop():
        raise InterruptedRunError(f"stopped at {folder}; the same command goes on from there.")
    if done.cause is not None or not {"PotEng", "Fmax"} <= done.thermo.keys():
        raise EngineError(f"the quench in {folder} failed: {done.error or 'LAMMPS left no energy'}. See its log.")
    return float(done.thermo["PotEng"][-1]), float(done.thermo["Fmax"][-1]), done.steps


def _last_frame(folder: Path) -> Frame:
    *_, last = read_frames(folder / MINIMUM_DUMP)
    return last
