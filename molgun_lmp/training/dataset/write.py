"""`molgun dataset`: reference frames of any number sorted into the files of a training, in two passes over the sources.

train.extxyz, validation.extxyz, test.extxyz, ...  the sets; each header holds `set`, `trajectory` and `source`
isolated_atoms.extxyz                              the energies of isolated atoms, where there are any
dropped.jsonl                                      one line for each frame that is not used: source, reason, detail
report.json                                        what was read, dropped and chosen, with the hash of every file

Labels are `REF_energy` (eV) and `REF_forces` (eV/Å). The folder is a value of `frames` in a training file, with
`split: {by: given}`.
"""

import dataclasses
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from ase import Atoms

import molgun_lmp
from molgun_lmp.arrays import BoolArray
from molgun_lmp.atomic_files import folder_whole, write_json
from molgun_lmp.errors import InputFileError, TrainingError
from molgun_lmp.provenance import sha256_file
from molgun_lmp.readers.common.drop_reasons import Dropped
from molgun_lmp.readers.common.packed import open_packed_text
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels
from molgun_lmp.readers.sources import Source, Sources, find_sources, items_of
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY, ISOLATED_ATOM, common_labels, label
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.read import no_usable_frame
from molgun_lmp.training.dataset.reference_energies import CompositionEnergies
from molgun_lmp.training.dataset.sieve import Sieve
from molgun_lmp.training.dataset.split import SETS, assign_sets
from molgun_lmp.training.settings import FrameLimits, Split

REPORT: Final = "report.json"
DROPPED: Final = "dropped.jsonl"

Progress = Callable[[str], None]
"""Told what is being done, once for each frame."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Kept:
    """A few numbers of each usable frame, in order."""

    ordinals: "array[int]"
    """Their numbers among all frames of all sources."""
    trajectories: list[str]
    set_names: list[str | None]


def write_dataset(
    files: Sequence[Path],
    folder: Path,
    *,
    labels: Labels | None = None,
    limits: FrameLimits | None = None,
    split: Split | None = None,
    compress: bool = False,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Sort the frames of files, folders and archives into a new folder and return its report.

    Memory grows by some hundred bytes for each frame. `compress` writes .extxyz.xz. Raises what `read_dataset` and
    `assign_sets` raise, `TrainingError` for energies that do not belong together and for an element that the training
    frames lack, `InputFileError` where the folder is not empty; nothing is left behind then.
    """
    limits, split = limits or FrameLimits(), split or Split()
    with _complete_or_absent(folder) as building, find_sources(files) as sources:
        with (building / DROPPED).open("w", encoding="utf-8") as dropped:

            def record(drop: Dropped) -> None:
                dropped.write(json.dumps(dataclasses.asdict(drop), ensure_ascii=False) + "\n")

            sieve = Sieve(labels or common_labels(sources.files), limits, record)
            kept = _survey(sieve, sources.files, progress)
        members = assign_sets(kept.trajectories, kept.set_names, split)
        written = _write_sets(
            building,
            sources.files,
            sieve.labels,
            kept=kept,
            members=members,
            compress=compress,
            progress=progress,
        )
        if sieve.isolated_atoms_ev:
            _write_isolated(building / "isolated_atoms.extxyz", sieve.isolated_atoms_ev)
        report = _report(sources, sieve, split, kept=kept, members=members, written=written)
        write_json(report, building / REPORT)
    return report


def _survey(sieve: Sieve, sources: Sequence[Source], progress: Progress) -> _Kept:
    kept = _Kept(ordinals=array("q"), trajectories=[], set_names=[])
    names: dict[str, str] = {}  # one object for each trajectory's name
    energies = CompositionEnergies()
    for frame in sieve.frames(sources, on_frame=lambda: progress("Reading")):
        kept.ordinals.append(sieve.ordinal)
        kept.trajectories.append(names.setdefault(frame.trajectory, frame.trajectory))
        kept.set_names.append(names.setdefault(frame.set_name, frame.set_name) if frame.set_name else None)
        energies.add(frame)
    if not kept.ordinals:
        raise no_usable_frame([source.name for source in sources], sieve)
    energies.check(sieve.isolated_atoms_ev, limit_ev_per_atom=sieve.limits.max_energy_deviation_ev_per_atom)
    return kept


def _write_sets(
    folder: Path,
    sources: Sequence[Source],
    labels: Labels,
    *,
    kept: _Kept,
    members: Mapping[str, BoolArray],
    compress: bool,
    progress: Progress,
) -> dict[str, Path]:
    set_of = np.full(len(kept.ordinals), -1, dtype=np.int8)
    for number, name in enumerate(SETS):
        set_of[members[name]] = number
    files = {name: folder / f"{name}.extxyz{'.xz' if compress else ''}" for name in SETS if members[name].any()}
    elements: dict[str, set[str]] = {name: set() for name in files}
    with ExitStack() as stack:
        targets = {name: stack.enter_context(open_packed_text(file, file.suffix)) for name, file in files.items()}
        for frame, number in zip(_again(sources, labels, kept.ordinals, progress), set_of.tolist(), strict=True):
            if number >= 0:
                elements[SETS[number]].update(frame.symbols)
                _write(targets[SETS[number]], dataclasses.replace(frame, set_name=SETS[number]))
    missing = sorted(set().union(*elements.values()) - elements["train"])
    if missing:
        raise TrainingError(
            f"the training frames would hold no {', '.join(missing)}, which the validation or test frames do. Change "
            "the split: a model cannot know an element that it never saw."
        )
    return files


def _again(
    sources: Sequence[Source], labels: Labels, ordinals: Sequence[int], progress: Progress
) -> Iterator[LabelledFrame]:
    """The usable frames once more, by their numbers over all sources."""
    every = ((source, index, item) for source in sources for index, item in enumerate(items_of(source)))
    wanted = iter(ordinals)
    following = next(wanted, None)
    for ordinal, (source, index, item) in enumerate(every):
        progress("Writing")
        if ordinal == following:
            frame = label(item, labels, source, index) if isinstance(item, FoundFrame) else None
            if not isinstance(frame, LabelledFrame):
                raise InputFileError(f"{source.name} was changed while it was read. Repeat the command.")
            yield frame
            following = next(wanted, None)


@contextmanager
def _complete_or_absent(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its place when everything is written, and goes where anything fails."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputFileError(f"{folder} exists and is not empty. Name a new folder, or remove this one.")
    with folder_whole(folder) as building:
        yield building


def _write(target: IO[str], frame: LabelledFrame) -> None:
    from ase.io.extxyz import write_xyz  # noqa: PLC0415

    write_xyz(target, [frame.labelled_atoms(ENERGY_KEY, FORCES_KEY)])


def _write_isolated(file: Path, energies_ev: Mapping[str, float]) -> None:
    from ase.io import write  # noqa: PLC0415

    atoms = [
        Atoms(element, info={ENERGY_KEY: energies_ev[element], "config_type": ISOLATED_ATOM})
        for element in sorted(energies_ev)
    ]
    for atom in atoms:
        atom.set_array(FORCES_KEY, np.zeros((1, 3)))
    write(file, atoms, format="extxyz")


def _report(
    sources: Sources,
    sieve: Sieve,
    split: Split,
    *,
    kept: _Kept,
    members: Mapping[str, BoolArray],
    written: Mapping[str, Path],
) -> dict[str, Any]:
    trajectories = np.array(kept.trajectories, dtype=object)
    sets = {
        name: {
            "file": file.name,
            "sha256": sha256_file(file),
            "frames": int(members[name].sum()),
            "trajectories": dict(Counter(trajectories[members[name]].tolist())),
        }
        for name, file in written.items()
    }
    missing = sorted(sieve.elements - sieve.isolated_atoms_ev.keys())
    return {
        "molgun_lmp": molgun_lmp.__version__,
        "files": sources.hashes(),
        "skipped_files": dict(sources.skipped),
        "labels": sieve.labels.model_dump(),
        "level_of_theory": sieve.level,
        "limits": sieve.limits.model_dump(),
        "intact_bonds": sieve.intact_bonds,
        "periodicities": dict(sieve.periodicities),
        "frames_read": sieve.ordinal + 1,
        "frames_usable": len(kept.ordinals),
        "frames_dropped": sum(sieve.dropped.values()),
        "dropped": dict(sieve.dropped),
        "dropped_frames": DROPPED,
        "elements": sorted(sieve.elements),
        "isolated_atoms_ev": sieve.isolated_atoms_ev,
        "elements_without_isolated_atom": missing,
        "by_trajectory": dict(sieve.by_trajectory),
        "split": split.model_dump(mode="json"),
        "sets": sets,
        "frames_not_selected": len(kept.ordinals) - sum(int(member.sum()) for member in members.values()),
    }
