"""The files that the trainings of a learning curve read, written once: equal in every session."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.atomic_files import write_whole
from molgun_lmp.training.dataset.given_sets import write_given, write_isolated
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.learning_curve.trainings import CurveTraining, SubsetsBy, nested_order
from molgun_lmp.training.trainer.preparation import Prepared

HELD_OUT: Final = "sets/held-out.extxyz"
ISOLATED: Final = "sets/isolated-atoms.extxyz"
FOUNDATION: Final = "sets/foundation.model"


def write_sets(prepared: Prepared, trainings: Sequence[CurveTraining], folder: Path, *, subsets_by: SubsetsBy) -> None:
    """Write the frames of every training, those held out, and the foundation; what is there stays."""
    (folder / "sets").mkdir(parents=True, exist_ok=True)
    held_out = {name: frames for name, frames in prepared.split.sets().items() if name != "train"}
    _write_frames(folder / HELD_OUT, held_out)
    elements = sorted({symbol for frames in held_out.values() for frame in frames for symbol in frame.symbols})
    if prepared.dataset.isolated_atoms_ev:
        write_isolated(folder / ISOLATED, prepared.dataset.isolated_atoms_ev)
    if prepared.foundation is not None and not (folder / FOUNDATION).exists():
        with write_whole(folder / FOUNDATION) as written:
            shutil.copyfile(prepared.foundation.file, written)
    config = prepared.config
    for repeat in sorted({training.repeat for training in trainings}):
        order = nested_order(
            prepared.split.train,
            by=subsets_by,
            seed=config.split.seed,
            repeat=repeat,
            elements=sorted({*elements, *(config.elements or ())}),
        )
        for file, size in {(one.frames, one.size) for one in trainings if one.repeat == repeat}:
            _write_frames(folder / file, {"train": [prepared.split.train[index] for index in order[:size]]})


def _write_frames(file: Path, sets: Mapping[str, Sequence[LabelledFrame]]) -> None:
    if not file.exists():
        write_given(file, sets)
