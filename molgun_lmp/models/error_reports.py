"""Numbers about a model that its card keeps: errors against labels, parity of exported files."""

from typing import Literal

from molgun_lmp.config.section import Section
from molgun_lmp.model_formats import Dtype, ExportedFormat


class Errors(Section):
    """Mean absolute and root-mean-square error of `n` numbers, in the unit of the quantity."""

    mae: float
    rmse: float
    n: int
    mae_interval: tuple[float, float] | None = None
    """95 % interval of `mae` over trajectories, whose frames resemble each other; None for fewer than two of them."""


class FrameErrors(Section):
    """Errors on some of the frames: those of one trajectory or of one file."""

    energy_ev_per_atom: Errors
    forces_ev_per_angstrom: Errors


class ErrorReport(Section):
    """Errors of a model on labelled frames.

    Energies one number a frame; forces over Cartesian components, as mace and the literature count them.
    """

    name: str
    """Which frames: `validation`, `test`, or a file's name."""
    energy_ev_per_atom: Errors
    energy_ev: Errors | None = None
    """Of whole structures; None in a report from before they were counted."""
    binding_energy_ev: Errors | None = None
    """Of frames of a molecule at a surface: error of the energy less those of surface and molecule, each as its frame
    of the lowest label has it. None where the set does not hold all three."""
    binding_parts: dict[str, tuple[str, str]] = {}  # noqa: RUF012  # frozen
    """Formula of those frames -> formulas of surface and molecule."""
    forces_ev_per_angstrom: Errors
    forces_by_element: dict[str, Errors]
    forces_by_group: dict[str, Errors] = {}  # noqa: RUF012  # frozen
    """Atoms of the molecule, of the surface, and hydrogen of the surface; without frames where they cannot be told."""
    by_trajectory: dict[str, FrameErrors]
    by_file: dict[str, FrameErrors] = {}  # noqa: RUF012  # frozen
    """Where the frames come from several files."""


class ParityReport(Section):
    """How far an exported file is from mace's own calculator (float64) on real frames: the largest differences."""

    format: ExportedFormat
    dtype: Dtype
    run_by: Literal["python", "lammps"] = "python"
    """`lammps`: a run of LAMMPS itself with the file."""
    frames: int
    largest_force_ev_per_angstrom: float
    """The largest force component among the frames, for scale."""
    energy_ev_per_atom: float
    force_ev_per_angstrom: float
    virial_ev_per_atom: float | None = None
    """Of the components of the virial tensor, divided by the number of atoms; None where there was none to compare."""
    energy_limit_ev_per_atom: float
    force_limit_ev_per_angstrom: float
    virial_limit_ev_per_atom: float | None = None

    @property
    def passed(self) -> bool:
        """All differences are within their limits (a NaN never is)."""
        return (
            self.energy_ev_per_atom <= self.energy_limit_ev_per_atom
            and self.force_ev_per_angstrom <= self.force_limit_ev_per_angstrom
            and (self.virial_ev_per_atom is None or self.virial_ev_per_atom <= (self.virial_limit_ev_per_atom or 0.0))
        )


class ContactParity(Section):
    """How far an exported file is from mace's own calculator (float64) on pairs of atoms that come close.

    At the distance where the difference is largest by its limit, which grows with the force there.
    """

    format: ExportedFormat
    dtype: Dtype
    elements: tuple[str, ...]
    """Each pair of these was compared."""
    dimers: int
    from_angstrom: float
    """The shortest distance at which every pair was."""
    worst_pair: tuple[str, str]
    worst_angstrom: float
    force_ev_per_angstrom: float
    """The largest difference of a force component there."""
    force_there_ev_per_angstrom: float
    """The largest force component there and at the next distances."""
    force_limit_ev_per_angstrom: float
    force_limit_share: float
    """Of the force there, beside the limit in eV/Å."""

    @property
    def passed(self) -> bool:
        """The difference is within its limit."""
        limit = self.force_limit_ev_per_angstrom + self.force_limit_share * self.force_there_ev_per_angstrom
        return self.force_ev_per_angstrom <= limit
