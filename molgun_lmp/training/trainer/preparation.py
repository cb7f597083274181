"""What a training needs, read and checked before anything is written, and then written as mace reads it."""

import dataclasses
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ase.data import atomic_numbers
from ase.io import write

from molgun_lmp.atomic_files import write_json
from molgun_lmp.config.loading import dump_yaml
from molgun_lmp.errors import ConfigError, ModelError, TrainingError
from molgun_lmp.models.mace_file import trusted_sha256
from molgun_lmp.provenance import sha256_file
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.read import Dataset, read_dataset
from molgun_lmp.training.dataset.reference_energies import check_energies, reference_energies, settled_kind
from molgun_lmp.training.dataset.split import SplitFrames, split_frames
from molgun_lmp.training.run_folder import RunFolder
from molgun_lmp.training.settings import FoundationFile, FoundationName, TrainingConfig
from molgun_lmp.training.trainer.mace_options import as_config_file, mace_options


@dataclasses.dataclass(frozen=True, kw_only=True)
class Foundation:
    """A file that a training starts from, and the hash that somebody vouched for."""

    file: Path
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """A training whose input was read and found sound; nothing is written yet."""

    config: TrainingConfig
    dataset: Dataset
    split: SplitFrames
    replay: Dataset | None
    """Frames of the foundation's own training that are repeated; None where mace fetches them, or there are none."""
    e0s_ev: dict[str, float] | None
    foundation: Foundation | None
    """None from scratch, and for a model that mace knows by name."""

    def files(self) -> dict[str, str]:
        """All files of frames: name -> SHA-256."""
        replayed = {} if self.replay is None else self.replay.files
        return {**{f"{name} (replayed)": sha256 for name, sha256 in replayed.items()}, **self.dataset.files}

    def batches(self) -> int:
        """Steps of an epoch; replayed frames are not counted, mace chooses them."""
        frames, size = len(self.split.train), self.config.optimisation.batch_size
        return frames // size if self.config.gpus == 1 else math.ceil(frames // self.config.gpus / size)


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
    check_sets(config, split)
    kind = settled_kind(
        config.reference_energies,
        split.train,
        dataset.isolated_atoms_ev,
        has_foundation=config.foundation is not None,
    )
    config = config.model_copy(update={"reference_energies": kind})
    foundation = _foundation(config, base)
    e0s_ev = reference_energies(config.reference_energies, split.train, dataset.isolated_atoms_ev)
    mace_options(config, e0s_ev=None, foundation=None, restart=False)
    return Prepared(
        config=config,
        dataset=dataset,
        split=split,
        replay=_replay(config, base),
        e0s_ev=e0s_ev,
        foundation=foundation,
    )


def write_inputs(run: RunFolder, prepared: Prepared, *, restart: bool) -> dict[str, object]:
    """Write what mace reads into the run folder, and return its options.

    Raises `ModelError` where the foundation file changed since it was checked.
    """
    run.path.mkdir(parents=True, exist_ok=True)
    run.config.write_text(dump_yaml(prepared.config), encoding="utf-8")
    split = {
        "seed": prepared.config.split.seed,
        "by": prepared.config.split.by,
        "frames": {name: len(frames) for name, frames in prepared.split.sets().items()},
        "trajectories": prepared.split.trajectories(),
    }
    write_json({**prepared.dataset.report(), "files": prepared.files(), "split": split}, run.dataset)
    run.frames("train").parent.mkdir(exist_ok=True)
    replayed = prepared.replay.frames if prepared.replay is not None else ()
    for name, frames in {**prepared.split.sets(), "replay": replayed}.items():
        if frames:
            _write_frames(run.frames(name), frames)
    e0s = None
    if prepared.e0s_ev is not None:
        e0s = {atomic_numbers[element]: energy for element, energy in prepared.e0s_ev.items()}
    foundation = _stage_foundation(run, prepared)
    options = mace_options(prepared.config, e0s_ev=e0s, foundation=foundation, restart=restart)
    write_options(options, run.mace_config)
    return options


def write_options(options: dict[str, object], file: Path) -> None:
    """An options file for mace. JSON is YAML: quoting is never in doubt."""
    write_json(dict(as_config_file(options)), file)


def _stage_foundation(run: RunFolder, prepared: Prepared) -> str | None:
    """Mace loads a copy, whose bytes are those that somebody vouched for, whatever becomes of the original."""
    if isinstance(prepared.config.foundation, FoundationName):
        return prepared.config.foundation.name
    if prepared.foundation is None:
        return None
    file, sha256 = prepared.foundation.file, prepared.foundation.sha256
    if not run.foundation.is_file() or sha256_file(run.foundation) != sha256:
        shutil.copyfile(file, run.foundation)
        if sha256_file(run.foundation) != sha256:
            run.foundation.unlink()
            raise ModelError(f"{file} changed while the training was prepared. Give the command again.")
    return str(run.foundation.relative_to(run.path))


def _absolute(base: Path, file: Path) -> Path:
    return (base / file.expanduser()).resolve()


def check_sets(config: TrainingConfig, split: SplitFrames) -> None:
    """Raise `ConfigError` or `TrainingError` for sets that cannot be trained on: too few frames, or an element that
    no training frame has."""
    trained = {symbol for frame in split.train for symbol in frame.symbols}
    every = {symbol for frames in split.sets().values() for frame in frames for symbol in frame.symbols}
    missing = sorted((set(config.elements or ()) | every) - trained)
    if missing:
        raise TrainingError(
            f"the training frames hold no {', '.join(missing)}, only {', '.join(sorted(trained))}. Add frames with it, "
            "or change `elements` or the split: a model cannot know an element that it never saw."
        )
    each = len(split.train) // config.gpus
    if config.optimisation.batch_size > each:
        raise ConfigError(
            f"optimisation.batch_size is {config.optimisation.batch_size}, but there are {each} frames to train on"
            f"{f' for each of {config.gpus} GPUs' if config.gpus > 1 else ''}; mace drops a last batch that is not "
            "full and would train on nothing. Use a smaller batch."
        )
    if len(split.validation) < config.gpus:
        raise ConfigError(
            f"{len(split.validation)} validation frames are too few for {config.gpus} GPUs: hold out more."
        )


def _foundation(config: TrainingConfig, base: Path) -> Foundation | None:
    if not isinstance(config.foundation, FoundationFile):
        return None
    file = _absolute(base, config.foundation.file)
    return Foundation(file=file, sha256=trusted_sha256(file, sha256=config.foundation.sha256))


def _replay(config: TrainingConfig, base: Path) -> Dataset | None:
    if config.multihead is None or config.multihead.replay == "mp":
        return None
    files = [_absolute(base, file) for file in config.multihead.replay]
    return read_dataset(files, labels=config.multihead.labels, limits=config.limits)


def _write_frames(file: Path, frames: Sequence[LabelledFrame]) -> None:
    write(file, [frame.labelled_atoms(ENERGY_KEY, FORCES_KEY) for frame in frames], format="extxyz")


def remarks(prepared: Prepared) -> tuple[str, ...]:
    """One sentence for each."""
    return tuple(_remarks(prepared))


def _remarks(prepared: Prepared) -> Iterator[str]:
    config = prepared.config
    how = config.optimisation
    train, validation = len(prepared.split.train), len(prepared.split.validation)
    known = {symbol for frame in prepared.split.train for symbol in frame.symbols}
    if config.elements is not None and (more := sorted(known - set(config.elements))):
        yield f"`elements` does not name {', '.join(more)}, which the training frames hold: the model knows them, too"
    if config.multihead is None:
        left_out = train % (how.batch_size if config.gpus == 1 else config.gpus)
        if left_out:
            yield f"each epoch leaves out {left_out} of {train} training frames, other ones each time (mace drops them)"
    if validation % config.gpus:
        yield f"validation leaves out {validation % config.gpus} of {validation} frames, which the GPUs cannot share"
    if config.gpus > 1:
        in_all = how.batch_size * config.gpus
        yield f"a step takes {how.batch_size} frames on each of {config.gpus} GPUs: {in_all} in all"
    if config.multihead is not None:
        yield "with replay mace uses its universal loss (Huber, with stress), whatever `loss` says"
        yield "mace repeats the frames of the new head where they are few beside the replayed ones"
        yield "the model has two heads, pt_head and Default; Default is judged and exported"
    if how.patience is None:
        yield f"the training ends after {how.epochs} epochs and never earlier (optimisation.patience)"
    yield "a restart repeats the epoch of the newest checkpoint, from averaged weights where `ema_decay` is set"
