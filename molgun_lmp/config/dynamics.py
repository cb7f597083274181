"""Sections `dynamics` and `stop`: how the equations of motion are integrated and when a trajectory ends early."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from molgun_lmp.config.section import Section


class Thermostat(Section):
    """The thermostat of an NVT run, on the mobile atoms of the slab."""

    kind: Literal["nose_hoover", "langevin"] = "nose_hoover"
    temperature_k: PositiveFloat = 300.0
    damping_ps: PositiveFloat = 0.1
    molecule: bool = False
    """Couple the molecule, too, as the reference paper's AIMD does (NVT of all atoms): then the thermostat brakes or
    heats the beam in flight, and the kick's energy is not what arrives. Without it the molecule moves under NVE."""


class Bath(Section):
    """A weak Langevin bath on the deepest mobile layers, which takes up the adsorption energy."""

    layers: PositiveInt = 1
    temperature_k: PositiveFloat = 300.0
    damping_ps: PositiveFloat = 0.5


class Dynamics(Section):
    """The integration. The defaults are the paper's: NVE, 0.5 fs, 20,000 steps."""

    ensemble: Literal["nve", "nvt"] = "nve"
    timestep_fs: Annotated[float, Field(gt=0, le=5)] = 0.5
    steps: PositiveInt = 20_000
    thermostat: Thermostat | None = None
    """Only with `ensemble: nvt`; if not given, Nose-Hoover at 300 K."""
    bath: Bath | None = None
    """Only with `ensemble: nve`."""
    dump_every_steps: PositiveInt = 40
    thermo_every_steps: PositiveInt = 40
    checkpoint_every_steps: PositiveInt | None = 1000
    """A run that was killed or stopped goes on from its last checkpoint; None: from its first step."""
    max_drift_ev_per_atom_per_ps: PositiveFloat = 1e-4
    """A fitted total-energy drift beyond this flags the trajectory (NVE without a bath)."""
    max_excursion_ev_per_atom: PositiveFloat = 1e-3

    @property
    def acting_thermostat(self) -> Thermostat | None:
        """The given thermostat, or the default one of an NVT run; None in NVE."""
        return self.thermostat or (Thermostat() if self.ensemble == "nvt" else None)

    @property
    def random_forces(self) -> bool:
        """Whether a Langevin thermostat or bath acts."""
        thermostat = self.acting_thermostat
        return self.bath is not None or (thermostat is not None and thermostat.kind == "langevin")

    @property
    def duration_ps(self) -> float:
        """Of a trajectory that no stop rule ends."""
        return self.steps * self.timestep_fs / 1000.0

    @model_validator(mode="after")
    def _one_thermostat(self) -> Self:
        if self.ensemble == "nve" and self.thermostat is not None:
            raise ValueError("a thermostat needs `ensemble: nvt`; for heat removal under NVE use `bath`")
        if self.ensemble == "nvt" and self.bath is not None:
            raise ValueError("a bath belongs to `ensemble: nve`; under NVT the thermostat acts on all of the slab")
        return self


class StopRules(Section):
    """Rules that end a trajectory before its last step. They change no outcome."""

    departed: bool = True
    """End when the whole molecule is beyond the cutoff (or the reach of `model.dispersion`) above the surface and moves
    away (under a thermostat of its own also above its start, since noise may turn it round in flight), or when any of
    its atoms comes so close to the slab's periodic image above. Switching this off needs a bounded run."""
    max_temperature_k: PositiveFloat | None = 5000.0
    """End when the kinetic temperature of the mobile atoms exceeds this: the run blew up."""
    check_every_steps: PositiveInt = 20
