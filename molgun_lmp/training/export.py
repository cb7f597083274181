"""From a trained `.model` to a model folder: deployed files, each proven against mace, and the card that lists them."""

import contextlib
import dataclasses
import datetime
import io
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

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
from molgun_lmp.training.frames import LabelledFrame
from molgun_lmp.training.models import Dtype, ModelFacts, choose_head, default_dtype, load_model, model_facts
from molgun_lmp.training.parity import compare, require_parity
from molgun_lmp.training.predict import Prediction, predict_calculator, predict_deployed, predict_symmetrix
from molgun_lmp.training.results import ErrorReport, ParityReport
from molgun_lmp.training.settings import Licences

log = logging.getLogger(__name__)

FORMATS: Final[tuple[str, ...]] = ("torchscript-float32", "torchscript-float64", "symmetrix", "mace")

_NAMES: Final = {
    "torchscript-float32": "model.pt",
    "torchscript-float64": "model-float64.pt",
    "symmetrix": "model.symmetrix.json",
    "mace": "model.model",
}
_SPLINE_POINTS: Final = 1024
"""Of symmetrix's radial functions: on the example 256, its default, costs 2e-4 eV/Å, 1024 costs 3e-6 at equal speed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a card says of a model's past; `molgun train` knows all of it, for a foreign model little is known."""

    name: str
    level_of_theory: str
    e0s_kind: str
    training: Training | None
    errors: tuple[ErrorReport, ...]
    licences: Licences


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
        parity, skipped = _write_files(model, work, facts, chosen, formats, frames, reference)
        card = _card(work, formats, model_facts(load_model(model, trust=True)), chosen, provenance, parity, skipped)
        write_card(card, work)
        if folder.is_dir():
            folder.rmdir()
        work.rename(folder)
    return card


def _write_files(
    model: Path,
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


def deploy(model: Path, target: Path, *, dtype: Dtype, head: str) -> None:
    """Write the TorchScript file that `pair_style mace` reads. `model` must have been checked (`trusted_sha256`)."""
    loaded = load_model(model, trust=True, dtype=dtype)
    from e3nn.util import jit  # noqa: PLC0415
    from mace.calculators import LAMMPS_MACE  # noqa: PLC0415

    with default_dtype(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls TorchScript deprecated, once for each submodule
        jit.compile(LAMMPS_MACE(loaded, head=head)).save(str(target))


def extract_symmetrix(model: Path, target: Path, *, head: str) -> None:
    """Write the JSON file that symmetrix reads. `model` must have been checked (`trusted_sha256`)."""
    from symmetrix.extract_mace_data import extract_mace_data  # noqa: PLC0415

    multihead = len(model_facts(load_model(model, trust=True)).heads) > 1
    with _quiet():
        document = extract_mace_data(str(model), head=head if multihead else None, num_spline_points=_SPLINE_POINTS)
    target.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


def symmetrix_refusal(facts: ModelFacts) -> str | None:
    """Why symmetrix cannot hold a model, or None where it can."""
    if facts.num_interactions != 2 or facts.max_ell != 3:
        return (
            f"symmetrix holds models of two interactions and max_ell 3; this one has {facts.num_interactions} and "
            f"{facts.max_ell}"
        )
    try:
        import symmetrix.extract_mace_data  # noqa: F401, PLC0415
    except ImportError as error:
        return f"symmetrix is not installed here ({error}); pip install 'molgun_lmp[fast]' and export again"
    return None


def _card(
    work: Path,
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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Symmetrix's extraction prints and warns through the root logger; on success none of it matters."""
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.root.setLevel(before)
