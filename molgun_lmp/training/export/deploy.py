"""Translations of a trained MACE: TorchScript for LAMMPS's `pair_style mace`, two kinds of JSON for symmetrix."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ase.data import atomic_numbers

from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.mace_file import ModelFacts, default_dtype, load_model, model_facts
from molgun_lmp.models.mace_library import load_mace

_SPLINE_POINTS: Final = 1024
"""Of symmetrix's radial functions: on the example 256, its default, costs 2e-4 eV/Å, 1024 costs 3e-6 at equal speed."""


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
    load_mace()
    from symmetrix.extract_mace_data import extract_mace_data  # noqa: PLC0415

    multihead = len(model_facts(load_model(model, trust=True)).heads) > 1
    with _quiet():
        document = extract_mace_data(str(model), head=head if multihead else None, num_spline_points=_SPLINE_POINTS)
    target.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


def extract_splines(model: Path, target: Path, *, head: str, elements: Sequence[str], points: int) -> None:
    """Write the JSON file that LAMMPS's `pair_style symmetrix/mace` reads: splines for each pair of the `elements`.

    `model` must have been checked (`trusted_sha256`).
    """
    load_mace()
    from symmetrix.extract_mace_data import extract_mace_data  # noqa: PLC0415

    multihead = len(model_facts(load_model(model, trust=True)).heads) > 1
    with _quiet():
        document = extract_mace_data(
            str(model),
            species=[atomic_numbers[symbol] for symbol in elements],
            head=head if multihead else None,
            num_spline_points=points,
            radial_format="pair-splines",
        )
    target.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


def symmetrix_refusal(facts: ModelFacts) -> str | None:
    """Why symmetrix is known not to hold a model, or None: then its extraction and parity have the last word."""
    wrong = [
        f"{what} is {found}, not {held}"
        for what, found, held in (
            ("the number of interactions", facts.num_interactions, 2),
            ("max_ell", facts.max_ell, 3),
            ("the correlation", _joined(facts.correlations), "3"),
            ("the gate of the last readout", facts.gate, "silu"),
            ("the number of readouts", facts.readouts, 2),
        )
        if found != held
    ]
    if not facts.equal_channels:
        wrong.append(f"the angular momenta have unlike numbers of channels ({facts.hidden_irreps})")
    if not facts.products_by_element:
        wrong.append("its products are the same for all elements")
    if not facts.shifted:
        wrong.append("its energy is not scaled and shifted (a plain MACE, not a ScaleShiftMACE)")
    if wrong:
        return f"symmetrix cannot hold this model: {'; '.join(wrong)}"
    try:
        import symmetrix.extract_mace_data  # noqa: F401, PLC0415
    except ImportError as error:
        return f"symmetrix is not installed here ({error}); pip install 'molgun_lmp[fast]' and export again"
    return None


def _joined(numbers: Sequence[int]) -> str:
    """Each number once where they are all the same."""
    return str(numbers[0]) if len(set(numbers)) == 1 else ", ".join(map(str, numbers))


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
