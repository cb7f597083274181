"""What decides an inner model: which frames the full model is asked on, and how the small one is trained."""

from pathlib import Path
from typing import Any, Self

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from molgun_lmp.config.section import Section
from molgun_lmp.training.settings import (
    ExponentialSchedule,
    Fraction,
    ModelShape,
    Optimisation,
    PlateauSchedule,
    Split,
)


class FiredFrames(Section):
    """The small campaigns that the full model fires for frames."""

    shots: PositiveInt = 6
    """As the campaign file fires them."""
    hot: NonNegativeInt = 3
    """The same, with slab and molecule held at `hot_temperature_k` by a thermostat."""
    hot_temperature_k: PositiveFloat = 600.0
    longest_ps: PositiveFloat = 2.5
    """Of a trajectory, where the campaign's own is not shorter."""
    frame_every_fs: PositiveFloat = 20.0
    seed: NonNegativeInt = 7001
    """Of the shots: not the campaign's own, whose shots are not to be those that were trained on."""


class FlightSettings(Section):
    """The molecules that fly alone, to find the outer steps at which they do not keep their energy."""

    molecules: NonNegativeInt = 12
    """Snapshots of the campaign's pool; 0: none fly. An atom has nothing to keep."""
    kinetic_energy_times: PositiveFloat = 2.0
    """That of the snapshots is multiplied by this: what binds gets hot, and a mode with much energy is seen sooner."""
    duration_ps: PositiveFloat = 1.0
    outer_steps_fs: tuple[PositiveFloat, ...] = (1.2, 1.4, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2, 2.3, 2.4)
    """Each of as few steps as make the timestep not longer than the campaign's."""


class InnerSplit(Split):
    """As of `molgun train`. By trajectory, snapshots of pools are always trained on."""

    test: Fraction | PositiveInt | tuple[str, ...] | None = 0.15


class InnerShape(ModelShape):
    """As of `molgun train`. The default costs a sixth of the example's model under symmetrix."""

    num_channels: PositiveInt = 16
    r_max_angstrom: PositiveFloat = 3.5


class InnerOptimisation(Optimisation):
    """As of `molgun train`."""

    epochs: PositiveInt = 50
    batch_size: PositiveInt = 2
    """Steps count, and a small batch costs a CPU little."""
    schedule: ExponentialSchedule | PlateauSchedule = ExponentialSchedule(kind="exponential", gamma=0.92)


class DistillationConfig(Section):
    """One distillation."""

    fired: FiredFrames = FiredFrames()
    """Not used where frames are given."""
    max_force_ev_per_angstrom: PositiveFloat = 30.0
    """A frame with a longer force vector is left out."""
    split: InnerSplit = InnerSplit()
    foundation: Path | None = None
    """Model folder of an inner model to start from, distilled from this full model or from one before it: after a
    refinement of the full model a few epochs do. Relative to the settings file, or to where the command is run if there
    is none. None trains from scratch."""
    architecture: InnerShape | None = None
    """Of an inner model from scratch (left out: the default shape); `foundation` brings its own."""
    optimisation: InnerOptimisation = InnerOptimisation()
    seed: NonNegativeInt = 1
    """Of the weights."""
    judged_frames: PositiveInt = 6
    """Held-out frames on which stiffness is found; some hundred evaluations of both models each."""
    flights: FlightSettings = FlightSettings()

    @property
    def shape(self) -> InnerShape:
        """Of an inner model from scratch."""
        return self.architecture or InnerShape()

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, document: Any) -> Any:
        """The resolved settings show the shape that was used."""
        if isinstance(document, dict) and document.get("foundation") is None:
            return {**document, "architecture": document.get("architecture") or {}}
        return document

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.foundation is not None and self.architecture is not None:
            raise ValueError("an inner model that goes on from `foundation` keeps its shape: leave out `architecture`")
        return self
