"""The labelling file: which calculator makes the reference energies and forces."""

from typing import Annotated, Any

from pydantic import Field, PositiveFloat, PositiveInt

from molgun_lmp.config.section import Section


class LabelChecks(Section):
    """What a label has to stand before it counts; the numbers are kept with each, so a changed limit computes nothing
    again."""

    net_force_ev_per_angstrom: PositiveFloat | None = 0.005
    """Refused beyond: the length of the sum of all forces, over the number of atoms. It is zero but for what the
    calculator's grid or its convergence does wrong. `null`: anything goes, as in an external field."""
    repeat_every: PositiveInt | None = 50
    """The first label and one in so many, drawn by the structure itself, are computed again, from another start: by a
    calculator made anew, from other electrons where it has some (CP2K). `null`: none."""
    repeat_force_ev_per_angstrom: PositiveFloat = 0.02
    """Refused beyond: the largest difference of a component of a force between the two."""
    repeat_energy_ev_per_atom: PositiveFloat = 0.001


class LabellingConfig(Section):
    """How structures are labelled."""

    level_of_theory: Annotated[str, Field(min_length=1)]
    """Goes with every labelled structure, such as `PBE-D3(BJ), VASP`."""
    calculator: str
    """A calculator that ASE knows by name (vasp, cp2k, gpaw, ...), or `module:Class` of an installed package."""
    options: dict[str, Any] = {}  # noqa: RUF012  # frozen
    """Its keyword arguments."""
    checks: LabelChecks = LabelChecks()
    workers: PositiveInt = 1
    """Processes side by side."""
    threads: PositiveInt = 1
    """Of each process."""
