"""`molgun analyse FILE...`: files that no campaign of ours has made, and runs of VASP."""

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from molgun_lmp.analysis.outcomes.external_system import decide_frames, of_files
from molgun_lmp.analysis.outcomes.file_times import SAME_TIME, OwnTimes, timed
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.analysis.outcomes.single_frames import FrameClass, classify_each, classify_frames
from molgun_lmp.atomic_files import replace_file
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.planned_start import planned_start
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.config.loading import apply_override, load_yaml, validated
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.csv_files import csv_text
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.import_closure import code_version
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import OutcomeScheme, in_order
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.cp2k_run_files import tables_beside
from molgun_lmp.readers.vasp_trajectories import Given, about, run_frames, runs_frames
from molgun_lmp.records import Outcome
from molgun_lmp.results.ended import clean_surface
from molgun_lmp.results.outcome_cache import FileStamp, Key, Memory, stamp
from molgun_lmp.results.parallel import spread

_OUTCOMES = (
    *("trajectory", "mode", "detail", "stuck", "contact", "first_contact_ps", "first_touch_ps", "first_bond_ps"),
    *("time_ps", "lowest_clearance_angstrom", "truncated", "reason"),
)
_FRAMES = ("file", "step", "mode", "detail", "bound", "nearest_angstrom", "reason")


def load_settings(file: Path | None, overrides: Sequence[str], like: Store | None = None) -> tuple[ForeignFiles, Path]:
    """The settings, and the folder that their paths start from.

    `like`: a campaign whose criteria count where the settings name none. Raises `ConfigError`.
    """
    document = {} if file is None else load_yaml(file, "a file of settings")
    for override in overrides:
        apply_override(document, override)
    where = "the options" if file is None else str(file)
    settings = validated(document, ForeignFiles, where=where)
    if like is not None:
        own = dict(document.get("outcomes") or {})
        criteria = like.config().outcomes.model_dump(mode="json") | {"scheme": like.scheme_name} | own
        settings = validated({**document, "outcomes": criteria}, ForeignFiles, where=where)
    return settings, Path() if file is None else file.parent


def molecule_of(store: Store) -> MoleculeReference:
    """A campaign's molecule as it was fired, with its groups. Raises `ConfigError` where it has no trajectory."""
    config, surface = store.config(), clean_surface(store)
    folder = next(iter(store.trajectories()), None)
    if folder is None:
        raise ConfigError(f"campaign {store.manifest.name} has no trajectories, so nobody knows its molecule.")
    start, n_slab = planned_start(folder, surface), store.manifest.n_slab
    return MoleculeReference.find(
        start.symbols[n_slab:],
        start.positions[n_slab:],
        config.system.molecule.groups,
        surface.lattice,
        config.outcomes,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decided:
    """An outcome, what was found in its files in a sentence (none where it is remembered), and their level of theory.

    `level_of_theory` is that of the settings, or else what VASP's files say; empty where nobody does. `notes`: what of
    the settings did not count, in sentences.
    """

    outcome: Outcome
    found: str
    level_of_theory: str = ""
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ForeignTask:
    """The parts of one trajectory, and what is the same for all: `own_timestep_fs` where the files say one."""

    parts: tuple[Given, ...]
    settings: ForeignFiles
    folder: Path
    own_timestep_fs: float | None
    level_of_theory: str
    like: MoleculeReference | None

    @property
    def name(self) -> str:
        first, last = self.parts[0].name, self.parts[-1].name
        return first if len(self.parts) == 1 else f"{first} to {last}"

    def decide(self) -> Decided:
        runs = [part.source for part in self.parts if part.source is not None]
        if runs:
            return self._decided(runs_frames(runs))
        return of_files([part.path for part in self.parts], self.settings, self._decided)

    def _decided(self, frames: Iterator[Frame]) -> Decided:
        own = OwnTimes(self.settings)
        again, times = timed(self.name, own.heard(frames), self.settings, self.own_timestep_fs)
        outcome, found = decide_frames(
            self.name,
            again,
            self.settings,
            self.folder,
            timestep_fs=times.timestep_fs,
            like=self.like,
        )
        return Decided(
            outcome=outcome,
            found=f"{found.sentence()}; {times.sentence}",
            level_of_theory=self.level_of_theory,
            notes=tuple(f"{self.name}: {note}" for note in own.notes()),
        )


def trajectories(
    files: Sequence[Given],
    settings: ForeignFiles,
    folder: Path,
    *,
    one: bool,
    like: MoleculeReference | None = None,
    memory: Path | None = None,
    processes: int | None = None,
) -> Iterator[Decided]:
    """The outcome of each file's trajectory, or of the `one` that all files are parts of.

    `like`: the molecule with its groups, for settings that name none; `memory`: a file of outcomes that were decided
    before. Raises `ConfigError`, `GeometryError`, `InputFileError`.
    """
    scheme = load_scheme(settings.outcomes.scheme, folder)
    tasks = [_task(parts, settings, folder, like) for parts in ([files] if one else [[file] for file in files])]
    with contextlib.ExitStack() as stack:
        known = None if memory is None else stack.enter_context(Memory(memory, scheme))
        keys = [_key(task, known, scheme) for task in tasks]
        there = [
            None if known is None or key is None else known.outcome(task.name, key[0])
            for task, key in zip(tasks, keys, strict=True)
        ]
        missing = [task for task, outcome in zip(tasks, there, strict=True) if outcome is None]
        size = sum(part.path.stat().st_size for task in missing for part in task.parts if part.path.is_file())
        new = spread(_ForeignTask.decide, missing, size=size, processes=processes)
        for task, key, outcome in zip(tasks, keys, there, strict=True):
            if outcome is None:
                decided = next(new)
            else:
                decided = Decided(outcome=outcome, found="", level_of_theory=task.level_of_theory)
            if known is not None and key is not None and outcome is None:
                known.add(*key, decided.outcome)
            yield decided


def _task(parts: Sequence[Given], settings: ForeignFiles, folder: Path, like: MoleculeReference | None) -> _ForeignTask:
    runs = [part.source for part in parts if part.source is not None]
    if runs and len(runs) < len(parts):
        raise ConfigError("runs of VASP and other files cannot be parts of one trajectory: leave out --one-trajectory.")
    said = [about(run) for run in runs]
    timesteps = {one.timestep_fs for one in said}
    if len(timesteps) > 1:
        raise ConfigError(
            f"the runs of one trajectory have timesteps of {', '.join(f'{one} fs' for one in timesteps)}. Analyse them "
            "apart."
        )
    own = next(iter(timesteps), None)
    for key in ("timestep_fs", "frame_interval_fs"):
        given: float | None = getattr(settings, key)
        if own is not None and given is not None and abs(own - given) > SAME_TIME * own:
            raise ConfigError(
                f"{parts[0].name} says that {own:g} fs pass from one of its steps to the next (POTIM, times "
                f"ML_OUTBLOCK or NBLOCK where a force field ran alone), and {key} says {given:g}. Leave {key} out; "
                "where the file is wrong, analyse the run's XDATCAR, which says no time."
            )
    levels = [settings.level_of_theory] if settings.level_of_theory else [one.level_of_theory for one in said]
    return _ForeignTask(
        parts=tuple(parts),
        settings=settings,
        folder=folder,
        own_timestep_fs=own,
        level_of_theory="; ".join(dict.fromkeys(filter(None, levels))),
        like=like,
    )


def _key(task: _ForeignTask, memory: Memory | None, scheme: OutcomeScheme) -> tuple[Key, FileStamp | None] | None:
    """A hash of all that decides an outcome, and the stamp of its first file; None where a file is missing."""
    if memory is None:
        return None
    settings, like = task.settings, task.like
    first = stamp(task.parts[0].path, memory.dump_stamp(task.name))
    named = [task.folder / file for file in (settings.clean_slab, settings.intact_molecule) if file is not None]
    beside = [file for part in task.parts for file in tables_beside(part.path)]
    others = [stamp(file, None) for file in (*(part.path for part in task.parts[1:]), *named, *beside)]
    if first is None or None in others:
        return None
    hashes = [one.sha256 for one in others if one is not None]
    molecule = None if like is None else [like.symbols, like.bonded.tolist(), dict(like.groups)]
    key = Key.of(
        first,
        code=code_version(__name__),
        scheme=scheme.document,
        settings=settings.model_dump(mode="json"),
        others=hashes,
        molecule=molecule,
        timestep_fs=task.own_timestep_fs,
    )
    return key, first


def frames(
    files: Sequence[Given],
    settings: ForeignFiles,
    folder: Path,
    advance: Callable[[int], None],
    like: MoleculeReference | None = None,
) -> Iterator[FrameClass]:
    """The class of every frame of all files."""
    for index, file in enumerate(files):
        if file.source is None:
            yield from classify_frames(file.path, settings, folder, like)
        else:
            yield from classify_each(file.name, run_frames(file.source), settings, folder, like=like)
        advance(index + 1)


def counts(modes: Sequence[Mode]) -> list[tuple[Mode, int]]:
    """How many there are of each mode that occurs, in the modes' order."""
    number = collections.Counter(modes)
    return [(mode, number[mode]) for mode in in_order(modes)]


def write_table(file: Path, rows: Sequence[Outcome] | Sequence[FrameClass], *, each_frame: bool) -> None:
    """A line of CSV for each. Raises `InputFileError` where the file cannot be written."""
    header = _FRAMES if each_frame else _OUTCOMES
    names = ["trajectory_id" if key == "trajectory" else key for key in header]
    text = csv_text(header, ([getattr(row, name) for name in names] for row in rows))
    try:
        replace_file(file, text.encode())
    except OSError as error:
        raise InputFileError(f"cannot write {file}: {error.strerror}. Name a file in an existing folder.") from error
