"""The whole campaign file."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from molgun_lmp.config.dose import Dose, with_number_of_shots
from molgun_lmp.config.dynamics import Dynamics, StopRules
from molgun_lmp.config.gun import Gun
from molgun_lmp.config.outcomes import OutcomeCriteria
from molgun_lmp.config.section import Section
from molgun_lmp.config.system import System
from molgun_lmp.model_formats import Dtype, EngineKind
from molgun_lmp.units import FS_PER_PS

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Dispersion(Section):
    """Grimme's D3 correction besides a model whose labels hold no dispersion."""

    kind: Literal["d3"]
    functional: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    """Of the labels, as LAMMPS's `dispersion/d3` calls it, such as pbe."""
    damping: Literal["bj", "zero", "bjm", "zerom"] = "bj"
    cutoff_angstrom: PositiveFloat = 20.0
    """With 20 Å the forces on 154 atoms are within 0.3 meV/Å of those without a cutoff."""
    coordination_cutoff_angstrom: PositiveFloat = 15.0
    labels_hold_none: bool = False
    """To be said where the model's card does not know."""


class Model(Section):
    """The deployed model."""

    folder: Path = Path("model")
    """A model folder as `molgun export` writes it, with its card; relative to the campaign file."""
    dtype: Dtype = "float32"
    dispersion: Dispersion | None = None
    """Such as {kind: d3, functional: pbe}; refused where the model's labels hold dispersion already."""


class Multistep(Section):
    """Impulse r-RESPA: a cheap inner model at each step, the model itself at each `every`-th (engines.md)."""

    inner: Path
    """A model folder as `molgun export` writes it, with its card; relative to the campaign file. It computes in
    `model.dtype`, with the engine of the model itself where it has a file for that."""
    every: Annotated[int, Field(ge=2)]
    """Steps from one evaluation of the model to the next. Frames, energies, checks of `stop`, checkpoints and the end
    fall on its multiples: it divides their numbers of steps."""


class Engine(Section):
    """What computes the forces."""

    kind: Literal["auto", EngineKind] = "auto"
    """`mace`: the TorchScript pair style; `symmetrix`: the same model many times faster on CPUs (extra `fast`);
    `torchscript`: the pair style's file asked from Python, which needs no compiler and can be asked `together`;
    `auto`: the fastest that passed parity for this model and runs on this machine, resolved once, at `plan`;
    `stock`: no model, but the interatomic potential of `commands`."""
    commands: tuple[str, ...] = ()
    """With `stock`: LAMMPS's own lines, such as [pair_style lj/cut 4.0, pair_coeff * * 0.01 2.5]. Atom types are the
    elements of slab and molecule by atomic number, from 1 (an element with isotopes has one for each mass, the lightest
    first); a chemical symbol stands for its type. Potentials with files of their own, such as [pair_style eam/alloy,
    pair_coeff * * NiAlH_jea.eam.alloy]: eam, eam/alloy, eam/fs, adp, meam, sw, tersoff and its kin, rebo, airebo,
    reaxff, bop, snap, pace. Files lie relative to the campaign file or among those that come with LAMMPS; which element
    each type is follows from the system."""
    cutoff_angstrom: PositiveFloat | None = None
    """With `stock`: the longest range of `commands`; not needed where the potentials' files say it."""
    threads: PositiveInt = 1
    """CPU threads of one worker. With one, a trajectory can be repeated bit for bit; with more, sums are taken in any
    order and two runs of one deck part after some hundred steps."""
    together: PositiveInt | Literal["auto"] = 1
    """Trajectories that one worker fires at once, their forces in one evaluation: for GPUs (`torchscript`,
    `symmetrix`). One core gains little from it. With more than 1 a trajectory repeats to rounding, not bit for bit.
    `auto`: measured once, at `plan`: as many as fit into the memory here, as long as twice as many make each of them
    cheaper."""
    multistep: Multistep | None = None
    """Such as {inner: inner_model, every: 4}, with `symmetrix` or `torchscript`: the model is evaluated at each fourth
    step only. Not for equilibrations, quenches and clusters."""
    hung_after_s: PositiveFloat = 600.0
    """A step (the first one loads the model) that takes longer has hung: its worker is ended, and another one tries
    the trajectory again."""

    @model_validator(mode="after")
    def _multistep_is_asked_from_python(self) -> Self:
        if self.multistep is not None and self.kind in {"mace", "stock"}:
            raise ValueError(
                f"`multistep` splits the forces in the callback of `fix external`, and with the engine `{self.kind}` "
                "LAMMPS computes them itself: set `kind` to symmetrix, torchscript or auto, or leave `multistep` out "
                "(of a replay: --every 1)"
            )
        return self


class Campaign(Section):
    """A campaign of gun trajectories."""

    name: Name
    """Names the campaign folder: letters, digits, dots, dashes and underscores."""
    seed: Annotated[int, Field(ge=0)] = 24
    """Trajectory i depends on (seed, i) alone."""
    trajectories: Annotated[int, Field(ge=0, le=1_000_000)]
    """With `dose` it may be left out."""
    dose: Dose | None = None
    """Such as {chains: 20, molecules: 12, between_ps: 5}: molecule after molecule onto one surface."""
    system: System
    model: Model = Model()
    gun: Gun = Gun()
    dynamics: Dynamics = Dynamics()
    stop: StopRules = StopRules()
    engine: Engine = Engine()
    outcomes: OutcomeCriteria = OutcomeCriteria()

    @property
    def intervals_steps(self) -> dict[str, int]:
        """Whatever of a trajectory is stored or looked at lies at multiples of these: key -> steps."""
        found = {
            "dynamics.steps": self.dynamics.steps,
            "dynamics.dump_every_steps": self.dynamics.dump_every_steps,
            "dynamics.thermo_every_steps": self.dynamics.thermo_every_steps,
            "dynamics.checkpoint_every_steps": self.dynamics.checkpoint_every_steps,
            "stop.check_every_steps": self.stop.check_every_steps,
        }
        return {key: steps for key, steps in found.items() if steps is not None}

    @model_validator(mode="after")
    def _all_that_is_seen_is_of_the_full_model(self) -> Self:
        """Between two of its evaluations positions are half a stride ahead of velocities, and no energy is its own."""
        if self.engine.multistep is None:
            return self
        every = self.engine.multistep.every
        wrong = [f"{key} is {steps}" for key, steps in self.intervals_steps.items() if steps % every]
        if wrong:
            raise ValueError(
                f"engine.multistep.every is {every}, and {', '.join(wrong)}: frames, energies, checks, checkpoints and "
                f"the end are of steps at which the model itself is evaluated. Take multiples of {every}, or an "
                "engine.multistep.every that divides them all"
            )
        return self

    @model_validator(mode="after")
    def _settles_within_its_time(self) -> Self:
        rule = self.stop.settled
        if rule is None:
            return self
        if rule.after_ps < self.outcomes.persistence_fs / FS_PER_PS:
            raise ValueError(
                f"stop.settled.after_ps ({rule.after_ps:g}) is below outcomes.persistence_fs "
                f"({self.outcomes.persistence_fs:g}): a molecule would have settled in a class that does not count yet"
            )
        if rule.after_ps >= self.dynamics.duration_ps:
            raise ValueError(
                f"stop.settled.after_ps ({rule.after_ps:g}) is not below the trajectories' planned length of "
                f"{self.dynamics.duration_ps:g} ps (dynamics.steps): none could settle before its end. Leave the rule "
                "out (stop.settled: null), or fire for longer"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _shots_of_a_dose(cls, data: Any) -> Any:
        return with_number_of_shots(data) if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _chains_are_independent(self) -> Self:
        if self.dose is None:
            return self
        if self.trajectories != self.dose.shots:
            raise ValueError(
                f"trajectories is {self.trajectories}, and dose asks for {self.dose.chains} chains of "
                f"{self.dose.molecules} molecules, which are {self.dose.shots}: leave trajectories out"
            )
        if self.stop.settled is not None:
            raise ValueError(
                "stop.settled ends shots before their time, and the next of a chain (dose) begins with what is left at "
                "the planned end: leave it out"
            )
        if self.system.slab.adsorbates:
            raise ValueError(
                "system.slab.adsorbates are those of a plain campaign at a covered surface, and the chains of a dose "
                "begin with a clean one: leave one of them out"
            )
        if self.gun.grid is not None:
            raise ValueError(
                "gun.grid goes round its points from shot to shot, and the shots of a chain (dose) are of one beam: "
                "plan a campaign for each energy and angle"
            )
        if self.gun.sampling == "sobol":
            raise ValueError(
                "gun.sampling: sobol spreads the shots of a campaign evenly, so that those of a chain (dose) would not "
                "be independent, and where one comes would tell where the next does: leave it out"
            )
        return self
