"""The training file of one member in one round: all frames so far, from the weights of the round before."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from molgun_lmp.learning.inputs import Loop, training_document
from molgun_lmp.learning.loop_folder import RoundFolder
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.evaluation.predictor import ModelSource, find_model
from molgun_lmp.training.settings import FrameLimits, TrainingConfig
from molgun_lmp.training.trainer.committee import member_name, member_of

_LONGEST_NAME: Final = 50


def frame_files(loop: Loop, upto: int) -> list[Path]:
    """All files of labelled frames up to a round, isolated atoms last."""
    rounds = [one.new for number in range(1, upto + 1) if (one := loop.round(number)).new.is_file()]
    isolated = [loop.isolated_atoms] if loop.isolated_atoms.is_file() else []
    return [loop.frames, *rounds, *isolated]


def frames_by_set(loop: Loop, upto: int) -> dict[str, list[LabelledFrame]]:
    """All usable frames up to a round, by their set."""
    sets: dict[str, list[LabelledFrame]] = {}
    for frame in read_frames(loop, frame_files(loop, upto)):
        sets.setdefault(frame.set_name or "train", []).append(frame)
    return sets


def read_frames(loop: Loop, files: Sequence[Path]) -> tuple[LabelledFrame, ...]:
    """Frames of the loop's own files, without those that its limits drop."""
    limits = FrameLimits.model_validate(training_document(loop)["limits"])
    return read_dataset(files, labels=Labels(energy=ENERGY_KEY, forces=FORCES_KEY), limits=limits).frames


def training_file(loop: Loop, here: RoundFolder, member: int) -> TrainingConfig:
    """Relative paths start from the round's folder."""
    base = loop.prepared.config
    document: dict[str, Any] = {
        **training_document(loop),
        "name": f"{base.name[:_LONGEST_NAME]}-r{here.number}",
        "frames": [f"../{file.relative_to(loop.folder)}" for file in frame_files(loop, here.number)],
        "labels": {"energy": ENERGY_KEY, "forces": FORCES_KEY},
        "split": {"by": "given", "seed": base.split.seed},
    }
    before = source_before(loop, here.number, member)
    if before is not None and loop.config.retraining.from_last_round:
        inside = before.file.is_relative_to(loop.folder)
        document |= {
            "foundation": {
                "file": f"../{before.file.relative_to(loop.folder)}" if inside else str(before.file),
                "sha256": before.sha256,
            },
            "architecture": None,
            "reinitialise_readouts": False,
            "reference_energies": "foundation",
        }
        epochs = loop.config.retraining.epochs
        if epochs is not None:
            document["optimisation"] = {**document["optimisation"], "epochs": epochs}
    return member_of(TrainingConfig.model_validate(document), member, loop.config.committee.members)


def source_before(loop: Loop, number: int, member: int) -> ModelSource | None:
    """The member's model before a round was trained; None where there is none yet.

    Of the models to begin with, a member that has none of its own takes the first.
    """
    if number > 1 or (number == 1 and not loop.start):
        return find_model(loop.round(number - 1).train / member_name(member))
    if not loop.start:
        return None
    return loop.start[member] if member < len(loop.start) else loop.start[0]


def models_fired(loop: Loop, number: int) -> list[Path]:
    """What a round fires, first, and its committee: folders that `find_model` knows."""
    if number == 1 and loop.start:
        return [one.file.parent for one in loop.start]
    before = loop.round(number - 1)
    others = [before.train / member_name(member) for member in range(1, loop.config.committee.members)]
    return [before.model, *others]
