"""Section `gun`: where the molecule starts, how it is turned, and how it is kicked.

The reference is Weiske et al., Digital Discovery 2026, 5, 1501, sections 2.1 and 2.2; what the paper leaves open is a
named option here.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from molgun_lmp.config.grid import EnergyAngleGrid, GridPoint, Polar, with_first_values
from molgun_lmp.config.section import Section


class NormalDirection(Section):
    """Straight down."""

    kind: Literal["normal"] = "normal"


class FixedDirection(Section):
    """One direction for all shots, or one polar angle."""

    kind: Literal["fixed"]
    polar_deg: Polar
    """From the downward surface normal."""
    azimuth_deg: float | Literal["random"] = 0.0
    """From +x towards +y; `random`: any, each shot its own."""


class ConeDirection(Section):
    """Random directions up to a largest polar angle, any azimuth."""

    kind: Literal["cone"]
    max_polar_deg: Annotated[float, Field(gt=0, lt=90)]
    weighting: Literal["solid_angle", "cosine"] = "solid_angle"
    """Uniform over solid angle, or weighted by cos(polar) as the flux through a plane."""


class IndependentComponents(Section):
    """A random downward and random +-x, +-y component, rescaled to the speed (the paper's AIMD gun).

    The three components are uniform in [-1, 1], [-1, 1] and [-1, 0].
    """

    kind: Literal["components"]


Direction = Annotated[
    NormalDirection | FixedDirection | ConeDirection | IndependentComponents, Field(discriminator="kind")
]


class ThermalComKick(Section):
    """The centre of mass moves as a gas particle of mass M: each component has variance kT/M, v_z points down."""

    kind: Literal["thermal_com"]
    temperature_k: PositiveFloat = 300.0
    axes: Literal["xyz", "z"] = "xyz"
    """`z`: only the downward component is drawn, the paper's "along the z-axis"."""


class ThermalAllAtomsKick(Section):
    """The speed of 1/2 M v^2 = (3 N / 2) k T for N atoms: the molecule's whole thermal energy in its flight."""

    kind: Literal["thermal_all_atoms"]
    temperature_k: PositiveFloat = 300.0
    direction: Direction = NormalDirection()


class FluxKick(Section):
    """An effusive (Maxwell flux) beam: p(v_z) ~ v_z exp(-M v_z^2 / 2kT) downward, Gaussian v_x and v_y."""

    kind: Literal["flux"]
    temperature_k: PositiveFloat = 300.0


class FixedEnergyKick(Section):
    """A beam of one kinetic energy."""

    kind: Literal["fixed_energy"]
    energy_ev: PositiveFloat
    direction: Direction = NormalDirection()


class SupersonicKick(Section):
    """A supersonic beam: p(v) ~ v^3 exp(-((v - v0) / a)^2), the flux of a gas that streams with v0."""

    kind: Literal["supersonic"]
    stream_velocity_m_per_s: PositiveFloat | None = None
    """v0."""
    energy_ev: PositiveFloat | None = None
    """The beam's mean kinetic energy instead, from which v0 follows."""
    width_m_per_s: PositiveFloat | None = None
    """a = sqrt(2 k T / M), T the temperature in the moving gas."""
    speed_ratio: PositiveFloat | None = None
    """S = v0 / a instead."""
    direction: Direction = NormalDirection()

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for names in (("stream_velocity_m_per_s", "energy_ev"), ("width_m_per_s", "speed_ratio")):
            if sum(getattr(self, name) is not None for name in names) != 1:
                raise ValueError(f"a supersonic beam takes either {names[0]} or {names[1]}")
        return self


Kick = Annotated[
    ThermalComKick | ThermalAllAtomsKick | FluxKick | FixedEnergyKick | SupersonicKick, Field(discriminator="kind")
]


class Height(Section):
    """Start with the centre of mass this far above the surface plane (mean z of the clean slab's top layer)."""

    kind: Literal["height"]
    angstrom: PositiveFloat


class Clearance(Section):
    """Start where no molecule of the pool, however turned, has an atom closer than this above the highest slab atom:
    all shots with their centre of mass at one height, that of the pools' highest slab atom + this + the largest radius
    of a molecule about its centre of mass. Raising each molecule by itself would favour some orientations at arrival.
    """

    kind: Literal["clearance"]
    angstrom: PositiveFloat


class UniformPlace(Section):
    """The centre of mass anywhere over the cell with equal chance."""

    kind: Literal["uniform"] = "uniform"


class PointPlace(Section):
    """The centre of mass over one point of the cell, given in fractions of the two in-plane vectors."""

    kind: Literal["point"]
    fractional: tuple[float, float]


_PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "paper-ml": {
        "pairing": "paired",
        "place": {"kind": "uniform"},
        "start": {"kind": "height", "angstrom": 20.0},
        "orientation": "as_drawn",
        "kick": {"kind": "thermal_all_atoms", "temperature_k": 300.0, "direction": {"kind": "normal"}},
        "skip_free_flight": False,
    },
    "paper-aimd": {
        "pairing": "independent",
        "place": {"kind": "uniform"},
        "start": {"kind": "height", "angstrom": 20.0},
        "orientation": "as_drawn",
        "kick": {"kind": "thermal_all_atoms", "temperature_k": 300.0, "direction": {"kind": "components"}},
        "skip_free_flight": False,
    },
}


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`; a section of another `kind` replaces the whole section."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        same_kind = (
            isinstance(value, Mapping)
            and isinstance(below, Mapping)
            and value.get("kind", below.get("kind")) == below.get("kind")
        )
        merged[key] = _merged(below, value) if same_kind and below is not None else value
    return merged


class Gun(Section):
    """The molecular gun. A preset fills in what is not given; every part can be set by itself."""

    preset: Literal["paper-ml", "paper-aimd"] | None = None
    """`paper-ml`: the paper's NVE runs; `paper-aimd`: the gun of its reference runs, which are NVT of all atoms, with
    `dynamics: {ensemble: nvt, thermostat: {molecule: true}}`. Both read "rescaled to match 300 K" as
    `thermal_all_atoms`; set `kick.kind` for another reading."""
    pairing: Literal["independent", "paired"] = "independent"
    """`paired`: snapshot k of the slab pool always with snapshot k of the molecule pool."""
    place: Annotated[UniformPlace | PointPlace, Field(discriminator="kind")] = UniformPlace()
    start: Annotated[Height | Clearance, Field(discriminator="kind")] = Height(kind="height", angstrom=20.0)
    orientation: Literal["random", "as_drawn"] = "random"
    """`random`: uniform over all rotations, velocities turned with the positions. `as_drawn`: as in the snapshot; those
    of one equilibration run are turned nearly alike, so that intervals are then over the molecule's runs, and wide
    where there are few of them."""
    kick: Kick = ThermalAllAtomsKick(kind="thermal_all_atoms")
    grid: EnergyAngleGrid | None = None
    """Such as {energies_ev: [0.1, 0.2, 0.4], polar_deg: [0, 45]}: `analyse` then gives sticking against energy and
    angle, with a fit."""
    sampling: Literal["random", "sobol"] = "random"
    """`sobol`: place, orientation and kick are points of 16 scrambled Sobol sequences in turn, which spread more evenly
    than independent ones; snapshots are drawn as ever. `analyse` then says what that has gained. The gain depends on
    the question and may be none; multiples of 16 x 2^m shots are spread best."""
    skip_free_flight: bool = False
    """Start where the molecule, however turned, does not feel the surface yet (as `start` with a clearance of the
    cutoff + 0.5 Å, one height for all shots), the free flight above left out. With `pairing: independent` and
    `orientation: random` that changes nothing on average: places, orientations, phases and kicks at arrival are
    distributed as after the whole flight. It does change what becomes of a single shot; with `paired` snapshots other
    phases of their motion meet, and `as_drawn` molecules have turned by less, so that only a pool without a preferred
    orientation arrives as it would."""
    min_distance_angstrom: PositiveFloat = 3.0
    """No molecule atom starts closer than this to a slab atom or to an atom of the molecule's periodic image."""

    @model_validator(mode="before")
    @classmethod
    def _preset_below(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("preset") in _PRESETS:
            data = _merged(_PRESETS[data["preset"]], data)
        return with_first_values(data) if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _reaches_the_surface(self) -> Self:
        if self.start.kind == "clearance" and self.start.angstrom < self.min_distance_angstrom:
            raise ValueError(
                f"start.angstrom ({self.start.angstrom:g}) is below min_distance_angstrom "
                f"({self.min_distance_angstrom:g}): a shot that starts so close would be refused"
            )
        return self

    @model_validator(mode="after")
    def _grid_of_its_kick(self) -> Self:
        if self.grid is None:
            return self
        energy, angle = self._nominal
        if self.grid.energies_ev and energy not in self.grid.energies_ev:
            raise ValueError(
                "grid.energies_ev stands in place of kick.energy_ev: "
                + (
                    "give a kick of one energy (kick.kind: fixed_energy, or supersonic by its energy_ev)"
                    if energy is None
                    else f"leave that out, or give one of the grid's; it is {energy:g}"
                )
            )
        direction = getattr(self.kick, "direction", None)
        if self.grid.polar_deg and not isinstance(direction, FixedDirection):
            raise ValueError(
                "grid.polar_deg stands in place of kick.direction.polar_deg: give a direction of one polar angle "
                "(kick.direction: {kind: fixed, azimuth_deg: random})"
            )
        if self.grid.polar_deg and angle not in self.grid.polar_deg:
            raise ValueError(
                "grid.polar_deg stands in place of kick.direction.polar_deg: leave it out, or give one of the grid's: "
                f"it is {angle:g}"
            )
        return self

    @property
    def _nominal(self) -> GridPoint:
        """Energy and polar angle that the kick itself names."""
        direction = getattr(self.kick, "direction", None)
        angle = direction.polar_deg if isinstance(direction, FixedDirection) else None
        return GridPoint(
            energy_ev=getattr(self.kick, "energy_ev", None),
            polar_deg=0.0 if isinstance(direction, NormalDirection) else angle,
        )

    @property
    def points(self) -> tuple[GridPoint, ...]:
        """The points of the grid, angle by angle; without one the single point of the kick."""
        here = self._nominal
        if self.grid is None:
            return (here,)
        energies, angles = self.grid.energies_ev or (here.energy_ev,), self.grid.polar_deg or (here.polar_deg,)
        return tuple(GridPoint(energy_ev=energy, polar_deg=angle) for angle in angles for energy in energies)

    @property
    def kicks(self) -> tuple[Kick, ...]:
        """The kick of each of `points`."""
        if self.grid is None:
            return (self.kick,)
        found = []
        for point in self.points:
            changed: dict[str, Any] = {"energy_ev": point.energy_ev} if self.grid.energies_ev else {}
            direction = getattr(self.kick, "direction", None)
            if self.grid.polar_deg and isinstance(direction, FixedDirection):
                changed["direction"] = direction.model_copy(update={"polar_deg": point.polar_deg})
            found.append(self.kick.model_copy(update=changed))
        return tuple(found)

    def aimed(self, index: int) -> tuple[int, int]:
        """Of shot `index`: the number of its point, and which shot of that point it is."""
        number, point = divmod(index, 1 if self.grid is None else self.grid.size)
        return point, number
