"""Mace's checkpoints: which are whole, which to keep, and the best, kept apart."""

import dataclasses
import json
import logging
import re
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from molgun_lmp.atomic_files import write_json, write_whole
from molgun_lmp.config.section import Section
from molgun_lmp.training.run_folder import EpochRecord

log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"_epoch-(\d+)(_swa)?\.pt$")
_BROKEN: Final = ".broken"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingCheckpoint:
    """The file that mace writes at the end of an epoch. `second_stage`: of mace's stage two, which has its own best."""

    epoch: int
    second_stage: bool
    path: Path


def checkpoints(folder: Path) -> list[TrainingCheckpoint]:
    """All checkpoints of a folder, the newest first."""
    found = [
        TrainingCheckpoint(epoch=int(match[1]), second_stage=match[2] is not None, path=path)
        for path in folder.glob("*.pt")
        if (match := _NAME.search(path.name))
    ]
    return sorted(found, key=lambda checkpoint: checkpoint.epoch, reverse=True)


def newest_checkpoints(folder: Path) -> tuple[TrainingCheckpoint, ...]:
    """The last checkpoint of each stage, the first stage first."""
    every = checkpoints(folder)
    stages = ([one for one in every if one.second_stage is second] for second in (False, True))
    return tuple(stage[0] for stage in stages if stage)


class Best(Section):
    """The checkpoint with the lowest validation loss of a stage, as it was judged when it was written."""

    file: str
    record: EpochRecord


class BestCheckpoints:
    """Copies of the best checkpoints, out of mace's reach: a restart writes some epochs anew.

    The folder holds one checkpoint for each stage and `best.json`, which is written last.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = folder / "best.json"
        self._best: dict[bool, Best] = {}
        self._judged: dict[tuple[Path, int], EpochRecord] = {}
        if self._index.is_file():
            kept = json.loads(self._index.read_text(encoding="utf-8"))
            self._best = {
                second: Best.model_validate(kept[str(second)]) for second in (False, True) if str(second) in kept
            }

    def __bool__(self) -> bool:
        return bool(self._best)

    @property
    def last_stage(self) -> Best:
        """The best of the last stage that was reached: the model that is kept."""
        return self._best[max(self._best)]

    @property
    def records(self) -> tuple[EpochRecord, ...]:
        """The best epoch of each stage."""
        return tuple(self._best[second].record for second in sorted(self._best))

    def keep(self, folder: Path, epochs: Iterable[EpochRecord]) -> None:
        """Copy what is whole in mace's folder and better than what is kept."""
        record_of = {record.epoch: record for record in epochs}
        for checkpoint in checkpoints(folder):
            record = record_of.get(checkpoint.epoch)
            if record is None or not self._is_of(checkpoint, record):
                continue
            kept = self._best.get(checkpoint.second_stage)
            is_better = kept is None or record.validation_loss < kept.record.validation_loss
            if is_better and zipfile.is_zipfile(checkpoint.path):
                self._copy(checkpoint, record)

    def _is_of(self, checkpoint: TrainingCheckpoint, record: EpochRecord) -> bool:
        """Whether the file holds the weights that the record judges: mace reports an epoch before it writes it."""
        written = (checkpoint.path, checkpoint.path.stat().st_mtime_ns)
        return self._judged.setdefault(written, record) == record

    def _copy(self, checkpoint: TrainingCheckpoint, record: EpochRecord) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / checkpoint.path.name
        with write_whole(target) as written:
            shutil.copyfile(checkpoint.path, written)
        self._best[checkpoint.second_stage] = Best(file=target.name, record=record)
        write_json({str(second): best.model_dump(mode="json") for second, best in self._best.items()}, self._index)
        kept = {best.file for best in self._best.values()}
        for old in checkpoints(self._folder):
            if old.path.name not in kept:
                old.path.unlink()


def prune(folder: Path, *, keep: int = 2) -> None:
    """Delete all but the newest checkpoints. Nothing is deleted while the newest is being written."""
    newest_first = checkpoints(folder)
    if newest_first and zipfile.is_zipfile(newest_first[0].path):
        for checkpoint in newest_first[keep:]:
            checkpoint.path.unlink(missing_ok=True)


def set_aside_broken(folder: Path) -> list[Path]:
    """Rename checkpoints that were cut while they were written or changed since, and return their new paths.

    Mace would pass over one silently and start anew.
    """
    broken = [checkpoint.path for checkpoint in checkpoints(folder) if not _is_whole(checkpoint.path)]
    aside = [path.replace(path.with_suffix(_BROKEN)) for path in broken]
    for path in aside:
        log.warning("%s is no whole checkpoint: an epoch before it is taken. It can be deleted.", path)
    return aside


def _is_whole(path: Path) -> bool:
    """By the checksum of every part of the archive; nothing of it is unpickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
