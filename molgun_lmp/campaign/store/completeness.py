"""Did LAMMPS write all that it believes to have written? On a full disk it says nothing and goes on, with gaps."""

import errno
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from molgun_lmp.config import Dynamics
from molgun_lmp.gun.names import DUMP_NAME, LOG_NAME

_FRAME: Final = b"ITEM: TIMESTEP"
_HEADER_LINES: Final = 9
_LAST_OF_LOG: Final = b"Total wall time: "


class WholeFrame(NamedTuple):
    """A frame of a dump that has all its lines: its timestep, and where it ends in the file."""

    step: int
    end: int


def whole_frames(dump: Path, start: int = 0) -> Iterator[WholeFrame]:
    """The frames of a dump as LAMMPS writes them (nine header lines) up to the first that is not whole, from the one
    that begins at byte `start`.

    Only lines and their columns are counted, which takes a tenth of the time of reading them. Raises `OSError`.
    """
    with dump.open("rb") as handle:
        handle.seek(start)
        while (header := [handle.readline() for _ in range(_HEADER_LINES)])[-1].endswith(b"\n"):
            step, number = header[1].strip(), header[3].strip()
            if header[0].strip() != _FRAME or not step.isdigit() or not number.isdigit():
                return
            columns = len(header[-1].split()) - 2
            for _ in range(int(number)):
                line = handle.readline()
                if not line.endswith(b"\n") or len(line.split()) != columns:
                    return
            yield WholeFrame(step=int(step), end=handle.tell())


def require_log_end(run: Path) -> None:
    """Raise `OSError` (no space left) where the log of a run that ended well lacks its end."""
    log = run / LOG_NAME
    if _LAST_OF_LOG not in _tail(log):
        raise OSError(errno.ENOSPC, "LAMMPS could not write its log to the end", str(log))


def require_whole(
    run: Path, dynamics: Dynamics, *, steps: int, logged: Iterable[float], halted: bool, cut: bool = False
) -> None:
    """Raise `OSError` (no space left) where the output of a trajectory that ended well at step `steps` lacks something.

    Its log has its end and the thermo output of every interval, its dump every frame, and nothing after them. `logged`:
    the steps of the thermo output, that of earlier runs with it; `halted`: whether a `fix halt` ended the trajectory;
    `cut`: whether the trajectory ended earlier than the run, whose log has more.
    """
    if not cut:
        require_log_end(run)
    due = set(range(0, steps + 1, dynamics.thermo_every_steps))
    if not halted and not cut:  # LAMMPS ends a table with the last step, unless a `fix halt` came between
        due.add(steps)
    missing = due.difference(logged)
    if missing:
        raise OSError(errno.ENOSPC, f"the thermo output of step {min(missing)} is missing", str(run / LOG_NAME))
    dump = run / DUMP_NAME
    frames = list(whole_frames(dump)) if dump.is_file() else []
    # A run that a rule ended has one frame more, between two regular ones.
    wanted = sorted({*range(0, steps + 1, dynamics.dump_every_steps), steps})
    found = [frame.step for frame in frames]
    if frames and frames[-1].end != dump.stat().st_size:
        raise OSError(errno.ENOSPC, f"a frame is cut after step {found[-1]}", str(dump))
    if found != wanted:
        first = min(set(wanted) ^ set(found), default=steps)
        raise OSError(errno.ENOSPC, f"frames are missing: there should be one of step {first}", str(dump))


def _tail(file: Path) -> bytes:
    with file.open("rb") as handle:
        size = handle.seek(0, 2)
        handle.seek(max(0, size - 200))
        return handle.read()
