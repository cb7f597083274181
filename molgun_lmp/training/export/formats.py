"""The files of a model folder: how each format is written, and how it is shown to compute what mace does."""

import dataclasses
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.errors import EngineError, MolgunError
from molgun_lmp.model_formats import (
    EXPORTED_FILES,
    MODEL_FORMATS,
    SPLINE_POINTS,
    Dtype,
    ExportedFile,
    ExportedFormat,
    ModelEngineKind,
)
from molgun_lmp.models.error_reports import ContactParity, ParityReport
from molgun_lmp.models.mace_file import ModelFacts
from molgun_lmp.models.predict import Prediction, predict_deployed, predict_symmetrix
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.export.contacts import ClosePair, compare_contacts, compared_elements, require_contacts
from molgun_lmp.training.export.deploy import (
    deploy,
    extract_splines,
    extract_symmetrix,
    splines_refusal,
    symmetrix_refusal,
)
from molgun_lmp.training.export.lammps_parity import predict_in_lammps
from molgun_lmp.training.export.mliap import deploy_mliap, predict_mliap
from molgun_lmp.training.export.parity import compare, require_parity

log = logging.getLogger(__name__)

_IN_LAMMPS: Final = 2
"""Frames that are also run by LAMMPS: it reads the same file as the other check, what can differ is the way there."""

_LONGEST_WORDS: Final = 400


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exported:
    """What came of one format: `refusal` why there is no file, `not_run` why LAMMPS did not run it here."""

    parity: tuple[ParityReport, ...] = ()
    contacts: tuple[ContactParity, ...] = ()
    refusal: str | None = None
    not_run: str | None = None
    needs: str = ""
    elements: tuple[str, ...] | None = None
    """Those that the file holds, where they are not all of the model's."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a file is to hold. `dtype` is the file's own, or any where the reader chooses; `elements` and
    `spline_points` matter for `symmetrix-splines`, which tabulates each pair of them."""

    dtype: Dtype
    head: str
    elements: tuple[str, ...]
    spline_points: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaceReference:
    """What mace's calculator computes, for every file to be compared with: on frames, and on pairs of close atoms."""

    frames: Sequence[LabelledFrame]
    on_frames: Sequence[Prediction]
    dimers: Sequence[ClosePair] = ()
    on_dimers: Sequence[Prediction] = ()

    @property
    def structures(self) -> list[LabelledFrame]:
        """The frames, and the dimers after them."""
        return [*self.frames, *(dimer.frame() for dimer in self.dimers)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Translation:
    """How one format is made and asked.

    `write(model, file, wanted)` gives what the reader needs beside what the format says. `predict(file, frames, dtype)`
    asks the file from Python. `refusal(facts)` says why a model cannot be had in this format, None where it can.
    `holds(facts, frames)`: the elements that the file is to hold.
    """

    write: Callable[[Path, Path, Wanted], str]
    predict: Callable[[Path, Sequence[LabelledFrame], Dtype], Iterator[Prediction]]
    refusal: Callable[[ModelFacts], str | None] = lambda _: None
    holds: Callable[[ModelFacts, Sequence[LabelledFrame]], tuple[str, ...]] = lambda facts, _: facts.elements


def _write_torchscript(model: Path, file: Path, wanted: Wanted) -> str:
    deploy(model, file, dtype=wanted.dtype, head=wanted.head)
    return ""


def _write_symmetrix(model: Path, file: Path, wanted: Wanted) -> str:
    extract_symmetrix(model, file, head=wanted.head)
    return ""


def _write_splines(model: Path, file: Path, wanted: Wanted) -> str:
    extract_splines(model, file, head=wanted.head, elements=wanted.elements, points=wanted.spline_points)
    return f"pair_style symmetrix/mace; splines of {wanted.spline_points} points"


def _compared(facts: ModelFacts, frames: Sequence[LabelledFrame]) -> tuple[str, ...]:
    """What a file of tables for each pair of elements holds: those of which all pairs are compared."""
    return compared_elements(facts.elements, (symbol for frame in frames for symbol in frame.symbols))


_TRANSLATIONS: Final[Mapping[ExportedFormat, _Translation]] = {
    "torchscript": _Translation(
        write=_write_torchscript,
        predict=lambda file, frames, dtype: predict_deployed(file, frames, dtype=dtype, virial=True),
    ),
    "symmetrix": _Translation(
        write=_write_symmetrix,
        predict=lambda file, frames, dtype: predict_symmetrix(file, frames, dtype=dtype),
        refusal=symmetrix_refusal,
    ),
    "symmetrix-splines": _Translation(
        write=_write_splines,
        predict=lambda file, frames, dtype: predict_symmetrix(file, frames, dtype=dtype),
        refusal=splines_refusal,
        holds=_compared,
    ),
    "mliap": _Translation(
        write=lambda model, file, wanted: deploy_mliap(model, file, dtype=wanted.dtype, head=wanted.head),
        predict=lambda file, frames, dtype: predict_mliap(file, frames, dtype=dtype),
    ),
}


def write_file(
    name: str,
    model: Path,
    folder: Path,
    *,
    facts: ModelFacts,
    head: str,
    reference: MaceReference,
    spline_points: int = SPLINE_POINTS,
) -> Exported:
    """Write one of `EXPORTED_FILES` into the folder and compare it with mace's own predictions.

    `model` must have been checked (`trusted_sha256`). Whatever a translator raises for a model that it cannot hold, and
    a file that does not compute what mace does, is a refusal, and leaves no file. Raises `OSError` where the folder
    cannot be written.
    """
    kind = EXPORTED_FILES[name]
    file = folder / kind.file_name
    if kind.format == "mace":
        shutil.copyfile(model, file)
        return Exported()
    how = _TRANSLATIONS[kind.format]
    refusal = how.refusal(facts)
    if refusal is None:
        check = _Check(file=file, format=kind.format, facts=facts, reference=reference)
        try:
            wanted = Wanted(
                dtype=next(iter(MODEL_FORMATS[kind.format].parity)) if kind.dtype is None else kind.dtype,
                head=head,
                elements=how.holds(facts, reference.frames),
                spline_points=spline_points,
            )
            return _translated(kind, how, model, wanted, check)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # what a translator meets in a model that it was not written for
            refusal = in_words(error)
    file.unlink(missing_ok=True)
    log.warning("no %s file: %s", name, refusal)
    return Exported(refusal=refusal)


def in_words(error: Exception) -> str:
    """One line of an error, without the stack that TorchScript puts before it."""
    if isinstance(error, MolgunError):
        return str(error)
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()] or ["no reason given"]
    return f"{type(error).__name__}: {lines[-1 if 'TorchScript interpreter' in lines[0] else 0][:_LONGEST_WORDS]}"


def _translated(kind: ExportedFile, how: _Translation, model: Path, wanted: Wanted, check: "_Check") -> Exported:
    row = MODEL_FORMATS[kind.format]
    dtypes = tuple(row.parity) if kind.dtype is None else (kind.dtype,)
    needs = how.write(model, check.file, wanted)
    for dtype in dtypes:
        check.python(dtype, list(how.predict(check.file, check.reference.structures, dtype)))
        if row.shown_with is not None:
            check.lammps(dtype, row.shown_with)
    return Exported(
        parity=tuple(check.reports),
        contacts=tuple(check.contacts),
        not_run=check.not_run or row.not_run_because,
        needs=needs,
        elements=None if wanted.elements == check.facts.elements else wanted.elements,
    )


@dataclasses.dataclass(kw_only=True)
class _Check:
    """Gathers the parity reports of one file; the first that fails raises `ModelError`."""

    file: Path
    format: ExportedFormat
    facts: ModelFacts
    reference: MaceReference
    reports: list[ParityReport] = dataclasses.field(default_factory=list)
    contacts: list[ContactParity] = dataclasses.field(default_factory=list)
    not_run: str | None = None

    def python(self, dtype: Dtype, found: Sequence[Prediction]) -> None:
        """Asked from Python, on all frames, and on the dimers after them."""
        expected = self.reference
        frames, dimers = found[: len(expected.frames)], found[len(expected.frames) :]
        self.reports.append(compare(expected.on_frames, frames, format=self.format, dtype=dtype))
        require_parity(self.reports[-1])
        contact = compare_contacts(expected.dimers, expected.on_dimers, dimers, format=self.format, dtype=dtype)
        if contact is not None:
            self.contacts.append(contact)
            require_contacts(contact)

    def lammps(self, dtype: Dtype, engine: ModelEngineKind) -> None:
        """Run by LAMMPS with an engine, on the first frames."""
        try:
            found = predict_in_lammps(
                self.file,
                self.reference.frames[:_IN_LAMMPS],
                engine=engine,
                dtype=dtype,
                elements=self.facts.elements,
                cutoff_angstrom=self.facts.r_max_angstrom,
            )
        except EngineError as error:
            log.warning("parity of the %s file in LAMMPS is not shown: %s", self.format, error)
            self.not_run = str(error)
            return
        self.reports.append(
            compare(self.reference.on_frames[:_IN_LAMMPS], found, format=self.format, dtype=dtype, run_by="lammps")
        )
        require_parity(self.reports[-1])
