"""Numbers about a model that its card keeps: errors against labels, parity of exported files."""

from typing import Literal

from molgun_lmp.config.section import Section


class Errors(Section):
    """Mean absolute and root-mean-square error of `n` numbers, in the unit of the quantity."""

    mae: float
    rmse: float
    n: int


class TrajectoryErrors(Section):
    """Errors on the frames of one trajectory."""

    energy_ev_per_atom: Errors
    forces_ev_per_angstrom: Errors


class ErrorReport(Section):
    """Errors of a model on labelled frames.

    Energies per atom, one number a frame; forces over Cartesian components, as mace and the literature count them.
    """

    name: str
    """Which frames: `validation`, `test`, or a file's name."""
    energy_ev_per_atom: Errors
    forces_ev_per_angstrom: Errors
    forces_by_element: dict[str, Errors]
    by_trajectory: dict[str, TrajectoryErrors]


class ParityReport(Section):
    """How far an exported file is from mace's own calculator (float64) on real frames: the largest differences."""

    format: Literal["torchscript", "symmetrix"]
    dtype: Literal["float32", "float64"]
    frames: int
    largest_force_ev_per_angstrom: float
    """The largest force component among the frames, for scale."""
    energy_ev_per_atom: float
    force_ev_per_angstrom: float
    energy_limit_ev_per_atom: float
    force_limit_ev_per_angstrom: float

    @property
    def passed(self) -> bool:
        """Both differences are within their limits (a NaN never is)."""
        return (
            self.energy_ev_per_atom <= self.energy_limit_ev_per_atom
            and self.force_ev_per_angstrom <= self.force_limit_ev_per_angstrom
        )
