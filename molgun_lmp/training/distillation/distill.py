"""`molgun distill`: a small model trained on a full one's own energies and forces, exported and judged.

The folder holds
settings.yaml   the resolved settings
shots/, hot/    the small campaigns that were fired for frames (not where frames were given)
labels/         the full model's energies and forces (`molgun label`)
training/       the training of the inner model (`molgun train`)
model/          the inner model's folder (`molgun export`): what `engine.multistep.inner` names
report.json     what is left of the force, how molecules alone keep their energy, the advised outer step, the cost
flights.png     that energy against the outer step, with its numbers and its caption beside it
"""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ase import Atoms
from rich.console import Console

from molgun_lmp.atomic_files import replace_file, write_json
from molgun_lmp.config.loading import dump_yaml, load_section
from molgun_lmp.errors import ConfigError, ModelError, TrainingError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.card import (
    CARD_NAME,
    ModelCard,
    check_elements,
    load_card,
    mace_sha256,
    model_file,
    read_card,
    write_card,
)
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY
from molgun_lmp.training.dataset.structures import Structure
from molgun_lmp.training.distillation.figure import draw_flights
from molgun_lmp.training.distillation.frames import held_out, require_enough
from molgun_lmp.training.distillation.judgement import InnerJudgement, judge
from molgun_lmp.training.distillation.settings import DistillationConfig
from molgun_lmp.training.export.export import export_run
from molgun_lmp.training.labelling.label import LabellingReport, label
from molgun_lmp.training.labelling.settings import LabellingConfig
from molgun_lmp.training.run_folder import TrainingRecord
from molgun_lmp.training.settings import FoundationFile, FrameLimits, TrainingConfig
from molgun_lmp.training.trainer.train import held_out_frames, train

MODEL_FOLDER: Final = "model"
REPORT_NAME: Final = "report.json"
SETTINGS_NAME: Final = "settings.yaml"
_CALCULATOR: Final = "molgun_lmp.training.labelling.folder_model:FolderModel"
_LONGEST_NAME: Final = 58


def full_card(folder: Path, config: DistillationConfig) -> ModelCard:
    """The card of the model to distil. Raises `ModelError` for one without mace's own file, which names it, and for one
    that is distilled itself; `ConfigError` for an inner model that would see farther than it."""
    card = load_card(folder)
    if mace_sha256(card) is None:
        raise ModelError(
            f"{folder} has no .model file of mace, whose SHA-256 says on the inner model's card what it belongs to. "
            "Export it again with --format mace and the others that it has."
        )
    if card.distilled_from is not None:
        raise ModelError(f"{folder} is itself distilled from another model: name that one.")
    if config.foundation is not None:
        key, inner = "foundation", foundation_card(config.foundation).architecture.r_max_angstrom
    else:
        key, inner = "architecture.r_max_angstrom", config.shape.r_max_angstrom
    own = card.architecture.r_max_angstrom
    if inner > own:
        raise ConfigError(
            f"{key}: {inner:g} Å is longer than the full model's cutoff ({own:g} Å); an inner model is to be the "
            "faster one."
        )
    return card


def foundation_card(folder: Path) -> ModelCard:
    """The card of an inner model to start from. Raises `ModelError` for what is none, and without mace's file."""
    card = load_card(folder)
    if card.distilled_from is None:
        raise ModelError(f"foundation: {folder} is no inner model: its card names no model that it is distilled from.")
    if mace_sha256(card) is None:
        raise ModelError(f"foundation: {folder} has no .model file of mace to go on with.")
    return card


def require_same_settings(config: DistillationConfig, output: Path) -> None:
    """Write the settings of a new folder. Raises `TrainingError` where it was begun with frames of another kind; what
    else may not change is the training's to say."""
    file = output / SETTINGS_NAME
    if file.is_file():
        earlier = load_section(file, DistillationConfig, what="settings of a distillation")
        if earlier.fired != config.fired:
            raise TrainingError(f"{output} holds shots of another `fired`: name another folder, or remove this one.")
    output.mkdir(parents=True, exist_ok=True)
    replace_file(file, dump_yaml(config).encode())


def label_frames(
    folder: Path,
    card: ModelCard,
    structures: Sequence[Structure],
    output: Path,
    *,
    workers: int,
    on_progress: Callable[[int], None],
) -> LabellingReport:
    """The full model's energies and forces for all structures, by the ledger of `molgun label`. Raises as `label`."""
    config = LabellingConfig(
        level_of_theory=_level(card),
        calculator=_CALCULATOR,
        options={"folder": str(folder.resolve()), "sha256": mace_sha256(card)},
        workers=workers,
    )
    return label(config, structures, output / "labels", on_progress)


def train_inner(
    config: DistillationConfig,
    card: ModelCard,
    structures: Sequence[Structure],
    output: Path,
    *,
    threads: int,
    console: Console | None,
) -> TrainingRecord:
    """Train on what was labelled, from scratch or from `foundation`. Raises `TrainingError` for too few frames,
    `ModelError` for elements that the foundation does not know, and as `train` does."""
    require_enough(structures, config.optimisation.batch_size)
    start = None
    if config.foundation is not None:
        known = read_card(config.foundation)  # `full_card` compared its files with it
        check_elements(known, {symbol for structure in structures for symbol in structure.symbols})
        file = os.path.relpath(model_file(config.foundation, known, "mace"), output)  # it goes onto the card
        start = FoundationFile(file=Path(file), sha256=mace_sha256(known))
    training = TrainingConfig(
        name=f"{re.sub('[^A-Za-z0-9.-]', '-', card.name)[:_LONGEST_NAME]}-inner",
        level_of_theory=_level(card),
        labels_hold_dispersion=card.labels_hold_dispersion,
        distilled_from=mace_sha256(card),
        frames=(Path("labels/labelled.extxyz"),),
        labels=Labels(energy=ENERGY_KEY, forces=FORCES_KEY),
        limits=FrameLimits(
            max_force_ev_per_angstrom=config.max_force_ev_per_angstrom,
            max_energy_deviation_ev_per_atom=1e6,  # one model labelled all
            energies_follow_forces=False,
            zeroed_forces=True,
            lost_periodicity=True,
        ),
        split=held_out(structures, config.split),
        reference_energies="least_squares" if start is None else "foundation",
        foundation=start,
        architecture=config.architecture,
        optimisation=config.optimisation,
        seed=config.seed,
        threads=threads,
        licences=card.licences,
    )
    return train(training, output / "training", base=output, console=console)


def export_inner(record: TrainingRecord, output: Path) -> ModelCard:
    """The inner model's folder; one of an earlier state of the training is replaced. Raises as `export_run`."""
    target = output / MODEL_FOLDER
    if (target / CARD_NAME).is_file():
        card = read_card(target)
        if mace_sha256(card) == record.model_sha256:
            return load_card(target)
        shutil.rmtree(target)
    return export_run(output / "training", target)


def judge_inner(
    full: Path,
    config: DistillationConfig,
    record: TrainingRecord,
    output: Path,
    *,
    timestep_fs: float,
    dtype: Dtype,
    candidates: Sequence[int],
    molecules: Sequence[Atoms],
    held_below_angstrom: float | None,
    advance: Callable[[int], None],
) -> InnerJudgement:
    """Judge on the test frames, or those of validation where no test set was held out, and by flights of `molecules`.

    Writes the report, its figure, and onto the inner model's card up to which outer step these kept their energy.
    Atoms less than `held_below_angstrom` above a frame's lowest one are held in the campaign; None: none is.
    """
    kept = held_out_frames(output / "training")
    name = "test" if kept.get("test") else "validation"
    frames = kept[name]
    largest = max(len(frame) for frame in frames)
    whole = [frame for frame in frames if len(frame) == largest]
    chosen = whole[:: max(1, len(whole) // config.judged_frames)][: config.judged_frames]
    judged = judge(
        full,
        output / MODEL_FOLDER,
        chosen,
        errors=next(errors for errors in record.errors if errors.name == name),
        timestep_fs=timestep_fs,
        dtype=dtype,
        candidates=candidates,
        seed=config.seed,
        molecules=molecules,
        flights=config.flights,
        held_below_angstrom=held_below_angstrom,
        advance=advance,
    )
    write_json(judged.model_dump(mode="json"), output / REPORT_NAME)
    if judged.flights is not None:
        draw_flights(judged.flights, output)
        card = read_card(output / MODEL_FOLDER)
        known = {"longest_outer_step_fs": judged.flights.longest_fs}
        write_card(card.model_copy(update=known), output / MODEL_FOLDER)
    return judged


def _level(card: ModelCard) -> str:
    return f"{card.level_of_theory}, as the model {card.name} has it"
