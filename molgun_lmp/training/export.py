"""From a trained `.model` to a model folder: deployed files, each proven against mace, and the card that lists them."""

import dataclasses
import datetime
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from molgun_lmp.errors import ModelError
from molgun_lmp.provenance import sha256_file, versions
from molgun_lmp.training.card import (
    CARD_NAME,
    Architecture,
    Format,
    ModelCard,
    ModelFile,
    Training,
    write_card,
)
from molgun_lmp.training.deploy import deploy, extract_symmetrix, symmetrix_refusal
from molgun_lmp.training.finetune import held_out_frames
from molgun_lmp.training.frames import LabelledFrame
from molgun_lmp.training.models import Dtype, ModelFacts, choose_head, load_model, model_facts
from molgun_lmp.training.parity import compare, require_parity
from molgun_lmp.training.predict import Prediction, predict_calculator, predict_deployed, predict_symmetrix
from molgun_lmp.training.results import ErrorReport, ParityReport
from molgun_lmp.training.runs import RunFolder, TrainingRecord, read_record
from molgun_lmp.training.settings import Licences

log = logging.getLogger(__name__)

FORMATS: Final[tuple[str, ...]] = ("torchscript-float32", "torchscript-float64", "symmetrix", "mace")

_NAMES: Final = {
    "torchscript-float32": "model.pt",
    "torchscript-float64": "model-float64.pt",
    "symmetrix": "model.symmetrix.json",
    "mace": "model.model",
}


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
    formats: Sequence[str] = FORMATS,
    head: str | None = None,
    sha256: str | None = None,
    trust: bool = False,
) -> ModelCard:
    """Write the model folder of a `.model` file and return its card.

    `frames` are real structures (a dozen is plenty) on which each exported file must compute what mace's calculator
    does; `formats` of `FORMATS`. Symmetrix is left out, and the card says why, for a model it cannot hold or where
    it is not installed. Raises `ModelError` for a model that is not trusted (see `trusted_sha256`), an unknown
    format, a folder that exists, and a file that fails parity; then nothing is left behind.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ModelError(f"unknown export format {unknown[0]!r}; there are {', '.join(FORMATS)}.")
    if (folder / CARD_NAME).exists() or (folder.is_dir() and any(folder.iterdir())):
        raise ModelError(f"{folder} exists and is not empty. Export into a new folder, or remove it first.")
    loaded = load_model(model, sha256=sha256, trust=trust, dtype="float64")
    facts = model_facts(loaded)
    chosen = choose_head(facts.heads, head)
    reference = list(predict_calculator(model, frames, head=chosen))

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as aside:
        work = Path(aside) / folder.name
        work.mkdir()
        parity, skipped = _write_files(
            model, work=work, facts=facts, head=chosen, formats=formats, frames=frames, reference=reference
        )
        card = _card(
            work,
            formats=formats,
            facts=model_facts(load_model(model, trust=True)),
            head=chosen,
            provenance=provenance,
            parity=parity,
            skipped=skipped,
        )
        write_card(card, work)
        if folder.is_dir():
            folder.rmdir()
        work.rename(folder)
    return card


def export_run(run_folder: Path, folder: Path, *, formats: Sequence[str] = FORMATS) -> ModelCard:
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
        sha256=record.model_sha256,
    )


def _write_files(
    model: Path,
    *,
    work: Path,
    facts: ModelFacts,
    head: str,
    formats: Sequence[str],
    frames: Sequence[LabelledFrame],
    reference: Sequence[Prediction],
) -> tuple[tuple[ParityReport, ...], dict[str, str]]:
    parity: list[ParityReport] = []
    skipped: dict[str, str] = {}
    dtypes: tuple[Dtype, Dtype] = ("float32", "float64")
    for dtype in dtypes:
        if f"torchscript-{dtype}" in formats:
            file = work / _NAMES[f"torchscript-{dtype}"]
            deploy(model, file, dtype=dtype, head=head)
            parity.append(
                compare(reference, predict_deployed(file, frames, dtype=dtype), format="torchscript", dtype=dtype)
            )
            require_parity(parity[-1])
    if "symmetrix" in formats:
        why_not = symmetrix_refusal(facts)
        if why_not is None:
            file = work / _NAMES["symmetrix"]
            extract_symmetrix(model, file, head=head)
            for dtype in dtypes:
                found = predict_symmetrix(file, frames, dtype=dtype)
                parity.append(compare(reference, found, format="symmetrix", dtype=dtype))
                require_parity(parity[-1])
        else:
            log.warning("no symmetrix file: %s", why_not)
            skipped["symmetrix"] = why_not
    if "mace" in formats:
        shutil.copyfile(model, work / _NAMES["mace"])
    return tuple(parity), skipped


def _card(
    work: Path,
    *,
    formats: Sequence[str],
    facts: ModelFacts,
    head: str,
    provenance: Provenance,
    parity: tuple[ParityReport, ...],
    skipped: dict[str, str],
) -> ModelCard:
    return ModelCard(
        name=provenance.name,
        elements=facts.elements,
        head=head,
        level_of_theory=provenance.level_of_theory,
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
        parity=parity,
        not_exported=skipped,
        licences=provenance.licences,
        files=tuple(
            _listed(work / _NAMES[name], name, facts) for name in FORMATS if name in formats and name not in skipped
        ),
        versions=versions(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _listed(file: Path, name: str, facts: ModelFacts) -> ModelFile:
    format_of: dict[str, tuple[Format, Dtype | None]] = {
        "torchscript-float32": ("torchscript", "float32"),
        "torchscript-float64": ("torchscript", "float64"),
        "symmetrix": ("symmetrix", None),
        "mace": ("mace", facts.dtype),
    }
    file_format, dtype = format_of[name]
    return ModelFile(
        name=file.name,
        format=file_format,
        dtype=dtype,
        sha256=sha256_file(file),
        size_bytes=file.stat().st_size,
    )
