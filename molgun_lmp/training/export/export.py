"""From a trained `.model` to a model folder: deployed files, each proven against mace, and the card that lists them."""

import dataclasses
import datetime
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np

from molgun_lmp.atomic_files import folder_whole
from molgun_lmp.errors import ModelError, MolgunError
from molgun_lmp.model_formats import EXPORTED_FILES, MODEL_FORMATS, SPLINE_POINTS
from molgun_lmp.models.card import CARD_NAME, Architecture, Licences, ModelCard, ModelFile, Training, write_card
from molgun_lmp.models.error_reports import ErrorReport
from molgun_lmp.models.mace_file import ModelFacts, choose_head, load_model, model_facts, trusted_sha256
from molgun_lmp.models.predict import predict_calculator
from molgun_lmp.provenance import sha256_file, versions
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.export.contacts import contact_dimers
from molgun_lmp.training.export.formats import Exported, MaceReference, in_words, write_file
from molgun_lmp.training.run_folder import RunFolder, TrainingRecord, read_record
from molgun_lmp.training.trainer.train import TRAINED_HEAD, held_out_frames

FORMATS: Final[tuple[str, ...]] = tuple(EXPORTED_FILES)
DEFAULT_FORMATS: Final[tuple[str, ...]] = tuple(
    name for name, kind in EXPORTED_FILES.items() if MODEL_FORMATS[kind.format].by_default
)

_PARITY_FRAMES: Final = 12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a card says of a model's past; `molgun train` knows all of it, for a foreign model little is known."""

    name: str
    level_of_theory: str
    e0s_kind: str
    training: Training | None
    errors: tuple[ErrorReport, ...]
    licences: Licences
    labels_hold_dispersion: bool | None = None
    distilled_from: str | None = None

    @classmethod
    def of(cls, known: ModelCard | TrainingRecord) -> Self:
        """What a card or a finished training says."""
        return cls(**{field.name: getattr(known, field.name) for field in dataclasses.fields(cls)})


def export(
    model: Path,
    folder: Path,
    *,
    frames: Sequence[LabelledFrame],
    provenance: Provenance,
    formats: Sequence[str] = DEFAULT_FORMATS,
    head: str | None = None,
    sha256: str | None = None,
    trust: bool = False,
    spline_points: int = SPLINE_POINTS,
) -> ModelCard:
    """Write the model folder of a `.model` file and return its card.

    `frames` are real structures (a dozen is plenty) on which each exported file must compute what mace's calculator
    does, asked from Python and, where this machine can run the format, in LAMMPS; pairs of close atoms are compared too
    (`contact_dimers`). `formats` of `FORMATS`, `spline_points` of `symmetrix-splines`. A format that
    this model or machine cannot have, or whose file computes something else, is left out, and the card says why. Raises
    `ModelError` for a model that is not trusted (see `trusted_sha256`) or that mace itself cannot run, an unknown
    format, an element of the frames that the model lacks, a folder that exists, and where none of `formats` can be had;
    then nothing is left behind.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ModelError(f"unknown export format {unknown[0]!r}; there are {', '.join(FORMATS)}.")
    if (folder / CARD_NAME).exists() or (folder.is_dir() and any(folder.iterdir())):
        raise ModelError(f"{folder} exists and is not empty. Export into a new folder, or remove it first.")
    vouched = trusted_sha256(model, sha256=sha256, trust=trust)
    facts = model_facts(load_model(model, sha256=vouched))
    chosen = choose_head(facts.heads, head)
    _check_elements(model, facts, frames)

    with (
        folder_whole(folder) as work,
        tempfile.TemporaryDirectory(dir=work.parent, prefix=f".{folder.name}-") as apart,
    ):
        source = Path(apart) / model.name  # what is exported are the bytes that were vouched for
        shutil.copyfile(model, source)
        if sha256_file(source) != vouched:
            raise ModelError(f"{model} changed while it was exported. Give the command again.")
        reference = _reference(source, frames, facts, chosen)
        exported = {
            name: write_file(
                name, source, work, facts=facts, head=chosen, reference=reference, spline_points=spline_points
            )
            for name in FORMATS
            if name in formats
        }
        _require_a_file(model, exported)
        card = _card(work, exported=exported, facts=facts, head=chosen, provenance=provenance)
        write_card(card, work)
    return card


def export_run(
    run_folder: Path,
    folder: Path,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    spline_points: int = SPLINE_POINTS,
) -> ModelCard:
    """The model folder of a finished training: the card tells its whole past, parity is shown on held-out frames.

    Raises `TrainingError` for a training that is not finished, and what `export` raises.
    """
    record = read_record(run_folder)
    held_out = [frame for frames in held_out_frames(run_folder).values() for frame in frames]
    stride = max(1, len(held_out) // _PARITY_FRAMES)
    return export(
        RunFolder(path=run_folder).model,
        folder,
        frames=held_out[::stride][:_PARITY_FRAMES],
        provenance=Provenance.of(record),
        formats=formats,
        head=TRAINED_HEAD,
        sha256=record.model_sha256,
        spline_points=spline_points,
    )


def _reference(model: Path, frames: Sequence[LabelledFrame], facts: ModelFacts, head: str) -> MaceReference:
    """What mace's calculator computes. Raises `ModelError` where it cannot, or where it gives no numbers."""
    if not frames:
        raise ModelError("parity needs at least one frame; name labelled frames to compare on.")
    in_frames = {symbol for frame in frames for symbol in frame.symbols}
    dimers = contact_dimers(facts.elements, in_frames, facts.r_max_angstrom)
    structures = [*frames, *(dimer.frame() for dimer in dimers)]
    try:
        found = list(predict_calculator(model, structures, head=head))
    except (MolgunError, OSError, MemoryError):
        raise
    except Exception as error:
        raise ModelError(
            f"mace itself cannot compute the frames with {model.name} ({in_words(error)}). It is damaged, or of a kind "
            "that this version of mace does not run."
        ) from error
    on_frames, on_dimers = found[: len(frames)], found[len(frames) :]
    if not all(np.isfinite(one.energy_ev) and np.isfinite(one.forces).all() for one in on_frames):
        raise ModelError(
            f"{model.name} itself gives energies or forces that are not numbers on the frames compared. The model is "
            "broken: train it again with a lower learning rate or in float64."
        )
    return MaceReference(frames=frames, on_frames=on_frames, dimers=dimers, on_dimers=on_dimers)


def _require_a_file(model: Path, exported: Mapping[str, Exported]) -> None:
    refusals = {name: one.refusal for name, one in exported.items() if one.refusal is not None}
    if len(refusals) == len(exported):
        reasons = "; ".join(f"{name}: {why}" for name, why in refusals.items())
        raise ModelError(
            f"{model} cannot be had in what was asked for. {reasons.rstrip('.')}. Nothing was exported: choose another "
            "--format, or leave it out for all that the model can be had in."
        )


def _check_elements(model: Path, facts: ModelFacts, frames: Sequence[LabelledFrame]) -> None:
    unknown = sorted({symbol for frame in frames for symbol in frame.symbols} - set(facts.elements))
    if unknown:
        raise ModelError(
            f"{model} was never trained on {', '.join(unknown)}, which the frames to compare on hold; it knows "
            f"{', '.join(facts.elements)}. Name frames of these elements."
        )


def _card(
    work: Path, *, exported: dict[str, Exported], facts: ModelFacts, head: str, provenance: Provenance
) -> ModelCard:
    return ModelCard(
        name=provenance.name,
        elements=facts.elements,
        head=head,
        level_of_theory=provenance.level_of_theory,
        labels_hold_dispersion=provenance.labels_hold_dispersion,
        architecture=Architecture(
            hidden_irreps=facts.hidden_irreps,
            max_ell=facts.max_ell,
            num_interactions=facts.num_interactions,
            r_max_angstrom=facts.r_max_angstrom,
            parameters=facts.parameters,
        ),
        e0s_ev=facts.e0s_ev[head],
        e0s_kind=provenance.e0s_kind,
        training=provenance.training,
        errors=provenance.errors,
        parity=tuple(report for one in exported.values() for report in one.parity),
        contacts=tuple(report for one in exported.values() for report in one.contacts),
        not_exported={name: one.refusal for name, one in exported.items() if one.refusal is not None},
        not_run_in_lammps={
            EXPORTED_FILES[name].format: one.not_run for name, one in exported.items() if one.not_run is not None
        },
        licences=provenance.licences,
        distilled_from=provenance.distilled_from,
        files=tuple(_listed(work, name, one, facts) for name, one in exported.items() if one.refusal is None),
        versions=versions(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _listed(work: Path, name: str, exported: Exported, facts: ModelFacts) -> ModelFile:
    kind = EXPORTED_FILES[name]
    file = work / kind.file_name
    return ModelFile(
        name=file.name,
        format=kind.format,
        dtype=facts.dtype if MODEL_FORMATS[kind.format].original else kind.dtype,
        sha256=sha256_file(file),
        size_bytes=file.stat().st_size,
        needs=exported.needs,
        elements=exported.elements,
    )
