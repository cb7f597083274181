"""Translations of a trained MACE: TorchScript for LAMMPS's `pair_style mace`, two kinds of JSON for symmetrix."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ase.data import atomic_numbers

from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.mace_file import ModelFacts, default_dtype, load_model, model_facts
from molgun_lmp.models.mace_library import load_mace
from molgun_lmp.training.export.one_interaction import linear_readout, with_idle_product

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
    _write(_extracted(model, head, num_spline_points=_SPLINE_POINTS), target)


def extract_splines(model: Path, target: Path, *, head: str, elements: Sequence[str], points: int) -> None:
    """Write the JSON file that LAMMPS's `pair_style symmetrix/mace` reads: splines for each pair of the `elements`.

    `model` must have been checked (`trusted_sha256`).
    """
    species = [atomic_numbers[symbol] for symbol in elements]
    document = _extracted(model, head, species=species, num_spline_points=points, radial_format="pair-splines")
    _write(document, target)


def _extracted(model: Path, head: str, **how: Any) -> dict[str, Any]:
    """What symmetrix's own extraction makes of a model."""
    load_mace()
    from symmetrix.extract_mace_data import extract_mace_data  # noqa: PLC0415

    loaded = load_model(model, trust=True)
    facts = model_facts(loaded)
    with _quiet():
        if facts.num_interactions > 1:
            document: dict[str, Any] = extract_mace_data(str(model), head=head if len(facts.heads) > 1 else None, **how)
        else:
            weights = linear_readout(loaded)
            document = extract_mace_data(with_idle_product(loaded), **how) | {"readout_1_weights": weights}
    return document


def _write(document: dict[str, Any], target: Path) -> None:
    target.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


def symmetrix_refusal(facts: ModelFacts) -> str | None:
    """Why symmetrix is known not to hold a model, or None: then its extraction and parity have the last word."""
    one = facts.num_interactions == 1
    wrong = [
        f"{what} is {found}, not {held}"
        for what, found, held in (
            ("the number of interactions", facts.num_interactions, 1 if one else 2),
            ("max_ell", facts.max_ell, 3),
            ("the correlation", _joined(facts.correlations), "3"),
            ("the gate of the last readout", facts.gate, "none" if one else "silu"),
            ("the number of readouts", facts.readouts, 1 if one else 2),
            *([("the number of heads, with one interaction,", len(facts.heads), 1)] if one else []),
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


def splines_refusal(facts: ModelFacts) -> str | None:
    """The same for LAMMPS's `pair_style symmetrix/mace`, which was written for two interactions."""
    if facts.num_interactions == 1:
        return "pair_style symmetrix/mace is not known to hold models of one interaction"
    return symmetrix_refusal(facts)


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
