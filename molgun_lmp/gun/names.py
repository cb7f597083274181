"""Names of a trajectory and of the files around its deck; imported by everything, so it imports nothing."""

from typing import Final

INPUT_NAME: Final = "in.lammps"
DATA_NAME: Final = "data.lmp"
DUMP_NAME: Final = "traj.dump"
END_NAME: Final = "end.data"


def trajectory_id(index: int) -> str:
    """The name of trajectory `index`: six digits."""
    return f"{index:06d}"
