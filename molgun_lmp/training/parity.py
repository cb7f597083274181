"""Does an exported file compute what mace computes? The largest differences on real frames decide."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import numpy as np

from molgun_lmp.errors import ModelError
from molgun_lmp.training.models import Dtype
from molgun_lmp.training.predict import Prediction
from molgun_lmp.training.results import ParityReport

ExportFormat = Literal["torchscript", "symmetrix"]

ENERGY_LIMITS_EV_PER_ATOM: Final[Mapping[tuple[ExportFormat, Dtype], float]] = {
    ("torchscript", "float64"): 1e-9,
    ("torchscript", "float32"): 2e-5,
    ("symmetrix", "float64"): 1e-5,
    ("symmetrix", "float32"): 2e-5,
}
FORCE_LIMITS_EV_PER_ANGSTROM: Final[Mapping[tuple[ExportFormat, Dtype], float]] = {
    ("torchscript", "float64"): 1e-7,
    ("torchscript", "float32"): 1e-3,
    ("symmetrix", "float64"): 2e-4,
    ("symmetrix", "float32"): 5e-4,
}
"""float64 TorchScript runs the same operations as the reference; float32 rounds; symmetrix interpolates the radial
functions with splines, which decides its limit in both dtypes. All are far below any model's own error."""


def compare(
    reference: Iterable[Prediction],
    exported: Iterable[Prediction],
    *,
    format: ExportFormat,  # noqa: A002  # the field's name
    dtype: Dtype,
) -> ParityReport:
    """The parity report of predictions on the same frames. Raises `ModelError` for no frames at all."""
    energy = force = largest = 0.0
    frames = 0
    for expected, found in zip(reference, exported, strict=True):
        # np.maximum keeps NaN, the builtin may lose it
        energy = float(np.maximum(energy, abs(expected.energy_ev - found.energy_ev) / len(expected.forces)))
        force = float(np.maximum(force, np.abs(expected.forces - found.forces).max()))
        largest = max(largest, float(np.abs(expected.forces).max()))
        frames += 1
    if frames == 0:
        raise ModelError("parity needs at least one frame; name labelled frames to compare on.")
    if not np.isfinite(energy + force):
        raise ModelError(
            f"the {format} {dtype} file or mace itself gives energies or forces that are not numbers on the frames "
            "compared. The model is broken: train it again with a lower learning rate or in float64."
        )
    return ParityReport(
        format=format,
        dtype=dtype,
        frames=frames,
        largest_force_ev_per_angstrom=largest,
        energy_ev_per_atom=energy,
        force_ev_per_angstrom=force,
        energy_limit_ev_per_atom=ENERGY_LIMITS_EV_PER_ATOM[format, dtype],
        force_limit_ev_per_angstrom=FORCE_LIMITS_EV_PER_ANGSTROM[format, dtype],
    )


def require_parity(report: ParityReport) -> None:
    """Raise `ModelError` for an exported file that does not compute what mace computes."""
    if not report.passed:
        raise ModelError(
            f"the {report.format} {report.dtype} file does not compute what mace does: on {report.frames} frames the "
            f"energy differs by up to {report.energy_ev_per_atom:.2e} eV/atom (limit "
            f"{report.energy_limit_ev_per_atom:.0e}) and a force by {report.force_ev_per_angstrom:.2e} eV/Å (limit "
            f"{report.force_limit_ev_per_angstrom:.0e}, largest force {report.largest_force_ev_per_angstrom:.1f}). "
            "Nothing was exported. Try another version of mace, torch or symmetrix, or leave this format out."
        )
