"""LAMMPS's unit styles with lengths in Å, as files name them (https://docs.lammps.org/units.html)."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from molgun_lmp.errors import InputFileError


@dataclasses.dataclass(frozen=True, kw_only=True)
class LammpsUnits:
    """`speed`: what a velocity of 1 is in Å/ps; `time`: what a time of 1 is in ps."""

    speed: float
    time: float


METAL: Final = LammpsUnits(speed=1.0, time=1.0)
"""What is taken where a file names none, as this package writes its own."""
_ANGSTROM: Final[Mapping[str, LammpsUnits]] = {"metal": METAL, "real": LammpsUnits(speed=1000.0, time=0.001)}


def units_of(name: str, where: str) -> LammpsUnits:
    """Raises `InputFileError` for a style whose lengths are not in Å."""
    if name not in _ANGSTROM:
        raise InputFileError(
            f"{where}: its units are `{name}`, and lengths are taken in Å ({', '.join(_ANGSTROM)}). Convert it."
        )
    return _ANGSTROM[name]
