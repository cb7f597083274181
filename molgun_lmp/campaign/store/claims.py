"""Who runs which trajectory: claims that are taken once, shown alive, and taken over only from the dead.

Claim n of a trajectory is the file `claim-n.json`. A worker takes a free trajectory by creating the file with the
next number, which succeeds for one process only; nothing is ever taken by removing a file of somebody else, so there
is no instant at which two could believe that they hold it. The number is the fencing id: the highest one counts, and
whoever holds a lower one has lost the trajectory, however late it wakes. A worker shows life by the file's time.
"""

import contextlib
import dataclasses
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, ValidationError

from molgun_lmp.atomic_files import create_file, json_bytes, write_json
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.checkpoints import CHECKPOINTS_NAME
from molgun_lmp.records import JsonRecord

HEARTBEAT_S: Final = 10.0
SILENCE_S: Final = 300.0
"""A claim of another machine without a sign of life for this long is taken over (half a minute of NFS caching, and
minutes of a stalled server, are no death)."""
MAX_DEATHS: Final = 2
"""A trajectory whose worker died this often without a new checkpoint is given up: it gets one retry."""

_CLAIM: Final = re.compile(r"claim-(\d+)\.json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Owner(JsonRecord):
    """A process that can hold claims."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    host: str
    machine: str
    """Boot and process-id namespace: within one, a process id tells whether the owner lives."""
    pid: int
    started: int
    """The process's start in clock ticks after boot: a later process with the same id is another one."""

    @classmethod
    def this_process(cls) -> "Owner":
        """The owner that is this process."""
        pid = os.getpid()
        return cls(host=socket.gethostname(), machine=_machine(), pid=pid, started=_start_ticks(pid) or 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim(JsonRecord):
    """One claim. `token` tells it from every other."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    number: int
    token: str
    owner: Owner
    folder: int
    """Inode of the trajectory's folder: a claim that came with a copy of the campaign is nobody's."""
    hung: bool = False
    """Its owner ended itself because a step did not end."""
    spared: bool = False
    """Its owner ended itself over another trajectory: no death of this one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Held:
    """The highest claim of a trajectory, and whether its owner lives; no claim where its file is damaged."""

    number: int
    claim: Claim | None
    alive: bool


def look(folder: TrajectoryFolder) -> Held | None:
    """Who holds a trajectory, None where nobody does and nobody died on it."""
    number = max(_numbers(folder.path), default=0)
    if number == 0:
        return None
    file = claim_file(folder, number)
    try:
        claim = read_claim(file)
        return Held(number=number, claim=claim, alive=_lives(file, claim))
    except FileNotFoundError:  # released in this moment
        return None


def take(folder: TrajectoryFolder, owner: Owner) -> Claim | None:
    """Claim a trajectory. None where it has ended or a living process holds it."""
    if folder.result_file.exists():
        return None
    held = look(folder)
    if held is not None and held.alive:
        return None
    number = 1 if held is None else held.number + 1
    claim = Claim(number=number, token=secrets.token_hex(8), owner=owner, folder=_identity(folder.path))
    if not create_file(claim_file(folder, number), json_bytes(claim.to_json())):
        return None
    if folder.result_file.exists():  # its owner ended it between the two looks
        claim_file(folder, number).unlink(missing_ok=True)
        return None
    return claim


def beat(folder: TrajectoryFolder, claim: Claim) -> None:
    """Show life."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(claim_file(folder, claim.number))


def mark_hung(folder: TrajectoryFolder, claim: Claim) -> None:
    """Note on a claim that its owner is about to end itself over a step that does not end."""
    write_json(dataclasses.replace(claim, hung=True).to_json(), claim_file(folder, claim.number))


def mark_spared(folder: TrajectoryFolder, claim: Claim) -> None:
    """Note on a claim that its owner is about to end itself over another trajectory."""
    write_json(dataclasses.replace(claim, spared=True).to_json(), claim_file(folder, claim.number))


def is_current(folder: TrajectoryFolder, claim: Claim) -> bool:
    """Whether the claim still counts: it is there, is this one, and no later one was taken."""
    if max(_numbers(folder.path), default=0) != claim.number:
        return False
    try:
        there = read_claim(claim_file(folder, claim.number))
    except FileNotFoundError:
        return False
    return there is not None and there.token == claim.token


def release(folder: TrajectoryFolder, claim: Claim) -> None:
    """Give a trajectory back. What its run wrote goes first, since the next owner may get the same number; checkpoints
    are kept aside for it."""
    if is_current(folder, claim):
        run = folder.run_folder(claim.number)
        if (run / CHECKPOINTS_NAME).exists():
            shutil.rmtree(folder.paused, ignore_errors=True)
            run.rename(folder.paused)
        shutil.rmtree(run, ignore_errors=True)
        claim_file(folder, claim.number).unlink(missing_ok=True)


def clear(folder: TrajectoryFolder) -> None:
    """Remove all claims of a trajectory that has ended."""
    for number in _numbers(folder.path):
        claim_file(folder, number).unlink(missing_ok=True)


def bury(folder: TrajectoryFolder) -> None:
    """Remove the claims of an ended trajectory that a worker left which was killed after it had stored the result: they
    are no deaths on the next try."""
    held = look(folder)
    if held is not None and not held.alive:
        clear(folder)


def deaths(folder: TrajectoryFolder, before: int) -> list[Claim]:
    """The claims below number `before` whose owners died on the trajectory; those that came with a copied folder, or
    whose owner ended itself over another one, are none."""
    earlier = []
    for number in sorted(_numbers(folder.path)):
        if number < before:
            with contextlib.suppress(FileNotFoundError):  # its trajectory has ended just now, elsewhere
                earlier.append(read_claim(claim_file(folder, number)))
    here = _identity(folder.path)
    return [claim for claim in earlier if claim is not None and claim.folder == here and not claim.spared]


def claim_file(folder: TrajectoryFolder, number: int) -> Path:
    """The file of claim `number`."""
    return folder.path / f"claim-{number}.json"


def _numbers(path: Path) -> list[int]:
    return [int(match[1]) for name in os.listdir(path) if (match := _CLAIM.fullmatch(name))]  # noqa: PTH208  # speed


def read_claim(file: Path) -> Claim | None:
    """A claim, None where the file is damaged. Raises `FileNotFoundError`."""
    try:
        return Claim.from_json(json.loads(file.read_bytes()))
    except (ValidationError, ValueError, RecursionError):
        return None


def _lives(file: Path, claim: Claim | None) -> bool:
    if claim is not None and claim.owner.machine == _machine():
        return claim.folder == _identity(file.parent) and _start_ticks(claim.owner.pid) == claim.owner.started
    return _file_system_now(file.parent) - file.stat().st_mtime < SILENCE_S


def _identity(path: Path) -> int:
    return path.stat().st_ino


def _file_system_now(path: Path) -> float:
    """The time of the file system: clocks of two machines may differ, a server has one."""
    try:
        with tempfile.TemporaryFile(dir=path) as probe:
            return os.fstat(probe.fileno()).st_mtime
    except OSError:  # a full or read-only disk
        return time.time()


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _start_ticks(pid: int) -> int | None:
    """When a process started, None where there is none or it is dead and not yet reaped (proc(5), fields 3 and 22)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])
