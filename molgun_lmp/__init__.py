"""molgun_lmp: molecular-gun campaigns with MACE and LAMMPS, from AIMD frames to adsorption statistics."""

from importlib.metadata import version

__version__ = version("molgun_lmp")
