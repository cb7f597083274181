"""ASE's own trajectories (.traj), a frame at a time."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.common.packed import plain_file

_MAGIC: Final = b"- of Ulm"


def is_ase_trajectory(start: bytes) -> bool:
    """Whether a file that begins so is one (https://ase-lib.org/ase/io/ulm.html)."""
    return start.startswith(_MAGIC)


class AseTrajectory:
    """A file's whole frames, numbered from 0, for it counts no steps; `cut`: what follows them cannot be read."""

    def __init__(self, path: Path, *, velocities: bool) -> None:
        self._path, self._velocities = path, velocities
        self.cut = False

    def frames(self) -> Iterator[Frame]:
        """Raises `InputFileError` where not even the first can be read."""
        from ase.io import iread  # noqa: PLC0415 - it loads a third of scipy, and few trajectories are ASE's

        with plain_file(self._path) as plain:
            every = iread(str(plain), index=":", format="traj")
            for step in itertools.count():
                try:
                    atoms = next(every, None)
                except Exception as error:  # ASE's reader raises whatever it meets
                    if step == 0:
                        raise InputFileError(
                            f"{self._path}, frame 0: ASE cannot read it ({type(error).__name__}: {error}). The file is "
                            "cut or damaged: write it again."
                        ) from error
                    self.cut = True
                    return
                if atoms is None:
                    return
                if not self._velocities and atoms.has("momenta"):
                    del atoms.arrays["momenta"]
                yield dataclasses.replace(Frame.from_atoms(atoms, step=step), counts_steps=False)
