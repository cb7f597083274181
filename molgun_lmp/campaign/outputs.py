"""Did LAMMPS write all that it believes to have written? On a full disk it says nothing and goes on, with gaps."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from molgun_lmp.gun.names import DUMP_NAME, LOG_NAME

_FRAME: Final = b"ITEM: TIMESTEP"
_HEADER_LINES: Final = 9
_LAST_OF_LOG: Final = b"Total wall time: "


class WholeFrame(NamedTuple):
    """A frame of a dump that has all its lines: its timestep, and where it ends in the file."""

    step: int
    end: int


def whole_frames(dump: Path) -> Iterator[WholeFrame]:
    """The frames of a dump as LAMMPS writes them (nine header lines) up to the first that is not whole.

    Only lines and their columns are counted, which takes a tenth of the time of reading them. Raises `OSError`.
    """
    with dump.open("rb") as handle:
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


def require_whole(run: Path, *, dump_every: int | None) -> None:
    """Raise `OSError` (no space left) where the log of a run that ended well, or its dump, lacks something.

    `dump_every`: steps between two frames; None for a run that dumps otherwise, whose log alone is looked at.
    """
    log = run / LOG_NAME
    if _LAST_OF_LOG not in _tail(log):
        raise OSError(errno.ENOSPC, "LAMMPS could not write its log to the end", str(log))
    if dump_every is None:
        return
    dump = run / DUMP_NAME
    frames = list(whole_frames(dump)) if dump.is_file() else []
    steps = [frame.step for frame in frames]
    # A run that a rule ended has one frame more, between two regular ones.
    regular = steps[:-1] if steps and steps[-1] % dump_every else steps
    if not frames or regular != list(range(0, len(regular) * dump_every, dump_every)):
        raise OSError(errno.ENOSPC, f"frames are missing after step {steps[-1] if steps else 0}", str(dump))
    if frames[-1].end != dump.stat().st_size:
        raise OSError(errno.ENOSPC, f"a frame is cut after step {steps[-1]}", str(dump))


def _tail(file: Path) -> bytes:
    with file.open("rb") as handle:
        size = handle.seek(0, 2)
        handle.seek(max(0, size - 200))
        return handle.read()
