"""The loop's folder: its paths, the record of each stage, and whether the loop is still the one that was begun.

loop.yaml            the resolved loop file, and `files.json` the hash of each file that it names, as first read
data/                the training file's frames with their sets, isolated atoms
round-N/campaign/    what was fired
round-N/chosen.extxyz, broken.extxyz
round-N/new.extxyz   the chosen frames that have labels, with their sets
round-N/jobs/        scripts of jobs, their ids, and what they said
labels/              the labels of all rounds, as `molgun label` keeps them
round-N/member-K.yaml, train/member-K/   one ordinary training each
round-N/model/       the exported first member, with its calibrations
round-N/STAGE.json   what a complete stage read, made and found
report.json          the table, and why the loop ended; rounds.svg and .csv its figure
"""

import dataclasses
import datetime
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from molgun_lmp.atomic_files import is_disk_full, replace_file, write_json
from molgun_lmp.config.loading import dump_yaml, load_section
from molgun_lmp.errors import ConfigError, TrainingError
from molgun_lmp.folder_lock import only_command
from molgun_lmp.learning.records import Stage, StageRecord
from molgun_lmp.learning.settings import FREE, LoopConfig
from molgun_lmp.provenance import sha256_file, sha256_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoundFolder:
    """The paths of one round."""

    loop: Path
    number: int

    @property
    def path(self) -> Path:  # noqa: D102
        return self.loop / f"round-{self.number}"

    @property
    def campaign(self) -> Path:  # noqa: D102
        return self.path / "campaign"

    @property
    def chosen(self) -> Path:  # noqa: D102
        return self.path / "chosen.extxyz"

    @property
    def broken(self) -> Path:  # noqa: D102
        return self.path / "broken.extxyz"

    @property
    def jobs(self) -> Path:
        """Scripts of jobs, their ids and what they said."""
        return self.path / "jobs"

    @property
    def new(self) -> Path:
        """The labelled frames, each with its set."""
        return self.path / "new.extxyz"

    @property
    def train(self) -> Path:  # noqa: D102
        return self.path / "train"

    @property
    def model(self) -> Path:  # noqa: D102
        return self.path / "model"

    def record(self, stage: Stage) -> StageRecord | None:
        """None where the stage is not complete. Raises `TrainingError` for a damaged record."""
        file = self.path / f"{stage}.json"
        try:
            return StageRecord.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise TrainingError(
                f"{file} is damaged ({error}). Delete it: the stage is done again, and finds what it made."
            ) from error

    def complete(self, stage: Stage) -> StageRecord:
        """The record of a stage that must be complete. Raises `TrainingError` where it is gone."""
        found = self.record(stage)
        if found is None:
            raise TrainingError(
                f"{self.path / f'{stage}.json'} is gone, which later stages need. Begin a new loop in another folder."
            )
        return found

    def write(self, record: StageRecord) -> None:
        """Say that a stage is complete."""
        write_json(record.model_dump(mode="json"), self.path / f"{record.stage}.json")

    def hashes(self, files: Sequence[Path]) -> dict[str, str]:
        """Files by their path in the loop's folder (or as it is, where they lie elsewhere) -> SHA-256."""
        return {_named(file, self.loop): sha256_file(file) for file in files}

    def require_unchanged(self, record: StageRecord) -> None:
        """Raise `TrainingError` where what a complete stage made is not what lies there."""
        for name, sha256 in record.outputs.items():
            file = self.loop / name
            if not file.is_file() or sha256_file(file) != sha256:
                raise TrainingError(
                    f"{file} was {'changed' if file.is_file() else 'removed'} after the stage {record.stage} of round "
                    f"{self.number} was complete: what followed from it would be another loop. Put it back, or begin "
                    "a new loop in another folder."
                )


def _named(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


@contextmanager
def stage_clock() -> Iterator[Mapping[str, Any]]:
    """`finished` and `seconds` of what is done in the block; to be read after it."""
    start = time.monotonic()
    said: dict[str, Any] = {}
    yield said
    said["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    said["seconds"] = round(time.monotonic() - start, 3)


@contextmanager
def only_loop(folder: Path) -> Iterator[None]:
    """The loop's folder, made where it is missing, for one command at a time; a full disk is said.

    Raises `TrainingError` where another one is at work, or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with only_command("learn", folder):
            yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise TrainingError(
            f"a file of {folder} could not be written ({error.strerror}): make room and give the same command. What is "
            "complete is kept."
        ) from error


def same_loop(folder: Path, config: LoopConfig, files: Mapping[str, str]) -> str:
    """The hash of this loop, whose named files have the given hashes; the folder keeps what decides it.

    Raises `ConfigError` where the folder holds a loop that differs in more than may change.
    """
    kept, hashes = folder / "loop.yaml", folder / "files.json"
    if kept.is_file() and hashes.is_file():
        earlier = load_section(kept, LoopConfig, what="the resolved loop file")
        fixed = [key for key in LoopConfig.model_fields if key not in FREE]
        changed = [key for key in fixed if getattr(earlier, key) != getattr(config, key)]
        try:
            before = json.loads(hashes.read_bytes())
        except ValueError as error:
            raise ConfigError(f"{hashes} is damaged ({error}). Begin a new loop in another folder.") from error
        changed += [f"what {name} says" for name in sorted(files) if before.get(name) != files[name]]
        if changed:
            raise ConfigError(
                f"{folder} holds a loop with another {', '.join(changed)}: its rounds would not belong together. "
                f"Between rounds {', '.join(sorted(FREE))} may change, and the workers and threads of the other files; "
                "for anything else begin a new loop in another folder (--output)."
            )
    replace_file(kept, dump_yaml(config).encode())
    write_json(dict(files), hashes)
    return sha256_json({"loop": config.model_dump(mode="json"), "files": dict(files)})
