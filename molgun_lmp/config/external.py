"""The small file that says of trajectories made elsewhere what a campaign knows of its own."""

from pathlib import Path
from typing import Annotated, Self

from ase.data import atomic_numbers
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from molgun_lmp.config.outcomes import OutcomeCriteria
from molgun_lmp.config.section import Section


class ForeignFiles(Section):
    """Everything has a default but what cannot be known: the elements where a file has types alone, and the time."""

    elements: dict[PositiveInt, str] = Field(default_factory=dict)
    """Which element each LAMMPS type is, such as {1: H, 2: C, 3: Si}; before any column `element`."""
    columns: tuple[str, ...] = ()
    """Titles of a binary dump's columns, for dumps of LAMMPS before 2021, which do not name them."""
    timestep_fs: PositiveFloat | None = None
    """Time of one step, for files that count steps: LAMMPS dumps, extended XYZ with `step` in its headers, i-PI's,
    XDATCAR. It or the next is needed but with `--each-frame`, and but for files that know: VASP's vasprun.xml and
    OUTCAR (POTIM), which must not say another one, and LAMMPS dumps with ITEM: TIME, whose times count."""
    frame_interval_fs: PositiveFloat | None = None
    """Time from one frame to the next: the timestep times the steps between two frames. The only one for files that
    count no steps (extended XYZ without `step`, ASE's .traj); of others, between the first two frames."""
    level_of_theory: str | None = None
    """Of the forces that moved the atoms, such as PBE-D3(BJ), VASP; if not given, what VASP's files say of it."""
    molecule: Annotated[str, Field(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*$|^[A-Za-z0-9]+$")] | None = None
    """The molecule's atoms, counted from 0 in the order of the ids, such as 128-153, or its formula, such as C12H14;
    if not given, the pieces of the first frame that end, while the surface goes on through the cell's boundaries."""
    groups: dict[str, tuple[NonNegativeInt, NonNegativeInt]] = Field(default_factory=dict)
    """As in a campaign file: reactive groups, name -> two atoms, counted within the molecule."""
    patterns: dict[str, str] = Field(default_factory=dict)
    """As in a campaign file: groups by what is bonded to what."""
    clean_slab: Path | None = None
    """A structure of the clean slab, its atoms in the order that they have in the files, for where layers and dimers
    are; if not given, the slab of the first frame (with `--each-frame`, of each frame)."""
    intact_molecule: Path | None = None
    """A structure of the intact molecule, in the same manner; if not given, the molecule of the first frame."""
    outcomes: OutcomeCriteria = OutcomeCriteria()

    @model_validator(mode="after")
    def _elements_are_elements(self) -> Self:
        unknown = sorted(set(self.elements.values()) - atomic_numbers.keys())
        if unknown:
            raise ValueError(f"elements: {', '.join(unknown)} is no chemical element")
        return self
