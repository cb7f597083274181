"""`molgun train`: from labelled frames to a model, by mace's own trainer, restartable, with a record of everything."""

import dataclasses
import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ase.data import atomic_numbers
from ase.io import write
from pydantic import BaseModel, ValidationError
from rich.console import Console

from molgun_lmp.config.loading import dump_yaml, load_yaml
from molgun_lmp.errors import ConfigError, TrainingError
from molgun_lmp.provenance import sha256_file, versions
from molgun_lmp.training.card import Training, TrainingData
from molgun_lmp.training.dataset import Dataset, read_dataset
from molgun_lmp.training.display import training_display
from molgun_lmp.training.evaluate import evaluate
from molgun_lmp.training.frames import LabelledFrame
from molgun_lmp.training.history import History, best_epoch
from molgun_lmp.training.mace_options import (
    ENERGY_KEY,
    FORCES_KEY,
    as_config_file,
    foundation_label,
    mace_options,
)
from molgun_lmp.training.models import trusted_sha256
from molgun_lmp.training.reference_energies import check_energies, reference_energies
from molgun_lmp.training.runs import RunFolder, TrainingRecord, read_record, write_json
from molgun_lmp.training.settings import FoundationFile, FoundationName, TrainingConfig
from molgun_lmp.training.split import SplitFrames, split_frames
from molgun_lmp.training.trainer import run_trainer, set_aside_broken_checkpoints


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """A training whose input was read and found sound; nothing is written yet."""

    config: TrainingConfig
    dataset: Dataset
    split: SplitFrames
    e0s_ev: dict[str, float] | None
    foundation: str | None
    """Name or absolute path."""
    foundation_sha256: str | None


def prepare(config: TrainingConfig, base: Path) -> Prepared:
    """Read and check everything that a training needs. Relative paths start from `base` (the training file's folder).

    Raises `ConfigError`, `InputFileError`, `ModelError` or `TrainingError`, each before anything is written.
    """
    files = [_absolute(base, file) for file in config.frames]
    dataset = read_dataset(files, labels=config.labels, limits=config.limits)
    check_energies(
        dataset.frames,
        dataset.isolated_atoms_ev,
        limit_ev_per_atom=config.limits.max_energy_deviation_ev_per_atom,
    )
    split = split_frames(dataset.frames, config.split)
    _check_sets(config, split)
    foundation, foundation_sha256 = _foundation(config, base)
    e0s_ev = reference_energies(config.reference_energies, split.train, dataset.isolated_atoms_ev)
    mace_options(config, e0s_ev=None, foundation=foundation, restart=False)
    return Prepared(
        config=config,
        dataset=dataset,
        split=split,
        e0s_ev=e0s_ev,
        foundation=foundation,
        foundation_sha256=foundation_sha256,
    )


def train(
    config: TrainingConfig, out_dir: Path, *, base: Path | None = None, console: Console | None = None
) -> TrainingRecord:
    """Train a model and return its record; the run folder `out_dir` is described in `molgun_lmp.training.runs`.

    An unfinished training of the same config and data goes on from its best epoch so far (more `epochs` and other
    `threads` are allowed); a finished one is returned as it is. `base` is what relative paths start from, by default
    the working directory. Raises what `prepare` raises, `TrainingError` where mace fails or the folder holds another
    training, `InterruptedRunError` after Ctrl-C.
    """
    prepared = prepare(config, base or Path.cwd())
    run = RunFolder(path=out_dir.resolve())
    restart = _is_same_training(run, prepared)
    if restart and run.record.is_file():
        record = read_record(run.path)
        if record.training.epochs >= config.optimisation.epochs:
            return record
    run.path.mkdir(parents=True, exist_ok=True)
    with _only_trainer(run):
        _write_inputs(run, prepared, restart=restart)
        metrics = run.metrics(config.name, config.seed)
        history = History(head="Default")
        if restart:
            set_aside_broken_checkpoints(run.checkpoints)
            history.feed(metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else ())
            history.feed(
                ['{"mode": "eval", "epoch": null, "head": "Default"}']
            )  # an epoch cut short counts for nothing
        batches = len(prepared.split.train) // config.optimisation.batch_size
        with training_display(config.optimisation.epochs, batches, console) as show:
            run_trainer(run, metrics=metrics, threads=config.threads, history=history, on_progress=show)
        record = _record(run, prepared, history)
        write_json(record, run.record)
    return record


def held_out_frames(run_folder: Path) -> dict[str, tuple[LabelledFrame, ...]]:
    """The validation and test frames of a run folder, as they were held out."""
    run = RunFolder(path=run_folder)
    return {
        name: read_dataset([run.frames(name)]).frames for name in ("validation", "test") if run.frames(name).is_file()
    }


def _absolute(base: Path, file: Path) -> Path:
    return (base / file.expanduser()).resolve()


def _check_sets(config: TrainingConfig, split: SplitFrames) -> None:
    trained = {symbol for frame in split.train for symbol in frame.symbols}
    held_out = {symbol for frame in (*split.validation, *split.test) for symbol in frame.symbols}
    missing = sorted((set(config.elements or ()) | held_out) - trained)
    if missing:
        raise TrainingError(
            f"the training frames hold no {', '.join(missing)}, only {', '.join(sorted(trained))}. Add frames with it, "
            "or change `elements` or the split: a model cannot know an element that it never saw."
        )
    if config.optimisation.batch_size > len(split.train):
        raise ConfigError(
            f"optimisation.batch_size is {config.optimisation.batch_size}, but there are {len(split.train)} frames to "
            "train on; mace drops a last batch that is not full and would train on nothing. Use a smaller batch."
        )


def _foundation(config: TrainingConfig, base: Path) -> tuple[str | None, str | None]:
    if isinstance(config.foundation, FoundationFile):
        file = _absolute(base, config.foundation.file)
        return str(file), trusted_sha256(file, sha256=config.foundation.sha256)
    if isinstance(config.foundation, FoundationName):
        return config.foundation.name, None
    return None, None


def _is_same_training(run: RunFolder, prepared: Prepared) -> bool:
    """Whether the folder holds this training already. Raises `TrainingError` where it holds another."""
    if not run.path.exists() or not any(run.path.iterdir()):
        return False
    advice = "Name a new folder, or remove this one."
    if not run.config.is_file() or not run.dataset.is_file():
        raise TrainingError(f"{run.path} is not empty and holds no training. {advice}")
    try:
        earlier = TrainingConfig.model_validate(load_yaml(run.config))
        files = json.loads(run.dataset.read_text(encoding="utf-8"))["files"]
    except (ConfigError, ValidationError, KeyError, json.JSONDecodeError) as error:
        raise TrainingError(f"{run.path} holds a training of another version ({error}). {advice}") from error
    different = _differences(earlier, prepared.config)
    if different:
        raise TrainingError(f"{run.path} holds a training with another {', '.join(different)}. {advice}")
    if files != dict(prepared.dataset.files):
        raise TrainingError(f"{run.path} holds a training on frame files with other contents. {advice}")
    return True


def _differences(earlier: TrainingConfig, now: TrainingConfig) -> list[str]:
    def flat(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
        for key in type(section).model_fields:
            value = getattr(section, key)
            if isinstance(value, BaseModel):
                yield from flat(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", value

    before, after = dict(flat(earlier)), dict(flat(now))
    free = {"threads", "optimisation.epochs"}
    changed = sorted(key for key in (before.keys() | after.keys()) - free if before.get(key) != after.get(key))
    if now.optimisation.epochs < earlier.optimisation.epochs:
        changed.append("optimisation.epochs (fewer than before)")
    return changed


def _write_inputs(run: RunFolder, prepared: Prepared, *, restart: bool) -> None:
    run.config.write_text(dump_yaml(prepared.config), encoding="utf-8")
    split = {
        "seed": prepared.config.split.seed,
        "by": prepared.config.split.by,
        "frames": {name: len(frames) for name, frames in prepared.split.sets().items()},
        "trajectories": prepared.split.trajectories(),
    }
    write_json({**prepared.dataset.report(), "split": split}, run.dataset)
    run.frames("train").parent.mkdir(exist_ok=True)
    for name, frames in prepared.split.sets().items():
        if frames:
            _write_frames(run.frames(name), frames)
    e0s = None
    if prepared.e0s_ev is not None:
        e0s = {atomic_numbers[element]: energy for element, energy in prepared.e0s_ev.items()}
    options = mace_options(prepared.config, e0s_ev=e0s, foundation=prepared.foundation, restart=restart)
    # JSON is YAML: quoting is never in doubt
    write_json(dict(as_config_file(options)), run.mace_config)


def _write_frames(file: Path, frames: Sequence[LabelledFrame]) -> None:
    structures = []
    for frame in frames:
        atoms = frame.atoms()
        atoms.info = {
            ENERGY_KEY: frame.energy_ev,
            "config_type": frame.config_type,
            "trajectory": frame.trajectory,
            "source": frame.source,
        }
        atoms.set_array(FORCES_KEY, frame.forces)
        structures.append(atoms)
    write(file, structures, format="extxyz")


def _record(run: RunFolder, prepared: Prepared, history: History) -> TrainingRecord:
    config = prepared.config
    trained = run.trained_model(config.name)
    if not trained.is_file() or not history.epochs:
        raise TrainingError(f"mace ended without a model in {trained.parent}; see {run.log}.")
    shutil.copyfile(trained, run.model)
    sha256 = sha256_file(run.model)
    held_out = {name: frames for name, frames in prepared.split.sets().items() if name != "train" and frames}
    return TrainingRecord(
        name=config.name,
        level_of_theory=config.level_of_theory,
        model_sha256=sha256,
        e0s_kind=config.reference_energies if isinstance(config.reference_energies, str) else "given",
        training=Training(
            config=config.model_dump(mode="json"),
            seed=config.seed,
            epochs=config.optimisation.epochs,
            best_epoch=best_epoch(history.epochs).epoch,
            foundation=foundation_label(config, prepared.foundation_sha256),
            data=TrainingData(
                files=dict(prepared.dataset.files),
                labels=f"{prepared.dataset.labels.energy}, {prepared.dataset.labels.forces}",
                frames={name: len(frames) for name, frames in prepared.split.sets().items()},
                trajectories=prepared.split.trajectories(),
                split=f"by {config.split.by}, seed {config.split.seed}",
            ),
        ),
        epochs=history.epochs,
        errors=tuple(
            evaluate(run.model, frames, name=name, sha256=sha256, device=config.device)
            for name, frames in held_out.items()
        ),
        licences=config.licences,
        versions=versions(),
    )


@contextmanager
def _only_trainer(run: RunFolder) -> Iterator[None]:
    """Two trainings in one folder would mix their checkpoints."""
    with (run.path / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingError(f"another `molgun train` is at work in {run.path}: wait for it or end it.") from error
        yield
