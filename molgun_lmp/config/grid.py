"""Section `gun.grid`: several energies and angles in one campaign."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, PositiveFloat, model_validator

from molgun_lmp.config.section import Section

Polar = Annotated[float, Field(ge=0, lt=90)]


class GridPoint(NamedTuple):
    """One point of a campaign's grid; None where the gun leaves energy or angle to chance, or to a temperature."""

    energy_ev: float | None
    polar_deg: float | None

    def __str__(self) -> str:
        energy = "" if self.energy_ev is None else f"{self.energy_ev:g} eV"
        angle = "" if self.polar_deg is None else f"{self.polar_deg:g}°"
        return ", ".join(filter(None, (energy, angle)))


class EnergyAngleGrid(Section):
    """Energies and angles of one campaign: every energy at every angle is a point, and the shots go round the points.

    Shot k of each point has the same random numbers as shot k of any other, and as shot k of a campaign without a
    grid: snapshots, place, orientation and azimuth are the same, so that points differ by less than chance.
    """

    energies_ev: tuple[PositiveFloat, ...] = ()
    """In place of `kick.energy_ev`."""
    polar_deg: tuple[Polar, ...] = ()
    """In place of `kick.direction.polar_deg` of a `fixed` direction."""

    @property
    def size(self) -> int:
        """Number of points."""
        return max(1, len(self.energies_ev)) * max(1, len(self.polar_deg))

    @model_validator(mode="after")
    def _points_that_differ(self) -> Self:
        if not self.energies_ev and not self.polar_deg:
            raise ValueError("a grid needs energies_ev, polar_deg, or both: lists of numbers")
        for name, values in (("energies_ev", self.energies_ev), ("polar_deg", self.polar_deg)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name} names a value twice: {', '.join(f'{value:g}' for value in values)}")
        return self


def with_first_values(gun: Mapping[str, Any]) -> Mapping[str, Any]:
    """Section `gun` with the first values of its grid where its kick leaves out energy or polar angle."""
    grid, kick = gun.get("grid"), gun.get("kick")
    if not isinstance(grid, Mapping) or not isinstance(kick, Mapping):
        return gun
    filled = dict(kick)
    if kick.get("kind") == "fixed_energy" or (
        kick.get("kind") == "supersonic" and kick.get("stream_velocity_m_per_s") is None
    ):
        filled = _first(grid.get("energies_ev"), "energy_ev") | filled
    direction = kick.get("direction")
    if isinstance(direction, Mapping) and direction.get("kind") == "fixed":
        filled["direction"] = _first(grid.get("polar_deg"), "polar_deg") | dict(direction)
    return dict(gun) | {"kick": filled}


def _first(values: Any, key: str) -> dict[str, Any]:
    return {key: values[0]} if isinstance(values, Sequence) and values else {}
