"""Sections `dynamics` and `stop`: how the equations of motion are integrated and when a trajectory ends early."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from molgun_lmp.config.section import Section

_OF_THE_KICK: Final = 0.05


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
    max_energy_change: PositiveFloat | None = None
    """Share of the kick's energy: where the conserved energy of the whole cell drifts over the run, or is away from
    its first value, by more, the trajectory is flagged. 0.05 where not given and no limit per atom is."""
    energy_floor_ev: PositiveFloat = 0.02
    """Changes below this are the integrator's own and flag nothing, however weak the kick."""
    max_drift_ev_per_atom_per_ps: PositiveFloat | None = None
    """A limit of the fitted drift per atom, all of them counted, in place of the above."""
    max_excursion_ev_per_atom: PositiveFloat | None = None
    """A limit of the distance from the first value per atom, all of them counted, in place of the above."""

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

    @model_validator(mode="after")
    def _one_kind_of_energy_limit(self) -> Self:
        if self.max_energy_change is not None and self.limits_per_atom:
            raise ValueError(
                "`max_energy_change` is a limit of the whole cell's energy: leave it out, or leave out "
                "`max_drift_ev_per_atom_per_ps` and `max_excursion_ev_per_atom`"
            )
        return self

    @property
    def limits_per_atom(self) -> bool:
        """Whether the energy is held to limits per atom, as campaigns were before there were others."""
        return self.max_drift_ev_per_atom_per_ps is not None or self.max_excursion_ev_per_atom is not None

    @property
    def largest_energy_change(self) -> float:
        """The share of the kick's energy that applies where no limit is per atom."""
        return _OF_THE_KICK if self.max_energy_change is None else self.max_energy_change


class SettledRule(Section):
    """Ends a trajectory whose molecule has settled, but for an audit that runs on and corrects the fractions.

    The rule looks at the stored frames. Only workers (`molgun run`) apply it: what a cluster's LAMMPS runs alone goes
    to its planned end, and counts with full weight.
    """

    after_ps: PositiveFloat
    """The molecule has been bound, in one outcome class, for so long,"""
    excess_k: PositiveFloat
    """and over that time the mean kinetic temperature of its atoms, all motion counted, was not more than this above
    that of the slab's mobile atoms."""
    audit_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """The probability with which a shot that has settled runs on to its planned end all the same, drawn from (seed,
    index): what became of those stands for what would have become of the others."""


class StopRules(Section):
    """Rules that end a trajectory before its last step. They change no outcome, but for `settled`, which the tables
    allow for."""

    departed: bool = True
    """End when the whole molecule is beyond the cutoff (or the reach of `model.dispersion`) above the surface and moves
    away (under a thermostat of its own also above its start, since noise may turn it round in flight), or when any of
    its atoms comes so close to the slab's periodic image above. Switching this off needs a bounded run."""
    max_temperature_k: PositiveFloat | None = 5000.0
    """End when the kinetic temperature of the mobile atoms exceeds this: the run blew up."""
    check_every_steps: PositiveInt = 20
    settled: SettledRule | None = None
    """End where the molecule is bound and has cooled, such as {after_ps: 2.0, excess_k: 100.0}; off where not given."""
