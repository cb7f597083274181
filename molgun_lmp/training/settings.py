"""The training file: one strict, frozen model of everything that decides a trained model.

What mace would decide silently is a named value here; every other option of mace is reached through `mace_options`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from molgun_lmp.config.section import Section
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.card import Licences
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.training.presets import PresetName, with_preset

Fraction = Annotated[float, Field(gt=0, lt=1)]
Element = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
BondPair = Annotated[str, Field(pattern=r"^[A-Z][a-z]?-[A-Z][a-z]?$")]


class FrameLimits(Section):
    """What a frame may look like."""

    max_force_ev_per_angstrom: PositiveFloat = 50.0
    """A frame with a longer force vector is dropped (and reported)."""
    intact_bonds: dict[BondPair, PositiveFloat | None] = {}  # noqa: RUF012  # frozen
    """Bonds of the molecule that must hold, such as `C-H: 1.67`: a frame in which one is longer, in Å, is dropped. The
    bonds are those of the first frame of the same atoms; null: the sum of the covalent radii and 0.6 Å."""
    max_energy_deviation_ev_per_atom: PositiveFloat = 5.0
    """A larger distance from the composition's energy stops the training: mixed units or levels of theory."""
    energies_follow_forces: bool = True
    """Stop where energies of neighbouring frames differ by anything but the work of the forces between them: units
    other than eV and Å, kinetic energy in the labels, or energies per atom."""
    zeroed_forces: bool = False
    """Go on where forces of the same atoms are exactly zero in every frame and the others do not balance: a constraint
    was applied, and they are not minus the gradient of the energy."""
    lost_periodicity: bool = False
    """Go on where atoms are bonded across a boundary of their cell that is said to be none, or the same atoms in the
    same cell have two periodicities."""


AS_THEY_ARE = FrameLimits(energies_follow_forces=False, zeroed_forces=True, lost_periodicity=True)
"""For frames that were judged before, or whose labels do not matter."""


class Split(Section):
    """Which frames are used, and for what.

    `by` decides about validation and test frames. By trajectory, no trajectory is in two sets: neighbouring frames are
    alike, and frames held out at random are close to what was trained on. The second kind of test set can be had
    besides. `given`: each frame's own `set` header decides, as `molgun dataset` writes it.
    """

    by: Literal["trajectory", "random", "given"] = "trajectory"
    every: PositiveInt = 1
    """Only every n-th of the shuffled frames is used; fractions below are of these."""
    validation: Fraction | tuple[str, ...] = 0.1
    """A fraction of the frames, or the names of trajectories. Chooses the best epoch."""
    test: Fraction | PositiveInt | tuple[str, ...] | None = None
    """The same for frames that training never sees; a random test set may be a number of frames, and is taken from
    those that `every` leaves over, where it leaves any."""
    test_random: Fraction | PositiveInt | None = None
    """With `by: trajectory`: a second test set, of frames of the trajectories that are trained on."""
    test_trajectories: Fraction | tuple[str, ...] | None = None
    """With `by: random`: a second test set, of whole trajectories that nothing else is taken from."""
    seed: NonNegativeInt = 24
    thin: dict[str, PositiveInt] = {}  # noqa: RUF012  # frozen
    """Pattern of trajectories' names (`r7-*`) -> of each such trajectory only every n-th frame is trained on, beginning
    with the first; of several patterns the last one that fits. So frames of before are repeated at a small cost while
    new ones are learned: `{"*": 4, "new-*": 1}`."""
    leave_out: tuple[NonNegativeInt, PositiveInt] | None = None
    """[k, K]: of the training trajectories, those of part k of K (by a hash of their names, the same whatever else is
    there) are not trained on. So the members of a committee differ; `molgun train --committee` sets it."""

    @model_validator(mode="after")
    def _part_is_one(self) -> Self:
        if self.leave_out is not None and self.leave_out[0] >= self.leave_out[1]:
            raise ValueError("leave_out: parts are counted from 0, so [k, K] needs k < K")
        return self

    @model_validator(mode="after")
    def _sets_are_of_one_kind(self) -> Self:
        if self.by == "random" and (isinstance(self.validation, tuple) or isinstance(self.test, tuple)):
            raise ValueError("a random split takes fractions; naming trajectories needs `by: trajectory`")
        if self.by == "random" and self.test_random is not None:
            raise ValueError("with `by: random` the random test set is `test`")
        if self.by == "trajectory" and self.test_trajectories is not None:
            raise ValueError("with `by: trajectory` the test set of whole trajectories is `test`")
        if self.by == "trajectory" and isinstance(self.test, int):
            raise ValueError(
                "whole trajectories are held out by a fraction or by their names, not by a number of frames"
            )
        # By value, not by what was set: the resolved file names every key.
        others = type(self).model_fields.keys() - {"by", "seed", "thin", "leave_out"}
        if self.by == "given" and any(getattr(self, key) != type(self).model_fields[key].default for key in others):
            raise ValueError("with `by: given` the frames' own headers name their sets: leave out everything else")
        return self


class FoundationFile(Section):
    """Start from a `.model` file of one's own."""

    file: Path
    """Relative to the training file."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    """Needed unless a model card beside the file lists it: the file runs code when it is loaded."""


class FoundationName(Section):
    """Start from a foundation model that mace knows by name and fetches into its own cache."""

    name: str
    """Such as `medium` (MACE-MP-0)."""


class Multihead(Section):
    """Fine-tune a second head while the first repeats frames of the foundation's own training (mace: replay)."""

    replay: Literal["mp"] | Annotated[tuple[Path, ...], Field(min_length=1)] = "mp"
    """Files of labelled frames, relative to the training file; or `mp`: frames of the Materials Project that mace
    chooses and fetches into its own cache, for foundation models that were trained on them."""
    labels: Labels | None = None
    """Of the replay files; None: detected where only one pair of keys is there."""
    samples: PositiveInt = 10_000
    """Of `mp`: how many frames."""
    weight: PositiveFloat = 1.0
    """Of the replayed frames in the loss."""


class Lora(Section):
    """Low-rank adaptation: the foundation's weights stay, each linear layer gains a product of two thin matrices."""

    rank: PositiveInt = 4
    alpha: PositiveFloat = 1.0
    """The product is scaled by alpha / rank."""


class ModelShape(Section):
    """The shape of a model trained from scratch. The default can be converted for symmetrix."""

    num_channels: PositiveInt = 32
    max_L: Annotated[int, Field(ge=0, le=3)] = 0  # noqa: N815  # mace's name
    num_interactions: PositiveInt = 2
    max_ell: Annotated[int, Field(ge=1, le=6)] = 3
    correlation: Annotated[int, Field(ge=1, le=4)] = 3
    r_max_angstrom: PositiveFloat = 5.0


class ExponentialSchedule(Section):
    """The learning rate shrinks by `gamma` every epoch."""

    kind: Literal["exponential"]
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.9


class PlateauSchedule(Section):
    """The learning rate shrinks by `factor` when the validation loss has not improved for `patience` epochs."""

    kind: Literal["plateau"]
    factor: Fraction = 0.8
    patience: PositiveInt = 50


class Optimisation(Section):
    """How the weights are found."""

    epochs: PositiveInt = 100
    patience: PositiveInt | None = None
    """End the training after so many epochs without a lower validation loss; None: never before `epochs`."""
    batch_size: PositiveInt = 4
    """Frames in a step, of each GPU."""
    learning_rate: PositiveFloat = 0.01
    schedule: Annotated[ExponentialSchedule | PlateauSchedule, Field(discriminator="kind")] = PlateauSchedule(
        kind="plateau"
    )
    ema_decay: Fraction | None = 0.99
    """Decay of the exponential moving average of the weights, which is what is validated and kept; None: no average."""
    energy_weight: PositiveFloat = 1.0
    forces_weight: PositiveFloat = 100.0
    weight_decay: Annotated[float, Field(ge=0)] = 5e-7
    clip_gradient: PositiveFloat | None = 10.0


class TrainingConfig(Section):
    """One training."""

    preset: PresetName | None = None
    """Values to start from; every key that stands in the file itself goes before them."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]
    """Names the model (letters, digits, dots and dashes)."""
    level_of_theory: Annotated[str, Field(min_length=1)]
    """Of the labels, such as `PBE-D3(BJ), VASP`; stands on the model card and on every result."""
    labels_hold_dispersion: bool | None = None
    """Goes onto the card: a campaign lays D3 over a model only if its labels hold none. None: nobody said."""
    distilled_from: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Goes onto the card: SHA-256 of mace's own file of the model that made the labels; None: a reference method did.
    `molgun distill` says it."""
    frames: Annotated[tuple[Path, ...], Field(min_length=1)]
    """Files, folders and archives of labelled frames (vasprun.xml, OUTCAR, NAME-pos-1.xyz of CP2K, extxyz, ASE
    databases; a folder of `molgun dataset`), relative to the training file."""
    labels: Labels | None = None
    """None: detected where only one pair of keys is there."""
    elements: tuple[Element, ...] | None = None
    """Elements that the model must know; None: those of the training frames. It knows those in any case."""
    limits: FrameLimits = FrameLimits()
    split: Split = Split()
    reference_energies: (
        Literal["auto", "isolated_atoms", "least_squares", "foundation", "foundation_estimated"] | dict[Element, float]
    ) = "auto"
    """The energy of each element that the network adds to. `isolated_atoms`: frames of `config_type` IsolatedAtom;
    `least_squares`: fitted to the training energies, as close to isolated atoms as they allow (no dissociation
    limit, smaller numbers to learn); `foundation`: the foundation model's; `foundation_estimated`: the foundation
    model's, shifted to the labels' level by mace; `auto`: isolated atoms where each element has one, otherwise
    foundation_estimated with a foundation model and least_squares without; or eV for each element."""
    foundation: FoundationFile | FoundationName | None = None
    """None trains from scratch."""
    reinitialise_readouts: bool = False
    """Throw away what the foundation model's readouts learned: they start from random numbers."""
    multihead: Multihead | None = None
    """Multihead replay fine-tuning (mace's silent default for foundation models, off here unless asked for)."""
    lora: Lora | None = None
    """None trains every weight."""
    architecture: ModelShape | None = None
    """Of a model from scratch (left out: the default shape); a foundation model brings its own."""
    optimisation: Optimisation = Optimisation()
    dtype: Dtype = "float32"
    device: Literal["cpu", "cuda", "mps", "xpu"] = "cpu"
    gpus: PositiveInt = 1
    """Of one node; more than one are driven by torchrun, each with its own part of the frames."""
    seed: NonNegativeInt = 1
    threads: PositiveInt = 2
    """Of each process, one for each GPU."""
    licences: Licences = Licences()
    mace_options: dict[str, bool | int | float | str | list[float] | dict[str, float]] = {}  # noqa: RUF012  # frozen
    """Any other option of `mace_run_train`, by its name there."""

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, document: Any) -> Any:
        """The resolved file shows the preset's values, and the shape that was used."""
        if not isinstance(document, dict):
            return document
        document = with_preset(document)
        if document.get("foundation") is not None:
            return document
        document["architecture"] = document.get("architecture") or {}
        licences = document.get("licences") or {}
        if isinstance(licences, dict):
            document["licences"] = {"foundation": "none: trained from scratch", **licences}
        return document

    @model_validator(mode="after")
    def _foundation_decides(self) -> Self:
        if self.foundation is not None and self.architecture is not None:
            raise ValueError("with a foundation model the architecture is its own: leave out `architecture`")
        for key in ("multihead", "lora", "reinitialise_readouts"):
            if self.foundation is None and getattr(self, key):
                raise ValueError(f"{key} is a way to fine-tune: it needs a `foundation` model")
        if self.foundation is None and self.reference_energies in ("foundation", "foundation_estimated"):
            raise ValueError(f"reference_energies: {self.reference_energies} needs a `foundation` model")
        return self

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        if self.lora is not None and self.reinitialise_readouts:
            raise ValueError("with lora the readouts' own weights never change: leave out reinitialise_readouts")
        if self.lora is not None and any(self.mace_options.get(key) for key in ("enable_cueq", "enable_oeq")):
            raise ValueError(
                "mace_options: lora's weights are lost when mace converts the model for enable_cueq or enable_oeq: "
                "leave out one of the two"
            )
        if self.multihead is not None and self.reinitialise_readouts:
            raise ValueError("the replayed head needs the foundation's readouts: leave out reinitialise_readouts")
        if self.gpus > 1 and self.device not in ("cuda", "xpu"):
            raise ValueError(f"gpus: {self.gpus} needs `device: cuda`; on {self.device} mace trains in one process")
        if self.optimisation.patience is not None and self.has_second_stage:
            raise ValueError("optimisation.patience and a second stage (mace_options.swa) exclude each other")
        return self

    @property
    def has_second_stage(self) -> bool:
        """Whether mace's stage two (`swa`, energies weighted higher at the end) was asked for."""
        return any(self.mace_options.get(key) for key in ("swa", "stage_two", "start_swa", "start_stage_two"))
