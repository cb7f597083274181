"""Does an exported file compute what mace computes? The largest differences on real frames decide."""

from collections.abc import Iterable
from typing import Literal

import numpy as np

from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import MODEL_FORMATS, Dtype, ExportedFormat
from molgun_lmp.models.error_reports import ParityReport
from molgun_lmp.models.predict import Prediction


def compare(
    reference: Iterable[Prediction],
    exported: Iterable[Prediction],
    *,
    format: ExportedFormat,  # noqa: A002  # the field's name
    dtype: Dtype,
    run_by: Literal["python", "lammps"] = "python",
) -> ParityReport:
    """The parity report of predictions on the same frames; virials count where both have one.

    Raises `ModelError` for no frames at all, and for answers that are not numbers.
    """
    energy = force = largest = virial = 0.0
    frames = virials = 0
    for expected, found in zip(reference, exported, strict=True):
        atoms = len(expected.forces)
        # np.maximum keeps NaN, the builtin may lose it
        energy = float(np.maximum(energy, abs(expected.energy_ev - found.energy_ev) / atoms))
        force = float(np.maximum(force, np.abs(expected.forces - found.forces).max()))
        largest = max(largest, float(np.abs(expected.forces).max()))
        if expected.virial_ev is not None and found.virial_ev is not None:
            virial = float(np.maximum(virial, np.abs(expected.virial_ev - found.virial_ev).max() / atoms))
            virials += 1
        frames += 1
    if frames == 0:
        raise ModelError("parity needs at least one frame; name labelled frames to compare on.")
    if not np.isfinite(energy + force + virial):
        raise ModelError(
            f"the {format} {dtype} file or mace itself gives energies, forces or virials that are not numbers on the "
            "frames compared. The model is broken: train it again with a lower learning rate or in float64."
        )
    limits = MODEL_FORMATS[format].parity[dtype]
    granted = limits.rounding * largest
    return ParityReport(
        format=format,
        dtype=dtype,
        run_by=run_by,
        frames=frames,
        largest_force_ev_per_angstrom=largest,
        energy_ev_per_atom=energy,
        force_ev_per_angstrom=force,
        virial_ev_per_atom=virial if virials else None,
        energy_limit_ev_per_atom=limits.energy + granted,
        force_limit_ev_per_angstrom=limits.force + granted,
        virial_limit_ev_per_atom=limits.virial + granted if virials else None,
    )


def require_parity(report: ParityReport) -> None:
    """Raise `ModelError` for an exported file that does not compute what mace computes."""
    if report.passed:
        return
    virial = ""
    if report.virial_ev_per_atom is not None:
        virial = (
            f", the virial by {report.virial_ev_per_atom:.2e} eV/atom (limit {report.virial_limit_ev_per_atom:.0e})"
        )
    raise ModelError(
        f"the {report.format} {report.dtype} file does not compute what mace does"
        f"{' when LAMMPS runs it' if report.run_by == 'lammps' else ''}: on {report.frames} frames the energy differs "
        f"by up to {report.energy_ev_per_atom:.2e} eV/atom (limit {report.energy_limit_ev_per_atom:.0e}), a force by "
        f"{report.force_ev_per_angstrom:.2e} eV/Å (limit {report.force_limit_ev_per_angstrom:.0e}, largest force "
        f"{report.largest_force_ev_per_angstrom:.1f}){virial}. Try another version of mace, torch or symmetrix, or do "
        "without this format."
    )
