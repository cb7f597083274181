"""What engines, precisions and model files are called, and what is known of each format of a model's file.

The names are `Literal`s, so that mypy and the JSON schema know them: the campaign file, the manifest, the card and the
commands all take them from here. One row for each format is below, one for each engine in `molgun_lmp.engine.registry`,
whose head says how to add an engine.
"""

import dataclasses
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Dtype = Literal["float32", "float64"]

ModelEngineKind = Literal["mace", "symmetrix", "torchscript"]
"""Engines that run a model."""

EngineKind = Literal[ModelEngineKind, "stock"]

ExportedFormat = Literal["torchscript", "symmetrix", "symmetrix-splines", "mliap"]
"""Translations of a trained model, each to be compared with mace."""

ModelFormat = Literal[ExportedFormat, "mace"]


class ParityLimits(NamedTuple):
    """The largest differences from mace that pass: eV/atom, eV/Å, and eV/atom of virial.

    `contact` is the share of a force between two close atoms that is granted beside `force`; `rounding` the share of
    the largest force that is granted on frames: to `force`, and over 1 Å to `energy` and `virial`.
    """

    energy: float
    force: float
    virial: float
    contact: float
    rounding: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileFormat:
    """One format of a model's file."""

    name: ModelFormat
    read_by: str
    """In words."""
    files: Mapping[Dtype | None, str]
    """Dtype -> name in a model folder; None: one file for all of them."""
    by_default: bool = True
    """Whether `molgun export` writes it unless told otherwise."""
    carries_code: bool = True
    """Whether loading it can run code of whoever wrote it."""
    parity: Mapping[Dtype, ParityLimits] = dataclasses.field(default_factory=dict)
    """The precisions in which it is compared with mace; none for mace's own file."""
    shown_with: ModelEngineKind | None = None
    """The engine with which LAMMPS itself runs it for that comparison; None: it is asked from Python alone."""
    not_run_because: str | None = None
    """Why LAMMPS does not run it for that comparison, for the card."""
    ends: str = ""
    """Until when it can be read, and what comes after it, where its end is known."""
    evaluation_rank: int | None = None
    """Place among the files of a model folder that `molgun evaluate` takes, from 1; None: it cannot be asked there."""

    @property
    def original(self) -> bool:
        """Whether it is mace's own file, in its own dtype, and no translation to compare with it."""
        return not self.parity


# All limits of parity are far below any model's own error.
_ROWS: Final = (
    FileFormat(
        name="torchscript",
        read_by="`pair_style mace` and torch",
        files={"float32": "model.pt", "float64": "model-float64.pt"},
        # float64 runs the same operations as the reference, but for the prefactor of mace's ZBL repulsion, which has
        # torch's default precision, single in LAMMPS; float32 rounds.
        parity={"float32": ParityLimits(2e-5, 1e-3, 1e-4, 1e-3), "float64": ParityLimits(1e-9, 1e-7, 1e-7, 1e-6, 1e-7)},
        shown_with="mace",
        ends="torch calls TorchScript deprecated, and unsupported from Python 3.14 on; no release that removes it is "
        "named. Python 3.13, the last that has it, is maintained until October 2029. After it: AOTInductor",
        evaluation_rank=2,
    ),
    FileFormat(
        name="symmetrix",
        read_by="symmetrix",
        files={None: "model.symmetrix.json"},
        carries_code=False,
        # The radial functions are interpolated with splines, which decides the limits in both dtypes.
        parity={"float32": ParityLimits(2e-5, 5e-4, 1e-4, 1e-3), "float64": ParityLimits(1e-5, 2e-4, 1e-4, 1e-3)},
        shown_with="symmetrix",
        evaluation_rank=3,
    ),
    FileFormat(
        name="symmetrix-splines",
        read_by="LAMMPS with `pair_style symmetrix/mace`, which does not read the file of the engine symmetrix",
        files={None: "model.symmetrix-splines.json"},
        by_default=False,  # for another LAMMPS than the one of this environment, and some 65 MB
        carries_code=False,
        # That pair style computes in float64; the radial functions of each pair of elements are splines.
        parity={"float64": ParityLimits(1e-5, 2e-4, 1e-4, 1e-3)},
        not_run_because="the LAMMPS of this environment has no pair_style symmetrix/mace; symmetrix's Python package "
        "read the same file",
        evaluation_rank=4,
    ),
    FileFormat(
        name="mliap",
        read_by="LAMMPS with ML-IAP",
        files={"float32": "model.mliap.pt", "float64": "model-float64.mliap.pt"},
        by_default=False,  # for another LAMMPS than the one of this environment
        # It may run cuEquivariance's operators, whose coefficients are rounded.
        parity={"float32": ParityLimits(2e-5, 1e-3, 1e-4, 1e-3), "float64": ParityLimits(1e-7, 1e-5, 1e-6, 1e-5)},
        not_run_because="the LAMMPS of this environment has no ML-IAP with Python; the file was asked as LAMMPS asks "
        "it",
    ),
    FileFormat(name="mace", read_by="mace", files={None: "model.model"}, evaluation_rank=1),
)

MODEL_FORMATS: Final[Mapping[ModelFormat, FileFormat]] = {row.name: row for row in _ROWS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportedFile:
    """What a name of `molgun export --format` stands for. `dtype` None: the reader's choice, or the model's own."""

    format: ModelFormat
    dtype: Dtype | None
    file_name: str


EXPORTED_FILES: Final[Mapping[str, ExportedFile]] = {
    row.name if dtype is None else f"{row.name}-{dtype}": ExportedFile(format=row.name, dtype=dtype, file_name=file)
    for row in _ROWS
    for dtype, file in row.files.items()
}
"""Such as `torchscript-float32`."""

SPLINE_POINTS: Final = 512
"""Of the radial functions in a `symmetrix-splines` file. On the example's model 200 points cost 5e-4 eV/Å (28 MB), 512
cost 3e-5 (65 MB) and 1024 cost 2e-6 (134 MB)."""
