"""The files of a model folder: how each format is written, and how it is shown to compute what mace does."""

import dataclasses
import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.errors import EngineError
from molgun_lmp.training.card import Format
from molgun_lmp.training.deploy import deploy, extract_symmetrix, symmetrix_refusal
from molgun_lmp.training.frames import LabelledFrame
from molgun_lmp.training.lammps_parity import LammpsFormat, fit_for_lammps, predict_in_lammps
from molgun_lmp.training.mliap import deploy_mliap, predict_mliap
from molgun_lmp.training.models import Dtype, ModelFacts
from molgun_lmp.training.parity import ExportFormat, compare, require_parity
from molgun_lmp.training.predict import Prediction, predict_deployed, predict_symmetrix
from molgun_lmp.training.results import ParityReport

log = logging.getLogger(__name__)

_IN_LAMMPS: Final = 2
"""Frames that are also run by LAMMPS: it reads the same file as the other check, what can differ is the way there."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportedFile:
    """What a name of `--format` stands for. `dtype` None: the reader's choice, or the model's own."""

    format: Format
    dtype: Dtype | None
    file_name: str


FILES: Final[Mapping[str, ExportedFile]] = {
    "torchscript-float32": ExportedFile(format="torchscript", dtype="float32", file_name="model.pt"),
    "torchscript-float64": ExportedFile(format="torchscript", dtype="float64", file_name="model-float64.pt"),
    "symmetrix": ExportedFile(format="symmetrix", dtype=None, file_name="model.symmetrix.json"),
    "mliap-float32": ExportedFile(format="mliap", dtype="float32", file_name="model.mliap.pt"),
    "mliap-float64": ExportedFile(format="mliap", dtype="float64", file_name="model-float64.mliap.pt"),
    "mace": ExportedFile(format="mace", dtype=None, file_name="model.model"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exported:
    """What came of one format: `refusal` why there is no file, `not_run` why LAMMPS did not run it here."""

    parity: tuple[ParityReport, ...] = ()
    refusal: str | None = None
    not_run: str | None = None
    needs: str = ""


def write_file(
    name: str,
    model: Path,
    folder: Path,
    *,
    facts: ModelFacts,
    head: str,
    frames: Sequence[LabelledFrame],
    reference: Sequence[Prediction],
) -> Exported:
    """Write one format into the folder and compare it with mace's own predictions.

    `model` must have been checked (`trusted_sha256`). Raises `ModelError` for a file that fails.
    """
    kind = FILES[name]
    file = folder / kind.file_name
    if kind.format == "mace":
        shutil.copyfile(model, file)
        return Exported()
    check = _Check(file=file, facts=facts, frames=frames, reference=reference)
    if kind.format == "torchscript" and kind.dtype is not None:
        deploy(model, file, dtype=kind.dtype, head=head)
        check.python("torchscript", kind.dtype, predict_deployed(file, frames, dtype=kind.dtype, virial=True))
        check.lammps("torchscript", kind.dtype)
        return check.result()
    if kind.format == "mliap" and kind.dtype is not None:
        needs = deploy_mliap(model, file, dtype=kind.dtype, head=head)
        check.python("mliap", kind.dtype, predict_mliap(file, frames, dtype=kind.dtype))
        why = "the LAMMPS of this environment has no ML-IAP with Python; the file was asked as LAMMPS asks it"
        return dataclasses.replace(check.result(), needs=needs, not_run=why)
    refusal = symmetrix_refusal(facts)
    if refusal is not None:
        log.warning("no symmetrix file: %s", refusal)
        return Exported(refusal=refusal)
    extract_symmetrix(model, file, head=head)
    for dtype in ("float32", "float64"):
        check.python("symmetrix", dtype, predict_symmetrix(file, frames, dtype=dtype))
        check.lammps("symmetrix", dtype)
    return check.result()


@dataclasses.dataclass(kw_only=True)
class _Check:
    """Gathers the parity reports of one file; the first that fails raises `ModelError`."""

    file: Path
    facts: ModelFacts
    frames: Sequence[LabelledFrame]
    reference: Sequence[Prediction]
    reports: list[ParityReport] = dataclasses.field(default_factory=list)
    not_run: str | None = None

    def python(self, format: ExportFormat, dtype: Dtype, found: Iterable[Prediction]) -> None:  # noqa: A002
        """Asked from Python, on all frames."""
        self.reports.append(compare(self.reference, found, format=format, dtype=dtype))
        require_parity(self.reports[-1])

    def lammps(self, format: LammpsFormat, dtype: Dtype) -> None:  # noqa: A002
        """Run by LAMMPS, on the first frames that every LAMMPS run can hold."""
        fit = fit_for_lammps(self.frames)[:_IN_LAMMPS]
        if not fit:
            self.not_run = "none of the frames is periodic in all directions or in none"
            return
        try:
            found = predict_in_lammps(
                self.file,
                [self.frames[index] for index in fit],
                format=format,
                dtype=dtype,
                elements=self.facts.elements,
                cutoff_angstrom=self.facts.r_max_angstrom,
            )
        except EngineError as error:
            log.warning("parity of the %s file in LAMMPS is not shown: %s", format, error)
            self.not_run = str(error)
            return
        expected = [self.reference[index] for index in fit]
        self.reports.append(compare(expected, found, format=format, dtype=dtype, run_by="lammps"))
        require_parity(self.reports[-1])

    def result(self) -> Exported:
        """What was gathered."""
        return Exported(parity=tuple(self.reports), not_run=self.not_run)
