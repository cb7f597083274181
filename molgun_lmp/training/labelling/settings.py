"""The labelling file: which calculator makes the reference energies and forces."""

from typing import Annotated, Any

from pydantic import Field, PositiveInt

from molgun_lmp.config.section import Section


class LabellingConfig(Section):
    """How structures are labelled."""

    level_of_theory: Annotated[str, Field(min_length=1)]
    """Goes with every labelled structure, such as `PBE-D3(BJ), VASP`."""
    calculator: str
    """A calculator that ASE knows by name (vasp, cp2k, gpaw, ...), or `module:Class` of an installed package."""
    options: dict[str, Any] = {}  # noqa: RUF012  # frozen
    """Its keyword arguments."""
    workers: PositiveInt = 1
    """Processes side by side."""
    threads: PositiveInt = 1
    """Of each process."""
