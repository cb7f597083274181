"""The options of `molgun_lmp.training.labelling.cp2k.calculator:Cp2k`."""

from typing import Annotated, Final, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from molgun_lmp.config.section import Section

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
"""What CP2K's data files call a thing."""

STEPS_PER_PRECONDITIONER: Final = 25
"""Steps of the self-consistent field before its preconditioner is made anew."""


class Cp2kSettings(Section):
    """PBE in a Gaussian and plane wave basis (Quickstep) at the Gamma point, occupations of 0 and 1, no smearing."""

    command: Annotated[str, Field(min_length=1)] = "cp2k"
    """The program, with what starts it, such as `mpirun -n 8 cp2k.psmp`; threads are those of the label file."""
    data: str | None = None
    """The folder of its basis sets and potentials; without it `CP2K_DATA_DIR`, or where packages put it."""
    dispersion: bool = True
    """With D3 and Becke-Johnson damping (Grimme et al., J. Comput. Chem. 32, 1456 (2011))."""
    basis: _Name = "DZVP-MOLOPT-SR-GTH"
    """A basis set of `basis_file`, without the number of electrons at its end."""
    basis_file: _Name = "BASIS_MOLOPT"
    potential: _Name = "GTH-PBE"
    """A pseudopotential of `potential_file`, without the number of electrons at its end: the largest that basis set and
    potential have both is taken."""
    potential_file: _Name = "GTH_POTENTIALS"
    cutoff_ry: Annotated[float, Field(ge=50)] = 400.0
    """Of the finest grid, in Ry."""
    relative_cutoff_ry: Annotated[float, Field(ge=10)] = 60.0
    """Which Gaussian goes on which grid, in Ry (REL_CUTOFF)."""
    scf_accuracy: Annotated[float, Field(gt=0, le=1e-4)] = 1e-6
    """Where the self-consistent field is converged (EPS_SCF)."""
    scf_steps: Annotated[int, Field(ge=STEPS_PER_PRECONDITIONER)] = 250
    """It has failed after this many steps, in whole 25."""
    charge: int = 0
    multiplicity: PositiveInt | None = None
    """2 S + 1, spin-unrestricted. Without it 1 and restricted for an even number of electrons, 2 for an odd one."""
    periodic: Literal["xyz", "xy"] = "xyz"
    """`xy`: the cell has no images along its third vector, and is to be twice as high as the atoms reach."""
    height_angstrom: PositiveFloat | None = None
    """Of the cell, instead of the structure's own, for slabs: the atoms stand in its middle, and the vacuum is what
    they leave. One height for all labels, or energies of two structures are on different grids."""
