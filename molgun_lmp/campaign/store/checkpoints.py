"""Checkpoints of one run: which of LAMMPS's restart files are whole, and how a later run goes on from one.

LAMMPS writes two restart files in turn (`restart N restart.a restart.b`), so one is whole while the other is being
written (https://docs.lammps.org/restart.html). It rebuilds its neighbour lists at each of them, with or without an
interruption, which makes a resumed NVE run equal the undisturbed one bit for bit. checkpoints.json lists what was
read back and hashed after it had been written; a file that is not listed, or is not what was listed, is not used.
"""

import dataclasses
import hashlib
import json
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, ValidationError

from molgun_lmp.atomic_files import write_json
from molgun_lmp.campaign.store.completeness import whole_frames
from molgun_lmp.config import Dynamics
from molgun_lmp.gun.names import DUMP_NAME, LOG_NAME, RESTART_NAMES, RESUME_NAME, structure_name
from molgun_lmp.provenance import sha256_file
from molgun_lmp.readers.lammps.log import joined_thermo, thermo_tables
from molgun_lmp.records import JsonRecord

CHECKPOINTS_NAME: Final = "checkpoints.json"
_MAGIC: Final = b"LammpS RestartT\0"
_TEXT_FLAGS: Final = frozenset({0, 4})
"""Of LAMMPS's version and units."""
_STEP_FLAG: Final = 5
_FLAGS_BEFORE_STEP: Final = 12
"""Six in 2025; more may come."""
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
    """Hashes of the deck, data and model that it ran, and which LAMMPS did so where it was not the environment's own; a
    checkpoint of other ones is of no use."""
    resumed_at: tuple[int, ...]
    """Steps at which it, and those before it, went on from a checkpoint."""
    checkpoints: tuple[Checkpoint, ...]
    """The last two, newest first."""


class CheckpointWatch:
    """Lists the checkpoints of a run while LAMMPS writes them; call it now and then."""

    def __init__(self, run: Path, planned: dict[str, str], *, resumed_at: Sequence[int]) -> None:
        self._run = run
        self._record = RunRecord(planned=planned, resumed_at=tuple(resumed_at), checkpoints=())
        self._seen: dict[str, int] = {}

    def __call__(self, _: int) -> None:
        """Hash what is new and whole. What LAMMPS overwrites in this moment has another hash later, and is not used."""
        found = {checkpoint.name: checkpoint for checkpoint in self._record.checkpoints}
        for name in RESTART_NAMES:
            time_ns = _time_ns(self._run / name)
            if time_ns is None or self._seen.get(name) == time_ns:
                continue
            self._seen[name] = time_ns
            content = (self._run / name).read_bytes()
            step = restart_step(content)
            if step is not None:
                found[name] = Checkpoint(name=name, step=step, sha256=hashlib.sha256(content).hexdigest())
        newest_first = tuple(sorted(found.values(), key=lambda checkpoint: checkpoint.step, reverse=True))
        if newest_first != self._record.checkpoints:
            self._record = dataclasses.replace(self._record, checkpoints=newest_first)
            write_json(self._record.to_json(), self._run / CHECKPOINTS_NAME)


def restart_step(content: bytes) -> int | None:
    """The timestep in a LAMMPS restart file, None where it is not whole: a full disk cuts it, and LAMMPS says nothing.

    The step stands in the file itself because LAMMPS may be several checkpoints further by now. Format 3 of
    https://github.com/lammps/lammps/blob/stable/src/lmprestart.h: the magic word at both ends, then flags, each with an
    integer (a text: its length and bytes) up to flag 5, the timestep.
    """
    if len(content) < 2 * len(_MAGIC) or not content.startswith(_MAGIC) or not content.endswith(_MAGIC):
        return None
    at = len(_MAGIC) + 8
    try:
        for _ in range(_FLAGS_BEFORE_STEP + 1):
            flag, value = struct.unpack_from("=ii", content, at)
            if flag == _STEP_FLAG:
                return int(struct.unpack_from("=q", content, at + 4)[0])
            at += 8 + (value if flag in _TEXT_FLAGS else 0)
    except struct.error:
        pass
    return None


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
        (run / EARLIER_LOG_NAME).write_bytes(_logs(self.run))


def made_progress(run: Path) -> bool:
    """Whether a run left a whole checkpoint of its own, or a part of the thermalisation before it: then the next one
    has less left to do."""
    record = _read_record(run)
    if record is not None and any(_is_as_listed(run, checkpoint) for checkpoint in record.checkpoints):
        return True
    return any(run.glob(structure_name("[0-9]*")))


def find_resumption(runs: Sequence[Path], planned: dict[str, str], dynamics: Dynamics) -> Resumption | None:
    """The furthest checkpoint of earlier runs that is whole and whose dump and logs hold all that belongs before it.

    None where there is none: what a full disk left with gaps cannot be gone on from.
    """
    candidates = [
        (checkpoint, run, record)
        for run in runs
        if (record := _read_record(run)) is not None and record.planned == planned
        for checkpoint in record.checkpoints
    ]
    for checkpoint, run, record in sorted(candidates, key=lambda found: found[0].step, reverse=True):
        if not _is_as_listed(run, checkpoint):
            continue
        length = _length_before(run / DUMP_NAME, checkpoint.step, dynamics.dump_every_steps)
        if length is not None and logged_steps(run).issuperset(range(0, checkpoint.step, dynamics.thermo_every_steps)):
            return Resumption(
                run=run,
                checkpoint=checkpoint,
                resumed_at=(*record.resumed_at, checkpoint.step),
                dump_bytes=length,
            )
    return None


def logged_steps(run: Path) -> set[float]:
    """The steps whose thermo output stands in the logs of a run and of what it went on from."""
    return set(joined_thermo(thermo_tables(_logs(run).decode(errors="replace"))).get("Step", ()))


def _logs(run: Path) -> bytes:
    files = (run / name for name in (EARLIER_LOG_NAME, LOG_NAME))
    return b"".join(file.read_bytes() for file in files if file.is_file())


def _is_as_listed(run: Path, checkpoint: Checkpoint) -> bool:
    file = run / checkpoint.name
    return file.is_file() and sha256_file(file) == checkpoint.sha256


def _time_ns(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _read_record(run: Path) -> RunRecord | None:
    try:
        return RunRecord.from_json(json.loads((run / CHECKPOINTS_NAME).read_bytes()))
    except (OSError, ValidationError, ValueError, RecursionError):
        return None


def _length_before(dump: Path, step: int, every: int) -> int | None:
    """Bytes of the frames before `step`; None where one of them is missing or damaged."""
    wanted = list(range(0, step, every))
    try:
        frames = [frame for _, frame in zip(wanted, whole_frames(dump), strict=False)]
    except OSError:
        return None
    return frames[-1].end if frames and [frame.step for frame in frames] == wanted else None
