"""Checkpoints of one run: which of LAMMPS's restart files are whole, and how a later run goes on from one.

LAMMPS writes two restart files in turn (`restart N restart.a restart.b`), so one is whole while the other is being
written (https://docs.lammps.org/restart.html). It rebuilds its neighbour lists at each of them, with or without an
interruption, which makes a resumed NVE run equal the undisturbed one bit for bit. checkpoints.json lists what was
read back and hashed after it had been written; a file that is not listed, or is not what was listed, is not used.
"""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, ValidationError

from molgun_lmp.analysis.dumps import read_frames
from molgun_lmp.campaign.durable import json_bytes, replace_file
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.names import DUMP_NAME, LOG_NAME, RESTART_NAMES, RESUME_NAME
from molgun_lmp.provenance import sha256_file
from molgun_lmp.records import JsonRecord

CHECKPOINTS_NAME: Final = "checkpoints.json"
EARLIER_LOG_NAME: Final = "earlier.log.lammps"
"""In a run that was resumed: the logs of what was run before, one after the other."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checkpoint(JsonRecord):
    """One restart file: its name in the run's folder, the step at which it was written, and its hash."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    step: int
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord(JsonRecord):
    """What a run leaves for a later one."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    planned: dict[str, str]
    """Hashes of the deck, data and model that it ran; a checkpoint of other ones is of no use."""
    resumed_at: tuple[int, ...]
    """Steps at which it, and those before it, went on from a checkpoint."""
    checkpoints: tuple[Checkpoint, ...]
    """The last two, newest first."""


class CheckpointWatch:
    """Lists the checkpoints of a run while LAMMPS writes them; call it with the timestep now and then."""

    def __init__(self, run: Path, planned: dict[str, str], *, every: int, resumed_at: Sequence[int]) -> None:
        self._run = run
        self._every = every
        self._start = resumed_at[-1] if resumed_at else 0
        self._record = RunRecord(planned=planned, resumed_at=tuple(resumed_at), checkpoints=())
        self._seen = self._start // every

    def __call__(self, step: int, *, ended: bool = False) -> None:
        """Hash the newest whole restart file. The one of this very step may be half written, unless LAMMPS `ended`."""
        number = step // self._every - (0 if ended or step % self._every else 1)
        if number <= self._seen:
            return
        self._seen = number
        # LAMMPS begins with the first file, whatever the step.
        name = RESTART_NAMES[(number - self._start // self._every - 1) % 2]
        found = Checkpoint(name=name, step=number * self._every, sha256=sha256_file(self._run / name))
        kept = tuple(earlier for earlier in self._record.checkpoints if earlier.name != name)
        self._record = dataclasses.replace(self._record, checkpoints=(found, *kept))
        replace_file(self._run / CHECKPOINTS_NAME, json_bytes(self._record.to_json()))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resumption:
    """A whole checkpoint of an earlier run, and what of that run's output lies before it."""

    run: Path
    checkpoint: Checkpoint
    resumed_at: tuple[int, ...]
    """With this one, the last."""
    dump_bytes: int
    """Length of the dump's frames before the checkpoint."""

    def copy_to(self, run: Path) -> None:
        """Lay checkpoint, earlier frames and logs into the folder of a new run."""
        shutil.copyfile(self.run / self.checkpoint.name, run / RESUME_NAME)
        with (self.run / DUMP_NAME).open("rb") as source, (run / DUMP_NAME).open("wb") as target:
            target.write(source.read(self.dump_bytes))
        logs = [self.run / name for name in (EARLIER_LOG_NAME, LOG_NAME) if (self.run / name).is_file()]
        (run / EARLIER_LOG_NAME).write_bytes(b"".join(file.read_bytes() for file in logs))


def find_resumption(runs: Sequence[Path], planned: dict[str, str], *, dump_every: int) -> Resumption | None:
    """The furthest checkpoint of earlier runs that is whole and whose dump holds every frame before it, or None."""
    candidates = [
        (checkpoint, run, record)
        for run in runs
        if (record := _read_record(run)) is not None and record.planned == planned
        for checkpoint in record.checkpoints
    ]
    for checkpoint, run, record in sorted(candidates, key=lambda found: found[0].step, reverse=True):
        file = run / checkpoint.name
        if not file.is_file() or sha256_file(file) != checkpoint.sha256:
            continue
        length = _length_before(run / DUMP_NAME, checkpoint.step, dump_every)
        if length is not None:
            return Resumption(
                run=run,
                checkpoint=checkpoint,
                resumed_at=(*record.resumed_at, checkpoint.step),
                dump_bytes=length,
            )
    return None


def _read_record(run: Path) -> RunRecord | None:
    try:
        return RunRecord.from_json(json.loads((run / CHECKPOINTS_NAME).read_bytes()))
    except (OSError, ValidationError, ValueError):
        return None


def _length_before(dump: Path, step: int, every: int) -> int | None:
    """Bytes of the frames before `step`; None where one of them is missing or damaged."""
    wanted = list(range(0, step, every))
    try:
        found = [frame.step for _, frame in zip(wanted, read_frames(dump), strict=False)]
        text = dump.read_bytes()
    except (InputFileError, OSError):
        return None
    if found != wanted:
        return None
    at = -1
    for _ in wanted:
        at = text.index(b"ITEM: TIMESTEP\n", at + 1)
    end = text.find(b"ITEM: TIMESTEP\n", at + 1)
    return len(text) if end < 0 else end
