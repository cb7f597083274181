"""`molgun train`: from labelled frames to a model, by mace's own trainer, restartable, with a record of everything."""

import errno
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from molgun_lmp.atomic_files import write_json
from molgun_lmp.errors import TrainingError
from molgun_lmp.folder_lock import only_command
from molgun_lmp.models.card import Training, TrainingData
from molgun_lmp.models.mace_file import load_model
from molgun_lmp.provenance import sha256_file, versions
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.evaluation.errors import evaluate
from molgun_lmp.training.run_folder import EpochRecord, RunFolder, TrainingRecord, read_record
from molgun_lmp.training.settings import AS_THEY_ARE, FoundationName, Optimisation, TrainingConfig
from molgun_lmp.training.trainer.checkpoints import BestCheckpoints, newest_checkpoints, prune, set_aside_broken
from molgun_lmp.training.trainer.display import training_display
from molgun_lmp.training.trainer.foundations import cached_foundation, kept_weights
from molgun_lmp.training.trainer.mace_check import check_with_mace
from molgun_lmp.training.trainer.mace_options import mace_options, writing_options
from molgun_lmp.training.trainer.mace_trainer import run_trainer
from molgun_lmp.training.trainer.metrics import History, MetricsFile, is_stale
from molgun_lmp.training.trainer.preparation import Prepared, prepare, remarks, write_inputs, write_options
from molgun_lmp.training.trainer.same_training import is_same_training

log = logging.getLogger(__name__)

TRAINED_HEAD: Final = "Default"
"""The head that mace trains on our frames; a multihead training has a second one, `pt_head`."""


def train(
    config: TrainingConfig,
    out_dir: Path,
    *,
    base: Path | None = None,
    console: Console | None = None,
    finish: bool = False,
) -> TrainingRecord:
    """Train a model and return its record; the run folder `out_dir` is described in `molgun_lmp.training.run_folder`.

    An unfinished training of the same config and data goes on from its last whole epoch (more `epochs`, another
    `patience` and other `threads` are allowed); a finished one is returned as it is. With `finish` no epoch is trained
    any more, and the best one so far becomes the model; without it, later, the training goes on. `base` is what
    relative paths start from, by default the working directory. Raises what `prepare` raises, `TrainingError` where
    mace fails, the disk is full, the folder holds another training or no epoch to finish with, `InterruptedRunError`
    after Ctrl-C or SIGTERM.
    """
    prepared = prepare(config, base or Path.cwd())
    run = RunFolder(path=out_dir.resolve())
    is_restart = is_same_training(run, prepared)
    if is_restart and run.record.is_file():
        record = read_record(run.path)
        if _is_finished(record.epochs, config.optimisation):
            return record
    check_with_mace(config, mace_options(config, e0s_ev={1: 0.0}, foundation=None, restart=False))
    with _full_disk_said(run):
        run.path.mkdir(parents=True, exist_ok=True)
        with only_command("train", run.path):
            options = write_inputs(run, prepared, restart=is_restart)
            best = BestCheckpoints(run.best)
            history, is_written = _train(run, prepared, best, console, finish=finish)
            if not is_written:
                _write_model(run, prepared, options, best)
            shutil.copyfile(run.trained_model(config.name), run.model)
            record = _record(run, prepared, history, best)
            write_json(record.model_dump(mode="json"), run.record)
    return record


def held_out_frames(run_folder: Path) -> dict[str, tuple[LabelledFrame, ...]]:
    """The validation and test frames of a run folder, as they were held out."""
    run = RunFolder(path=run_folder)
    return {
        name: read_dataset([run.frames(name)], limits=AS_THEY_ARE).frames
        for name in ("validation", "test")
        if run.frames(name).is_file()
    }


def epochs_so_far(config: TrainingConfig, run: RunFolder) -> int:
    """Whole epochs of a training, which another process may be at; 0 where there is none yet.

    Raises `TrainingError` for one that diverged.
    """
    history = History(head=TRAINED_HEAD)
    with MetricsFile(run.metrics(config.name, config.seed)) as metrics:
        history.feed(metrics.new_lines())
    return len(history.epochs)


def _is_finished(epochs: tuple[EpochRecord, ...], how: Optimisation) -> bool:
    return bool(epochs) and (epochs[-1].epoch + 1 >= how.epochs or is_stale(epochs, how.patience))


def _train(
    run: RunFolder, prepared: Prepared, best: BestCheckpoints, console: Console | None, *, finish: bool
) -> tuple[History, bool]:
    """Let mace train, if anything is left to train: the losses of all epochs, and whether it wrote the best model."""
    config = prepared.config
    history = History(head=TRAINED_HEAD)
    set_aside_broken(run.checkpoints)
    with MetricsFile(run.metrics(config.name, config.seed)) as metrics:
        history.feed(metrics.new_lines())
        history.cut()
        best.keep(run.checkpoints, history.epochs)
        if best and (finish or _is_finished(history.epochs, config.optimisation)):
            return history, False
        if finish:
            raise TrainingError(f"{run.path} holds no whole epoch to finish with. Train at least one first.")
        for remark in remarks(prepared):
            log.info("%s", remark)
        with training_display(config.optimisation.epochs, prepared.batches(), console, history) as show:

            def is_enough() -> bool:
                history.feed(metrics.new_lines())
                best.keep(run.checkpoints, history.epochs)
                prune(run.checkpoints)
                show(history)
                return is_stale(history.epochs, config.optimisation.patience)

            run_trainer(run, run.mace_config, gpus=config.gpus, threads=config.threads, is_enough=is_enough)
            is_stopped = is_enough()
    if not best:
        raise TrainingError(f"mace ended without a checkpoint in {run.checkpoints}; see {run.log}.")
    # Mace writes the model of its newest checkpoint, and none when it is ended.
    newest = {checkpoint.epoch for checkpoint in newest_checkpoints(run.checkpoints)}
    is_newest = newest == {record.epoch for record in best.records} and set(best.records) <= set(history.epochs)
    return history, is_newest and not is_stopped


def _write_model(run: RunFolder, prepared: Prepared, options: Mapping[str, Any], best: BestCheckpoints) -> None:
    """Write the model of the best epoch. It is mace again that does it: it knows the shape, and merges LoRA's parts."""
    epoch = best.last_stage.record.epoch
    write_options(writing_options(options, epoch), run.writing_config)
    log.info("writing the model of epoch %d", epoch + 1)
    run_trainer(run, run.writing_config, gpus=1, threads=prepared.config.threads, is_enough=lambda: False)


def _record(run: RunFolder, prepared: Prepared, history: History, best: BestCheckpoints) -> TrainingRecord:
    config = prepared.config
    sha256 = sha256_file(run.model)
    held_out = {name: frames for name, frames in prepared.split.sets().items() if name != "train" and frames}
    foundation, foundation_label = _foundation(run, prepared)
    model = load_model(run.model, sha256=sha256)
    return TrainingRecord(
        name=config.name,
        level_of_theory=config.level_of_theory,
        labels_hold_dispersion=config.labels_hold_dispersion,
        distilled_from=config.distilled_from,
        model_sha256=sha256,
        e0s_kind=config.reference_energies if isinstance(config.reference_energies, str) else "given",
        training=Training(
            config=config.model_dump(mode="json"),
            seed=config.seed,
            epochs=history.epochs[-1].epoch + 1,
            best_epoch=best.last_stage.record.epoch,
            foundation=foundation_label,
            data=TrainingData(
                files=prepared.files(),
                labels=f"{prepared.dataset.labels.energy}, {prepared.dataset.labels.forces}",
                frames={name: len(frames) for name, frames in prepared.split.sets().items()},
                trajectories=prepared.split.trajectories(),
                split=f"by {config.split.by}, seed {config.split.seed}",
                most_atoms=prepared.split.most_atoms(),
            ),
        ),
        epochs=history.epochs,
        best=best.last_stage.record,
        errors=tuple(
            evaluate(run.model, frames, name=name, head=TRAINED_HEAD, sha256=sha256, device=config.device)
            for name, frames in held_out.items()
        ),
        licences=config.licences,
        versions=versions(),
        remarks=remarks(prepared),
        stopped_early=history.epochs[-1].epoch + 1 < config.optimisation.epochs,
        kept_of_foundation=None if foundation is None else kept_weights(model, foundation),
    )


def _foundation(run: RunFolder, prepared: Prepared) -> tuple[Any | None, str]:
    """The model that the training started from, where its file is at hand, and what the card says of it."""
    if prepared.foundation is not None:
        sha256 = prepared.foundation.sha256
        return load_model(run.foundation, sha256=sha256), f"{prepared.foundation.file.name}, SHA-256 {sha256}"
    if isinstance(prepared.config.foundation, FoundationName):
        name = prepared.config.foundation.name
        file = cached_foundation(name)
        if file is None:
            return None, f"{name} (by name, from mace), SHA-256 unknown"
        # Trusted as far as mace is, which fetched it and has just loaded it.
        return load_model(file, trust=True), f"{name} (by name, from mace), SHA-256 {sha256_file(file)}"
    return None, "none: trained from scratch"


@contextmanager
def _full_disk_said(run: RunFolder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise TrainingError(
            f"a file of {run.path} could not be written ({error.strerror}). Make room and give the same command: "
            "finished epochs are kept."
        ) from error
