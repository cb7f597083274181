"""Names of a trajectory, of the files around its deck and of its stop rules; workers import this, so it is light."""

from collections.abc import Mapping
from typing import Final

from molgun_lmp.records import Stop

INPUT_NAME: Final = "in.lammps"
DATA_NAME: Final = "data.lmp"
DUMP_NAME: Final = "traj.dump"
END_NAME: Final = "end.data"
LOG_NAME: Final = "log.lammps"
RESTART_NAMES: Final = ("restart.a", "restart.b")
"""Checkpoints, written in turn."""
RESUME_NAME: Final = "resume.restart"
"""The checkpoint that a deck goes on from with `-var resume yes`."""

STOP_OF_FIX: Final[Mapping[str, Stop]] = {
    "halt_departed": Stop.DEPARTED,
    "halt_fragment": Stop.FRAGMENT_LEFT,
    "halt_hot": Stop.TOO_HOT,
}
"""What it means when LAMMPS's log says `Fix halt condition for fix-id NAME met`."""


def trajectory_id(index: int) -> str:
    """The name of trajectory `index`: six digits."""
    return f"{index:06d}"


def structure_name(part: int | str) -> str:
    """The structure that a part of a thermalisation between two doses has left; part 0 is its start."""
    return f"{part}.data"
